"""What the records of every database promise."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from projections.cassandra import CassandraDatabase
from projections.database import Database, Records
from tests.store.projections.waiting import wait_until


@pytest.fixture
def records(database: Database) -> Records:
    """Records of which the kinds in this file are empty."""
    return database.records


def test_nothing_is_kept_at_the_beginning(records: Records) -> None:
    assert records.load("kind", "name") is None
    assert records.load_all("kind") == {}


def test_the_text_saved_last_is_kept(records: Records) -> None:
    for text in ("1", "", '{"PatientAdmitted": [2, 1, "x"]}', "\N{HOSPITAL}\x00" * 1_000):
        records.save("kind", "name", text)
        assert records.load("kind", "name") == text


def test_texts_are_kept_by_kind_and_name(records: Records) -> None:
    for kind in ("one", "other"):
        for name in ("a", "b/c 0/1", "\N{HOSPITAL}"):
            records.save(kind, name, kind + name)
    assert records.load_all("one") == {
        "a": "onea",
        "b/c 0/1": "oneb/c 0/1",
        "\N{HOSPITAL}": "one\N{HOSPITAL}",
    }
    assert records.load("other", "a") == "othera"


def test_a_text_is_forgotten_and_others_are_not(records: Records) -> None:
    records.save("kind", "a", "1")
    records.save("kind", "b", "2")
    for _ in range(2):
        records.delete("kind", "a")
        assert records.load("kind", "a") is None
        assert records.load_all("kind") == {"b": "2"}


def test_a_text_that_was_forgotten_may_be_saved_again(records: Records) -> None:
    for text in ("1", "2"):
        records.save("kind", "a", text)
        assert records.load("kind", "a") == text
        records.delete("kind", "a")


def test_a_text_is_replaced_only_if_it_is_the_expected_one(records: Records) -> None:
    assert not records.replace("kind", "a", "0", "1")
    assert records.load("kind", "a") is None
    assert records.replace("kind", "a", None, "1")
    assert not records.replace("kind", "a", None, "2")
    assert not records.replace("kind", "a", "0", "2")
    assert records.load("kind", "a") == "1"
    assert records.replace("kind", "a", "1", "2")
    assert records.replace("kind", "a", "2", "2")
    assert records.load_all("kind") == {"a": "2"}


def test_an_empty_text_is_not_the_same_as_none(records: Records) -> None:
    assert not records.replace("kind", "a", "", "1")
    assert records.replace("kind", "a", None, "")
    assert not records.replace("kind", "a", None, "1")
    assert records.replace("kind", "a", "", "1")


def test_of_several_that_replace_a_text_at_once_one_succeeds(records: Records) -> None:
    for old, turn in (None, "1"), ("winner", "2"):
        barrier = Barrier(6)

        def replace(number: int, old: str | None = old, barrier: Barrier = barrier) -> bool:
            barrier.wait()
            return records.replace("kind", "a", old, f"{number}")

        with ThreadPoolExecutor(6) as threads:
            won = list(threads.map(replace, range(6)))
        assert won.count(True) == 1, turn
        assert records.load("kind", "a") == str(won.index(True))
        assert records.replace("kind", "a", str(won.index(True)), "winner")


def test_a_text_forgets_itself_after_the_given_seconds(records: Records) -> None:
    assert records.replace("kind", "a", None, "mine", seconds=2)
    assert records.load("kind", "a") == "mine"
    assert not records.replace("kind", "a", None, "yours", seconds=2)
    wait_until(lambda: records.load("kind", "a") is None)
    assert records.load_all("kind") == {}
    assert records.replace("kind", "a", None, "yours")


def test_a_text_that_is_replaced_in_time_does_not_forget_itself(records: Records) -> None:
    assert records.replace("kind", "a", None, "1", seconds=1)
    assert records.replace("kind", "a", "1", "2")
    assert records.replace("kind", "b", None, "1", seconds=1)
    wait_until(lambda: records.load("kind", "b") is None)
    assert records.load("kind", "a") == "2"


def test_making_the_table_of_records_again_changes_nothing(
    cassandra_database: CassandraDatabase,
) -> None:
    cassandra_database.records.save("kind", "a", "1")
    cassandra_database.create_records()
    assert cassandra_database.records.load("kind", "a") == "1"
