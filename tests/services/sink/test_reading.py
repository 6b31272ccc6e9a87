"""How a sink asks the store."""

from typing import Any
from unittest.mock import create_autospec

import pytest

from eventstore_cassandra.errors import StoreUnreachableError
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.sink.reading import PAGE, StoreReader


def test_of_a_log_that_cannot_be_read_in_time_less_is_read_at_once() -> None:
    """Of events of 5 MB it takes a store too long to read many, and it would never end."""
    asked: list[int] = []

    def read(_method: object, request: pb.ReadLogRequest, _doing: str) -> Any:
        asked.append(request.limit)
        if request.limit > 3:
            raise StoreUnreachableError("It was too late.")
        return pb.LogPage(more=True)

    connection = create_autospec(Connection, instance=True)
    connection.read.side_effect = read
    reader = StoreReader(connection)
    for _ in range(3):
        with pytest.raises(StoreUnreachableError):
            reader.log_after(7)
    assert reader.log_after(7).more
    assert asked == [PAGE, PAGE // 8, PAGE // 8 // 8, 1]
    connection.read.side_effect = lambda _method, request, _doing: asked.append(request.limit)
    for _ in range(20):
        reader.log_after(7)
    assert asked[-1] == PAGE
