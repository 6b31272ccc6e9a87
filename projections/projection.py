"""One read model following a feed: each aggregate's events are shown, in the order of versions.

A projection owns nothing that cannot be lost. When a store fails, it drops what it has in memory
and begins again at the saved checkpoint, exactly as after a crash; so there is one way to recover,
and it is used all the time. That is right because rows are guarded by their versions, and because
the checkpoint is saved only after the rows of everything before it.

An event that cannot be shown is *parked*, and nothing waits for it but the later events of its
aggregate: they are in the aggregate's own stream, where whoever tries again finds them all. So the
checkpoint goes on. A parked aggregate is forgotten by the sequencer, so that its next event is held
against what is shown, is found to be ahead, and has the stream read from there.

An aggregate may be erased while events of it are in memory here. Its own events are gone then, so
that a gap would stay open; the guard that it leaves says that nothing is missing.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from projections.change import Change, Guard
from projections.checkpoints import Checkpoints
from projections.database import Database, Generation
from projections.errors import ChangeRefusedError, ReadModelsUnavailableError
from projections.feeds.feed import Feed, aggregate_id
from projections.folding import Decode, Failure, Folded, fold_events
from projections.parking import Parking
from projections.sequencer import Gap, Sequencer
from projections.shards import ALL, Shard
from projections.stamps import leave_stamp

logger = logging.getLogger(__name__)


CHECKPOINTS = 1.0
"""Seconds between checkpoints while there is something to show: a crash repeats as much."""


@dataclass(frozen=True)
class Step:
    """What one poll came to."""

    applied: int
    """Events that were shown."""
    more: bool
    """Whether more events are there already."""
    is_current: bool = False
    """Whether everything that could be seen is shown, but for what is parked."""


@dataclass
class _Progress:
    """What a projection has in memory since it last began."""

    sequencer: Sequencer
    place: str | None
    """Where the next poll begins."""
    saved: str | None
    """The checkpoint in the store, as far as this projection knows."""
    saved_at: float = field(default_factory=monotonic)
    parked: dict[UUID, int] = field(default_factory=dict)
    """The version up to which a parked aggregate's events have been tried."""
    reported_gaps: set[UUID] = field(default_factory=set)


