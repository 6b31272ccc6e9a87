"""Every program in the text on the event store runs, and its table names every variable."""

import re
import sys
from collections.abc import Iterator
from subprocess import PIPE, STDOUT, run
from uuid import uuid4

import pytest

from eventstore_cassandra import CassandraDatastore, Settings
from tests.conftest import CassandraNode
from tests.docs.blocks import ROOT, blocks
from tests.system.test_commands import clean_environment

TEXT = ROOT / "docs" / "event-store.md"
SOURCE = ROOT / "eventstore_cassandra"


@pytest.fixture
def keyspaces(cassandra_node: CassandraNode) -> Iterator[dict[str, str]]:
    """Names for the text's keyspaces that are nobody else's; dropped at the end."""
    mark = uuid4().hex[:8]
    names = {"wards": f"wards_{mark}", "secret_wards": f"secret_wards_{mark}"}
    yield names
    datastore = CassandraDatastore(
        Settings(contact_points=tuple(cassandra_node.contact_points), port=cassandra_node.port)
    )
    for name in names.values():
        datastore.session.execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)
    datastore.close()


def test_the_programs_run_one_after_the_other(
    cassandra_node: CassandraNode, keyspaces: dict[str, str]
) -> None:
    found = blocks(TEXT)
    assert {block.language for block in found} == {"python"}
    program = "\n".join(block.code for block in found)
    for name, own_name in keyspaces.items():
        program = program.replace(f'"{name}"', f'"{own_name}"')
    node = {
        "CASSANDRA_CONTACT_POINTS": ",".join(cassandra_node.contact_points),
        "CASSANDRA_PORT": str(cassandra_node.port),
    }
    done = run(
        [sys.executable, "-W", "error", "-c", program],
        env=clean_environment() | node,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_table_names_every_variable_that_is_read_and_no_other() -> None:
    rows = [
        line for line in TEXT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    named = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.py"))
    read = set(re.findall(r'"((?:CASSANDRA|CREATE|ORIGINATOR)_[A-Z_]+)"', source))
    assert named == read
