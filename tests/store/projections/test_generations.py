from dataclasses import replace
from uuid import uuid4

import pytest

from projections.database import Database, Generation
from projections.errors import ReadModelsUnavailableError
from projections.generations import REFRESH, Generations, LiveTables, OutdatedError
from tests.store.projections.looking import notes_of, stand
from tests.unit.projections.notes import NOTES, SHELVED, change_to, on_shelves

NEWER = replace(NOTES, version=2)


@pytest.fixture
def generations(database: Database) -> Generations:
    """The generations in a database where the first of notes is live."""
    return Generations(database)


def test_the_first_generation_is_live_once_it_is_made(generations: Generations) -> None:
    live = generations.live(NOTES)
    assert (str(live), live.number) == ("notes_1", 1)
    assert [g.number for g in generations.all(NOTES)] == [1]


def test_before_that_it_is_told_what_to_do(generations: Generations) -> None:
    unknown = replace(NOTES, name="unknown")
    assert generations.registered(unknown) is None
    assert generations.all(unknown) == []
    assert generations.remaining(unknown) == []
    for call in (generations.live, generations.begin):
        with pytest.raises(ReadModelsUnavailableError, match=r"unknown has no tables yet\. Run"):
            call(unknown)


def test_making_it_again_keeps_the_rows(database: Database, generations: Generations) -> None:
    states = on_shelves(uuid4(), "A")
    notes_of(database).carry_out([change_to(states, 1)])
    generations.ensure(NOTES)
    assert generations.live(NOTES).number == 1
    stand(notes_of(database), states)


def test_making_it_again_makes_tables_that_are_missing(
    database: Database, generations: Generations
) -> None:
    database.drop(Generation(NOTES, 1))
    generations.ensure(NOTES)
    assert notes_of(database).select(SHELVED, ("A",)) == []


def test_tables_of_another_version_of_the_code_are_told_and_stay(
    database: Database, generations: Generations
) -> None:
    states = on_shelves(uuid4(), "A")
    notes_of(database).carry_out([change_to(states, 1)])
    generations.ensure(NEWER)
    with pytest.raises(OutdatedError) as raised:
        generations.live(NEWER)
    assert str(raised.value) == (
        "The read model notes was made by version 1 of its code, and this is version 2. "
        "Run `patientmgmt projections rebuild notes`."
    )
    stand(notes_of(database), states)


def test_what_is_built_is_not_live_until_it_is_switched_to(
    database: Database, generations: Generations
) -> None:
    states = on_shelves(uuid4(), "A")
    building = generations.begin(NOTES)
    assert building.number == 2
    assert generations.live(NOTES).number == 1
    assert [g.number for g in generations.all(NOTES)] == [1, 2]
    database.open(building).carry_out([change_to(states, 1)])
    assert notes_of(database).guards([states[0].note_id]) == {}
    assert generations.switch(building)
    assert generations.live(NOTES).number == 2
    assert [g.number for g in generations.all(NOTES)] == [2]
    stand(notes_of(database), states)


def test_beginning_again_goes_on_with_what_was_begun(
    database: Database, generations: Generations
) -> None:
    states = on_shelves(uuid4(), "A")
    database.open(generations.begin(NOTES)).carry_out([change_to(states, 1)])
    again = Generations(database).begin(NOTES)
    assert again.number == 2
    stand(database.open(again), states)


def test_beginning_again_makes_tables_that_a_crash_left_out(
    database: Database, generations: Generations
) -> None:
    database.drop(generations.begin(NOTES))
    assert database.open(generations.begin(NOTES)).select(SHELVED, ("A",)) == []


def test_another_version_of_the_code_begins_another_one(generations: Generations) -> None:
    given_up = generations.begin(NOTES)
    newer = generations.begin(NEWER)
    assert newer.number == 3
    assert not generations.switch(given_up)
    assert generations.live(NOTES).number == 1
    assert generations.switch(newer)
    assert generations.live(NEWER).number == 3
    with pytest.raises(OutdatedError, match="made by version 2 of its code, and this is version 1"):
        generations.live(NOTES)
    assert generations.all(NOTES) == []


