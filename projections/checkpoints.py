"""How far a projection has read its feed, kept after the rows of all before."""

from projections.database import Generation, Records
from projections.shards import ALL, Shard


class Checkpoints:
    """The checkpoints of one generation on feeds of one kind, one for each shard.

    Each kind of feed has its own, so that who chooses another one begins at its first event: that
    costs time and nothing else.
    """

    def __init__(self, records: Records, generation: Generation) -> None:
        self._records = records
        self._kind = f"checkpoint/{generation}"

    def load(self, feed: str, shard: Shard = ALL) -> str | None:
        """Return the saved place in the feed; None before the first."""
        return self._records.load(self._kind, f"{feed} {shard}")

    def save(self, feed: str, place: str, shard: Shard = ALL) -> None:
        """Save the place. Of two workers' the last one counts; both begin at a right place."""
        self._records.save(self._kind, f"{feed} {shard}", place)

    def forget(self, feed: str, shard: Shard = ALL) -> None:
        """Let a shard begin again."""
        self._records.delete(self._kind, f"{feed} {shard}")

    def forget_all(self) -> None:
        """Let all begin again."""
        for name in self._records.load_all(self._kind):
            self._records.delete(self._kind, name)
