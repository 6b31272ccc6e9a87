"""The patient list's queries on both databases."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from patientmgmt.queries import queries_of
from projections.database import Database
from projections.erasing import erase_aggregate
from projections.feeds.log import LogFeed
from read_models.patient_events import TOPICS
from read_models.patient_list import MODEL, Page, PatientList
from read_models.sorting import sort_key
from tests.store.projections.projecting import projection
from tests.store.projections.rows import told
from tests.unit.projections.events import admitted, decode, discharged, history

NAMES = ["Ada", "ada", "Åsa", "Bo", "Bo", "Bo", "Chiara", "Łukasz", "Lund", "Zoe", "王", "7", "😀"]

MOST_PAGES = 50
"""More than any list here has: pages that lead round and round end the test."""


def list_of(database: Database, names: Sequence[str]) -> PatientList:
    """Return the list with patients of these names."""
    recorder = POPOApplicationRecorder()
    for name in names:
        recorder.insert_events([admitted(uuid4(), name=name)])
    projection(database, LogFeed(recorder, TOPICS)).catch_up()
    return queries_of(database).patients


def in_order(names: Sequence[str]) -> list[str]:
    return sorted(names, key=sort_key)


def names_of(*pages: Page) -> list[str]:
    return [row.name for page in pages for row in page.patients]


def forwards(patients: PatientList, limit: int) -> list[Page]:
    pages = [patients.page(limit=limit)]
    while (after := pages[-1].next) is not None:
        pages.append(patients.page(limit=limit, after=after))
        assert len(pages) <= MOST_PAGES
    return pages


def backwards(patients: PatientList, limit: int, last: Page) -> list[Page]:
    pages = [last]
    while (before := pages[0].previous) is not None:
        pages.insert(0, patients.page(limit=limit, before=before))
        assert len(pages) <= MOST_PAGES
    return pages


def test_nothing_is_shown_at_the_beginning(database: Database) -> None:
    patients = queries_of(database).patients
    assert patients.page() == Page([], None, None)
    assert patients.patient(uuid4()) is None


def test_the_list_is_sorted_by_name_as_people_expect_it(database: Database) -> None:
    patients = list_of(database, ["chiara", "Zoe", "Ada", "Émile", "bo", "ADAM", "Åsa", "Łukasz"])
    assert names_of(patients.page()) == [
        "Ada",
        "ADAM",
        "Åsa",
        "bo",
        "chiara",
        "Émile",
        "Łukasz",
        "Zoe",
    ]


@pytest.mark.parametrize("limit", range(1, len(NAMES) + 2))
def test_pages_forwards_and_backwards_show_every_patient_once_and_in_order(
    database: Database, limit: int
) -> None:
    patients = list_of(database, NAMES)
    pages = forwards(patients, limit)
    listed = [row for page in pages for row in page.patients]
    assert len({row.patient_id for row in listed}) == len(listed) == len(NAMES)
    keys = [(row.name_key, row.patient_id.bytes) for row in listed]
    assert keys == sorted(keys)
    assert [len(page.patients) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[0].previous is None
    back = backwards(patients, limit, pages[-1])
    assert [row for page in back for row in page.patients] == listed
    assert [page.patients for page in back] == [page.patients for page in pages]


def test_a_page_leads_to_the_pages_beside_it_and_back(database: Database) -> None:
    patients = list_of(database, NAMES)
    first = patients.page(limit=4)
    second = patients.page(limit=4, after=first.next)
    again = patients.page(limit=4, before=second.previous)
    assert again.patients == first.patients
    assert (again.next, again.previous) == (first.next, None)
    assert patients.page(limit=4, after=again.next) == second


def test_many_letters_are_listed(database: Database) -> None:
    """More than are read at once."""
    names = [chr(letter) * 2 for letter in range(ord("a"), ord("z") + 1)]
    patients = list_of(database, names)
    assert names_of(patients.page(limit=100)) == names
    assert names_of(patients.page(limit=25)) == names[:25]
    assert names_of(*forwards(patients, 7)) == names


@pytest.mark.parametrize("limit", [2**31 - 2, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**70])
def test_a_page_may_be_as_large_as_one_likes(database: Database, limit: int) -> None:
    patients = list_of(database, NAMES)
    first = patients.page(limit=1)
    rest = patients.page(limit=limit, after=first.next)
    assert names_of(first, rest) == names_of(patients.page(limit=limit))
    assert len(rest.patients) == len(NAMES) - 1
    before = patients.page(limit=limit, before=str(rest.patients[-1].patient_id))
    assert names_of(before) == names_of(first, rest)[:-1]


@pytest.mark.parametrize("place", ["", "x", str(UUID(int=7)), "1' OR '1'='1", "\ud800"])
def test_a_page_beside_somebody_whom_no_page_showed_is_refused(
    database: Database, place: str
) -> None:
    patients = list_of(database, ["Ida"])
    for after, before in ((place, None), (None, place)):
        with pytest.raises(ValueError, match=r"expected a value that another page gave\. Begin"):
            patients.page(after=after, before=before)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_without_rows_is_refused(database: Database, limit: int) -> None:
    with pytest.raises(ValueError, match=f"at least one patient; found a limit of {limit}"):
        queries_of(database).patients.page(limit=limit)


def test_a_patient_is_told_whether_discharged_or_not(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = history(patient_id, 4)
    recorder.insert_events(events)
    projection(database, LogFeed(recorder, TOPICS)).catch_up()
    patients = queries_of(database).patients
    assert patients.patient(patient_id) == told(events).patient
    assert list(patients.page().patients) == told(events).listed


def test_a_patient_under_a_new_name_is_listed_once(database: Database) -> None:
    recorder, patient_id = POPOApplicationRecorder(), uuid4()
    events = [admitted(patient_id, name="Ida"), discharged(patient_id, 2)]
    events.append(admitted(patient_id, 3, name="Zoe"))
    recorder.insert_events(events)
    projection(database, LogFeed(recorder, TOPICS)).catch_up()
    assert list(queries_of(database).patients.page().patients) == told(events).listed


def test_the_page_after_an_erased_patient_is_refused_and_others_are_shown(
    database: Database,
) -> None:
    patients = list_of(database, ["Ada", "Bo", "Chiara"])
    first = patients.page(limit=2)
    erased = first.patients[1]
    event = admitted(erased.patient_id, name="Bo")
    erase_aggregate(database, [MODEL], erased.patient_id, [event], decode)
    assert patients.patient(erased.patient_id) is None
    with pytest.raises(ValueError, match="Begin again at the first page"):
        patients.page(after=first.next)
    assert names_of(*forwards(patients, 1)) == ["Ada", "Chiara"]


def test_a_letter_under_which_nobody_stands_any_more_does_no_harm(database: Database) -> None:
    patients = list_of(database, [*(chr(n) for n in range(ord("a"), ord("s"))), "zoe"])
    for row in patients.page(limit=100).patients[1:-1]:
        event = admitted(row.patient_id, name=row.name)
        erase_aggregate(database, [MODEL], row.patient_id, [event], decode)
    assert names_of(*forwards(patients, 1)) == ["a", "zoe"]
    last = patients.page(limit=1, after=patients.page(limit=1).next)
    assert names_of(*backwards(patients, 1, last)) == ["a", "zoe"]


def test_the_order_is_that_of_the_keys(database: Database) -> None:
    assert names_of(list_of(database, NAMES).page(limit=100)) == in_order(
        names_of(queries_of(database).patients.page(limit=100))
    )
