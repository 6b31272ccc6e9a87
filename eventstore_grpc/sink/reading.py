"""What the comparison asks the store, as calls that block."""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

import grpc
from cassandra.metadata import Murmur3Token
from eventsourcing.persistence import DataError, PersistenceError

from eventstore_cassandra.append import ERASED_AT
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection
from eventstore_grpc.sink.fingerprints import canonical
from eventstore_grpc.sink.verdicts import Append, Verdict, verdict
from eventstore_grpc.statuses import Reason, error_of, reason_of

PAGE = 500
"""Events of the log that are read at once; fewer while reads fail, which large events may do."""
_END_OF_TIME = 2**63 - 1


class StoreReader:
    """Asks one store. Share it between threads.

    Each call raises the library's errors, :class:`StoreUnreachableError` among them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._page = PAGE

    def log_end(self) -> int:
        """Return the position of the last event, 0 where there is none."""
        request = pb.FindLogEndRequest()
        return self._connection.read(methods.FIND_LOG_END, request, "Cannot read the log").position

    def log_after(self, position: int) -> pb.LogPage:
        """Return the next events of the log."""
        request = pb.ReadLogRequest(start=position, after_start=True, limit=self._page)
        try:
            found = self._connection.read(methods.READ_LOG, request, "Cannot read the log")
        except PersistenceError:
            self._page = max(1, self._page // 8)
            raise
        self._page = min(PAGE, 2 * self._page)
        return found

    def judge(self, append: Append) -> Verdict:
        """Return what the store has made of an append."""
        try:
            found = verdict(append, self._events(append.place()))
        except DataError:
            return Verdict.REFUSED  # it has no such ids
        if found in (Verdict.BELOW, Verdict.ABSENT) and self._is_erased(append.id):
            return Verdict.ERASED
        if found is Verdict.ABSENT and not all(self._knows(type_) for type_ in append.types):
            return Verdict.REFUSED
        return found

    def _events(self, request: pb.FindByIDRequest) -> Iterable[pb.FindResponse.Event]:
        doing = "Cannot read an aggregate"
        try:
            yield from self._connection.call(methods.FIND_BY_ID, request).events
        except grpc.RpcError as e:
            if reason_of(e) is not Reason.HISTORY_TOO_LONG:
                raise error_of(e, doing) from e
            for part in self._connection.read_stream(methods.READ_STREAM, request, doing):
                yield from part.events

    def _is_erased(self, id_: str) -> bool:
        """Return whether an aggregate is erased, whose history is as empty as that of a new one.

        That is in its version, by which aggregates can be asked for in the order of their tokens.
        """
        known, key = id_, id_.encode()
        if self._connection.settings.has_uuids:
            with suppress(ValueError):
                known, key = canonical(id_), UUID(id_).bytes
        token = Murmur3Token.hash_fn(key)
        request = pb.FindVersionsRequest(gt=token - 1, limit=2)  # two may have one token
        found = self._connection.read(methods.FIND_VERSIONS, request, "Cannot read a version")
        return any(each.id == known and each.version == ERASED_AT for each in found.versions)

    def _knows(self, type_: int) -> bool:
        """Return whether a type is registered; if not, no event can have it."""
        request = pb.FindByTypeRequest(type=type_, since=_END_OF_TIME, batchSize=1)
        try:
            self._connection.read(methods.FIND_BY_TYPE, request, "Cannot read a type")
        except DataError:
            return False
        return True
