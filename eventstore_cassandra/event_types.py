"""The event type registry: which integer stands for which topic.

The original event store has integers for types; the library has topics, which are text. An
application may register integers of its own (below 1000); any other topic is given the next free
integer from 1000 up when its first event is recorded. Both directions are cached, since an entry
never changes.

The registry is one partition with a static ``revision``, and is changed by the same kind of
conditional batch as an aggregate: of two processes that take the next integer at once, one is
refused, reads again and finds what the other wrote. A change whose outcome is uncertain needs no
more than that either, since reading again shows whether it was made.

*A registry that was lost*, or restored from a backup that is older than the events, would give out
integers once more, and old events would be read as what they are not. So an integer is given out
only if the type view has nothing under it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cassandra.query import BatchStatement
from eventsourcing.persistence import OperationalError, ProgrammingError

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error, library_errors
from eventstore_cassandra.keys import check_key
from eventstore_cassandra.profiles import APPEND, LOOK_READ, SERIAL_READ
from eventstore_cassandra.whole_numbers import check_whole

_LARGEST = 2**31 - 1
FIRST_ALLOCATED = 1000
"""Integers below are for applications to register."""
UNREGISTERED = "unregistered event type"
"""Before an integer, this is the topic of events of other programs whose type has none."""

_REGISTRY = "default"
_READ = "SELECT topic, type, revision FROM {keyspace}.event_types WHERE registry = ?"
_CREATE = "INSERT INTO {keyspace}.event_types (registry, revision) VALUES (?, 1) IF NOT EXISTS"
_ADVANCE = "UPDATE {keyspace}.event_types SET revision = ? WHERE registry = ? IF revision = ?"
_ADD = "INSERT INTO {keyspace}.event_types (registry, topic, type) VALUES (?, ?, ?)"
_USED = "SELECT version FROM {keyspace}.events_by_type WHERE type = ? LIMIT 1"


@dataclass(frozen=True)
class Registry:
    """What the partition held when it was read."""

    revision: int | None
    types: Mapping[str, int]

    def additions(self, wanted: Mapping[str, int | None]) -> dict[str, int]:
        """Return the integers to add, so that every wanted topic has one; None takes a free one.

        :raises ProgrammingError: when an integer or a topic is taken otherwise.
        """
        topics = {number: topic for topic, number in self.types.items()}
        added: dict[str, int] = {}
        for topic, number in wanted.items():
            present = self.types.get(topic)
            if present is not None:
                if number not in (None, present):
                    raise ProgrammingError(
                        f"Expected event type {topic!r} to have the integer {number}, found "
                        f"{present} in the registry. Events stand under that integer already: "
                        "register it with that one."
                    )
                continue
            if number is None:
                number = max([FIRST_ALLOCATED - 1, *topics]) + 1
            elif number in topics:
                raise ProgrammingError(
                    f"Expected the integer {number} to be free for event type {topic!r}, found it "
                    f"taken by {topics[number]!r}. Register {topic!r} with another integer."
                )
            topics[number] = topic
            added[topic] = number
        return added


class EventTypes:
    """The registry of one keyspace; share it between threads."""

    def __init__(self, datastore: CassandraDatastore, *, attempts: int) -> None:
        self._datastore = datastore
        self._attempts = attempts
        self._types: dict[str, int] = {}
        self._topics: dict[int, str] = {}

    def register(self, types: Mapping[str, int]) -> None:
        """Give topics the integers of the application's choice; again is harmless.

        Integers from 1000 up are for types of which other programs have written events.

        :raises ProgrammingError: for what is not such an integer, or one that is taken.
        :raises DataError: for a topic that cannot be a key; none of them is registered then.
        """
        for topic, number in types.items():
            check_key("the topic of an event", topic)
            check_whole(f"the integer of event type {topic!r}", number)
            is_own = 0 <= number < FIRST_ALLOCATED
            if not is_own and not (number <= _LARGEST and number > 0 and self._is_used(number)):
                raise ProgrammingError(
                    f"Expected an integer from 0 to {FIRST_ALLOCATED - 1} for event type "
                    f"{topic!r}, found {number}. Integers from {FIRST_ALLOCATED} up are given out "
                    "by the registry; they can be given to topics only if there are events of them."
                )
        self._ensure(types)

    def type_of(self, topic: str) -> int:
        """Return the topic's integer, which is allocated when it has none.

        :raises DataError: for a topic that cannot be a key.
        :raises OperationalError: when the store cannot be reached, or the registry was lost.
        """
        if topic not in self._types:
            check_key("the topic of an event", topic)
            self._ensure({topic: None})
        return self._types[topic]

    def known_type_of(self, topic: str) -> int | None:
        """Return the topic's integer; None while no event of it can have been recorded."""
        if topic not in self._types:
            self._read()
        return self._types.get(topic)

    def topic_of(self, number: int) -> str:
        """Return the topic of an integer that was found in an event.

        :raises OperationalError: when the registry does not have it.
        """
        topic = self.known_topic_of(number)
        if topic is None:
            raise OperationalError(
                f"Expected the event type {number} in the registry, found {len(self._topics)} "
                "others. Some other program writes events of this type: give it a topic, with "
                "register_event_types(). Or the table event_types was lost: restore it from a "
                "backup."
            )
        return topic

    def readable_topic_of(self, number: int) -> str:
        """Return the topic of an integer that was found in an event, or one that says it has none.

        If reading failed at an event that cannot be understood, nobody could read those beside it.
        """
        return self.known_topic_of(number) or f"{UNREGISTERED} {number}"

    def known_topic_of(self, number: int) -> str | None:
        """Return the topic of an integer; None where the registry does not have it."""
        if number not in self._topics:
            self._read()
        return self._topics.get(number)

    def known(self) -> Mapping[int, str]:
        """Return all topics by their integers, as the registry has them now."""
        self._read()
        return dict(sorted(self._topics.items()))

    def _ensure(self, wanted: Mapping[str, int | None]) -> None:
        unanswered = 0
        while True:
            registry = self._read()
            added = registry.additions(wanted)
            if not added:
                return
            used = [n for topic, n in added.items() if wanted[topic] is None and self._is_used(n)]
            if used:
                if self._read().revision != registry.revision:
                    continue  # somebody else was given it meanwhile
                raise _lost(used[0], registry)
            try:
                self._datastore.execute(self._change(registry, added), APPEND)
            except DRIVER_ERRORS as e:
                unanswered += 1
                if is_certain(e) or unanswered == self._attempts:
                    raise library_error(e, "Cannot register event types") from e

    def _is_used(self, number: int) -> bool:
        with library_errors(f"Cannot read the type view of type {number}"):
            bound = self._datastore.prepare(_USED).bind([number])
            return self._datastore.execute(bound, LOOK_READ).one() is not None

    def _read(self) -> Registry:
        statement = self._datastore.prepare(_READ).bind([_REGISTRY])
        with library_errors("Cannot read the event types"):
            rows = list(self._datastore.execute(statement, SERIAL_READ))
        types = {row["topic"]: row["type"] for row in rows if row["topic"] is not None}
        self._types.update(types)
        self._topics.update({number: topic for topic, number in types.items()})
        return Registry(rows[0]["revision"] if rows else None, types)

    def _change(self, registry: Registry, added: Mapping[str, int]) -> BatchStatement:
        batch = BatchStatement()
        if registry.revision is None:
            batch.add(self._datastore.prepare(_CREATE), [_REGISTRY])
        else:
            batch.add(
                self._datastore.prepare(_ADVANCE),
                [registry.revision + 1, _REGISTRY, registry.revision],
            )
        for topic, number in added.items():
            batch.add(self._datastore.prepare(_ADD), [_REGISTRY, topic, number])
        return batch


def _lost(number: int, registry: Registry) -> OperationalError:
    return OperationalError(
        f"Expected no events of the next free event type, {number}, found some; the registry has "
        f"{len(registry.types)} others. If the table event_types was lost, restore it from a "
        "backup that is as new as the events. If another program has written them, give the "
        "integer a topic, with register_event_types()."
    )
