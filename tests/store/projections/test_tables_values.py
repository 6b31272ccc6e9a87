"""Values at the edges of each type are kept as they are, or refused with a sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.change import Change, Guard
from projections.database import Database, Tables
from projections.errors import ChangeRefusedError
from tests.store.projections.looking import notes_of
from tests.unit.projections.notes import SAMPLES, Sample

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def sample(**values: Any) -> Sample:
    plain = Sample(uuid4(), "t", 1, True, b"r", uuid4(), datetime(2024, 3, 1, tzinfo=UTC), ("a",))
    return replace(plain, **values)


def change_of(row: Sample) -> Change:
    return Change(row.note_id, put=[(SAMPLES, row)], delete=[], counted=None, guard=Guard(1, ""))


def kept(tables: Tables, row: Sample) -> Sample | None:
    tables.carry_out([change_of(row)])
    return tables.get(SAMPLES, (row.note_id,))


VALUES: dict[str, list[Any]] = {
    "text": ["", "\x00", "a\x00b", "'\"; --", "\N{HOSPITAL}", "\uffff\U0010ffff", "x" * 100_000],
    "number": [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)],
    "flag": [True, False],
    "raw": [b"", b"\x00", bytes(range(256)), b"\xff" * 100_000],
    "other": [UUID(int=0), UUID(int=2**128 - 1), UUID("6fa459ea-ee8a-11ca-894e-db77e160355e")],
    "moment": [
        FIRST,
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 0, 0, 1_000, tzinfo=UTC),
        datetime(2300, 1, 1, 0, 0, 0, 1_000, tzinfo=UTC),
        datetime(2300, 6, 1, 12, 0, 0, 999_000, tzinfo=UTC),
        LAST,
    ],
    "texts": [(), ("",), ("", ""), ("a", "\x00", "\N{HOSPITAL}", '"]'), ("x",) * 10_000],
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param(column, value, id=f"{column} {value!r:.30}".replace("\\x00", "NUL"))
        for column, values in VALUES.items()
        for value in values
    ],
)
def test_a_value_is_kept_as_it_is(database: Database, column: str, value: Any) -> None:
    optional = {"text": "no_text", "raw": "no_raw"}.get(column, f"no_{column}")
    row = sample(**{column: value, optional: value})
    assert kept(notes_of(database), row) == row


def test_a_value_may_be_none_where_a_column_is_optional(database: Database) -> None:
    tables, row = notes_of(database), sample()
    assert {getattr(row, column) for column in SAMPLES.optional} == {None}
    assert kept(tables, row) == row
    assert list(tables.all_rows(SAMPLES)) == [row]


def test_a_value_is_overwritten_by_none(database: Database) -> None:
    tables, first = notes_of(database), sample(no_text="x", no_number=1, no_texts=("a",))
    assert kept(tables, first) == first
    second = replace(first, no_text=None, no_number=None, no_texts=None)
    guard = Guard(2, "")
    tables.carry_out([Change(first.note_id, [(SAMPLES, second)], [], None, guard)])
    assert tables.get(SAMPLES, (first.note_id,)) == second


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
milliseconds = st.integers(0, (LAST - FIRST) // MILLISECOND)
samples = st.builds(
    sample,
    text=texts,
    number=st.integers(-(2**63), 2**63 - 1),
    flag=st.booleans(),
    raw=st.binary(max_size=30),
    other=st.uuids(allow_nil=True),
    moment=milliseconds.map(lambda n: FIRST + n * MILLISECOND),
    texts=st.lists(texts, max_size=4).map(tuple),
    no_text=st.none() | texts,
    no_flag=st.none() | st.booleans(),
    no_texts=st.none() | st.lists(texts, max_size=4).map(tuple),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=samples)
def test_any_values_are_kept_as_they_are(database: Database, row: Sample) -> None:
    row = replace(row, note_id=uuid4())
    assert kept(notes_of(database), row) == row


def test_random_times_are_kept_to_the_millisecond(database: Database) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    random = Random(seed)
    span = (LAST - FIRST) // MILLISECOND
    rows = [sample(moment=FIRST + random.randrange(span) * MILLISECOND) for _ in range(500)]
    tables = notes_of(database)
    tables.carry_out([change_of(row) for row in rows])
    found = tables.get_all(SAMPLES, [(row.note_id,) for row in rows])
    assert {row.note_id: row.moment for row in found} == {row.note_id: row.moment for row in rows}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 3, 1, 12, 0, 0, 123_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_500, tzinfo=UTC),
        datetime(1900, 1, 1, 0, 0, 0, 1_900, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_time_is_cut_to_the_millisecond(database: Database, moment: datetime) -> None:
    found = kept(notes_of(database), sample(moment=moment))
    assert found is not None
    assert found.moment == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_time_of_another_zone_is_the_same_moment(database: Database) -> None:
    moment = datetime.fromisoformat("2024-03-01T13:00:00+01:00")
    found = kept(notes_of(database), sample(moment=moment))
    assert found is not None
    assert (found.moment, found.moment.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": 2**63},
        {"number": -(2**63) - 1},
        {"text": "\ud800"},
        {"texts": ("\ud800",)},
        {"number": "many"},
        {"moment": "soon"},
        {"note_id": None},
    ],
    ids=str,
)
def test_a_value_that_no_database_has_is_a_refused_change(
    database: Database, wrong: dict[str, Any]
) -> None:
    tables, row = notes_of(database), sample()
    bad = Change(uuid4(), [(SAMPLES, replace(row, **wrong))], [], None, Guard(1, ""))
    with pytest.raises(ChangeRefusedError):
        tables.carry_out([bad])
    assert kept(tables, row) == row
