"""What stands in the place of an event that was erased, and how the library gets to see it."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol, TAggregateID
from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.utils import get_topic


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


def knowing_erased(
    mapper_class: type[Mapper[TAggregateID]],
) -> type[Mapper[TAggregateID]]:
    """Return a subclass of the mapper class that knows erased events, or the class if it does."""
    if issubclass(mapper_class, KnowsErased):
        return mapper_class
    return type(mapper_class.__name__, (KnowsErased, mapper_class), {})
