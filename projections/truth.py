"""Which aggregates there are, and at which version each of them is: what a sweep compares with.

This is read from the event store itself, not from a feed, and a page at a time, so that a sweep can
go on where it was interrupted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder

from projections.feeds.feed import aggregate_id

PAGE_SIZE = 500
"""Aggregates, or events of a log: some milliseconds of work for the server."""


@dataclass(frozen=True)
class Page:
    """Some of the aggregates."""

    versions: Mapping[UUID, int]
    """The last version of each, or a lower one if another page has it again."""
    next: str | None
    """What to ask the next page with; None on the last page."""


class Truth(Protocol):
    """All aggregates of an event store."""

    def page(self, after: str | None) -> Page:
        """Return a page; None asks for the first.

        :raises PersistenceError: when the event store cannot be read.
        """
        ...


class LogTruth:
    """A :class:`Truth` by way of a notification log that holds every event."""

    def __init__(self, recorder: ApplicationRecorder, *, page_size: int = PAGE_SIZE) -> None:
        self._recorder = recorder
        self._page_size = page_size

    def page(self, after: str | None) -> Page:
        """Return the aggregates of the next events in the log."""
        events = self._recorder.select_notifications(
            int(after or 0), self._page_size, inclusive_of_start=False
        )
        versions = {aggregate_id(event): event.originator_version for event in events}
        is_last = len(events) < self._page_size
        return Page(versions, None if is_last else str(events[-1].id))


class VersionsByToken(Protocol):
    """What :class:`TokenTruth` needs of a recorder."""

    def select_versions(
        self, *, gt: int | None, limit: int
    ) -> Sequence[tuple[int, UUID | str, int]]:
        """Return token, id and last version of aggregates, in the order of tokens after ``gt``."""
        ...


class TokenTruth:
    """A :class:`Truth` by ranges of tokens, for a store that keeps an aggregate in a partition."""

    def __init__(self, recorder: VersionsByToken, *, page_size: int = PAGE_SIZE) -> None:
        self._recorder = recorder
        self._page_size = page_size

    def page(self, after: str | None) -> Page:
        """Return the aggregates with the next tokens."""
        found = self._recorder.select_versions(
            gt=None if after is None else int(after), limit=self._page_size
        )
        versions = {
            id_ if isinstance(id_, UUID) else UUID(id_): version for _, id_, version in found
        }
        is_last = len(found) < self._page_size
        return Page(versions, None if is_last else str(found[-1][0]))
