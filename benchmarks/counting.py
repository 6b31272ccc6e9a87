"""Counting the requests that this process makes to Cassandra."""

from collections.abc import Callable
from itertools import count

from eventstore_cassandra import CassandraApplicationRecorder
from patientmgmt.runtime import Runtime


def requests_of(runtime: Runtime) -> Callable[[], int]:
    """Return what tells how many requests were made since.

    :raises TypeError: when the events are not in Cassandra.
    """
    recorder = runtime.application.recorder
    if not isinstance(recorder, CassandraApplicationRecorder):
        raise TypeError(f"Expected a recorder on Cassandra, found {type(recorder).__name__}.")
    numbers, made = count(1), [0]

    def note(_: object) -> None:
        made[0] = next(numbers)

    recorder.datastore.session.add_request_init_listener(note)
    return lambda: made[0]
