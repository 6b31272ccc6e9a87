"""When the store is looked at, and what becomes of appends while it is away."""

import asyncio
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import create_autospec
from uuid import uuid4

import pytest

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.sink.comparison import PATIENCE, Comparison, Findings
from eventstore_grpc.sink.reading import StoreReader
from eventstore_grpc.sink.verdicts import Verdict
from eventstore_grpc.sink.watching import Watch


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_an_outage_that_is_longer_than_patience_makes_nothing_missing(
    executor: ThreadPoolExecutor,
) -> None:
    """Whoever was refused during the outage may try again when it is over."""
    store = create_autospec(StoreReader, instance=True)
    store.log_end.return_value = 0
    store.log_after.return_value = pb.LogPage()
    store.judge.side_effect = [
        StoreUnreachableError("It is away."),
        StoreUnreachableError("It is away."),
        Verdict.ABSENT,
        Verdict.HELD,
    ]

    async def watched() -> Findings:
        comparison = Comparison()
        long_ago = asyncio.get_running_loop().time() - 2 * PATIENCE
        event = pb.UpdateRequest.Event(topic="tests:Late", payload="{}")
        comparison.mirrored(pb.UpdateRequest(id=str(uuid4()), events=[event]), long_ago)
        watch = Watch(comparison, store, executor, begun=lambda _position: None)
        await watch.finish_appends(math.inf)
        return comparison.findings

    assert asyncio.run(watched()) == Findings(held=1)
