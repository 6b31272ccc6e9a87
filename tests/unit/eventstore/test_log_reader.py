"""What a reader of the log returns, for any way in which appends lie in rows and buckets."""

from collections.abc import Sequence
from itertools import count
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore_cassandra.append import Append
from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.page_size import FIRST, MAX_BYTES
from eventstore_cassandra.notification_log.reader import MAX_READS, PAGE, LogReader
from eventstore_cassandra.notification_log.reserve_steps import Place, after

TOPICS = ("Admitted", "Transferred")
BUCKET_SIZE = 6

# Rows of appends, each of which is its number of events and whether it was committed.
rows_of_appends = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=2), max_size=8
)


class TableInMemory:
    """A log of the given appends, all of them marked."""

    buckets = Buckets(BUCKET_SIZE)

    def __init__(self, rows: list[list[tuple[int, bool]]]) -> None:
        self.in_bucket: dict[int, list[list[Intent]]] = {}
        self.place = Place(0, None, 1)
        for row in rows:
            self.append(row)

    def append(self, row: list[tuple[int, bool]]) -> None:
        first = self.place.first
        intents = []
        for size, committed in row:
            events = [(TOPICS[n % 2], b"") for n in range(first, first + size)]
            mark = Outcome.COMMITTED if committed else Outcome.ABORTED
            intents.append(Intent(first, uuid4(), UUID(int=first), 1, events, mark))
            first += size
        self.in_bucket.setdefault(self.place.bucket, []).append(intents)
        self.place = after(self.place, first - 1, self.buckets)

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        rows = self.in_bucket.get(bucket, [])
        return [row for row in rows if row[-1].last >= start][:limit]

    def head(self, bucket: int) -> int | None:
        rows = self.in_bucket.get(bucket)
        return rows[-1][-1].last if rows else None

    def end(self, known: Place) -> Place:
        return self.place

    def events(self) -> list[tuple[int, str]]:
        """Return positions and topics of what was committed."""
        positions = count(1)
        return [
            (position, topic)
            for rows in self.in_bucket.values()
            for row in rows
            for intent in row
            for (topic, _), position in zip(intent.events, positions, strict=False)
            if intent.mark is Outcome.COMMITTED
        ]


def no_look(_intents: object, *, serial: bool) -> list[Look]:
    raise AssertionError("a reader looked up what is marked")


def reader(table: TableInMemory) -> LogReader:
    return LogReader(table, Outcomes(), no_look, no_look, grace=0.0)  # type: ignore[arg-type]


@given(
    rows_of_appends,
    st.integers(0, 40),
    st.integers(1, 20),
    st.none() | st.integers(0, 40),
    st.lists(st.sampled_from(TOPICS), unique=True),
)
def test_a_scan_returns_just_what_is_asked_for(
    rows: list[list[tuple[int, bool]]],
    after_position: int,
    limit: int,
    stop: int | None,
    topics: list[str],
) -> None:
    table = TableInMemory(rows)
    wanted = [
        position
        for position, topic in table.events()
        if position > after_position
        and (stop is None or position <= stop)
        and (not topics or topic in topics)
    ]
    scan = reader(table).scan(after_position, limit=limit, stop=stop, topics=topics)
    assert [notification.id for notification in scan.notifications] == wanted[:limit]
    left = [position for position in wanted if position > scan.up_to]
    assert left == wanted[limit:], "nothing up to where the scan came was left out"


@given(rows_of_appends)
def test_the_last_position_is_that_of_the_last_event(rows: list[list[tuple[int, bool]]]) -> None:
    table = TableInMemory(rows)
    events = table.events()
    assert reader(table).last() == (events[-1][0] if events else None)


@pytest.mark.parametrize("bucket_size", [1, 7, 10_000])
@pytest.mark.parametrize("empty", [98, 99, 100, 101, 200, 350])
def test_the_last_event_is_found_before_any_number_of_empty_positions(
    bucket_size: int, empty: int
) -> None:
    class Sized(TableInMemory):
        buckets = Buckets(bucket_size)

    table = Sized([[(1, True)], [(1, True)], *[[(1, False)]] * empty])
    assert reader(table).last() == 2


class LaggingTable(TableInMemory):
    """Its replicas have the last head already, and the last row only at serial consistency."""

    buckets = Buckets(100)

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        rows = super().rows(bucket, start, limit)
        return rows if serial else [row for row in rows if row[-1].last < self.place.first - 1]


def test_the_last_position_is_that_of_a_row_that_has_not_spread() -> None:
    assert reader(LaggingTable([[(1, True)]] * 50)).last() == 50


class BusyTable(TableInMemory):
    """A log whose writers have appended once more whenever it is read."""

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        found = super().rows(bucket, start, limit, serial=serial)
        self.append([(1, True)])
        return found