class Projection:
    """Shows a feed's events in one generation of a read model.

    Several may be at work on the same generation, also on the same shard. One object is for one
    thread.
    """

    def __init__(
        self,
        generation: Generation,
        feed: Feed,
        database: Database,
        decode: Decode,
        *,
        shard: Shard = ALL,
    ) -> None:
        self.generation = generation
        self.shard = shard
        self.parking = Parking(database, generation)
        self._feed = feed
        self._tables = database.open(generation)
        self._records = database.records
        self._checkpoints = Checkpoints(database.records, generation)
        self._decode = decode
        self._progress: _Progress | None = None
        self._looked_up: dict[UUID, Guard | None] = {}
        """Guards that the poll under way has read."""

    def step(self) -> Step:
        """Poll the feed once and show what it found.

        :raises PersistenceError: when the events cannot be read.
        :raises ReadModelsUnavailableError: when the read models cannot be read or written.
        :raises InvalidCheckpointError: when the saved checkpoint is not one of the feed's.
        """
        if self._progress is None:
            self._progress = self._begin()
        try:
            return self._poll(self._progress)
        except BaseException:
            self._progress = None
            raise

    def catch_up(self) -> int:
        """Step until a poll finds nothing new, and return how many events were shown.

        :raises: the same as :meth:`step`.
        """
        applied = 0
        while True:
            step = self.step()
            applied += step.applied
            if not step.applied and not step.more:
                return applied

    def show_again(self, aggregate_ids: Sequence[UUID]) -> int:
        """Show what the aggregates' own events tell beyond what is shown; return how many events.

        For aggregates that are parked, or were found to be behind. What cannot be shown is parked.
        When it fails, the next step begins as after a crash.
        """
        try:
            return self._show_again(aggregate_ids)
        except BaseException:
            self._progress = None
            raise

    def _show_again(self, aggregate_ids: Sequence[UUID]) -> int:
        guards = self._tables.guards(aggregate_ids)
        histories = {
            id_: self._feed.stream(id_, after=guards[id_].version if id_ in guards else 0)
            for id_ in aggregate_ids
            if id_ not in guards or not guards[id_].is_erased
        }
        folded = self._fold(guards, {id_: events for id_, events in histories.items() if events})
        self._carry_out(folded)
        self.parking.forget_shown()
        return sum(result.applied for result in folded.values())

    def has_event(self, aggregate_id: UUID, version: int) -> bool:
        """Return whether the aggregate has an event of that version, or a higher one.

        :raises PersistenceError: when the events cannot be read.
        """
        return bool(self._feed.stream(aggregate_id, after=version - 1))

    def _begin(self) -> _Progress:
        leave_stamp(self._records, self.generation, self.shard)  # who died may have left none
        saved = self._checkpoints.load(self._feed.name, self.shard)
        parked = [p.aggregate_id for p in self.parking.all() if self.shard.has(p.aggregate_id)]
        if parked:  # perhaps this program can show them
            self.show_again(parked)
        return _Progress(Sequencer(self._shown_versions), place=saved, saved=saved)

    def _poll(self, progress: _Progress) -> Step:
        batch = self._feed.poll(progress.place)
        self._looked_up.clear()
        sequencer = progress.sequencer
        events = sequencer.accept(e for e in batch.events if self._is_new(e, progress.parked))
        for gap in sequencer.gaps:
            stream = self._feed.stream(gap.aggregate_id, after=gap.after)
            events += sequencer.accept(stream)
            if not stream:
                sequencer.look_up_again(gap.aggregate_id)
        applied = self._show(events, progress)
        progress.place = batch.checkpoint
        _report(sequencer.gaps, progress.reported_gaps)
        is_due = not applied or monotonic() >= progress.saved_at + CHECKPOINTS
        if is_due and not sequencer.gaps and progress.place != progress.saved:
            self._checkpoints.save(self._feed.name, batch.checkpoint, self.shard)
            progress.saved, progress.saved_at = batch.checkpoint, monotonic()
        return Step(applied, batch.more, is_current=not batch.more and not sequencer.gaps)

    def _is_new(self, event: StoredEvent, parked: Mapping[UUID, int]) -> bool:
        id_ = aggregate_id(event)
        return self.shard.has(id_) and event.originator_version > parked.get(id_, 0)

    def _shown_versions(self, aggregate_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        return {id_: guard.version for id_, guard in self._guards(aggregate_ids).items()}

    def _guards(self, aggregate_ids: Iterable[UUID]) -> Mapping[UUID, Guard]:
        found = self._tables.guards(list(aggregate_ids))
        self._looked_up |= {id_: found.get(id_) for id_ in aggregate_ids}
        return found

    def _show(self, events: Sequence[StoredEvent], progress: _Progress) -> int:
        histories: dict[UUID, list[StoredEvent]] = {}
        for event in events:
            histories.setdefault(aggregate_id(event), []).append(event)
        if not histories:
            return 0
        if unknown := histories.keys() - self._looked_up.keys():
            self._guards(unknown)
        guards = {id_: guard for id_ in histories if (guard := self._looked_up[id_])}
        folded = self._fold(guards, histories)
        failed = self._carry_out(folded)
        for id_ in failed:
            progress.parked[id_] = histories[id_][-1].originator_version
            progress.sequencer.forget(id_)
        if shown := progress.parked.keys() & folded.keys() - failed:
            self.parking.forget_shown()
            for id_ in shown:
                del progress.parked[id_]
        return sum(result.applied for result in folded.values())

    def _fold(
        self, guards: Mapping[UUID, Guard], histories: Mapping[UUID, Sequence[StoredEvent]]
    ) -> dict[UUID, Folded]:
        """Fold what is above the guards; what is not has been shown by somebody else."""
        model, folded = self.generation.model, {}
        for id_, history in histories.items():
            guard = guards.get(id_)
            shown = guard.version if guard else 0
            pending = [event for event in history if event.originator_version > shown]
            if pending:
                _check_follows(pending[0], shown)
                folded[id_] = fold_events(model, self._decode, id_, guard, pending)
        return folded

    def _carry_out(self, folded: dict[UUID, Folded]) -> set[UUID]:
        """Write what was folded, park what failed, and return the aggregates that it was of."""
        if changes := [result.change for result in folded.values() if result.change]:
            try:
                self._carry_out_changes(changes, folded)
            finally:  # what fails may have written rows before
                leave_stamp(self._records, self.generation, self.shard)
        failed = set()
        for id_, result in folded.items():
            if result.failure is not None:
                failed.add(id_)
                self._park(result.failure)
        return failed

    def _carry_out_changes(self, changes: Sequence[Change], folded: dict[UUID, Folded]) -> None:
        try:
            self._tables.carry_out(changes)
        except ChangeRefusedError:
            for change in changes:
                self._carry_out_alone(change, folded)

    def _carry_out_alone(self, change: Change, folded: dict[UUID, Folded]) -> None:
        """Carry out one change; if it is refused, the aggregate is parked and others go on."""
        try:
            self._tables.carry_out([change])
        except ChangeRefusedError as e:
            first = folded[change.aggregate_id].first
            folded[change.aggregate_id] = Folded(first, None, 0, Failure(first, e))

    def _park(self, failure: Failure) -> None:
        event = failure.event
        self.parking.park(event, failure.error)
        logger.error(
            "%s The read model %s shows this aggregate as of version %d; others go on. See "
            "`patientmgmt projections parked`.",
            failure.error,
            self.generation.model.name,
            event.originator_version - 1,
            extra={
                "aggregate_id": str(event.originator_id),
                "version": event.originator_version,
                "topic": event.topic,
            },
        )


def _check_follows(event: StoredEvent, shown: int) -> None:
    if event.originator_version > shown + 1:
        raise ReadModelsUnavailableError(
            f"What is shown of aggregate {event.originator_id} is behind what was written: "
            f"expected version {event.originator_version - 1}, found {shown}. The rows were "
            "deleted meanwhile, or are read below LOCAL_QUORUM."
        )


def _report(gaps: Iterable[Gap], reported: set[UUID]) -> None:
    for gap in gaps:
        if gap.aggregate_id not in reported:
            reported.add(gap.aggregate_id)
            logger.warning(
                "Event %d of aggregate %s was seen, but its own events end at version %d. They are "
                "read again at each poll, and the checkpoint waits. If it stays behind, the event "
                "store has lost an event: verify it.",
                gap.seen,
                gap.aggregate_id,
                gap.after,
                extra={"aggregate_id": str(gap.aggregate_id), "version": gap.seen},
            )
