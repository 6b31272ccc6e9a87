"""What the views work with: the command side, the query side, the board, and the demo data."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from patientmgmt.application import PatientManagement
from patientmgmt.queries import Queries
from patientmgmt.web.boards import Boards
from patientmgmt.web.demo_data_run import DemoDataRun

_EXTENSION = "patientmgmt"


@dataclass(frozen=True)
class Services:
    """The parts of the system that a web application is made over."""

    application: PatientManagement
    queries: Queries
    boards: Boards
    demo_data: DemoDataRun


def install(app: Flask, services: Services) -> None:
    """Give the application its parts."""
    app.extensions[_EXTENSION] = services


def services_of(app: Flask) -> Services:
    """Return the parts of the given application."""
    return cast("Services", app.extensions[_EXTENSION])


def services() -> Services:
    """Return the parts of the application that answers the present request."""
    return services_of(current_app)
