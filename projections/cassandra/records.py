"""Records in Cassandra: one table, a partition for each kind.

What is replaced under a condition goes through Paxos and what is saved does not; the two do not go
together in one row, so that a kind is either for the one or for the other.
"""

from collections.abc import Mapping

from projections.cassandra.keyspace import Keyspace

TABLE = "projection_records"
_CREATE = f"""
CREATE TABLE IF NOT EXISTS {{keyspace}}.{TABLE} (
  kind   text,
  name   text,
  value  text,
  PRIMARY KEY (kind, name)
)
"""


def definition(keyspace: Keyspace) -> str:
    """Return the statement that makes the table if it is missing."""
    return _CREATE.format(keyspace=keyspace.quoted)


class CassandraRecords:
    """A :class:`~projections.database.Records` in a keyspace."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._table = f"{keyspace.quoted}.{TABLE}"

    def load(self, kind: str, name: str) -> str | None:
        """Return the text, if there is one."""
        found = self._keyspace.select(
            f"SELECT value FROM {self._table} WHERE kind = ? AND name = ?", [kind, name]
        )
        return found[0][0] if found else None

    def load_all(self, kind: str) -> Mapping[str, str]:
        """Return all texts of a kind by name."""
        found = self._keyspace.select(
            f"SELECT name, value FROM {self._table} WHERE kind = ?", [kind]
        )
        return {name: value for name, value in found if value is not None}

    def save(self, kind: str, name: str, text: str, *, seconds: int | None = None) -> None:
        """Keep the text."""
        insert = f"INSERT INTO {self._table} (kind, name, value) VALUES (?, ?, ?) USING TTL ?"
        self._keyspace.write([[(insert, [kind, name, text, seconds or 0])]])

    def delete(self, kind: str, name: str) -> None:
        """Forget the text, if there is one."""
        delete = f"DELETE FROM {self._table} WHERE kind = ? AND name = ?"
        self._keyspace.write([[(delete, [kind, name])]])

    def replace(
        self,
        kind: str,
        name: str,
        old: str | None,
        new: str | None,
        *,
        seconds: int | None = None,
    ) -> bool:
        """Keep a new text if the present one is ``old``, and return whether it was."""
        return self._keyspace.apply(
            f"UPDATE {self._table} USING TTL ? SET value = ? WHERE kind = ? AND name = ?"
            " IF value = ?",
            [seconds or 0, new, kind, name, old],
        )
