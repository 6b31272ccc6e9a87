"""How positions, which begin at 1, fall into buckets."""

from dataclasses import dataclass

MAX_POSITION = 2**63 - 1
"""What the log's columns hold at the most."""


@dataclass(frozen=True)
class Buckets:
    """Partitions of ``size`` positions each; a bucket's last append may run over its edge."""

    size: int

    def of(self, position: int) -> int:
        """Return the bucket in which an append that begins at the position lies."""
        return (position - 1) // self.size

    def edge(self, bucket: int) -> int:
        """Return the last position at which an append in the bucket may begin."""
        return (bucket + 1) * self.size

    def is_closed(self, bucket: int, head: int | None) -> bool:
        """Tell whether a bucket with this head takes no more appends."""
        return head is not None and head >= self.edge(bucket)
