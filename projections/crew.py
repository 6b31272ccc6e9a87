"""Who works on which shard: leases that forget themselves, and workers that make themselves known.

Leases save work and decide nothing: two workers on one shard, since a clock or a pause has deceived
one of them, write the same rows twice. So a lease may be as simple as a record with an end.

Every worker renews its leases well before they end, takes free ones up to its share, and lets go of
those above it, so that a worker which joins gets its part. A lease whose holder has died on this
machine is free at once, and one whose holder died elsewhere when it ends.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter

from projections.checkpoints import Checkpoints
from projections.database import Generation, Records
from projections.feeds.feed import Feed
from projections.shards import Shard

LEASE = 10
"""Seconds until the shards of a worker that says nothing are free."""
RENEWAL = 3.0
"""Seconds between renewals: two may fail before the lease ends."""
_LEASES, _MEMBERS, _SHARDS = "lease", "worker", "shards"


@dataclass(frozen=True)
class Member:
    """A worker, as it makes itself known."""

    id: str
    host: str
    pid: int
    since: datetime
    shards: Sequence[str] = field(default=())

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
    """One worker's part in the work on one database."""

    def __init__(self, records: Records, member: Member) -> None:
        self._records = records
        self._member = member
        self._mine: set[Shard] = set()

    def take_part(self) -> Sequence[Shard]:
        """Renew and take leases, and return the shards to work on; to be called every few seconds.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        count = shard_count(self._records)
        others = [m for m in members(self._records) if m.id != self._member.id]
        others = [m for m in others if not m.has_died_here]
        share = -(-count // (len(others) + 1))
        every = Shard.every(count)
        for shard in sorted(self._mine, key=str)[::-1]:
            if shard not in every or len(self._mine) > share:
                self._let_go(shard)
            elif not self._lease(shard, self._member.id):
                self._mine.discard(shard)
        held = self._records.load_all(_LEASES)
        for shard in every:
            if len(self._mine) == share:
                break
            holder = held.get(str(shard))
            is_free = holder == self._member.id or _is_free(holder)  # mine: its answer was lost
            if shard not in self._mine and is_free and self._lease(shard, holder):
                self._mine.add(shard)
        self._make_known()
        return sorted(self._mine, key=str)

    def leave(self) -> None:
        """Free everything, for others to take at once.

        :raises ReadModelsUnavailableError: when the records cannot be reached; leases end anyway.
        """
        for shard in [*self._mine]:
            self._let_go(shard)
        self._records.delete(_MEMBERS, self._member.id)

    def _lease(self, shard: Shard, holder: str | None) -> bool:
        me = self._member.id
        return self._records.replace(_LEASES, str(shard), holder, me, seconds=LEASE)

    def _let_go(self, shard: Shard) -> None:
        self._mine.discard(shard)
        self._records.replace(_LEASES, str(shard), self._member.id, None)

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


def _is_free(holder: str | None) -> bool:
    if holder is None:
        return True
    host, pid, _ = holder.rsplit(":", 2)
    return Member(holder, host, int(pid), datetime.now(UTC)).has_died_here
