"""What a database does for read models: rows that versions guard, and records that nothing guards.

There is one implementation for each back end, and each read model's tables are made in it from what
the read model says of them. Every method may raise
:class:`~projections.errors.ReadModelsUnavailableError`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from projections.change import Change, Guard, Place
from projections.read_model import ReadModel
from projections.table import Key, RowT, Table


@dataclass(frozen=True)
class Generation:
    """One making of a read model's tables: number 1, and one more with each rebuild."""

    model: ReadModel[Any, Any]
    number: int

    def __str__(self) -> str:
        """Return the name that its tables begin with."""
        return f"{self.model.name}_{self.number}"


class Rows(Protocol):
    """The read side of one generation."""

    def get(self, table: Table[RowT], key: Key) -> RowT | None:
        """Return the row with the key, if there is one."""
        ...

    def get_all(self, table: Table[RowT], keys: Sequence[Key]) -> Sequence[RowT]:
        """Return those rows with one of the keys that there are, in no order."""
        ...

    def select(
        self,
        table: Table[RowT],
        partition: Key,
        *,
        after: Key = (),
        begins: bytes = b"",
        reverse: bool = False,
        limit: int | None = None,
    ) -> Sequence[RowT]:
        """Return rows of one partition in their order, or against it if ``reverse``.

        :param begins: what the first column of the order begins with, if that is of bytes.
        :param after: values for the first columns of the order; the rows are those strictly behind
            all that begin with them, in the direction of reading.
        """
        ...

    def select_all(
        self,
        table: Table[RowT],
        partitions: Sequence[Key],
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Sequence[RowT]:
        """Return rows of several partitions, one partition after the other.

        :param limit: how many of each partition.
        """
        ...

    def guards(self, aggregate_ids: Sequence[UUID]) -> Mapping[UUID, Guard]:
        """Return the guards of those of the aggregates that have one."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return how many aggregates count under each name; names may be missing for 0."""
        ...


class Tables(Rows, Protocol):
    """Both sides of one generation."""

    def carry_out(self, changes: Sequence[Change]) -> None:
        """Carry out changes, at most one of each aggregate.

        Doing it twice, or after a later version was written, changes nothing; doing it again
        completes what a failure cut off. As soon as an aggregate's guard can be read, the rows of
        its version can be, or those of a later one.

        :raises ChangeRefusedError: when the database will not have one of them; the others may or
            may not be written.
        """
        ...

    def erase(self, aggregate_id: UUID, places: Collection[Place]) -> None:
        """Hide an aggregate, for good: whatever workers write of it from now on is not shown.

        :param places: everywhere that it has ever stood; see :func:`projections.change.places`.
        """
        ...

    def all_rows(self, table: Table[RowT]) -> Iterator[RowT]:
        """Return all rows of a table, in no order; for looking through, not for pages."""
        ...


class Records(Protocol):
    """Texts by kind and name: checkpoints, what is parked, who works."""

    def load(self, kind: str, name: str) -> str | None:
        """Return the text, if there is one."""
        ...

    def load_all(self, kind: str) -> Mapping[str, str]:
        """Return all texts of a kind by name."""
        ...

    def save(self, kind: str, name: str, text: str, *, seconds: int | None = None) -> None:
        """Keep the text. Of two that are saved at once, one is kept.

        :param seconds: after which the text forgets itself.
        """
        ...

    def delete(self, kind: str, name: str) -> None:
        """Forget the text, if there is one."""
        ...

    def replace(
        self,
        kind: str,
        name: str,
        old: str | None,
        new: str | None,
        *,
        seconds: int | None = None,
    ) -> bool:
        """Keep a new text if the present one is ``old``, and return whether it was.

        None is the text that there is not.

        Of several that do it at once, one succeeds. A kind is either for this or for :meth:`save`.

        :param seconds: after which the text forgets itself.
        """
        ...


class Database(Protocol):
    """Everything that is kept of read models."""

    @property
    def records(self) -> Records:
        """What is not rows."""
        ...

    def open(self, generation: Generation) -> Tables:
        """Return a generation's tables, which are there.

        :raises TablesMissingError: when they are not, which may be noticed later.
        """
        ...

    def create(self, generation: Generation) -> None:
        """Make the tables that are missing. An operator's command on Cassandra, not a worker's."""
        ...

    def empty(self, generation: Generation) -> None:
        """Remove all rows and guards."""
        ...

    def drop(self, generation: Generation) -> None:
        """Remove the tables that there are, also those that the read model no longer has."""
        ...
