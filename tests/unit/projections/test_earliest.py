"""Of several checkpoints the earliest has nothing before it that is not before all of them."""

import json
from uuid import UUID

from eventsourcing.popo import POPOApplicationRecorder
from hypothesis import given
from hypothesis import strategies as st

from projections.feeds.log import LogFeed
from projections.feeds.type_view import TypeViewFeed
from tests.unit.projections.type_view import InMemoryTypeView

PLACES = st.tuples(st.integers(0, 9), st.integers(0, 3), st.uuids(allow_nil=True).map(str))
CHECKPOINTS = st.dictionaries(st.sampled_from("ABC"), PLACES)


@given(positions=st.lists(st.integers(0, 2**63), min_size=1))
def test_of_a_log_it_is_the_lowest_as_a_number(positions: list[int]) -> None:
    feed = LogFeed(POPOApplicationRecorder(), [])
    assert feed.earliest([str(position) for position in positions]) == str(min(positions))


@given(checkpoints=st.lists(CHECKPOINTS, min_size=1, max_size=4))
def test_of_a_type_view_no_type_is_further_than_in_any_of_them(
    checkpoints: list[dict[str, tuple[int, int, str]]],
) -> None:
    feed = TypeViewFeed(InMemoryTypeView(), "ABC")
    places = [{"after": places, "seen": places, "turn": 7} for places in checkpoints]
    earliest = json.loads(feed.earliest(list(map(json.dumps, places))))
    found = earliest["after"]
    assert (earliest["seen"], earliest["turn"]) == ({}, 0), "windows are read from their beginning"
    for topic in "ABC":
        known = [places[topic] for places in checkpoints if topic in places]
        if len(known) < len(checkpoints):
            assert topic not in found, "one of them begins at the first"
        else:
            first = min((savetime, version, UUID(id_)) for savetime, version, id_ in known)
            assert found[topic] == [first[0], first[1], str(first[2])]
