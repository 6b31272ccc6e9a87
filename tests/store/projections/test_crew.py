"""Workers share the parts of the work among them, and none is left alone for long."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from os import getpid
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.crew import LEASE, Crew, Member, Part, divide, members, shard_count
from projections.errors import ReadModelsUnavailableError
from projections.feeds.log import LogFeed
from projections.shards import Shard
from projections.sqlite import SQLiteDatabase
from tests.store.projections.comparing import Hospital
from tests.store.projections.projecting import Misbehaving
from tests.unit.projections.notes import NOTES

ROUNDS = 4
CLOCK = "projections.sqlite.records.time.time"
MODELS = [
    replace(NOTES, name="calm"),
    replace(NOTES, name="urgent", is_urgent=True),
    replace(NOTES, name="quiet"),
]
FEED = LogFeed(Hospital().log, [])
_numbers = count()


def crew(database: Any, *, host: str | None = None, pid: int | None = None) -> Crew:
    host, pid = host or gethostname(), pid or getpid()
    member = Member(f"{host}:{pid}:{next(_numbers)}", host, pid, datetime.now(UTC))
    return Crew(database.records, member, MODELS)


def weight(part: Part) -> int:
    return 2 if part.model == "urgent" else 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.just(0)),
        st.tuples(st.sampled_from(["work", "leave", "stop", "kill"]), st.integers(0, 3)),
        st.tuples(st.just("divide"), st.integers(1, 6)),
    ),
    max_size=20,
)


@settings(max_examples=40)
@given(steps=STEPS)
def test_after_anything_that_happens_each_part_has_one_worker_with_no_more_than_its_share(
    steps: list[tuple[str, int]],
) -> None:
    now = [1_000_000.0]
    with TemporaryDirectory() as folder, patch(CLOCK, lambda: now[0]):
        database = SQLiteDatabase(Path(folder) / "file")
        working = [crew(database)]
        for what, number in steps:
            now[0] += 0.5
            if what == "divide":
                divide(database.records, [], FEED, number)
            elif what == "join" or not working:
                working.append(crew(database))
            else:
                one = working[number % len(working)]
                if what == "work":
                    one.take_part()
                elif what == "leave":
                    one.leave()
                    working.remove(one)
                elif what == "stop":  # SIGSTOP beyond the lease; it goes on below
                    now[0] += LEASE + 1
                else:
                    working.remove(one)
        working = working or [crew(database)]
        now[0] += LEASE + 1
        for _ in range(ROUNDS):
            held = [one.take_part() for one in working]
            now[0] += 1
        shards = Shard.every(shard_count(database.records))
        parts = [Part(model.name, shard) for model in MODELS for shard in shards]
        assert Counter(part for some in held for part in some) == Counter(parts)
        share = sum(map(weight, parts)) / len(working)
        for some in held:
            assert not some or sum(map(weight, some)) - min(map(weight, some)) < share
        assert len(members(database.records)) == len(working)
        database.close()


def test_a_worker_that_died_here_is_followed_at_once(sqlite_database: SQLiteDatabase) -> None:
    gone = 2**22 + 1  # above what the system gives out
    dead, other = crew(sqlite_database, pid=gone), crew(sqlite_database)
    assert len(dead.take_part()) == 3
    assert len(other.take_part()) == 3


def test_a_worker_elsewhere_keeps_its_shard_until_its_lease_ends(
    sqlite_database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(CLOCK, lambda: now[0])
    elsewhere, other = crew(sqlite_database, host="elsewhere"), crew(sqlite_database)
    assert len(elsewhere.take_part()) == 3
    now[0] += LEASE - 1
    assert not other.take_part()
    now[0] += 2
    assert len(other.take_part()) == 3
    assert not elsewhere.take_part(), "it was stopped meanwhile, and notices"


def test_of_two_workers_one_has_what_is_urgent_and_the_other_has_the_rest(
    sqlite_database: SQLiteDatabase,
) -> None:
    one, other = crew(sqlite_database), crew(sqlite_database)
    one.take_part()
    other.take_part()
    assert {part.model for part in one.take_part()} == {"urgent"}
    assert {part.model for part in other.take_part()} == {"calm", "quiet"}


def test_a_lease_whose_answer_was_lost_is_taken_again_at_once(
    sqlite_database: SQLiteDatabase,
) -> None:
    lost = [True]

    def replace(original: Any, *args: Any, **kwargs: Any) -> Any:
        done = original(*args, **kwargs)
        if lost:
            lost.pop()
            raise ReadModelsUnavailableError("No answer in time.")
        return done

    one = crew(Misbehaving(sqlite_database, replace=replace))
    with pytest.raises(ReadModelsUnavailableError):
        one.take_part()
    assert len(one.take_part()) == 3


def test_a_number_of_shards_that_cannot_be_is_refused(sqlite_database: SQLiteDatabase) -> None:
    for wrong in (0, -1, 1_001):
        with pytest.raises(ValueError, match="Expected from 1 to 1,000 shards"):
            divide(sqlite_database.records, [], FEED, wrong)
    assert shard_count(sqlite_database.records) == 1
