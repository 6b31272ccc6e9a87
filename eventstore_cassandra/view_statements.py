"""The statements of a view's write, checked before anything is sent.

A server does not check the keys of a conditional batch (``keys.py``). So each column of the key is
bounded, and what else may end in a key is bounded together: the query, in which a key may be
written out, and values that are not simply those of a column, as in JSON, a tuple or a function.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from cassandra.query import BoundStatement
from eventsourcing.persistence import DataError, ProgrammingError

from eventstore_cassandra.append_checks import MAX_EVENTS
from eventstore_cassandra.keys import check_key

KEY_KINDS = ("partition_key", "clustering")
"""What columns of the key are, in the server's own tables."""
_MOST_TOGETHER = 32_768
"""Half of what the longest key that a server can read again would take."""
_OTHER_THAN_WORDS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ | --[^\r\n]* | //[^\r\n]* | /\*.*?\*/""",
    re.DOTALL | re.VERBOSE,
)
_NAMED = re.compile(r":\s*(?!(?:true|false|null|nan|infinity)\b)[\"a-z]", re.IGNORECASE)
_CONDITION = re.compile(r"\bIF\b", re.IGNORECASE)
_ELEMENT = re.compile(r"value\((.*)\)|(.*?)(?:\.\w+|\[.*\])?", re.DOTALL)
_TEXTS = ("text", "varchar", "ascii")


def checked(
    change: Iterable[BoundStatement], *, columns: Mapping[str, str], max_bytes: int
) -> Sequence[BoundStatement]:
    """Return the statements of a change, if a server can read again what they write.

    :param columns: what kind each column of the table is.
    :param max_bytes: how large all values may be together.
    :raises ProgrammingError: for what is no statement with a value for each ``?``, or has a
        condition.
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
        _check_values(statement, columns)
    size = sum(len(v) for each in statements for v in each.values if isinstance(v, bytes))
    if len(statements) > MAX_EVENTS or size > max_bytes:
        raise DataError(
            f"Expected at most {MAX_EVENTS} statements and {max_bytes} bytes "
            f"(CASSANDRA_MAX_APPEND_BYTES) in one write of a view, found {len(statements)} with "
            f"{size} bytes. Nothing was written."
        )
    return statements


def own_condition(statements: Sequence[BoundStatement]) -> ProgrammingError:
    """Return the error of a write that was refused by another condition than the view's own."""
    queries = "; ".join(each.prepared_statement.query_string for each in statements)
    return ProgrammingError(
        "Expected statements without a condition of their own, found one that does not hold in "
        f"{queries!r:.400}. The view's own condition makes the whole write one step. Nothing was "
        "written."
    )


def _check_query(statement: BoundStatement) -> None:
    if not isinstance(statement, BoundStatement):
        raise ProgrammingError(
            f"Expected what statement() returns, found {statement!r:.80}. Nothing was written."
        )
    words = _OTHER_THAN_WORDS.sub(_shortened, statement.prepared_statement.query_string)
    if _CONDITION.search(words):
        raise own_condition([statement])
    if found := _NAMED.search(words):
        raise ProgrammingError(
            f"Expected a ? for each value, found {found[0]!r} in "
            f"{statement.prepared_statement.query_string!r:.200}. Nothing was written."
        )


def _shortened(found: re.Match[str]) -> str:
    """Return the quote that a literal or a name begins with; a blank for a comment."""
    begin = found[0][0]
    return begin if begin in "'\"$" else " "


def _check_values(statement: BoundStatement, columns: Mapping[str, str]) -> None:
    """Bound each column of the key, and all else together that may be part of a key."""
    prepared = statement.prepared_statement
    together = len(prepared.query_string.encode())
    for marker, value in zip(prepared.column_metadata, statement.values, strict=False):
        if not isinstance(value, bytes):
            continue
        kind = columns.get(marker.name)
        if kind in KEY_KINDS:
            is_text = marker.type.typename in _TEXTS
            check_key(f"the column {marker.name}", value.decode() if is_text else value)
        if kind in KEY_KINDS or (kind is None and not _is_of_other_column(marker.name, columns)):
            together += len(value)
    if together > _MOST_TOGETHER:
        raise DataError(
            f"Expected a query of at most {_MOST_TOGETHER} bytes, together with its values that "
            f"may become part of a key, found {together} in {prepared.query_string!r:.80}. Give "
            "values to statement(), with a ? for each column. Nothing was written."
        )


def _is_of_other_column(marker: str, columns: Mapping[str, str]) -> bool:
    """Tell whether a marker is for an element or a field of a column outside of the key."""
    found = _ELEMENT.fullmatch(marker)
    name = (found[1] or found[2]) if found else ""
    return columns.get(name, KEY_KINDS[0]) not in KEY_KINDS
