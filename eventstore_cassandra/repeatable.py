"""Writes that may be made again: a second one finds done what the first one did."""

from typing import Any

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error
from eventstore_cassandra.profiles import APPEND


def write_repeatedly(datastore: CassandraDatastore, statement: Any, doing: str) -> dict[str, Any]:
    """Send a write until it is answered, and return the answer to a conditional one.

    After a lost answer the condition may not hold any more, because of the write itself.

    :raises PersistenceError: when it is refused, or stays unanswered at each of the attempts.
    """
    unanswered = 0
    while True:
        try:
            row: dict[str, Any] = datastore.execute(statement, APPEND).one()
        except DRIVER_ERRORS as e:
            unanswered += 1
            if is_certain(e) or unanswered == datastore.settings.append_attempts:
                raise library_error(e, doing) from e
        else:
            return row
