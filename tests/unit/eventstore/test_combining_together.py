"""Several processes at one log: in any order of their steps, whatever is lost or late."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import pytest
from cassandra import InvalidRequest
from eventsourcing.persistence import PersistenceError
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore_cassandra.append import Found, Unanswered
from eventstore_cassandra.errors import UnknownOutcomeError
from eventstore_cassandra.notification_log import combine_steps as together
from eventstore_cassandra.notification_log import lobby
from eventstore_cassandra.notification_log import reserve_steps as alone
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.lobby import Group
from eventstore_cassandra.notification_log.reserve_steps import Place
from eventstore_cassandra.notification_log.table import LogEntry
from tests.unit.eventstore.lobby_in_memory import LobbyInMemory
from tests.unit.eventstore.log_in_memory import LogInMemory, entry
from tests.unit.eventstore.reserving import LOST

Requests = Generator[Callable[[], Any], Any, None]
"""Yields what to do with the log; is sent the reply, or Unanswered."""


@dataclass
class World:
    """Chance decides who is next, and what becomes of a request."""

    chance: Random
    table: LogInMemory = field(init=False)
    lobby: LobbyInMemory = field(init=False)
    late: list[Callable[[], object]] = field(default_factory=list)
    told: list[tuple[LogEntry, range | PersistenceError]] = field(default_factory=list)

    losses: float = 0.0
    most_appends: int = 1000
    """In a batch: others are refused for good."""

    def __post_init__(self) -> None:
        self.buckets = Buckets(self.chance.choice([3, 6, 12, 1000]))
        self.table = LogInMemory(self.buckets)
        self.lobby = LobbyInMemory(self.table)

    def take(self, request: Callable[[], Any]) -> Any:
        """Carry out a request, or lose it, or its answer; or have it come late."""
        if self.chance.random() > self.losses:
            return self.answer(request)
        match self.chance.randrange(3):
            case 0:
                self.answer(request)
            case 1:
                self.late.append(request)
        return Unanswered(LOST)

    def answer(self, request: Callable[[], Any]) -> Any:
        try:
            return request()
        except InvalidRequest as e:
            return Unanswered(e)

    def run(self, processes: list[Requests]) -> None:
        requests = [(each, next(each)) for each in processes]
        for _ in range(5000):
            if not requests:
                break
            if self.late and self.chance.random() < 0.1:
                self.answer(self.late.pop(self.chance.randrange(len(self.late))))
            process, request = requests.pop(self.chance.randrange(len(requests)))
            try:
                requests.append((process, process.send(self.take(request))))
            except StopIteration:
                continue
        assert not requests, "somebody does not come to an end"
        for each in self.late:
            self.answer(each)

    def combine(self, step: together.Combine) -> object:
        if sum(len(group.appends) for group in step.groups) > self.most_appends:
            raise InvalidRequest("Batch too large")
        return self.lobby.combine(step, [])

    def reserve(self, batch: Any) -> object:
        if len(batch.appends) > self.most_appends:
            raise InvalidRequest("Batch too large")
        return self.table.reserve(batch)

    def process(self, name: UUID, groups: int) -> Requests:
        place, number, announced, is_calm = Place(0, None, 1), 0, None, True

        def next_number(at_least: int) -> int:
            nonlocal number
            number = max(number + 1, at_least)
            return number

        for _ in range(groups):
            entries = [entry(self.chance.randint(1, 3)) for _ in range(self.chance.randint(1, 3))]
            headers = [each.header() for each in entries]
            place = self.table.end(place)
            try:
                if is_calm:
                    instead = yield from self._alone(place, entries, announced)
                    if instead is None:
                        self._note(entries, place.first)
                        continue
                events = [event for each in entries for event in each.events]
                result = yield from self._together(
                    together.combine_steps(
                        Group(name, 0, headers, events),
                        place,
                        next_number,
                        self.buckets,
                        attempts=4,
                    )
                )
                place = result.place
                is_calm = result.rivals == 0
                announced = result.announced if place.bucket == result.bucket else None
                self._note(entries, result.served.first)
            except PersistenceError as error:
                self.told.extend((each, error) for each in entries)

    def _note(self, entries: list[LogEntry], first: int) -> None:
        for each in entries:
            positions = range(first, first + len(each.events))
            self.told.append((each, positions))
            first = positions.stop

    def _alone(
        self, place: Place, entries: list[LogEntry], announced: Any
    ) -> Generator[Callable[[], Any], Any, alone.Refused | None]:
        batch = self.table.quiet_batch(place, entries, [], announced)
        name = entries[0].append.append_id
        steps = alone.reserve_steps(place, name, attempts=4)
        step = next(steps)
        requests = {
            alone.Reserve: lambda: self.reserve(batch),
            alone.Insist: lambda: self.reserve(self.table.batch(place, entries, [])),
            alone.LookUp: lambda: Found(self.table.owner(place)),
        }
        while True:
            reply = yield requests[type(step)]
            try:
                step = steps.send(reply)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]

    def _together(
        self, steps: together.Steps
    ) -> Generator[Callable[[], Any], Any, together.Combined]:
        step = next(steps)
        while True:
            reply = yield partial(self._carry_out, step)
            if isinstance(step, together.Wait):
                reply = None
            try:
                step = steps.send(reply)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]

    def _carry_out(self, step: together.Step) -> object:
        match step:
            case together.Announce():
                return self.lobby.announce(step, [])
            case together.Look():
                return self.lobby.look(step)
            case together.Combine():
                return self.combine(step)
            case together.Withdraw():
                return self.lobby.withdraw(step)
            case together.Find():
                return self.table.end(step.place)
            case together.Wait():
                return None


def play(world: World, *, groups: int = 4) -> int:
    """Have processes append until they are done, and return how many there were."""
    names = [UUID(int=n) for n in range(1, world.chance.randint(2, 5) + 1)]
    world.run([world.process(name, groups) for name in names])
    return len(names)


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    losses=st.sampled_from([0.0, 0.1, 0.3]),
    most_appends=st.sampled_from([2, 5, 1000]),
)
def test_each_append_is_in_the_log_once_where_it_was_told_and_never_after_an_error(
    seed: int, losses: float, most_appends: int
) -> None:
    world = World(Random(seed), losses=losses, most_appends=most_appends)
    play(world)
    places = world.table.positions()
    for each, told in world.told:
        found = places.get(each.append.append_id, [])
        if isinstance(told, range):
            assert found == [told]
        elif isinstance(told, UnknownOutcomeError):
            assert len(found) <= 1
        else:
            assert found == [], told
    taken = sorted(position for found in places.values() for each in found for position in each)
    assert taken == list(range(1, len(taken) + 1))


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32))
def test_of_so_many_processes_a_group_is_among_as_many_rows_after_its_announcement(
    seed: int,
) -> None:
    world = World(Random(seed))
    rows_before: dict[tuple[int, UUID], int] = {}

    def note(step: together.Step) -> None:
        if isinstance(step, together.Announce):
            rows_before[step.bucket, step.group.appends[0][0]] = len(world.table.applied)

    world.lobby.after = note
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lobby, "MAX_GROUP_EVENTS", 6)  # so that rows have no room for all groups
        processes = play(world, groups=6)
    for number, row in enumerate(world.table.applied, start=1):
        for name, *_ in row.appends:
            before = rows_before.get((row.place.bucket, name), number - 1)
            assert number - before <= processes
