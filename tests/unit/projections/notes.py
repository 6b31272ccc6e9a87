"""A read model that is for tests only: notes on shelves, with a table of each kind.

Its state has no version in it, so that a note that comes back to a shelf has the same row again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from hypothesis import strategies as st

from projections.change import Change, change
from projections.feeds.feed import aggregate_id
from projections.read_model import ReadModel
from projections.table import Table


@dataclass(frozen=True)
class Note:
    """A note; on no shelf when the shelf is None."""

    note_id: UUID
    shelf: str | None
    title: str
    colour: str


@dataclass(frozen=True)
class Shelved:
    """Where a note is now; two of the names are words of SQL and of CQL."""

    group: str
    order: str
    note_id: UUID
    colour: str


@dataclass(frozen=True)
class Seen:
    """That a note was on a shelf once, and its last colour there."""

    note_id: UUID
    shelf: str
    colour: str


@dataclass(frozen=True)
class Shelf:
    """That there is a shelf."""

    register: str
    shelf: str


@dataclass(frozen=True)
class Entry:
    """A row in a partition of two columns that is sorted by three."""

    group: str
    where: int
    order: int
    key: bytes
    note_id: UUID
    text: str


@dataclass(frozen=True)
class Sample:
    """A column of each type, and one of each that may be None."""

    note_id: UUID
    text: str
    number: int
    flag: bool
    raw: bytes
    other: UUID
    moment: datetime
    texts: tuple[str, ...]
    no_text: str | None = None
    no_number: int | None = None
    no_flag: bool | None = None
    no_raw: bytes | None = None
    no_other: UUID | None = None
    no_moment: datetime | None = None
    no_texts: tuple[str, ...] | None = None


SHELVED = Table(
    "shelved", Shelved, partition=("group",), order=("order", "note_id"), aggregate="note_id"
)
SEEN = Table(
    "seen", Seen, partition=("note_id",), order=("shelf",), aggregate="note_id", lasting=True
)
SHELVES = Table("shelves", Shelf, partition=("register",), order=("shelf",), aggregate=None)
ENTRIES = Table(
    "entries",
    Entry,
    partition=("group", "where"),
    order=("order", "key", "note_id"),
    aggregate="note_id",
)
SAMPLES = Table("samples", Sample, partition=("note_id",), aggregate="note_id")
ALL = "all"


def read(event: StoredEvent, payload: Mapping[str, Any]) -> Note:
    """Return the note as the event tells it."""
    if "shelf" not in payload:
        raise ValueError(f"Event {event.originator_version}: expected a shelf.")
    return Note(aggregate_id(event), payload["shelf"], payload["title"], payload["colour"])


def fold(before: Note | None, event: Note) -> Note:
    """Return the note after the event."""
    return event


def rows(note: Note) -> Iterable[object]:
    """Return where the note is, that it was there, and that the shelf is."""
    if note.shelf is None:
        return []
    return [
        Shelved(note.shelf, note.title, note.note_id, note.colour),
        Seen(note.note_id, note.shelf, note.colour),
        Shelf(ALL, note.shelf),
    ]


def counts(note: Note) -> Iterable[str]:
    """Return what the note counts as: all that lie on a shelf, and those of its colour there."""
    return [] if note.shelf is None else ["all", f"{note.shelf} {note.colour}"]


NOTES = ReadModel(
    name="notes",
    topics=["Noted"],
    read=read,
    state=Note,
    fold=fold,
    tables=[SHELVED, SEEN, SHELVES, ENTRIES, SAMPLES],
    rows=rows,
    counts=counts,
)

Told = tuple[str | None, str, str]
"""Shelf, title and colour."""

histories = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", None]), st.sampled_from(["t", "u"]), st.sampled_from(["x", "y"])
    ),
    min_size=1,
    max_size=10,
)
"""What becomes of a note, event by event."""


def notes(note_id: UUID, history: Sequence[Told]) -> list[Note]:
    """Return the states of a note, of which the first has version 1."""
    return [Note(note_id, shelf, title, colour) for shelf, title, colour in history]


def on_shelves(note_id: UUID, *shelves: str | None) -> list[Note]:
    """Return the states of a note of which only the shelf changes."""
    return notes(note_id, [(shelf, "t", "x") for shelf in shelves])


def change_to(states: Sequence[Note], version: int, *, since: int = 0) -> Change:
    """Return the change from the state of one version to that of another."""
    before = states[since - 1] if since else None
    return change(NOTES, states[0].note_id, before, states[since:version], version)
