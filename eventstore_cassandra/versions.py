"""Which aggregates there are and at which version each is, in the order of their tokens."""

from collections.abc import Sequence

from eventstore_cassandra.append import AggregateId
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import library_errors
from eventstore_cassandra.profiles import PLAIN_READ

_LOWEST = -(2**63)
_SELECT = (
    "SELECT DISTINCT token(id) AS place, id, current_version FROM {keyspace}.events"
    " WHERE token(id) > ? LIMIT ?"
)


class Versions:
    """The static columns of the aggregates' partitions, read by token."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        self._datastore = datastore
        self._select = datastore.prepare(_SELECT)

    def select(self, *, gt: int | None, limit: int) -> Sequence[tuple[int, AggregateId, int]]:
        """Return token, id and version of aggregates whose token is above ``gt``.

        An aggregate without events has version 0. Two of one token are returned together or, at the
        end of a page, the second not at all: a chance of one in 10¹³ for a million aggregates.

        :raises OperationalError: when the store cannot be reached.
        """
        bound = self._select.bind([_LOWEST if gt is None else gt, limit])
        with library_errors("Cannot read the versions of the aggregates"):
            rows = list(self._datastore.execute(bound, PLAIN_READ))
        return [(row[0], row[1], row[2] or 0) for row in rows]
