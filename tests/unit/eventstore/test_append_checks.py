"""What is refused before anything is sent."""

from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import DataError, IntegrityError, ProgrammingError, StoredEvent

from eventstore_cassandra.append import Append

AGGREGATE = uuid4()


def event(version: int, of: UUID | str = AGGREGATE, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(of, version, "Happened", state)


def test_several_aggregates_are_refused() -> None:
    with pytest.raises(ProgrammingError, match="events of one aggregate, found 2"):
        Append.of([event(1), event(1, of=uuid4())], max_bytes=1000)


def test_two_events_of_one_version_are_a_conflict() -> None:
    with pytest.raises(IntegrityError, match=r"found versions \[2, 2\]"):
        Append.of([event(2), event(2)], max_bytes=1000)


@pytest.mark.parametrize("versions", [(1, 3), (2, 1)])
def test_versions_that_do_not_follow_on_are_refused(versions: tuple[int, int]) -> None:
    with pytest.raises(ProgrammingError, match="that follow on"):
        Append.of([event(version) for version in versions], max_bytes=1000)


@pytest.mark.parametrize("version", [-1, 2**31])
def test_versions_that_the_column_cannot_hold_are_refused(version: int) -> None:
    with pytest.raises(ProgrammingError, match="Expected versions from 0"):
        Append.of([event(version)], max_bytes=1000)


@pytest.mark.parametrize(
    ("id_type", "wrong", "message"),
    [
        (UUID, "patient-7", "as a UUID, found 'patient-7'"),
        (str, UUID(int=7), r"as a text that is not empty, found UUID\('00000000-"),
        (str, "", "as a text that is not empty, found ''"),
    ],
)
def test_an_id_that_is_not_of_the_keyspaces_type_is_refused(
    id_type: type[UUID | str], wrong: UUID | str, message: str
) -> None:
    with pytest.raises(ProgrammingError, match=message):
        Append.of([event(1, of=wrong)], id_type=id_type, max_bytes=1000)


def test_more_state_than_one_append_may_hold_is_refused() -> None:
    Append.of([event(1, state=b"x" * 500), event(2, state=b"x" * 500)], max_bytes=1000)
    with pytest.raises(DataError, match="at most 1000 bytes of state in one append, found 1001"):
        Append.of([event(1, state=b"x" * 500), event(2, state=b"x" * 501)], max_bytes=1000)


def test_every_append_has_a_name_of_its_own() -> None:
    first, second = (Append.of([event(1)], max_bytes=1000) for _ in range(2))
    assert first.append_id != second.append_id
