"""The project works with each Python that it is meant for, and with the oldest packages it allows.

The dependencies are installed for this Python exactly at their lower bounds, and for each other
supported Python of this machine as constraints.txt has them; then the unit tests, the contract of
the event store on a real Cassandra, and the tests of the web pages run there.
"""

import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, run

import pytest

from tests.conftest import CassandraNode
from tests.system.test_commands import clean_environment

ROOT = Path(__file__).parents[2]

SELECTION = (
    "tests/unit",
    "tests/web",
    "--ignore=tests/web/test_browser.py",  # the browser is the same for every Python
    "tests/store/test_contract.py",
)


def other_pythons() -> dict[str, str]:
    """Return a program for each supported version, but this one, that is on this machine."""
    versions = (f"3.{minor}" for minor in (11, 12, 13) if minor != sys.version_info.minor)
    found = {version: next(candidates(version), None) for version in versions}
    return {version: program for version, program in found.items() if program is not None}


def candidates(version: str) -> Iterator[str]:
    """Go through programs that say they are of the version; one on PATH may be a mere pointer."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    named = [shutil.which(f"python{version}")]
    named += [str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python{version}")]
    question = "import sys; print('{}.{}'.format(*sys.version_info), sys.executable)"
    for program in filter(None, named):
        asked = run([program, "-c", question], stdout=PIPE, stderr=DEVNULL, text=True, check=False)
        said, _, executable = asked.stdout.strip().partition(" ")
        if asked.returncode == 0 and said == version:
            yield executable


def lower_bounds() -> list[str]:
    """Return each direct dependency, for use and for development, pinned to its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = []
    for requirement in project["dependencies"] + project["optional-dependencies"]["dev"]:
        name, at_least, bounds = requirement.partition(">=")
        assert at_least, f"expected a lower bound, found {requirement}"
        pinned.append(f"{name.partition('[')[0]}=={bounds.partition(',')[0]}")
    return pinned


def installed_and_tested(
    interpreter: str, constraints: Path, node: CassandraNode, folder: Path
) -> None:
    """Run the selected tests in a new environment, without a trace in the checkout."""
    python = str(folder / "venv" / "bin" / "python")
    uv = (sys.executable, "-m", "uv", "--quiet")
    finished(*uv, "venv", "--python", interpreter, str(folder / "venv"))
    project = ("-c", str(constraints), "-e", ".[dev]")
    finished(*uv, "pip", "install", "--python", python, *project)
    finished(
        *(python, "-m", "pytest", "--quiet", "-p", "no:cacheprovider"),
        *("--basetemp", str(folder / "tests"), *SELECTION),
        PYTEST_ADDOPTS="",
        PYTHONDONTWRITEBYTECODE="1",
        HYPOTHESIS_STORAGE_DIRECTORY=str(folder / "hypothesis"),
        CASSANDRA_CONTACT_POINTS=",".join(node.contact_points),
        CASSANDRA_PORT=str(node.port),
    )


def finished(*command: str, **env: str) -> None:
    done = run(
        command,
        cwd=ROOT,
        env=clean_environment() | {"UV_PYTHON_DOWNLOADS": "never"} | env,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"


OTHERS = other_pythons()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("packages", ["lowest", *OTHERS])
def test_the_project_passes_with(
    packages: str, cassandra_node: CassandraNode, tmp_path: Path
) -> None:
    if packages == "lowest":
        constraints = tmp_path / "lowest.txt"
        constraints.write_text("\n".join(lower_bounds()))
        installed_and_tested(sys.executable, constraints, cassandra_node, tmp_path)
    else:
        constraints = ROOT / "constraints.txt"
        installed_and_tested(OTHERS[packages], constraints, cassandra_node, tmp_path)