def test_a_switch_happens_once(generations: Generations) -> None:
    building = generations.begin(NOTES)
    assert generations.switch(building)
    assert not generations.switch(building)
    assert not generations.switch(Generation(NOTES, 7))
    assert generations.begin(NOTES).number == 3


def test_old_generations_are_dropped_and_the_live_one_stays(
    database: Database, generations: Generations
) -> None:
    states = on_shelves(uuid4(), "A")
    for _ in range(2):
        generations.switch(generations.begin(NOTES))
    notes_of(database).carry_out([change_to(states, 1)])
    for _ in range(2):
        generations.drop_old(NOTES)
    assert not any(is_there(database, Generation(NOTES, number)) for number in (1, 2))
    stand(notes_of(database), states)
    generations.ensure(NOTES)
    assert generations.live(NOTES).number == 3


def test_what_was_given_up_is_dropped_too_and_what_is_built_stays(
    database: Database, generations: Generations
) -> None:
    states = on_shelves(uuid4(), "A")
    notes_of(database).carry_out([change_to(states, 1)])
    given_up, building = generations.begin(NOTES), generations.begin(NOTES, anew=True)
    database.records.save(f"parked/{given_up}", "somebody", "something")
    database.open(building).carry_out([change_to(states, 1)])
    assert [g.number for g in generations.remaining(NOTES)] == [1, 3]
    assert not is_there(database, given_up)
    assert database.records.load_all(f"parked/{given_up}") == {}
    for generation in (generations.live(NOTES), building):
        stand(database.open(generation), states)
    assert generations.switch(building)
    assert [g.number for g in generations.remaining(NOTES)] == [3]
    assert not is_there(database, Generation(NOTES, 1))
    stand(notes_of(database), states)


@pytest.mark.parametrize("is_live", [True, False])
def test_what_remains_of_other_code_is_told(generations: Generations, is_live: bool) -> None:
    building = generations.begin(NEWER)
    if is_live:
        generations.switch(building)
    with pytest.raises(OutdatedError, match="made by version 2 of its code, and this is version 1"):
        generations.remaining(NOTES)


def is_there(database: Database, generation: Generation) -> bool:
    try:
        database.open(generation).guards([uuid4()])
    except ReadModelsUnavailableError:
        return False
    return True


def test_a_read_model_may_be_paused(generations: Generations) -> None:
    assert generations.to_follow(NOTES) is not None
    for paused in (True, True, False):
        generations.pause(NOTES, paused=paused)
        assert (generations.to_follow(NOTES) is None) == paused
        assert generations.live(NOTES).number == 1


def test_a_pause_outlasts_a_switch(generations: Generations) -> None:
    building = generations.begin(NOTES)
    generations.pause(NOTES, paused=True)
    assert generations.switch(building)
    assert generations.to_follow(NOTES) is None


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_switch_is_noticed_after_a_while_and_not_looked_for_all_the_time(
    database: Database, generations: Generations
) -> None:
    clock, states = Clock(), on_shelves(uuid4(), "A")
    live = LiveTables(database, NOTES, clock=clock)
    before = live.tables()
    building = generations.begin(NOTES)
    database.open(building).carry_out([change_to(states, 1)])
    generations.switch(building)
    clock.now += REFRESH - 0.01
    assert live.tables() is before
    clock.now += 0.02
    assert live.tables() is not before
    stand(live.tables(), states)
    after = live.tables()
    clock.now += REFRESH + 0.01
    assert live.tables() is after


def test_a_switch_to_other_code_is_told(database: Database, generations: Generations) -> None:
    clock = Clock()
    live = LiveTables(database, NOTES, clock=clock)
    live.tables()
    generations.switch(generations.begin(NEWER))
    clock.now += REFRESH + 0.01
    with pytest.raises(OutdatedError):
        live.tables()


def test_tables_that_were_not_there_are_found_later(database: Database) -> None:
    later = replace(NOTES, name="later")
    live = LiveTables(database, later)
    with pytest.raises(ReadModelsUnavailableError, match="later has no tables yet"):
        live.tables()
    Generations(database).ensure(later)
    assert live.tables().select(SHELVED, ("A",)) == []
    database.drop(Generation(later, 1))
