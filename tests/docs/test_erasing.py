"""Every command and every program of the text on erasing does what the text says."""

import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT, run
from uuid import uuid4

import pytest

from eventstore_cassandra import CassandraDatastore, Settings
from patientmgmt.domain.commands import AdmitPatient
from patientmgmt.runtime import open_runtime
from tests.conftest import CassandraNode
from tests.docs.blocks import ROOT, blocks
from tests.docs.test_readme import Shell
from tests.system.test_commands import clean_environment

TEXT = ROOT / "docs" / "erasing.md"


def code(language: str) -> list[str]:
    return [block.code for block in blocks(TEXT) if block.language == language]


def test_no_block_is_left_out() -> None:
    assert {block.language for block in blocks(TEXT)} == {"sh", "python"}


def test_the_commands_run_one_after_the_other(
    tmp_path: Path, cassandra_env: dict[str, str]
) -> None:
    with open_runtime(cassandra_env) as runtime:
        patient = AdmitPatient(name="Ida Moe", age=40, ward="AA")
        patient_id = runtime.application.admit(patient).patient_id
    shell = Shell(tmp_path)
    shell.env |= cassandra_env | {"ID": str(patient_id)}
    for block in code("sh"):
        shell.do(block)
    with open_runtime(cassandra_env) as runtime:
        assert runtime.application.recorder.select_events(patient_id) == []


@pytest.fixture
def keyspace(cassandra_node: CassandraNode) -> Iterator[str]:
    """A name for the text's keyspace that is nobody else's; dropped at the end."""
    name = f"guests_{uuid4().hex[:8]}"
    yield name
    datastore = CassandraDatastore(
        Settings(contact_points=tuple(cassandra_node.contact_points), port=cassandra_node.port)
    )
    datastore.session.execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)
    datastore.close()


def test_the_programs_run_one_after_the_other(cassandra_node: CassandraNode, keyspace: str) -> None:
    program = "\n".join(code("python")).replace('"guests"', f'"{keyspace}"')
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
