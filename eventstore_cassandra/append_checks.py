"""What is refused before anything is sent: whatever the driver, the log or the server would refuse.

An append that the log has accepted must be one that the aggregate can accept, since every reader
has to decide it. Both take it in one request each. The aggregate's is the larger one: it has a
statement for each event, with the aggregate's id in it, and a row of the type view is smaller than
that. So this one bounds all three.
"""

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import DataError, IntegrityError, ProgrammingError, StoredEvent

from eventstore_cassandra.keys import check_key
from eventstore_cassandra.whole_numbers import check_whole

MAX_EVENTS = 65_534
"""Events in one append: the protocol counts a batch's statements in 16 bits, and one is the lock's.
"""
EVENT_BYTES = 100
"""What a statement takes beside the id and the state: its own name, lengths, and small columns."""
_MAX_VERSION = 2**31 - 2
"""The column holds one more; but no event could follow that one."""
_ID_NAMES = {UUID: "UUID", str: "text that is not empty"}


def check_append(
    events: Sequence[StoredEvent], *, max_bytes: int, id_type: type[UUID] | type[str]
) -> None:
    """Let pass at least one event of one aggregate, with versions that follow on.

    :param max_bytes: how large the request may be that writes the events.
    :raises ProgrammingError: for several aggregates, ids of another type, versions that do not
        follow on or cannot be stored.
    :raises IntegrityError: for two events of one version.
    :raises DataError: for a topic or a state of another type or form, too many events, or too much
        in one append.
    """
    _check_aggregate([event.originator_id for event in events], id_type)
    aggregate_id = events[0].originator_id
    _check_versions(aggregate_id, [event.originator_version for event in events])
    for event in events:
        _check_event(event)
    if len(events) > MAX_EVENTS:
        raise DataError(
            f"Expected at most {MAX_EVENTS} events in one append, found {len(events)} of "
            f"{aggregate_id}. Append fewer at a time. Nothing was written."
        )
    size = request_bytes(events)
    if size > max_bytes:
        raise DataError(
            f"Expected at most {max_bytes} bytes in one append, found {size} in {len(events)} "
            f"events of {aggregate_id}, with {len(events)} times its id and {EVENT_BYTES} bytes "
            "for each. Append fewer or smaller events at a time; CASSANDRA_MAX_APPEND_BYTES may go "
            "up with the server's own limit. Nothing was written."
        )


def request_bytes(events: Sequence[StoredEvent]) -> int:
    """Return how large the request becomes that writes these events of one aggregate."""
    aggregate_id = events[0].originator_id
    id_bytes = len(aggregate_id.encode()) if isinstance(aggregate_id, str) else 16
    return sum(len(event.state) + id_bytes + EVENT_BYTES for event in events)


def _check_aggregate(ids: Sequence[UUID | str], id_type: type[UUID] | type[str]) -> None:
    aggregate_id = ids[0]
    if not isinstance(aggregate_id, id_type) or not aggregate_id:
        raise ProgrammingError(
            f"Expected the aggregate's id as a {_ID_NAMES[id_type]}, found {aggregate_id!r}. "
            "ORIGINATOR_ID_TYPE says it when a keyspace is created. Nothing was written."
        )
    others = sorted({str(other) for other in ids if other != aggregate_id})
    if others:
        raise ProgrammingError(
            f"Expected events of one aggregate, found {len(others) + 1}: {aggregate_id} and "
            f"{', '.join(others[:3])}. Cassandra decides each partition on "
            "its own, so that several aggregates cannot be saved in one step: save one at a "
            "time. Nothing was written."
        )
    if isinstance(aggregate_id, str):
        check_key("the aggregate's id", aggregate_id)


def _check_versions(aggregate_id: UUID | str, versions: Sequence[int]) -> None:
    check_whole(f"each version of {aggregate_id}", *versions)
    if len(set(versions)) < len(versions):
        raise IntegrityError(
            f"Expected one event for each version of {aggregate_id}, found versions "
            f"{_some(versions)}. Nothing was written."
        )
    if list(versions) != list(range(versions[0], versions[0] + len(versions))):
        raise ProgrammingError(
            f"Expected versions of {aggregate_id} that follow on, found {_some(versions)}. "
            "Nothing was written."
        )
    if versions[0] < 0 or versions[-1] > _MAX_VERSION:
        raise ProgrammingError(
            f"Expected versions from 0 to {_MAX_VERSION}, found {versions[0]} to "
            f"{versions[-1]} for {aggregate_id}. Nothing was written."
        )


def _check_event(event: StoredEvent) -> None:
    for what, value, type_ in (("topic", event.topic, str), ("state", event.state, bytes)):
        if not isinstance(value, type_):
            raise DataError(
                f"Expected the {what} of version {event.originator_version} of "
                f"{event.originator_id} as {type_.__name__}, found {value!r:.40}, of type "
                f"{type(value).__name__}. Nothing was written."
            )
    check_key("the topic of an event", event.topic)


def _some(versions: Sequence[int]) -> str:
    return str(versions) if len(versions) <= 10 else f"[{str(versions[:10])[1:-1]}, ...]"
