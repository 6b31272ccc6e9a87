"""Looking through the tables of notes."""

from uuid import UUID

from projections.change import Guard, Place, expected_rows
from projections.database import Database, Tables
from projections.generations import Generations
from tests.unit.projections.notes import NOTES, SHELVES, Note


def notes_of(database: Database) -> Tables:
    """Return the tables of notes."""
    return database.open(Generations(database).live(NOTES))


def guard(tables: Tables, note_id: UUID) -> Guard:
    """Return the guard of one note."""
    return tables.guards([note_id])[note_id]


def own_rows(tables: Tables, note_id: UUID) -> dict[Place, object]:
    """Return all rows of one note, wherever they stand."""
    return {
        (table, table.key(row)): row
        for table in NOTES.tables
        for row in tables.all_rows(table)
        if table.aggregate_of(row) == note_id
    }


def stand(tables: Tables, states: list[Note]) -> None:
    """Check that the rows of a note with these states stand, and no others of it."""
    expected = expected_rows(NOTES, states)
    own = {place: row for place, row in expected.items() if place[0] != SHELVES}
    assert own_rows(tables, states[0].note_id) == own
    everybodys = {row for place, row in expected.items() if place[0] == SHELVES}
    assert everybodys <= set(tables.all_rows(SHELVES))
