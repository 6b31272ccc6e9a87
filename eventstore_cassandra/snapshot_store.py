"""The event store for snapshots: a shortcut to an aggregate's state, and never more than that.

An application loads the latest snapshot and the events after it. So a snapshot that does not
belong to the events makes a state that never was, in which every command conflicts; and one that
cannot be read (its class has changed since) would make an aggregate unloadable whose events are
sound. Both are passed over here, with a warning, and the aggregate is made from what is left: an
older snapshot, or all its events. A snapshot that cannot be read is the last one that is tried,
since those before it are of the same age or older.

An application takes snapshots in ``save()``, after it has saved the events, and whatever fails then
would be told of the events, and the caller repeat what was done. So nothing that fails in writing a
snapshot is raised, but logged. That holds for an explicit ``take_snapshot()`` too: the library
calls the same method for both, and what a snapshot saves is time only. Whoever must know whether
there is one now can ask ``application.snapshots.get()``.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from eventsourcing.domain import CanSnapshotAggregate, DomainEventProtocol, TAggregateID
from eventsourcing.persistence import EventStore, Mapper, Recording, StoredEvent

from eventstore_cassandra.snapshots import CassandraSnapshotRecorder

logger = logging.getLogger(__name__)

_PASSED_OVER = (
    "The snapshot of version %d of aggregate %s is passed over: %s. The aggregate is made from its "
    "events. `patientmgmt store empty-snapshots` removes all snapshots."
)


class SnapshotStore(EventStore[TAggregateID]):
    """Stores snapshots as well as it can, and gets those that can be relied on."""

    recorder: CassandraSnapshotRecorder

    def __init__(self, mapper: Mapper[TAggregateID], recorder: CassandraSnapshotRecorder) -> None:
        super().__init__(mapper, recorder)

    def put(
        self, domain_events: Sequence[DomainEventProtocol[TAggregateID]], **kwargs: Any
    ) -> list[Recording[TAggregateID]]:
        """Write snapshots; if that fails, log a warning. Returns an empty list."""
        try:
            super().put(domain_events, **kwargs)
        except Exception as e:
            for snapshot in domain_events:
                logger.warning(
                    "The events of aggregate %s are saved, but no snapshot was taken of version "
                    "%d, so that loading it takes longer: %s",
                    snapshot.originator_id,
                    snapshot.originator_version,
                    e,
                    exc_info=True,
                )
        return []

    def get(
        self,
        originator_id: TAggregateID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[DomainEventProtocol[TAggregateID]]:
        """Yield snapshots above ``gt``, up to ``lte``, which can be read and are of the events.

        :raises OperationalError: when the store cannot be reached.
        """
        left = limit
        while left is None or left > 0:
            seen = 0
            for snapshot, doubt in self.recorder.select_with_doubts(
                originator_id, gt=gt, lte=lte, desc=desc, limit=left
            ):
                seen += 1
                version = snapshot.originator_version
                gt, lte = (gt, version - 1) if desc else (version, lte)
                if doubt is not None:
                    logger.warning(_PASSED_OVER, version, originator_id, doubt)
                    continue
                found = self._read(snapshot)
                if found is None:
                    return
                yield found
                left = left and left - 1
            if limit is None or seen == 0:
                return

    def _read(self, snapshot: StoredEvent) -> DomainEventProtocol[TAggregateID] | None:
        try:
            found = self.mapper.to_domain_event(snapshot)
            if isinstance(found, CanSnapshotAggregate):
                found.mutate(None)  # which fails if the aggregate's class is not there any more
        except Exception as e:
            logger.warning(
                _PASSED_OVER,
                snapshot.originator_version,
                snapshot.originator_id,
                f"it cannot be read ({e})",
                exc_info=True,
            )
            return None
        return found
