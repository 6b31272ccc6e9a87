"""What pages ask the list."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from projections.database import Rows
from read_models.patient_list.rows import (
    ALL,
    DISCHARGED,
    LETTERS,
    LETTERS_IN_A_PART,
    MODEL,
    ON_WARD,
    PARTS,
    PATIENTS,
    SHELVES,
    Listed,
    Patient,
    as_bytes,
    entry,
    shelf_of,
)
from read_models.sorting import initial, letters, sort_key

FOUND_AT_MOST = 2_000
"""Places in names that a search looks at: it takes some tens of milliseconds to read them."""
_LETTERS_AT_ONCE = 8

Place = tuple[bytes, UUID]
"""Where a patient stands in the order of names."""


@dataclass(frozen=True)
class Page:
    """One page of the list, by name."""

    patients: Sequence[Listed]
    next: str | None
    """What to ask the next page with, as ``after``; None on the last page."""
    previous: str | None = None
    """What to ask the page before with, as ``before``; None on the first page."""
    total: int = 0
    """How many patients all pages have together."""
    is_complete: bool = True
    """False when a search has found more than it looks at: there may be more than ``total``."""


class PatientList:
    """The queries; everything may raise ``ReadModelsUnavailableError``."""

    def __init__(self, tables: Callable[[], Rows]) -> None:
        self._tables = tables

    def patient(self, patient_id: UUID) -> Patient | None:
        """Return one patient; None when no event of theirs has arrived here, or erased."""
        return self._patients([patient_id]).get(patient_id)

    def page(
        self,
        *,
        limit: int = 50,
        after: str | None = None,
        before: str | None = None,
        shelf: str = ALL,
        ward: str | None = None,
        search: str | None = None,
    ) -> Page:
        """Return one page: the first, or the one after or before the patient with that id.

        :param shelf: one of ``SHELVES``: who is admitted, who is discharged, or all.
        :param ward: only who is on this ward.
        :param search: only those in whose names this stands, wherever; accents and case ignored.
        :raises ValueError: when the id is not from another page, ``shelf`` is none, or ``limit`` is
            below 1.
        """
        if limit < 1:
            raise ValueError(f"A page holds at least one patient; found a limit of {limit}.")
        if shelf not in SHELVES:
            raise ValueError(f"Expected one of {', '.join(SHELVES)}, found {shelf!r:.80}.")
        side = before if before is not None else after
        place = None if side is None else self._place(side)
        is_complete = True
        if ward is None and search is None:
            found = self._on_shelf(shelf, place, limit + 1, reverse=before is not None)
            total = self._tables().counts().get(shelf, 0)
        else:
            if search is not None:
                chosen, is_complete = self._named(shelf, ward, search)
            else:
                chosen = self._on_ward(shelf, ward)
            patients = sorted(chosen, key=_place_of)
            found = _beside(patients, place, reverse=before is not None)
            total = len(patients)
        shown = found[:limit]
        more = len(found) > limit
        if before is not None:
            shown = shown[::-1]
            next_, previous = _id(shown[-1:]), _id(shown[:1] if more else ())
        else:
            next_, previous = _id(shown[-1:] if more else ()), _id(shown[:1] if after else ())
        return Page(shown, next_, previous, total, is_complete)

    def _on_shelf(
        self, shelf: str, place: Place | None, limit: int, *, reverse: bool
    ) -> Sequence[Listed]:
        """Return entries behind the place, in the direction of reading."""
        tables = self._tables()
        known = [row.letter for row in tables.select(LETTERS, (ALL,), reverse=reverse)]
        found: list[Listed] = []
        if place is not None:
            here = initial(place[0])
            found += tables.select(
                PATIENTS, (shelf, here), after=place, reverse=reverse, limit=limit
            )
            known = [letter for letter in known if (letter < here if reverse else letter > here)]
        for start in range(0, len(known), _LETTERS_AT_ONCE):
            if len(found) >= limit:
                break
            some = [(shelf, letter) for letter in known[start : start + _LETTERS_AT_ONCE]]
            found += tables.select_all(PATIENTS, some, reverse=reverse, limit=limit - len(found))
        return found[:limit]

    def _on_ward(self, shelf: str, ward: str | None) -> Sequence[Listed]:
        """Return the entries of all on the ward.

        Who is just being moved has left the other ward before their state says where they are now;
        their entry on the shelf says it, which is written before they leave.
        """
        if shelf == DISCHARGED:
            return []
        tables = self._tables()
        ids = [row.patient_id for row in tables.select(ON_WARD, (ward,))]
        entries = [entry(patient, shelf) for patient in self._patients(ids).values()]
        others = [PATIENTS.key(one) for one in entries if one.ward != ward]
        found = [*entries, *tables.get_all(PATIENTS, others)]
        return [one for one in found if one.ward == ward]

    def _named(self, shelf: str, ward: str | None, search: str) -> tuple[Sequence[Listed], bool]:
        """Return the entries of all in whose names this stands, and whether that is all."""
        ids, is_complete = self._with_part(letters(search))
        entries = [
            entry(patient, shelf)
            for patient in self._patients(list(ids)).values()
            if shelf in (ALL, shelf_of(patient))
            and ward in (None, patient.ward)
            and _stands_in(letters(search), letters(patient.name))
        ]
        return entries, is_complete

    def _with_part(self, part: tuple[int, ...]) -> tuple[set[UUID], bool]:
        """Return patients in whose names the first letters of the part stand one after another."""
        if not part:
            return set(), True
        found = self._tables().select(
            PARTS,
            part[:1],
            begins=as_bytes(part[1 : 1 + LETTERS_IN_A_PART]),
            limit=FOUND_AT_MOST + 1,
        )
        ids = {row.patient_id for row in found[:FOUND_AT_MOST]}
        return ids, len(found) <= FOUND_AT_MOST

    def _patients(self, ids: Sequence[UUID]) -> dict[UUID, Patient]:
        guards = self._tables().guards(ids)
        states = ((id_, MODEL.from_json(guard.state)) for id_, guard in guards.items())
        return {id_: state for id_, state in states if state is not None}

    def _place(self, patient_id: str) -> Place:
        try:
            patient = self.patient(UUID(patient_id))
        except ValueError:
            patient = None
        if patient is None:
            raise ValueError(
                f"There is no page beside {patient_id!r:.80}: expected a value that another page "
                "gave. Begin again at the first page."
            )
        return sort_key(patient.name), patient.patient_id


def _stands_in(part: tuple[int, ...], name: tuple[int, ...]) -> bool:
    return any(name[n : n + len(part)] == part for n in range(len(name) - len(part) + 1))


def _place_of(listed: Listed) -> Place:
    return listed.name_key, listed.patient_id


def _beside(patients: Sequence[Listed], place: Place | None, *, reverse: bool) -> Sequence[Listed]:
    """Return what is behind the place, in the direction of reading."""
    if reverse:
        return [p for p in patients[::-1] if place is None or _place_of(p) < place]
    return [p for p in patients if place is None or _place_of(p) > place]


def _id(listed: Iterable[Listed]) -> str | None:
    return next((str(one.patient_id) for one in listed), None)
