"""The event store in simulated worlds: whatever happens to requests, its promises are kept.

A world follows from its seed alone. SIMULATED_WORLDS says how many are played, SIMULATION_SEED the
seed of the first of them, to play one again; else it is drawn.
"""

import os
import sqlite3
from random import Random

import pytest
from eventsourcing.persistence import PersistenceError

from tests.simulation.history import History
from tests.simulation.mutants import MUTANTS
from tests.simulation.play import play
from tests.simulation.world import World

WORLDS = int(os.environ.get("SIMULATED_WORLDS", "200"))
FIRST = int(os.environ.get("SIMULATION_SEED", Random().randrange(2**32)))
ENOUGH = 100
"""Worlds in which each mutant is found, whichever they are: each breaks one in five at least."""


FOUND_OUT = (AssertionError, PersistenceError, sqlite3.IntegrityError)
"""What shows that something is wrong: somebody waits for ever, or cannot read on; or a position is
there twice for whoever verifies."""


@pytest.mark.timeout(max(300, WORLDS))
def test_promises_are_kept() -> None:
    print(f"SIMULATION_SEED={FIRST} SIMULATED_WORLDS={WORLDS}")
    answers = {"acknowledged": 0, "refused": 0, "unknown": 0}
    for seed in range(FIRST, FIRST + WORLDS):
        history = _play(seed)
        assert history.broken == [], f"promises were broken: SIMULATION_SEED={seed}"
        for answer in answers:
            answers[answer] += len(getattr(history, answer))
    print(answers)
    assert WORLDS < ENOUGH or all(answers.values()), "the worlds had all kinds of answers"


def test_a_world_follows_from_its_seed() -> None:
    first, again = World(FIRST), World(FIRST)
    for world in (first, again):
        world.run()
    assert first.schedule.turns == again.schedule.turns
    assert first.schedule.now() == again.schedule.now()
    assert first.history == again.history
    assert [follower.seen for follower in first.followers] == [
        follower.seen for follower in again.followers
    ]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_an_event_store_that_is_wrong_is_found_out(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[mutant](monkeypatch)
    for seed in range(FIRST, FIRST + ENOUGH):
        world = World(seed)
        try:
            if play(world).broken:
                return
        except FOUND_OUT:
            return
    pytest.fail(f"no promise was broken in {ENOUGH} worlds from seed {FIRST}")


def test_threads_that_wait_for_ever_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "eventstore_cassandra.notification_log.reservations.Reservations.reserve",
        lambda self, _: self._waits.switch(lambda: False),
    )
    with pytest.raises(AssertionError, match=r"All wait for ever: .*writer \d in .*record"):
        _play_many()


def _play_many() -> None:
    for seed in range(FIRST, FIRST + ENOUGH):
        play(World(seed))


def _play(seed: int) -> History:
    try:
        return play(World(seed))
    except BaseException as error:
        error.add_note(f"SIMULATION_SEED={seed}")
        raise
