"""What is built for others to install has all that it needs, and runs away from the checkout."""

import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, run
from zipfile import ZipFile

import pytest

from tests.system.test_commands import clean_environment

ROOT = Path(__file__).parents[2]

RENDER = """
from pathlib import Path
import patientmgmt, sys
from patientmgmt.runtime import open_runtime
from patientmgmt.web import create_app
assert Path(patientmgmt.__file__).is_relative_to(sys.argv[1]), patientmgmt.__file__
with open_runtime() as runtime:
    app = create_app(runtime.application, runtime.queries, {"SECRET_KEY": "for this test"})
    assert b"Ward board" in app.test_client().get("/").data
    assert app.test_client().get("/static/app.css").status_code == 200
"""


def python(*arguments: str, **env: str) -> None:
    done = run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean_environment() | env,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), ".")
    (built,) = folder.glob("*.whl")
    return built


def test_templates_schemas_and_types_are_in_the_wheel(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "patientmgmt/templates/base.html",
        "patientmgmt/web/static/app.css",
        "patientmgmt/local_cassandra/pom.xml",
        "patientmgmt/local_cassandra/logback.xml",
        "eventstore_cassandra/schema.cql",
        "patientmgmt/py.typed",
        "eventstore_cassandra/py.typed",
        "projections/py.typed",
        "read_models/py.typed",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_the_installed_application_shows_its_pages(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    python(
        "-P",
        "-c",
        RENDER,
        str(tmp_path / "installed"),
        PYTHONPATH=str(tmp_path / "installed"),
        PATIENTMGMT_DATA=str(tmp_path / "data"),
    )
