"""Who works on what: leases that forget themselves, and workers that make themselves known.

A *part* of the work is one read model in one shard. An urgent read model weighs as much as all that
are not, so that it has a worker of its own as soon as there are two.

Leases save work and decide nothing: two workers on one part, since a clock or a pause has deceived
one of them, write the same rows twice. So a lease may be as simple as a record with an end.

Every worker renews its leases well before they end, takes free ones, the heaviest first, until it
has its share, and lets go of those above it, so that a worker which joins gets its own. As long as
something is free, somebody has less than their share and takes it. A lease whose holder has died on
this machine is free at once, and one whose holder died elsewhere when it ends.
"""

import os
import socket
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter

from projections import freshness
from projections.checkpoints import Checkpoints
from projections.database import Generation, Records
from projections.feeds.feed import Feed
from projections.read_model import ReadModel
from projections.shards import Shard

LEASE = 10
"""Seconds until the parts of a worker that says nothing are free."""
RENEWAL = 3.0
"""Seconds between renewals: two may fail before the lease ends."""
_LEASES, _MEMBERS, _SHARDS = "lease", "worker", "shards"


@dataclass(frozen=True)
class Part:
    """A part of the work."""

    model: str
    """The read model's name."""
    shard: Shard

    def __str__(self) -> str:
        """Return the name under which its lease is recorded."""
        return f"{self.model} {self.shard}"


@dataclass(frozen=True)
class Member:
    """A worker, as it makes itself known."""

    id: str
    host: str
    pid: int
    since: datetime
    parts: Sequence[str] = field(default=())

    @classmethod
    def of_this_process(cls) -> "Member":
        """Return a new worker of this process."""
        host = socket.gethostname()
        return cls(f"{host}:{os.getpid()}:{uuid4().hex[:8]}", host, os.getpid(), datetime.now(UTC))

    @property
    def has_died_here(self) -> bool:
        """Whether it was a process of this machine, which is no more."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


_JSON = TypeAdapter(Member)


class Crew:
    """One worker's place among those of one database."""

    def __init__(
        self, records: Records, member: Member, models: Iterable[ReadModel[Any, Any]]
    ) -> None:
        self._records = records
        self._member = member
        self._weights = _weights(models)
        self._mine: set[Part] = set()

    def take_part(self) -> Collection[Part]:
        """Renew and take leases, and return what to work on; to be called every few seconds.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        shards = Shard.every(shard_count(self._records))
        every = [Part(model, shard) for model in self._weights for shard in shards]
        others = [m for m in members(self._records) if m.id != self._member.id]
        others = [m for m in others if not m.has_died_here]
        share = self._weight(every) / (len(others) + 1)
        self._let_go([part for part in self._mine if part not in every])
        for part in [part for part in every[::-1] if part in self._mine]:
            if self._weight(self._mine - {part}) >= share:
                self._let_go([part])
            elif not self._lease(part, self._member.id):
                self._mine.discard(part)
        held = self._records.load_all(_LEASES)
        for part in every:
            holder = held.get(str(part))
            is_free = holder == self._member.id or _is_free(holder)  # mine: its answer was lost
            if self._weight(self._mine) >= share or part in self._mine or not is_free:
                continue
            if self._lease(part, holder):
                self._mine.add(part)
        self._make_known()
        return frozenset(self._mine)

    def _weight(self, parts: Iterable[Part]) -> int:
        return sum(self._weights[part.model] for part in parts)

    def leave(self) -> None:
        """Free everything, for others to take at once.

        :raises ReadModelsUnavailableError: when the records cannot be reached; leases end anyway.
        """
        self._let_go([*self._mine])
        self._records.delete(_MEMBERS, self._member.id)

    def _lease(self, part: Part, holder: str | None) -> bool:
        me = self._member.id
        return self._records.replace(_LEASES, str(part), holder, me, seconds=LEASE)

    def _let_go(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._mine.discard(part)
            self._records.replace(_LEASES, str(part), self._member.id, None)

    def _make_known(self) -> None:
        member = self._member
        known = Member(
            member.id, member.host, member.pid, member.since, sorted(map(str, self._mine))
        )
        self._records.save(_MEMBERS, member.id, _JSON.dump_json(known).decode(), seconds=LEASE)


def members(records: Records) -> Sequence[Member]:
    """Return the workers that have made themselves known lately, the oldest first."""
    texts = records.load_all(_MEMBERS).values()
    return sorted(map(_JSON.validate_json, texts), key=lambda member: member.since)


def shard_count(records: Records) -> int:
    """Return in how many shards the work is divided."""
    return int(records.load(_SHARDS, "count") or 1)


def divide(records: Records, generations: Sequence[Generation], feed: Feed, count: int) -> None:
    """Divide the work anew; workers notice it by themselves.

    Each new shard begins where the last of the old ones was, so that some events are read again.

    :raises ValueError: when ``count`` is not from 1 to 1,000.
    """
    if not 1 <= count <= 1_000:
        raise ValueError(f"Expected from 1 to 1,000 shards, found {count}.")
    while True:
        recorded = records.load(_SHARDS, "count")
        old = int(recorded or 1)
        if old == count:
            return
        for generation in generations:
            _hand_over(Checkpoints(records, generation), feed, old, count)
            freshness.divide(records, generation, old, count)
        if records.replace(_SHARDS, "count", recorded, str(count)):
            return


def _hand_over(checkpoints: Checkpoints, feed: Feed, old: int, new: int) -> None:
    places = [checkpoints.load(feed.name, shard) for shard in Shard.every(old)]
    known = [place for place in places if place is not None]
    for shard in Shard.every(new):
        if len(known) == len(places):
            checkpoints.save(feed.name, feed.earliest(known), shard)
        else:
            checkpoints.forget(feed.name, shard)


def _weights(models: Iterable[ReadModel[Any, Any]]) -> dict[str, int]:
    """Return what each read model weighs, by name, the heaviest first."""
    models = list(models)
    heavy = max(1, sum(not model.is_urgent for model in models))
    weights = {model.name: heavy if model.is_urgent else 1 for model in models}
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def _is_free(holder: str | None) -> bool:
    if holder is None:
        return True
    host, pid, _ = holder.rsplit(":", 2)
    return Member(holder, host, int(pid), datetime.now(UTC)).has_died_here
