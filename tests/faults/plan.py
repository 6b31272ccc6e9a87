"""What a child process shall do: small values that travel as JSON on its command line."""

import json
from dataclasses import asdict, dataclass, field
from typing import Self

from eventstore_cassandra import Settings

GRACE = 0.2
"""Seconds that readers leave an append to its writer."""


@dataclass(frozen=True)
class Losses:
    """How many of the conditional batches get lost, from 0 to 1, at each step of the protocol."""

    at_reserve: float = 0.0
    at_decide: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Store:
    """The keyspace of a run, and how it is used."""

    contact_points: tuple[str, ...]
    port: int
    keyspace: str
    bucket_size: int = 50
    """Small, so that edges of buckets are crossed all the time."""

    def settings(self, append_attempts: int = 5) -> Settings:
        """Return the settings of the recorder under test."""
        return Settings(
            contact_points=self.contact_points,
            port=self.port,
            keyspace=self.keyspace,
            log_bucket_size=self.bucket_size,
            log_grace=GRACE,
            append_attempts=append_attempts,
            request_timeout=3.0,
            slow_append=60.0,  # they are, among faults: that is nothing to tell
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One child: writers in several threads, one reader of the log, or one eraser."""

    name: str
    role: str
    """``writer``, ``reader`` (which asks for pages), ``subscription`` or ``eraser``."""
    store: Store
    seed: int
    losses: Losses = field(default_factory=Losses)
    threads: int = 4
    appends: int = 50
    """Appends of each thread."""
    append_attempts: int = 5
    largest: int = 3
    """Events in one append, at the most."""
    delay: float = 0.0
    """Seconds that each request waits before it is sent, as if the child were further away."""
    too_large: float = 0.0
    """How many of the appends the aggregate refuses, whoever sends them, from 0 to 1."""
    hot: tuple[str, ...] = ()
    """Aggregates that all writers share, or that an eraser erases. Each thread has a quiet one of
    its own besides: on the hot ones a stopped append always loses, and a reader that skips it would
    go unnoticed."""
    hot_share: float = 0.5
    quiet: tuple[str, ...] = ()
    """The threads' quiet aggregates, if it matters which."""
    held_from: int | None = None
    """The append of each thread, counted from 0, from which on its writer is held between the two
    steps, until it is released; None holds nobody."""
    after: int = 0
    """The position after which a reader begins."""
    skips_pending: bool = False
    """A broken reader: passes over an append that it ought to decide."""

    def to_json(self) -> str:
        """Return the plan as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the plan of the text."""
        values = json.loads(text)
        for name in ("hot", "quiet"):
            values[name] = tuple(values[name])
        store = values["store"] | {"contact_points": tuple(values["store"]["contact_points"])}
        return cls(**values | {"store": Store(**store), "losses": Losses(**values["losses"])})
