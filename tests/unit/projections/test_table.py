import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from projections.table import COLUMN_TYPES, Table
from tests.unit.projections.notes import ENTRIES, SAMPLES, SHELVES, Entry, Shelf


@dataclass(frozen=True)
class Bed:
    ward: str
    number: int
    patient_id: UUID
    since: datetime | None


@dataclass(frozen=True)
class Bag:
    patient_id: UUID
    things: list[str]


@dataclass(frozen=True)
class Either:
    patient_id: UUID
    thing: str | int | None


GOOD: Mapping[str, Any] = {
    "name": "beds",
    "row": Bed,
    "partition": ("ward",),
    "order": ("number", "patient_id"),
}


def test_the_columns_are_the_rows_fields_in_their_order() -> None:
    table = Table(**GOOD)
    assert list(table.columns.items()) == [
        ("ward", str),
        ("number", int),
        ("patient_id", UUID),
        ("since", datetime),
    ]
    assert table.optional == {"since"}
    assert table.key_columns == ("ward", "number", "patient_id")


def test_every_type_of_column_may_be_none_outside_of_the_key() -> None:
    required = {SAMPLES.columns[column] for column in SAMPLES.columns.keys() - SAMPLES.optional}
    optional = {SAMPLES.columns[column] for column in SAMPLES.optional}
    assert required == optional == set(COLUMN_TYPES)


def test_a_rows_key_is_its_partition_and_then_its_order() -> None:
    row = Entry("g", 1, 2, b"k", uuid4(), "text")
    assert ENTRIES.key(row) == ("g", 1, 2, b"k", row.note_id)


def test_a_row_is_one_aggregates_or_everybodys() -> None:
    row = Entry("g", 1, 2, b"k", uuid4(), "text")
    assert ENTRIES.aggregate_of(row) == row.note_id
    assert SHELVES.aggregate_of(Shelf("all", "A")) is None


@pytest.mark.parametrize("name", ["a", "a" * 16, "on_ward", "select"])
def test_a_name_is_small_letters(name: str) -> None:
    assert Table(**{**GOOD, "name": name}).name == name


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "Beds"}, "expected a name of up to 16 small letters and _, found 'Beds'."),
        ({"name": ""}, "expected a name of up to 16 small letters and _, found ''."),
        ({"name": "a" * 17}, "expected a name of up to 16 small letters and _, found 'aaa"),
        ({"name": "beds2"}, "found 'beds2'."),
        ({"name": "beds\n"}, "found 'beds\\n'."),
        ({"name": "_beds"}, "found '_beds'."),
        ({"row": Bag}, "expected a type that every database has for things, found list[str]."),
        ({"row": Either}, "expected a type that every database has for thing, found str | int"),
        ({"order": ("bed", "patient_id")}, "expected columns in the key that the row has, found"),
        ({"partition": ("floor",)}, "expected columns in the key that the row has, found 'floor'."),
        ({"partition": ("since",)}, "expected a key without None, found that since may be it."),
        ({"partition": ()}, "expected at least one column that says which rows are kept together."),
        ({"aggregate": None}, "expected nothing beside the key in rows that are nobody's own."),
        ({"order": ("number",)}, "expected the aggregate's id, 'patient_id', in the key."),
        ({"aggregate": "bed_id"}, "expected the aggregate's id, 'bed_id', in the key."),
    ],
    ids=str,
)
def test_what_no_table_can_be_is_refused(wrong: Mapping[str, Any], told: str) -> None:
    table = {**GOOD, **wrong}
    named = f"Table {table['name']!r} of {table['row'].__name__}: "
    with pytest.raises(ValueError, match=re.escape(told)) as raised:
        Table(**table)
    assert str(raised.value).startswith(named)


@pytest.mark.parametrize("name", ["guards", "tally", "numbers", "counted"])
def test_a_table_that_is_called_as_one_of_the_machines_own_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        replace(ENTRIES, name=name)
