"""Patients who are moved while somebody reads: they are shown somewhere."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import pytest

from projections.change import Guard
from projections.database import Database, Rows, Tables
from projections.table import Key, Table
from read_models import patient_list, ward_board, ward_history
from read_models.patient_list import PatientList
from read_models.patient_list.rows import ADMITTED, ALL, DISCHARGED
from read_models.ward_board import WardBoard
from read_models.ward_history import WardHistory
from tests.unit.read_models.stories import Shown, Story, utc

NOW = utc("2026-11-27 12:00")
MOVED_AT = utc("2026-11-27 11:59")
BEFORE = utc("2026-11-27 11:58")


class Interrupted:
    """Rows, and what happens just before one of their partitions is read for the nth time."""

    def __init__(
        self,
        tables: Tables,
        table: Table[Any],
        partition: Key,
        happen: Callable[[], object],
        nth: int = 1,
    ) -> None:
        self._tables = tables
        self._place = (table, partition)
        self._happen = happen
        self.left = nth

    def select(self, table: Table[Any], partition: Key) -> Sequence[Any]:
        """Return the rows of a partition."""
        if (table, partition) == self._place:
            self.left -= 1
            if self.left == 0:
                self._happen()
        return self._tables.select(table, partition)

    def select_all(self, table: Table[Any], partitions: Sequence[Key]) -> Sequence[Any]:
        """Return rows of several partitions, which are read one after the other."""
        return [row for partition in partitions for row in self.select(table, partition)]

    def as_rows(self) -> Rows:
        """Return this as queries ask for it."""
        return cast("Rows", self)


@pytest.mark.parametrize("new_ward", ["AA", "ZZ"], ids=["a ward that is read", "a new ward"])
def test_a_patient_who_is_moved_while_the_board_is_read_is_on_it_once(
    database: Database, new_ward: str
) -> None:
    shown = Shown(database, ward_board.MODEL)
    ida = Story("Ida").admitted("CC", BEFORE)
    shown.show(Story("Bo").admitted("AA", BEFORE), ida)

    def move() -> None:
        shown.show(ida.moved(new_ward, MOVED_AT))

    rows = Interrupted(shown.tables(), ward_board.ON_WARD, ("CC",), move)
    board = WardBoard(rows.as_rows).wards()
    names = [(row.name, row.ward) for ward in board for row in ward.patients]
    assert names == [("Bo", "AA"), ("Ida", new_ward)]
    assert rows.left <= 0


def test_a_patient_who_is_moved_between_both_readings_of_the_board_is_on_it_once(
    database: Database,
) -> None:
    shown = Shown(database, ward_board.MODEL)
    ida = Story().admitted("CC", BEFORE)
    shown.show(ida)

    def move() -> None:
        shown.show(ida.moved("AA", MOVED_AT))

    rows = Interrupted(shown.tables(), ward_board.WARDS, ("all",), move, nth=2)
    board = WardBoard(rows.as_rows).wards()
    assert [(ward.name, ward.occupancy) for ward in board] == [("AA", 1)]
    assert rows.left <= 0


@pytest.mark.parametrize("new_ward", ["AA", "ZZ"], ids=["a ward that is read", "a new ward"])
@pytest.mark.parametrize("moment", [BEFORE, NOW])
def test_a_patient_who_is_moved_while_the_board_of_a_moment_is_read_is_on_it_once(
    database: Database, new_ward: str, moment: datetime
) -> None:
    shown = Shown(database, ward_history.MODEL)
    ida = Story("Ida").admitted("CC", BEFORE)
    shown.show(Story("Bo").admitted("AA", BEFORE), ida)

    def move() -> None:
        shown.show(ida.moved(new_ward, MOVED_AT))

    rows = Interrupted(shown.tables(), ward_history.PRESENT, ("CC",), move)
    board = WardHistory(rows.as_rows).board_at(moment, NOW)
    names = [(who.name, who.ward) for ward in board for who in ward.patients]
    assert names == [("Bo", "AA"), ("Ida", new_ward if moment == NOW else "CC")]
    assert rows.left <= 0


def test_a_patient_who_is_moved_after_the_present_was_read_is_still_on_the_board_of_now(
    database: Database,
) -> None:
    shown = Shown(database, ward_history.MODEL)
    ida = Story().admitted("CC", BEFORE)
    shown.show(ida)

    def move() -> None:
        shown.show(ida.moved("AA", MOVED_AT))

    rows = Interrupted(shown.tables(), ward_history.PAST, ("CC", "2026-11"), move)
    board = WardHistory(rows.as_rows).board_at(NOW, NOW)
    assert [(ward.name, ward.occupancy) for ward in board] == [("CC", 1)]
    assert rows.left <= 0


class OldGuards:
    """The tables as they are before guards are written: all rows of a change are."""

    def __init__(self, tables: Tables, guards: Mapping[UUID, Guard]) -> None:
        self._tables = tables
        self._guards = guards

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)

    def guards(self, aggregate_ids: Sequence[UUID]) -> Mapping[UUID, Guard]:
        """Return the guards as they were."""
        return {id_: self._guards[id_] for id_ in aggregate_ids}


@pytest.mark.parametrize("shelf", [ALL, ADMITTED])
@pytest.mark.parametrize("ward_before", ["CC", None], ids=["moved", "admitted again"])
def test_a_patient_who_comes_to_a_ward_is_listed_there_before_their_guard_says_so(
    database: Database, shelf: str, ward_before: str | None
) -> None:
    shown = Shown(database, patient_list.MODEL)
    ida = Story().admitted("CC", BEFORE)
    if ward_before is None:
        ida.discharged(BEFORE)
    shown.show(ida)
    guards = shown.tables().guards([ida.patient_id])
    ida = ida.moved("AA", MOVED_AT) if ward_before else ida.admitted("AA", MOVED_AT)
    shown.show(ida)

    patients = PatientList(lambda: cast("Rows", OldGuards(shown.tables(), guards)))
    (here,) = patients.page(shelf=shelf, ward="AA").patients
    assert (here.ward, here.version, here.shelf) == ("AA", len(ida.events), shelf)
    assert patients.page(shelf=shelf, ward="CC").patients == []
    assert patients.page(shelf=DISCHARGED, ward="AA").patients == []


def test_a_patient_who_leaves_a_ward_while_its_list_is_read_is_not_listed_there(
    database: Database,
) -> None:
    shown = Shown(database, patient_list.MODEL)
    ida = Story().admitted("CC", BEFORE)
    shown.show(ida)

    class Leaving(OldGuards):
        def guards(self, aggregate_ids: Sequence[UUID]) -> Mapping[UUID, Guard]:
            """Return the guards once the patient has left."""
            shown.show(ida.moved("AA", MOVED_AT))
            return self._tables.guards(aggregate_ids)

    patients = PatientList(lambda: cast("Rows", Leaving(shown.tables(), {})))
    assert patients.page(ward="CC").patients == []
