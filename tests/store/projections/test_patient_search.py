"""Finding patients in the list: by shelf, by ward, and by any part of the name."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder
from hypothesis import given, settings
from hypothesis import strategies as st

from patientmgmt.queries import queries_of
from patientmgmt.runtime import create_tables
from projections.database import Database
from projections.erasing import erase_aggregate
from projections.feeds.log import LogFeed
from projections.sqlite import SQLiteDatabase
from read_models.patient_events import TOPICS
from read_models.patient_list import MODEL, Page, PatientList, queries
from read_models.patient_list.rows import SHELVES
from read_models.sorting import letters
from tests.store.projections.projecting import projection
from tests.unit.projections.events import admitted, decode, discharged, transferred


class Hospital:
    """A hospital whose list is kept up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recorder = POPOApplicationRecorder()
        self._projection = projection(database, LogFeed(self._recorder, TOPICS))
        self.patients: PatientList = queries_of(database).patients

    def admit(self, *names: str, ward: str = "AA") -> list[UUID]:
        """Admit patients of these names."""
        ids = [uuid4() for _ in names]
        for id_, name in zip(ids, names, strict=True):
            self._recorder.insert_events([admitted(id_, name=name, ward=ward)])
        self._projection.catch_up()
        return ids

    def transfer(self, id_: UUID, version: int, ward: str) -> None:
        """Move a patient."""
        self._recorder.insert_events([transferred(id_, version, ward)])
        self._projection.catch_up()

    def discharge(self, id_: UUID, version: int) -> None:
        """Let a patient go."""
        self._recorder.insert_events([discharged(id_, version)])
        self._projection.catch_up()

    def rename(self, id_: UUID, version: int, name: str) -> None:
        """Admit a patient again under another name."""
        self._recorder.insert_events([admitted(id_, version, name=name)])
        self._projection.catch_up()

    def erase(self, id_: UUID) -> None:
        """Erase a patient from the read models."""
        events = self._recorder.select_events(id_)
        erase_aggregate(self._database, [MODEL], id_, events, decode)


@pytest.fixture
def hospital(database: Database) -> Hospital:
    return Hospital(database)


def names(page: Page) -> list[str]:
    return [row.name for row in page.patients]


def test_everybody_is_counted_on_the_shelves_where_they_stand(hospital: Hospital) -> None:
    ada, bo, _ = hospital.admit("Ada", "Bo", "Chiara")
    hospital.discharge(bo, 2)
    hospital.transfer(ada, 2, "BB")
    shelves = {shelf: hospital.patients.page(shelf=shelf) for shelf in SHELVES}
    assert {shelf: (page.total, names(page)) for shelf, page in shelves.items()} == {
        "all": (3, ["Ada", "Bo", "Chiara"]),
        "admitted": (2, ["Ada", "Chiara"]),
        "discharged": (1, ["Bo"]),
    }


def test_a_ward_shows_who_is_on_it_now(hospital: Hospital) -> None:
    ada, bo, _ = hospital.admit("Ada", "Bo", "Chiara")
    hospital.transfer(ada, 2, "BB")
    hospital.discharge(bo, 2)
    assert names(hospital.patients.page(ward="AA")) == ["Chiara"]
    assert names(hospital.patients.page(ward="BB")) == ["Ada"]
    assert names(hospital.patients.page(ward="BB", shelf="discharged")) == []
    assert hospital.patients.page(ward="nowhere") == Page([], None)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ukas", ["Łukasz Wiśniewski"]),
        ("LUKASZ", ["Łukasz Wiśniewski"]),
        ("łukasz  wis", ["Łukasz Wiśniewski"]),
        ("z w", ["Łukasz Wiśniewski"]),
        ("a", ["Åsa Lund", "Łukasz Wiśniewski"]),
        ("å", ["Åsa Lund", "Łukasz Wiśniewski"]),
        ("sa lund", ["Åsa Lund"]),
        ("李", ["李雷"]),
        ("雷", ["李雷"]),
        ("x" * 20, ["x" * 40]),
        ("x" * 40, ["x" * 40]),
        ("x" * 41, []),
        ("x" * 18 + "y", []),
        ("lundx", []),
        ("\u0301", []),
        ("%", []),
        ("' OR 1=1", []),
    ],
)
def test_any_part_of_a_name_finds_it(hospital: Hospital, search: str, found: list[str]) -> None:
    hospital.admit("Łukasz Wiśniewski", "Åsa Lund", "李雷", "x" * 40, "Bo")
    page = hospital.patients.page(search=search)
    assert (names(page), page.total, page.is_complete) == (found, len(found), True)


