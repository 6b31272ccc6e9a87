"""The ward board's queries on both databases."""

from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.change import ERASED_VERSION, Change, Guard, change
from projections.database import Database
from projections.erasing import erase_aggregate
from projections.feeds.log import LogFeed
from projections.generations import Generations
from projections.table import Table
from read_models.patient_events import TOPICS
from read_models.sorting import sort_key
from read_models.ward_board import MODEL, ON_WARD, OnWard, WardBoard
from tests.store.projections.projecting import projection
from tests.unit.projections.events import admitted, decode, discharged, history, transferred


def board_of(database: Database, *events: StoredEvent) -> WardBoard:
    """Return the board with these events."""
    recorder = POPOApplicationRecorder()
    for event in events:
        recorder.insert_events([event])
    projection(database, LogFeed(recorder, TOPICS), model=MODEL).catch_up()
    return queries_of(database).board


def names(board: WardBoard) -> list[tuple[str, list[str]]]:
    return [(ward.name, [row.name for row in ward.patients]) for ward in board.wards()]


def test_nothing_is_shown_at_the_beginning(database: Database) -> None:
    board = queries_of(database).board
    assert board.wards() == []
    assert board.version(uuid4()) == 0


def test_the_board_shows_wards_and_their_patients_by_name(database: Database) -> None:
    on = [("chiara", "Ward 10"), ("Ada", "Ward 2"), ("Bo", "Ward 10"), ("Åsa", "Ward 10")]
    board = board_of(database, *(admitted(uuid4(), name=name, ward=ward) for name, ward in on))
    assert names(board) == [("Ward 2", ["Ada"]), ("Ward 10", ["Åsa", "Bo", "chiara"])]
    assert [ward.occupancy for ward in board.wards()] == [1, 3]


def test_a_ward_that_all_have_left_is_not_shown(database: Database) -> None:
    one, other = uuid4(), uuid4()
    board = board_of(database, admitted(one), admitted(other), transferred(one, 2, "BB"))
    assert [(ward.name, ward.occupancy) for ward in board.wards()] == [("AA", 1), ("BB", 1)]
    board = board_of(
        database, admitted(one), admitted(other), transferred(one, 2, "BB"), discharged(other, 2)
    )
    assert names(board) == [("BB", ["Ida Moe"])]


def test_very_many_wards_and_patients_are_shown(database: Database) -> None:
    wards = [f"Ward {number}" for number in range(1, 61)]
    events = [admitted(uuid4(), ward=ward) for ward in wards for _ in range(3)]
    shown = board_of(database, *events).wards()
    assert [(ward.name, ward.occupancy) for ward in shown] == [(ward, 3) for ward in wards]


def test_the_version_that_is_shown_is_told(database: Database) -> None:
    patient_id = uuid4()
    events = history(patient_id, 4)
    board = board_of(database, *events)
    assert board.version(patient_id) == 4
    erase_aggregate(database, [MODEL], patient_id, events, decode)
    assert board.version(patient_id) == ERASED_VERSION
    assert board.wards() == []


def test_a_patient_who_is_read_on_two_wards_is_shown_on_the_newer_one(database: Database) -> None:
    """As after a crash between rows and deletions, or in the middle of a change."""
    patient_id = uuid4()
    board = board_of(database, admitted(patient_id, ward="AA"), admitted(uuid4(), ward="AA"))
    tables = database.open(Generations(database).live(MODEL))
    moved = OnWard("BB", sort_key("Ida Moe"), patient_id, 2, "Ida Moe", 40, None, None)
    state = MODEL.from_json(tables.guards([patient_id])[patient_id].state)
    whole = change(MODEL, patient_id, None, [state], 1)
    without_deletion = Guard(2, whole.guard.state)
    put = [(ON_WARD, moved), *((t, r) for t, r in known_wards("BB"))]
    tables.carry_out([Change(patient_id, put, [], None, without_deletion)])
    assert len(tables.select_all(ON_WARD, [("AA",), ("BB",)])) == 3
    assert [(ward.name, ward.occupancy) for ward in board.wards()] == [("AA", 1), ("BB", 1)]
    assert [row.version for row in board.wards()[1].patients] == [2]


def known_wards(name: str) -> list[tuple[Table[Any], object]]:
    """Return the ward's own row, as an admission to it makes it."""
    event = admitted(UUID(int=1), ward=name)
    state = MODEL.fold(None, MODEL.read(event, decode(event)))
    return [
        (table, row) for (table, _), row in MODEL.place_rows(state).items() if table.name == "wards"
    ]
