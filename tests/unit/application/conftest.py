from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from patientmgmt.application import PatientManagement

Environment: TypeAlias = dict[str, str]


@pytest.fixture
def sqlite_environment(tmp_path: Path) -> Environment:
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(tmp_path / "patients.db"),
    }


@pytest.fixture(params=["memory", "SQLite file"])
def application(
    request: pytest.FixtureRequest, sqlite_environment: Environment
) -> Iterator[PatientManagement]:
    """The application on each of the stores that need no server."""
    environment = (
        {"PERSISTENCE_MODULE": "eventsourcing.popo"}
        if request.param == "memory"
        else sqlite_environment
    )
    with PatientManagement(environment) as application:
        yield application