def test_a_name_that_was_given_up_finds_nobody(hospital: Hospital) -> None:
    [ida] = hospital.admit("Ida Moe")
    hospital.discharge(ida, 2)
    hospital.rename(ida, 3, "Ida Lund")
    assert names(hospital.patients.page(search="moe")) == []
    assert (
        names(hospital.patients.page(search="lund"))
        == names(hospital.patients.page())
        == ["Ida Lund"]
    )


def test_whoever_is_erased_is_not_found_and_does_not_count(hospital: Hospital) -> None:
    ida, _ = hospital.admit("Ida Moe", "Ida Lund")
    hospital.erase(ida)
    hospital.erase(ida)
    for page in (
        hospital.patients.page(),
        hospital.patients.page(search="ida"),
        hospital.patients.page(shelf="admitted"),
        hospital.patients.page(ward="AA"),
    ):
        assert (names(page), page.total) == (["Ida Lund"], 1)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_what_is_found_is_paged_forwards_and_backwards(hospital: Hospital, limit: int) -> None:
    everybody = [f"Ida {letter}" for letter in "ABCDE"]
    hospital.admit(*everybody, "Bo")
    pages = list(forwards(hospital.patients, limit))
    assert [name for page in pages for name in names(page)] == everybody
    assert {page.total for page in pages} == {5}
    back = [pages[-1]]
    while back[0].previous:
        wanted = back[0].previous
        back.insert(0, hospital.patients.page(search="ida", limit=limit, before=wanted))
    assert [name for page in back for name in names(page)] == everybody


def forwards(patients: PatientList, limit: int) -> Iterator[Page]:
    after = None
    for _ in count():
        page = patients.page(search="ida", limit=limit, after=after)
        yield page
        after = page.next
        if after is None:
            return


def test_a_search_that_finds_too_much_says_so(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.admit("Ada", "Ida", "Bo")
    monkeypatch.setattr(queries, "FOUND_AT_MOST", 2)
    assert not hospital.patients.page(search="a").is_complete
    assert hospital.patients.page(search="id").is_complete


def test_a_shelf_that_is_none_is_refused(hospital: Hospital) -> None:
    with pytest.raises(ValueError, match="Expected one of all, admitted, discharged, found 'x'"):
        hospital.patients.page(shelf="x")


@settings(max_examples=40, deadline=None, print_blob=True)
@given(
    some=st.lists(st.text("aáåbł z1", min_size=1, max_size=6), min_size=1, max_size=6),
    n=st.integers(0),
)
def test_a_search_finds_whom_a_look_at_every_name_finds(some: list[str], n: int) -> None:
    search = some[n % len(some)][:3]
    part = letters(search)
    wanted = [name for name in some if part and stands_in(part, letters(name))]
    with TemporaryDirectory() as folder, closing(SQLiteDatabase(Path(folder) / "file")) as database:
        create_tables(database)
        hospital = Hospital(database)
        hospital.admit(*some)
        assert sorted(names(hospital.patients.page(search=search))) == sorted(wanted)


def stands_in(part: tuple[int, ...], name: tuple[int, ...]) -> bool:
    return any(name[start : start + len(part)] == part for start in range(len(name)))
