"""The loop that keeps the read models up to date.

The worker owns nothing that cannot be lost. When a store fails, it drops what it has in memory and
begins again at the saved checkpoint, exactly as after a crash; so there is one way to recover, and
it is used all the time. That is right because rows are guarded by their versions, and because the
checkpoint is saved only after the rows of everything before it.

An event that cannot be shown holds back its own patient only. As long as one is held back, the
checkpoint is not saved any further, so that the next start meets the event again.

A patient may be erased while events of theirs are in memory here. Their own events are gone then,
so that a gap would stay open; the row that they leave says that nothing is missing.
"""

import logging
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from eventsourcing.persistence import PersistenceError, StoredEvent

from projections.feed import Feed, aggregate_id
from projections.patient_list import project
from projections.read_models import (
    PatientRow,
    ReadModelStore,
    ReadModelsUnavailableError,
    RowChange,
)
from projections.sequencer import Gap, Sequencer

logger = logging.getLogger(__name__)

SHORTEST_WAIT = 0.02
"""Seconds until the next poll after one that found something; a page seems to be live."""
LONGEST_WAIT = 0.25
"""Seconds between polls when nothing happens; waits double up to here."""
SHORTEST_BACK_OFF = 0.25
"""Seconds until the next attempt after a store has failed."""
LONGEST_BACK_OFF = 5.0
"""Seconds between attempts while a store stays away; they double up to here."""


@dataclass
class _Progress:
    """What a worker has in memory since it last began."""

    sequencer: Sequencer
    place: str | None
    """Where the next poll begins."""
    saved: str | None
    """The checkpoint in the store, as far as this worker knows."""
    held_back: set[UUID] = field(default_factory=set)
    reported_gaps: set[UUID] = field(default_factory=set)


@dataclass(frozen=True)
class _Step:
    applied: int
    more: bool


