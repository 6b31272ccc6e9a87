"""What stands in the place of an event that was erased, and how the library gets to see it."""

import typing
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol, TAggregateID
from eventsourcing.persistence import (
    InfrastructureFactory,
    Mapper,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.utils import Environment, get_topic, resolve_topic


@dataclass(frozen=True)
class Erased:
    """An event of an aggregate that is erased: that there was one is all that is left of it.

    Followers get it at the event's position. Their projections may forget the aggregate or ignore
    it, but must not fail at it.
    """

    originator_id: UUID | str
    originator_version: int

    def mutate(self, _aggregate: Any) -> None:
        """Leave no aggregate, so that a repository does not find one."""


ERASED_TOPIC = get_topic(Erased)
"""The topic of erased events, for followers that choose by topic."""
ERASED_STATE = "{}"
"""The state of erased events: never encrypted or compressed, since it says nothing."""


class KnowsErased(Mapper[TAggregateID]):
    """A mapper that makes an :class:`Erased` of an erased event, whatever it does with others.

    The factory gives this base to every mapper class; name it first among the bases of one that an
    application makes without the factory.
    """

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[TAggregateID]:
        """Return the domain event; the state of an erased one is not looked at."""
        if stored_event.topic == ERASED_TOPIC:
            erased = Erased(stored_event.originator_id, stored_event.originator_version)
            return cast("DomainEventProtocol[TAggregateID]", erased)
        return super().to_domain_event(stored_event)


def mapper_class(env: Environment, given: type[Mapper[Any]] | None) -> type[Mapper[Any]]:
    """Return the class of mapper by argument or by MAPPER_TOPIC, which knows erased events.

    :raises ProgrammingError: when it is no class of a mapper.
    """
    topic = env.get(InfrastructureFactory.MAPPER_TOPIC)
    found = given or (resolve_topic(topic) if topic else Mapper)
    origin = typing.get_origin(found) or found
    if not (isinstance(origin, type) and issubclass(origin, Mapper)):
        raise ProgrammingError(f"Expected a subclass of Mapper, found {origin!r}.")
    return knowing_erased(origin)


def knowing_erased(
    mapper_class: type[Mapper[TAggregateID]],
) -> type[Mapper[TAggregateID]]:
    """Return a subclass of the mapper class that knows erased events, or the class if it does."""
    if issubclass(mapper_class, KnowsErased):
        return mapper_class
    return type(mapper_class.__name__, (KnowsErased, mapper_class), {})
