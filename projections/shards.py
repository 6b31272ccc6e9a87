"""Dividing the aggregates among workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32


@dataclass(frozen=True)
class Shard:
    """One of ``count`` equal parts of all aggregates, the first being number 0."""

    number: int = 0
    count: int = 1

    def __str__(self) -> str:
        """Return the name under which the part is recorded."""
        return f"{self.number}/{self.count}"

    @classmethod
    def every(cls, count: int) -> Sequence["Shard"]:
        """Return all parts of so many."""
        return [cls(number, count) for number in range(count)]

    def has(self, aggregate_id: UUID) -> bool:
        """Return whether the aggregate is in this part."""
        return crc32(aggregate_id.bytes) % self.count == self.number


ALL = Shard()
"""The one part that is everything."""
