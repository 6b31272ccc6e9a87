"""Places in a type view, and the checkpoint of its feed, which is made of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from projections.feeds.feed import InvalidCheckpointError

Place = tuple[int, int, UUID | str]
"""A row's place in its type: savetime in milliseconds since the epoch, version, aggregate id."""

NO_VERSION = 0
NO_ID = UUID(int=0)
Places = Mapping[str, Place]
"""For each type a place."""


def before(savetime: int) -> Place:
    """Return the place before all rows of a time."""
    return (savetime, NO_VERSION, NO_ID)


def later(places: Places, others: Places) -> dict[str, Place]:
    """Return the places, but those of the others that are behind them."""
    return {topic: max(place, others.get(topic, place)) for topic, place in places.items()}


def earlier(places: Places, others: Places) -> dict[str, Place]:
    """Return the places, but those of the others that are before them."""
    return {topic: min(place, others.get(topic, place)) for topic, place in places.items()}


@dataclass(frozen=True)
class Checkpoint:
    """Where each type is to be read from."""

    after: Places = field(default_factory=dict)
    """Behind it; a type that has none is read from its beginning. While a window is open it is the
    window's beginning."""
    seen: Places = field(default_factory=dict)
    """The last row seen; none while no window is open."""
    turn: int = 0
    """When all windows were last read as a whole, in units of ``WHOLE`` since the epoch, so that
    all who read in it are at the same place; 0 while none is open."""
    again: Places = field(default_factory=dict)
    """From where young rows were passed on full pages; none while a window is open."""

    def encode(self) -> str:
        """Return it as JSON."""
        return json.dumps(
            {
                "after": _listed(self.after),
                "seen": _listed(self.seen),
                "turn": self.turn,
                "again": _listed(self.again),
            }
        )

    @classmethod
    def decode(cls, checkpoint: str) -> Self:
        """Return what :meth:`encode` has made.

        :raises InvalidCheckpointError: when it is of another form.
        """
        try:
            found = json.loads(checkpoint)
            return cls(
                after=_places(found["after"]),
                seen=_places(found["seen"]),
                turn=int(found["turn"]),
                again=_places(found.get("again", {})),  # earlier versions of this had none
            )
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            raise InvalidCheckpointError(
                checkpoint,
                'JSON of the form {"after": {"<event name>": [savetime, version, "<id>"]}, "seen": '
                '{the same}, "turn": number, "again": {the same}}',
            ) from None


def _listed(places: Places) -> dict[str, tuple[int, int, str]]:
    return {topic: (place[0], place[1], str(place[2])) for topic, place in places.items()}


def _places(listed: Mapping[str, Sequence[Any]]) -> dict[str, Place]:
    return {
        topic: (int(savetime), int(version), UUID(id_))
        for topic, (savetime, version, id_) in listed.items()
    }
