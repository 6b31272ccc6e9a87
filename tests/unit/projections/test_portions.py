"""Writes are cut into batches that a server takes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from projections.cassandra.columns import size_of
from projections.cassandra.keyspace import BATCH_BYTES, Statement, portions

texts = st.integers(0, 12_000).map(lambda length: "x" * length)
blobs = st.integers(0, 50_000).map(bytes)
values = st.lists(st.one_of(texts, blobs, st.integers(), st.none(), st.lists(texts)), max_size=4)
writes_of_any_size = st.lists(st.builds(lambda v: ("INSERT", v), values), max_size=30)


@given(writes=writes_of_any_size)
def test_every_write_is_in_one_portion_and_they_keep_their_order(writes: list[Statement]) -> None:
    assert [write for portion in portions(writes) for write in portion] == writes


@given(writes=writes_of_any_size)
def test_a_portion_is_as_large_as_a_batch_may_be_or_one_write(writes: list[Statement]) -> None:
    for portion in portions(writes):
        assert portion
        assert len(portion) == 1 or sum(size_of(v) for _, v in portion) <= BATCH_BYTES


@given(writes=writes_of_any_size)
def test_a_portion_ends_only_where_the_next_write_has_no_room(writes: list[Statement]) -> None:
    cut = list(portions(writes))
    for portion, following in pairwise(cut):
        together = sum(size_of(v) for _, v in portion) + size_of(following[0][1])
        assert together > BATCH_BYTES


def test_nothing_is_cut_into_nothing() -> None:
    assert list(portions([])) == []


@given(text=st.text(), blob=st.binary(), number=st.integers(-(2**63), 2**63 - 1))
def test_a_size_is_no_less_than_what_is_sent(text: str, blob: bytes, number: int) -> None:
    for value, sent in (text, text.encode()), (blob, blob), ([text], text.encode()):
        assert size_of([value]) >= 4 + len(sent)
    assert size_of([number]) >= 4 + 8
