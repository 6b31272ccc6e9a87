from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from projections.shards import ALL, Shard


@given(aggregate_id=st.uuids(allow_nil=True), count=st.integers(1, 64))
def test_each_aggregate_is_in_exactly_one_shard(aggregate_id: UUID, count: int) -> None:
    assert sum(Shard(number, count).has(aggregate_id) for number in range(count)) == 1


@given(aggregate_id=st.uuids(allow_nil=True))
def test_all_of_them_are_in_the_one_shard(aggregate_id: UUID) -> None:
    assert ALL.has(aggregate_id)


def test_shards_are_about_equal() -> None:
    ids = [UUID(int=number * 2**70 + number) for number in range(4_000)]
    sizes = [sum(Shard(number, 4).has(id_) for id_ in ids) for number in range(4)]
    assert min(sizes) > 800


def test_every_shard_of_a_number_is_named_once() -> None:
    assert Shard.every(3) == [Shard(0, 3), Shard(1, 3), Shard(2, 3)]
    assert Shard.every(1) == [ALL]


def test_a_shard_is_recorded_under_its_number_and_count() -> None:
    assert (str(ALL), str(Shard(2, 3))) == ("0/1", "2/3")


def test_an_aggregate_is_in_the_same_shard_in_every_process_and_release() -> None:
    places = [next(n for n in range(8) if Shard(n, 8).has(UUID(int=i))) for i in range(8)]
    assert places == [5, 3, 1, 7, 4, 2, 0, 6]
