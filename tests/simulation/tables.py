"""What the simulation must know of the tables: keys and static columns, read from the schema."""

import re
from importlib.resources import files
from typing import NamedTuple


class Table(NamedTuple):
    """A table's columns, by what they are."""

    columns: tuple[str, ...]
    partition_key: str
    clustering: tuple[str, ...]
    static: frozenset[str]


def read_tables() -> dict[str, Table]:
    """Return the tables of the event store, and its type view, by their names."""
    schema = files("eventstore_cassandra").joinpath("schema.cql").read_text(encoding="utf-8")
    statements = re.sub(r"--.*", "", schema).split(";")
    tables: dict[str, Table] = {}
    for statement in statements:
        if view := re.search(
            r"MATERIALIZED VIEW .*?(\w+) AS\s+SELECT (.*?)\s+FROM", statement, re.DOTALL
        ):
            names = tuple(name.strip() for name in view[2].split(","))
            tables[view[1]] = _table(statement, names)
        elif table := re.search(r"CREATE TABLE .*?\.(\w+) \(", statement):
            names = tuple(re.findall(r"^ {4}([a-z]\w*) +\S", statement, re.MULTILINE))
            tables[table[1]] = _table(statement, names)
    return tables


def _table(statement: str, columns: tuple[str, ...]) -> Table:
    found = re.search(r"PRIMARY KEY \(([^)]*)\)", statement) or re.search(
        r"(\w+) +\w+ PRIMARY KEY", statement
    )
    if found is None:
        raise NotImplementedError(f"Expected a table with a primary key, found: {statement}")
    partition_key, *clustering = (name.strip() for name in found[1].split(","))
    # A column's type may take several lines.
    definitions = re.split(r"^ {4}(?=[A-Za-z])", statement, flags=re.MULTILINE)
    static = [text.split()[0] for text in definitions if re.search(r"\bSTATIC\b", text)]
    return Table(columns, partition_key, tuple(clustering), frozenset(static))
