"""The statements of a view's write, checked before anything is sent.

A server does not check the keys of a conditional batch (``keys.py``), and a condition that is not
the view's own would make a batch that is never applied look like one that lost to a rival. So every
value is bounded unless it is known to be that of a column outside of the key: also where a key is
inside another value, as in JSON, a tuple or a list.
"""

import re
from collections.abc import Iterable, Set

from cassandra.query import BoundStatement
from eventsourcing.persistence import DataError, ProgrammingError

from eventstore_cassandra.append_checks import MAX_EVENTS
from eventstore_cassandra.keys import check_key

_LONGEST_QUERY = 32_768
"""Half of what the longest key that a server can read again would take, written out."""
_LITERAL_OR_COMMENT = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ | --[^\n]* | //[^\n]* | /\*.*?\*/""",
    re.DOTALL | re.VERBOSE,
)
_CONDITION_OR_NAME = re.compile(r'\bIF\b|:\s*["_a-z]+', re.IGNORECASE)
_TEXTS = ("text", "varchar", "ascii")


def checked(
    change: Iterable[BoundStatement], *, other_columns: Set[str], max_bytes: int
) -> list[BoundStatement]:
    """Return the statements of a change, if a server can read again what they write.

    :param other_columns: the columns outside of the key.
    :param max_bytes: how large all values may be together.
    :raises ProgrammingError: for what is no statement with its values, or has its own condition.
    :raises DataError: for values that cannot be keys, or are too many or too large.
    """
    if not isinstance(change, Iterable):
        raise ProgrammingError(
            f"Expected a view's change to be statements, found {change!r:.80}. Return a list of "
            "what statement() returns, an empty one for no change. Nothing was written."
        )
    statements = list(change)
    for statement in statements:
        _check_query(statement)
        _check_values(statement, other_columns)
    size = sum(len(v) for each in statements for v in each.values if isinstance(v, bytes))
    if len(statements) > MAX_EVENTS or size > max_bytes:
        raise DataError(
            f"Expected at most {MAX_EVENTS} statements and {max_bytes} bytes "
            f"(CASSANDRA_MAX_APPEND_BYTES) in one write of a view, found {len(statements)} with "
            f"{size} bytes. Nothing was written."
        )
    return statements


def _check_query(statement: BoundStatement) -> None:
    if not isinstance(statement, BoundStatement):
        raise ProgrammingError(
            f"Expected what statement() returns, found {statement!r:.80}. Nothing was written."
        )
    query = statement.prepared_statement.query_string
    size = len(query.encode())
    if size > _LONGEST_QUERY:
        raise DataError(
            f"Expected a query of at most {_LONGEST_QUERY} bytes, found {size}. Give its "
            "values to statement(). Nothing was written."
        )
    if found := _CONDITION_OR_NAME.search(_LITERAL_OR_COMMENT.sub(_shortened, query)):
        raise ProgrammingError(
            f"Expected a statement without a condition of its own, and with a ? for each value, "
            f"found {found[0]!r} in {query!r:.200}. The view's own condition makes the whole write "
            "one step. Nothing was written."
        )


def _shortened(found: re.Match[str]) -> str:
    """Return the quote that a literal or a name begins with; a blank for a comment."""
    begin = found[0][0]
    return begin if begin in "'\"$" else " "


def _check_values(statement: BoundStatement, other_columns: Set[str]) -> None:
    markers = statement.prepared_statement.column_metadata
    for marker, value in zip(markers, statement.values, strict=False):
        column = marker.name.removeprefix("value(").removesuffix(")")
        if isinstance(value, bytes) and not {marker.name, column} & other_columns:
            is_text = marker.type.typename in _TEXTS
            check_key(f"the column {marker.name}", value.decode() if is_text else value)
