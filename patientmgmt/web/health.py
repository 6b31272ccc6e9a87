"""Health, for whatever watches over the process."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from eventsourcing.persistence import PersistenceError
from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from patientmgmt.currency import Currency
from patientmgmt.web.errors import problem_response
from patientmgmt.web.presentation import timestamp
from patientmgmt.web.problem_types import READ_MODELS_BEHIND
from patientmgmt.web.problems import Problem, store_unreachable
from patientmgmt.web.services import services
from projections.errors import ReadModelsUnavailableError

blueprint = Blueprint("health", __name__, url_prefix="/health")

READY_LAG_SECONDS = 60
"""Seconds; as long as pages take to say that they stand still."""

NOBODY = UUID(int=0)
"""An id that no patient has: looking for it costs one read of a single key."""


@blueprint.get("/live")
def live() -> ResponseReturnValue:
    """Answer as long as the process can answer at all."""
    return jsonify(status="live")


@blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """Answer 200 when both stores can be read and all read models keep up, else 503 with why not.

    A read model keeps up when it is not paused and not older than ``READY_LAG_SECONDS``.
    """
    unreachable = []
    currencies: Mapping[str, Currency] = {}
    try:
        services().application.recorder.select_events(NOBODY, limit=1)
    except PersistenceError:
        unreachable.append("event store")
    try:
        services().queries.board.version(NOBODY)
        currencies = services().queries.currency.all()
    except ReadModelsUnavailableError:
        unreachable.append("read models")
    if unreachable:
        return problem_response(store_unreachable(*unreachable))
    projections = {name: _told(currency) for name, currency in currencies.items()}
    most = timedelta(seconds=float(current_app.config["READY_LAG_SECONDS"]))
    behind = [name for name, currency in currencies.items() if not currency.is_within(most)]
    if behind:
        return problem_response(_behind(behind, most, projections))
    return jsonify(status="ready", projections=projections)


def _told(currency: Currency) -> Mapping[str, object]:
    return {
        "current_as_of": timestamp(currency.as_of),
        "lag_seconds": None if currency.lag is None else round(currency.lag.total_seconds(), 3),
        "parked": currency.parked,
        "paused": currency.paused,
    }


def _behind(
    names: Sequence[str], most: timedelta, projections: Mapping[str, Mapping[str, object]]
) -> Problem:
    return Problem(
        READ_MODELS_BEHIND,
        f"Expected every read model to be current as of at most {most.total_seconds():g} seconds "
        f"ago and not to be paused, found otherwise: {', '.join(names)}. See that a worker runs, "
        "and `patientmgmt projections status`.",
        {"behind": list(names), "projections": projections},
    )