def test_a_scan_does_not_run_after_writers_that_go_on_writing() -> None:
    busy = BusyTable([[(1, True)]])
    scan = reader(busy).scan(0, limit=500)
    assert [notification.id for notification in scan.notifications] == [1]


def test_what_was_read_behind_an_append_of_many_pages_is_not_left_out() -> None:
    class LargeBuckets(TableInMemory):
        buckets = Buckets(10_000)

    for is_committed in (True, False):
        log = reader(LargeBuckets([[(2 * PAGE + 1, is_committed)], [(1, True)]]))
        for topics in ((), TOPICS):
            scan = log.scan(0, limit=3 * PAGE, topics=topics)
            assert scan.up_to == 2 * PAGE + 2
            assert len(scan.notifications) == (2 * PAGE + 2 if is_committed else 1)


class FailingTable(TableInMemory):
    """A log that cannot be read from some bucket on."""

    fails_from = 0

    def rows(
        self, bucket: int, start: int, limit: int, *, serial: bool = False
    ) -> list[list[Intent]]:
        if bucket >= self.fails_from:
            raise StoreUnreachableError("no answer")
        return super().rows(bucket, start, limit, serial=serial)


def test_what_was_found_before_a_page_failed_is_returned() -> None:
    many = [[(1, True)]] * (BUCKET_SIZE * (MAX_READS + 2))
    table = FailingTable(many)
    table.fails_from = MAX_READS + 1
    scan = reader(table).scan(0, limit=10 * len(many), topics=TOPICS)
    assert scan.notifications
    assert scan.notifications[-1].id == scan.up_to
    table.fails_from = 0
    with pytest.raises(StoreUnreachableError):
        reader(table).scan(0, limit=10)


def test_a_page_ends_after_some_reads_however_small_the_buckets_are() -> None:
    reads = 0

    class CountingTable(TableInMemory):
        buckets = Buckets(1)

        def rows(
            self, bucket: int, start: int, limit: int, *, serial: bool = False
        ) -> list[list[Intent]]:
            nonlocal reads
            reads += 1
            return super().rows(bucket, start, limit, serial=serial)

    log = reader(CountingTable([[(1, True)]] * 500))
    page = log.page(0, limit=500, topics=["Rare"])
    assert reads <= MAX_READS
    assert 0 < page.up_to < 500
    assert not page.is_at_end


def test_rows_that_are_large_are_read_in_small_numbers_and_a_read_that_fails_is_made_smaller() -> (
    None
):
    limits: list[int] = []

    class LargeRows(TableInMemory):
        buckets = Buckets(1000)
        answers = True

        def rows(
            self, bucket: int, start: int, limit: int, *, serial: bool = False
        ) -> list[list[Intent]]:
            limits.append(limit)
            if not self.answers:
                raise StoreUnreachableError("no answer")
            rows = super().rows(bucket, start, limit, serial=serial)
            return [[i._replace(events=[(TOPICS[0], bytes(2**20))]) for i in row] for row in rows]

    table = LargeRows([[(1, True)]] * 100)
    log = reader(table)
    assert len(log.scan(0, limit=100).notifications) == 100
    assert max(limits) <= FIRST
    assert set(limits[1:-1]) == {MAX_BYTES // 2**20}
    table.answers = False
    for _ in range(2):
        with pytest.raises(StoreUnreachableError):
            log.scan(0, limit=100)
    assert limits[-1] == 1


def test_what_is_decided_before_an_intent_that_cannot_be_is_returned() -> None:
    """Its partition has no quorum, or somebody has to be given a right first."""
    table = TableInMemory([[(1, True), (2, True)], [(1, True)], [(1, True)]])
    unmarked = [[intent._replace(mark=None) for intent in row] for row in table.in_bucket.pop(0)]
    table.in_bucket[0] = unmarked
    (first, second), (stuck,), (behind,) = unmarked
    is_away = True

    def look(intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        return [Look(None if each is stuck else each.append_id, None) for each in intents]

    def decide(append: Append) -> None:
        if is_away:
            raise StoreUnreachableError("no answer")

    log = LogReader(table, Outcomes(), look, decide, grace=0.0)
    for topics in ((), TOPICS):
        scan = log.scan(0, limit=10, topics=topics)
        assert [notification.id for notification in scan.notifications] == [1, 2, 3]
        assert scan.up_to == second.last
    for ask in (lambda: log.scan(second.last, limit=10), log.last):
        with pytest.raises(StoreUnreachableError):
            ask()
    is_away = False
    scan = log.scan(second.last, limit=10)
    assert [notification.id for notification in scan.notifications] == [stuck.last, behind.last]
    assert log.last() == behind.last
    assert first.first == 1
