"""What an application may expect of any store; run on every back end."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent


def events(aggregate: UUID, *versions: int, state: bytes = b"{}") -> list[StoredEvent]:
    return [StoredEvent(aggregate, version, "Happened", state) for version in versions]


def versions(recorder: AggregateRecorder, aggregate: UUID, **select: int | bool) -> list[int]:
    found = recorder.select_events(aggregate, **select)  # type: ignore[arg-type]
    return [event.originator_version for event in found]


def test_events_are_read_back_as_they_were_written(recorder: AggregateRecorder) -> None:
    aggregate = uuid4()
    written = [
        StoredEvent(aggregate, 1, "Admitted", '{"name":"Zoë \N{SNOWMAN}"}'.encode()),
        StoredEvent(aggregate, 2, "Audited", b"\xff\x00 not text"),
        StoredEvent(aggregate, 3, "Admitted", b""),
    ]
    recorder.insert_events(written)
    assert list(recorder.select_events(aggregate)) == written


def test_a_stream_that_does_not_exist_is_empty(recorder: AggregateRecorder) -> None:
    assert versions(recorder, uuid4()) == []


def test_an_empty_append_is_accepted(recorder: AggregateRecorder) -> None:
    assert not recorder.insert_events([])


def test_a_stream_can_be_read_in_parts_and_backwards(recorder: AggregateRecorder) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2, 3, 4, 5))
    assert versions(recorder, aggregate, gt=2) == [3, 4, 5]
    assert versions(recorder, aggregate, lte=2) == [1, 2]
    assert versions(recorder, aggregate, gt=1, lte=4, desc=True) == [4, 3, 2]
    assert versions(recorder, aggregate, limit=2) == [1, 2]
    assert versions(recorder, aggregate, desc=True, limit=1) == [5]
    assert versions(recorder, aggregate, gt=5) == []


def test_a_version_that_is_taken_is_a_conflict(recorder: AggregateRecorder) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2))
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(aggregate, 2, state=b'"other"'))
    assert list(recorder.select_events(aggregate)) == events(aggregate, 1, 2)


def test_a_conflict_writes_none_of_its_events(recorder: AggregateRecorder) -> None:
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, 1, 2))
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(aggregate, 2, 3, 4))
    assert versions(recorder, aggregate) == [1, 2]


def test_streams_do_not_touch_each_other(recorder: AggregateRecorder) -> None:
    first, second = uuid4(), uuid4()
    recorder.insert_events(events(first, 1, 2))
    recorder.insert_events(events(second, 1))
    assert versions(recorder, first) == [1, 2]
    assert versions(recorder, second) == [1]


def test_a_long_stream_is_read_whole(recorder: AggregateRecorder) -> None:
    aggregate = uuid4()
    for first in range(1, 2501, 500):
        recorder.insert_events(events(aggregate, *range(first, first + 500)))
    assert versions(recorder, aggregate) == list(range(1, 2501))
    assert versions(recorder, aggregate, desc=True, limit=1500) == list(range(2500, 1000, -1))


def test_of_writers_at_one_version_one_wins_and_nothing_is_lost(
    recorder: AggregateRecorder,
) -> None:
    aggregate = uuid4()
    writers, rounds = 8, 10

    def write(writer: int, version: int) -> bool:
        try:
            recorder.insert_events(events(aggregate, version, state=str(writer).encode()))
        except IntegrityError:
            return False
        return True

    winners = []
    with ThreadPoolExecutor(writers) as pool:
        for version in range(1, rounds + 1):
            won = list(pool.map(write, range(writers), [version] * writers))
            assert won.count(True) == 1
            winners.append(str(won.index(True)).encode())
    assert [event.state for event in recorder.select_events(aggregate)] == winners