class Worker:
    """Follows a feed and shows each patient's events in the read models, in version order.

    ``decode`` returns the JSON payload of a stored event, and raises a ``ValueError`` when it
    cannot. Several workers may run on the same store at once. One object is for one thread, but for
    :meth:`stop` and :attr:`held_back`.
    """

    def __init__(
        self,
        feed: Feed,
        store: ReadModelStore,
        decode: Callable[[StoredEvent], Mapping[str, Any]],
    ) -> None:
        self._feed = feed
        self._store = store
        self._decode = decode
        self._stopping = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._progress: _Progress | None = None

    @property
    def held_back(self) -> Sequence[UUID]:
        """The patients of whom an event could not be shown since the worker last began."""
        progress = self._progress
        return sorted(progress.held_back.copy()) if progress else []

    def run(self) -> None:
        """Work until :meth:`stop`; wait out failures of the stores.

        :raises InvalidCheckpointError: when the saved checkpoint is not one of the feed's.
        """
        wait, back_off = SHORTEST_WAIT, SHORTEST_BACK_OFF
        while not self._stopping:
            try:
                step = self._step()
            except (PersistenceError, ReadModelsUnavailableError) as e:
                logger.warning(
                    "The read models stand still. Trying again in %.2g s, and so on until the "
                    "database answers; nothing is lost. Reason: %s",
                    back_off,
                    e,
                )
                self._pause(back_off)
                back_off = min(2 * back_off, LONGEST_BACK_OFF)
                continue
            if back_off > SHORTEST_BACK_OFF:
                logger.info("The read models go on.")
                back_off = SHORTEST_BACK_OFF
            wait = SHORTEST_WAIT if step.applied else min(2 * wait, LONGEST_WAIT)
            if not step.more:
                self._pause(wait)

    def stop(self) -> None:
        """Let :meth:`run` return after the step under way; from any thread or signal handler."""
        self._stopping = True
        self._wake.put(None)  # Safe in a signal handler, which setting a threading.Event is not.

    def catch_up(self) -> int:
        """Work until a poll finds nothing new, and return how many events were applied.

        :raises PersistenceError: when the events cannot be read.
        :raises ReadModelsUnavailableError: when the read models cannot be read or written.
        :raises InvalidCheckpointError: when the saved checkpoint is not one of the feed's.
        """
        applied = 0
        while True:
            step = self._step()
            applied += step.applied
            if not step.applied and not step.more:
                return applied

    def _pause(self, seconds: float) -> None:
        try:
            self._wake.get(timeout=seconds)
        except queue.Empty:
            return

    def _step(self) -> _Step:
        if self._progress is None:
            self._progress = self._begin()
        try:
            return self._poll(self._progress)
        except BaseException:
            self._progress = None
            raise

    def _begin(self) -> _Progress:
        saved = self._store.checkpoint()
        return _Progress(Sequencer(self._shown_versions), place=saved, saved=saved)

    def _poll(self, progress: _Progress) -> _Step:
        batch = self._feed.poll(progress.place)
        sequencer, held_back = progress.sequencer, progress.held_back
        events = sequencer.accept(e for e in batch.events if aggregate_id(e) not in held_back)
        for gap in sequencer.gaps:
            if gap.aggregate_id not in held_back:
                stream = self._feed.stream(gap.aggregate_id, after=gap.after)
                events += sequencer.accept(stream)
                if not stream:
                    sequencer.look_up_again(gap.aggregate_id)
        applied = self._show(events, held_back)
        progress.place = batch.checkpoint
        _report(sequencer.gaps, progress.reported_gaps)
        settled = not held_back and not sequencer.gaps
        if settled and progress.place != progress.saved:
            self._store.save_checkpoint(batch.checkpoint)
            progress.saved = batch.checkpoint
        return _Step(applied, batch.more)

    def _shown_versions(self, patient_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        return {id_: row.version for id_, row in self._store.rows(patient_ids).items()}

    def _show(self, events: Sequence[StoredEvent], held_back: set[UUID]) -> int:
        histories: dict[UUID, list[StoredEvent]] = {}
        for event in events:
            histories.setdefault(aggregate_id(event), []).append(event)
        if not histories:
            return 0
        before = self._store.rows(list(histories))
        changes = []
        applied = 0
        for patient_id, history in histories.items():
            row = before.get(patient_id)
            rows = self._project(row, history, held_back)
            if rows:
                changes.append(RowChange([row, *rows] if row else rows))
                applied += len(rows)
        self._store.replace_all(changes)
        return applied

    def _project(
        self, row: PatientRow | None, history: Sequence[StoredEvent], held_back: set[UUID]
    ) -> list[PatientRow]:
        """Return a row for each event above the present row, up to one that cannot be shown."""
        shown = row.version if row else 0
        pending = [event for event in history if event.originator_version > shown]
        if pending and pending[0].originator_version > shown + 1:
            raise ReadModelsUnavailableError(
                f"The row of patient {pending[0].originator_id} is behind what was written: "
                f"expected version {pending[0].originator_version - 1}, found {shown}. The rows "
                "were deleted meanwhile, or are read below LOCAL_QUORUM."
            )
        rows: list[PatientRow] = []
        for event in pending:
            try:
                row = project(row, event, self._decode(event))
            except ValueError as e:
                held_back.add(aggregate_id(event))
                _report_held_back(event, e)
                break
            rows.append(row)
        return rows


def _report_held_back(event: StoredEvent, reason: ValueError) -> None:
    logger.error(
        "%s The read models show this patient as of version %d until the worker is started again "
        "with a program that can read the event; other patients go on.",
        reason,
        event.originator_version - 1,
        extra={
            "patient_id": str(event.originator_id),
            "version": event.originator_version,
            "topic": event.topic,
        },
    )


def _report(gaps: Iterable[Gap], reported: set[UUID]) -> None:
    for gap in gaps:
        if gap.aggregate_id not in reported:
            reported.add(gap.aggregate_id)
            logger.warning(
                "Event %d of patient %s was seen, but the patient's own events end at version %d. "
                "They are read again at each poll, and the checkpoint waits. If the patient stays "
                "behind, the event store has lost an event: verify it.",
                gap.seen,
                gap.aggregate_id,
                gap.after,
                extra={"patient_id": str(gap.aggregate_id), "version": gap.seen},
            )
