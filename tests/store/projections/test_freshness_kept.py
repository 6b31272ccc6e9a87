"""How current a read model is stays known while the work is divided anew, or a rebuild switches."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest

from patientmgmt.currency import Currencies, Standing
from projections.crew import divide
from projections.database import Database
from projections.feeds.log import LogFeed
from projections.freshness import current_as_of, tell
from projections.generations import Generations
from projections.rebuilding import rebuild
from projections.shards import Shard
from projections.sqlite import SQLiteDatabase
from projections.stamps import leave_stamp, stamp
from read_models import ward_board
from read_models.patient_events import TOPICS
from tests.store.projections.comparing import Hospital
from tests.unit.projections.events import admitted, decode

BOARD = ward_board.MODEL
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_new_shards_are_as_current_as_the_old_ones_together(database: Database) -> None:
    feed, live = LogFeed(Hospital().log, TOPICS), Generations(database).live(BOARD)
    records = database.records
    for minutes, shards in enumerate([1, 2, 4, 2, 3]):
        divide(records, [live], feed, shards)
        expected = NOON + timedelta(minutes=minutes - 1) if minutes else None
        assert current_as_of(records, live, shards) == expected, "also where it was divided before"
        for later, shard in enumerate(Shard.every(shards)):
            tell(records, live, shard, NOON + timedelta(minutes=minutes, seconds=later))


def test_shards_of_which_one_was_never_read_to_its_end_promise_nothing(
    sqlite_database: SQLiteDatabase,
) -> None:
    feed, live = LogFeed(Hospital().log, TOPICS), Generations(sqlite_database).live(BOARD)
    records = sqlite_database.records
    divide(records, [live], feed, 2)
    tell(records, live, Shard(0, 2), NOON)
    divide(records, [live], feed, 1)
    assert current_as_of(records, live, 1) is None


@pytest.mark.parametrize("shards", [1, 3])
def test_a_rebuild_switches_to_tables_that_are_known_to_be_current(
    database: Database, shards: int
) -> None:
    hospital = Hospital()
    hospital.append(admitted(uuid4()))
    feed, generations = LogFeed(hospital.log, TOPICS), Generations(database)
    divide(database.records, [generations.live(BOARD)], feed, shards)
    began = datetime.now(UTC)
    seconds = count(0.0)
    work = rebuild(
        database,
        BOARD,
        feed,
        decode,
        truth=hospital.truth,
        clock=lambda: next(seconds),
        pause=lambda _: None,
    )
    assert list(work)
    assert generations.live(BOARD).number == 2
    now = datetime.now(UTC)
    currency = Currencies(database, [BOARD], now=lambda: now).of(BOARD.name)
    assert currency.as_of is not None
    assert began <= currency.as_of <= now
    assert currency.standing is Standing.CURRENT


def test_a_stamp_of_one_host_hides_none_of_another_whose_clock_is_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Generations(database).live(BOARD)
    found = {stamp(database.records, live)}
    for host in ("one", "another", "one"):
        monkeypatch.setattr("projections.stamps.socket.gethostname", lambda host=host: host)
        leave_stamp(database.records, live)
        found.add(stamp(database.records, live))
    assert len(found) == 4
    assert set(database.records.load_all(f"stamp/{live}")) == {"0/1 one", "0/1 another"}
