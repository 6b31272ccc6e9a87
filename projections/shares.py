"""What the loops of one worker have to do: looked up every few seconds, for all of them at once."""

from collections.abc import Callable, Collection, Sequence
from threading import Lock
from time import monotonic

from projections.crew import RENEWAL, Crew, Part, shard_count
from projections.database import Records
from projections.shards import Shard


class Shares:
    """What one worker has of the work; may be shared between threads.

    Without a crew it is all of it, whoever else works on it.
    """

    def __init__(
        self, records: Records, crew: Crew | None = None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._records = records
        self._crew = crew
        self._clock = clock
        self._lock = Lock()
        self._shards: Sequence[Shard] = []
        self._parts: Collection[Part] = []
        self._until = float("-inf")

    def shards(self, model: str) -> Sequence[Shard]:
        """Return the shards in which to work on the read model of that name.

        :raises ReadModelsUnavailableError: when the records cannot be reached.
        """
        with self._lock:
            now = self._clock()
            if now >= self._until:
                if self._crew:
                    self._parts = self._crew.take_part()
                else:
                    self._shards = Shard.every(shard_count(self._records))
                self._until = now + RENEWAL
            if self._crew:
                return [part.shard for part in self._parts if part.model == model]
            return self._shards

    def leave(self) -> None:
        """Let others have them.

        :raises ReadModelsUnavailableError: when the records cannot be reached; leases end anyway.
        """
        with self._lock:
            if self._crew:
                self._crew.leave()
