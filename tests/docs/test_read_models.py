"""The read model that the text adds is added, found, filled, asked, and verified."""

import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import PIPE, STDOUT, run

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.system.test_commands import clean_environment

TEXT = ROOT / "docs" / "read-models.md"
_WITH_ANOTHER_FOLDER = """
import sys
import read_models
read_models.__path__.append(sys.argv.pop(1))
"""


def in_a_process(folder: Path, env: Mapping[str, str], program: str) -> str:
    """Run a program for which the folder's modules are read models too."""
    done = run(
        [sys.executable, "-W", "error", "-c", _WITH_ANOTHER_FOLDER + program, str(folder)],
        env={**clean_environment(), **env},
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def command(*words: str) -> str:
    return f"from patientmgmt.cli import main\nmain({list(words)!r})"


@pytest.mark.parametrize("store", ["sqlite", "cassandra"])
def test_adding_a_read_model_is_adding_its_file(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    env = (
        {"PATIENTMGMT_DATA": str(tmp_path / "data")}
        if store == "sqlite"
        else request.getfixturevalue("cassandra_env")
    )
    module, program, printed = (block.code for block in blocks(TEXT))
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "most_admitted.py").write_text(module, encoding="utf-8")
    if store == "cassandra":
        in_a_process(folder, env, command("init"))
    assert in_a_process(folder, env, program) == printed
    status = in_a_process(folder, env, command("projections", "status", "most_admitted"))
    assert "waiting       0 events" in status
    verified = in_a_process(folder, env, command("projections", "verify", "most_admitted"))
    assert "3 patients and 2 rows compared, 0 differences" in verified
