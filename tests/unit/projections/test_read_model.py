from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest

from projections.read_model import ReadModel
from projections.table import Table
from tests.unit.projections.notes import (
    NOTES,
    SEEN,
    SHELVED,
    SHELVES,
    Note,
    Seen,
    Shelf,
    Shelved,
    on_shelves,
)


@pytest.mark.parametrize("name", ["", "Notes", "notes2", "_notes", "a" * 21, "notes\n", "no-tes"])
def test_a_name_that_no_read_model_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a name of up to 20 small letters and _"):
        replace(NOTES, name=name)


def test_a_name_may_have_20_letters() -> None:
    assert replace(NOTES, name="a" * 20).name == "a" * 20


def test_two_tables_of_one_name_or_one_row_class_are_refused() -> None:
    other_name = replace(SEEN, name="other")
    other_row = replace(SHELVES, name="seen")
    for second in (other_name, other_row):
        with pytest.raises(ValueError, match="Read model notes: expected each table with its own"):
            replace(NOTES, tables=[SEEN, second])


def test_rows_are_placed_by_table_and_key() -> None:
    [note] = on_shelves(uuid4(), "A")
    assert NOTES.place_rows(note) == {
        (SHELVED, ("A", "t", note.note_id)): Shelved("A", "t", note.note_id, "x"),
        (SEEN, (note.note_id, "A")): Seen(note.note_id, "A", "x"),
        (SHELVES, ("all", "A")): Shelf("all", "A"),
    }


def test_no_state_has_no_rows_and_no_text() -> None:
    assert NOTES.place_rows(None) == {}
    assert NOTES.to_json(None) == ""
    assert NOTES.from_json("") is None


def test_a_state_comes_back_as_it_was_kept() -> None:
    for note in on_shelves(uuid4(), "A", None, "\N{HOSPITAL}\x00"):
        assert NOTES.from_json(NOTES.to_json(note)) == note


@pytest.mark.parametrize("text", ["{}", "x", '{"note_id": 1}'])
def test_a_state_of_another_version_is_an_error_of_values(text: str) -> None:
    with pytest.raises(ValueError, match="was made by another version of notes"):
        NOTES.from_json(text)


def test_tables_are_found_by_name() -> None:
    assert NOTES.by_name["seen"] is SEEN


@dataclass(frozen=True)
class Stay:
    patient_id: UUID


def test_a_table_may_have_nothing_but_the_aggregate() -> None:
    def rows(note: Note) -> Iterable[object]:
        return [Stay(note.note_id)]

    stays = Table("stays", Stay, partition=("patient_id",))
    model = ReadModel(
        name="stays",
        topics=[],
        read=NOTES.read,
        state=Note,
        fold=NOTES.fold,
        tables=[stays],
        rows=rows,
    )
    [note] = on_shelves(uuid4(), "A")
    assert model.place_rows(note) == {(stays, (note.note_id,)): Stay(note.note_id)}
