"""A world: processes that append, load, follow and verify by the real classes, and crash."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random
from uuid import UUID

from eventsourcing.persistence import (
    Notification,
    PersistenceError,
    StoredEvent,
)

from eventstore_cassandra.application_recorder import CassandraApplicationRecorder
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.operations import Check, erase, finish, rebuild_log, verify
from eventstore_cassandra.schema_version import write_version
from eventstore_cassandra.settings import Settings
from tests.simulation.connection import Connection
from tests.simulation.erasing import check_contents, erase_once, is_erased
from tests.simulation.history import Append, History, Promise
from tests.simulation.network import Network
from tests.simulation.older import make_older
from tests.simulation.passing import Passing
from tests.simulation.schedule import Process, Schedule
from tests.simulation.statements import Server

WRITERS = 5
RANDOM, OF_A_NAME = 4, 5
"""Versions of UUIDs: an aggregate is taken for new without a look if its id is random."""


@dataclass
class Follower:
    """A reader of the log, and what it got."""

    recorder: CassandraApplicationRecorder
    seen: list[Notification]
    up_to: int = 0


class World:
    """One seed's world, until it is over."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.history = History()
        self.server = Server()
        self.schedule = Schedule(self.random)
        self.network = Network(self.schedule, self.random)
        self.bucket_size = self.random.choice([1, 3, 3, 7, 100])
        self.followers: list[Follower] = []
        self.to_be_erased: list[UUID] = []
        self.is_over = False
        self.passing = Passing()
        self.server.decided = self.passing.decided
        self.has_older = self.random.random() < 0.15
        """Whether one of the writers is of the version that knows no announcements."""
        self.network.is_forgetful = self.random.random() < 0.15
        self.network.forget = self._forget
        self._names = count(1)
        self.aggregates = [self._new_id(version) for version in (RANDOM, RANDOM, OF_A_NAME)]
        write_version(self.connection())
        self.recorder().event_types.type_of("Happened")
        self._populate()
        self.network.is_calm = False

    def connection(self) -> Connection:
        """Return a connection of a process of its own."""
        settings = Settings(
            log_grace=0.005, append_attempts=4, slow_append=1e9, log_bucket_size=self.bucket_size
        )
        return Connection(self.server, self.network.send, settings, self.schedule)

    def recorder(self) -> CassandraApplicationRecorder:
        """Return a recorder of a process of its own."""
        recorder = CassandraApplicationRecorder(self.connection())
        # Whose announcement comes first may depend on the process's name, which is of chance.
        recorder._log._reservations._combining._process = self._new_id(RANDOM)
        self.passing.watch(recorder)
        return recorder

    def run(self) -> None:
        """Let everything happen, until nothing is under way."""
        self.schedule.run()
        self.network.deliver_what_is_late()
        self.network.is_calm = True
        for aggregate_id in self.to_be_erased:
            if finish(erase(self.connection(), aggregate_id, write=True)).is_known:
                check_contents(self.server, self.history, aggregate_id, in_log=True)
        self.is_over = True
        self.network.take_away()

    def _forget(self) -> None:
        for key in self.server.replicas.keys("notification_log"):
            self.server.replicas.forget(key, ["announced", "lobby"])

    def _populate(self) -> None:
        for n in range(WRITERS):
            process = Process(f"writer {n}", may_crash=self.random.random() < 0.7)
            process.turns_for_a_request = 3 if n == 1 else 1
            recorder, elsewhere = self.recorder(), self.recorder()
            if n == 0 and self.has_older:
                make_older(recorder)
            for _ in range(self.random.choice([1, 2])):
                self.schedule.spawn(process, partial(self._write, recorder, elsewhere))
            if process.may_crash:
                self._crash_later(process)
        for n in range(2):
            follower = Follower(self.recorder(), [])
            self.followers.append(follower)
            process = Process(f"follower {n}")
            self.schedule.spawn(process, partial(self._follow, follower))
        if self.random.random() < 0.3:
            process = Process("eraser", may_crash=True)
            self.schedule.spawn(process, partial(self._erase, self.random.choice(self.aggregates)))
        if self.random.random() < 0.2:
            self.schedule.spawn(Process("operator", is_patient=True), self._operate)

    def _crash_later(self, process: Process) -> None:
        turns = self.random.randrange(5, 400)

        def crash() -> None:
            for _ in range(turns):
                self.schedule.switch()
            process.has_crashed = True

        self.schedule.spawn(Process("fate"), crash)

    def _write(
        self, recorder: CassandraApplicationRecorder, elsewhere: CassandraApplicationRecorder
    ) -> None:
        """Load, append, and load again; or go on with the object that was saved, or may be.

        What was loaded elsewhere is known to this process by its caller's word only.
        """
        kept: Append | None = None
        for _ in range(4):
            if kept is None:
                aggregate_id = self._aggregate()
                try:
                    loader = self.random.choice([recorder, elsewhere])
                    events = self.load(loader, aggregate_id)
                except PersistenceError:
                    continue
                following = (
                    events[-1].originator_version + 1 if events else self.random.choice([0, 1])
                )
            else:
                aggregate_id, following = kept.aggregate_id, kept.last_version + 1
            size = min(self.random.choice([1, 1, 2, 3]), self.bucket_size + 1)
            is_too_much = self.random.random() < 0.05
            append = Append(next(self._names), aggregate_id, following, size, is_too_much)
            kept = append if self._append(recorder, append) else None

    def _aggregate(self) -> UUID:
        if self.random.random() < 0.3:
            self.aggregates.append(self._new_id(self.random.choice([RANDOM, OF_A_NAME])))
            return self.aggregates[-1]
        return self.random.choice(self.aggregates)

    def _new_id(self, version: int) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=version)

    def _append(self, recorder: CassandraApplicationRecorder, append: Append) -> bool:
        """Append, and note what was told; return whether the caller goes on with its object."""
        history = self.history
        try:
            positions = recorder.insert_events(append.events)
        except PersistenceError as e:
            if isinstance(e, UnknownOutcomeError):
                history.unknown.append(append)
                return self.random.random() < 0.6
            history.refused[append] = str(e)
            return False
        history.acknowledged[append] = list(positions or ())
        return self.random.random() < 0.5

    def load(
        self,
        recorder: CassandraApplicationRecorder,
        aggregate_id: UUID | str,
        *,
        at_least: int = -1,
    ) -> Sequence[StoredEvent]:
        """Load an aggregate, and check what is loaded: no less than this version, for one."""
        at_least = max(at_least, self.history.acknowledged_version(aggregate_id))
        events = recorder.select_events(aggregate_id)
        partition = self.server.replicas.decided["events", aggregate_id]
        stored = {
            version: str(cells["payload", None][1]).encode()
            for (version, _), cells in partition.rows.items()
        }
        versions = [event.originator_version for event in events]
        follow_on = (
            versions == list(range(versions[0], versions[0] + len(events))) if events else True
        )
        self.history.check(Promise.LOADED, f"{versions}", kept=follow_on)
        for event in events:
            whole = (event.topic, event.state) == ("Happened", stored.get(event.originator_version))
            self.history.check(Promise.LOADED, f"{event}", kept=whole)
        last = versions[-1] if versions else -1
        if not is_erased(self.server, aggregate_id):
            self.history.check(Promise.LOADED, f"{last} of {at_least}", kept=last >= at_least)
        return events

    def _follow(self, follower: Follower) -> None:
        for _ in range(12):
            limit = self.random.choice([1, 2, 10])
            try:
                self.read_on(follower, limit)
                if follower.seen and self.random.random() < 0.3:
                    last = follower.seen[-1]
                    self.load(
                        follower.recorder, last.originator_id, at_least=last.originator_version
                    )
                if self.random.random() < 0.3:
                    self.check_last(follower.recorder)
            except PersistenceError as e:
                self.history.check(Promise.HOLES, str(e), kept="a hole" not in str(e))

    def _erase(self, aggregate_id: UUID) -> None:
        for _ in range(self.random.randrange(20)):
            self.schedule.switch()
        self.to_be_erased.append(aggregate_id)
        if erase_once(self.connection(), aggregate_id):
            check_contents(self.server, self.history, aggregate_id, in_log=False)

    def read_on(self, follower: Follower, limit: int) -> bool:
        """Read a page of the log; return whether there was one."""
        scan = follower.recorder._log.reader.scan(follower.up_to, limit=limit)
        moved = scan.up_to > follower.up_to
        follower.seen += scan.notifications
        follower.up_to = scan.up_to
        if scan.notifications:
            last = scan.notifications[-1].id
            self.history.delivered_up_to = max(self.history.delivered_up_to, last)
        return moved

    def check_last(self, recorder: CassandraApplicationRecorder) -> None:
        """Ask for the last position."""
        delivered = self.history.delivered_up_to
        last = recorder.max_notification_id() or 0
        self.history.check(Promise.LAST, f"{last}, delivered {delivered}", kept=last >= delivered)

    def _operate(self) -> None:
        """Verify the store, and count what a rebuild of the log would append, beside the others."""
        for _ in range(2):
            self.check_operations()

    def check_operations(self) -> None:
        """Verify the store, and count what a rebuild of the log would append."""
        connection = self.connection()
        found = finish(verify(connection)).findings
        # What is still to be taken from an aggregate that is being erased is one, too.
        findings = [each for each in found if each.check is not Check.LEFT_OVER or self.is_over]
        self.history.check(Promise.VERIFIED, f"{findings}", kept=not findings)
        rebuilt = finish(rebuild_log(connection, write=False))
        self.history.check(Promise.VERIFIED, f"{rebuilt}", kept=not rebuilt.missing)
