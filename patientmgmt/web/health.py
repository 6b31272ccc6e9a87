"""Health, for whatever watches over the process."""

from uuid import UUID

from eventsourcing.persistence import PersistenceError
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from patientmgmt.web.errors import problem_response
from patientmgmt.web.problems import store_unreachable
from patientmgmt.web.services import services
from projections.errors import ReadModelsUnavailableError

blueprint = Blueprint("health", __name__, url_prefix="/health")

NOBODY = UUID(int=0)
"""An id that no patient has: looking for it costs one read of a single key."""


@blueprint.get("/live")
def live() -> ResponseReturnValue:
    """Answer as long as the process can answer at all."""
    return jsonify(status="live")


@blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """Answer 200 when both stores can be read, else 503 with those that cannot."""
    unreachable = []
    try:
        services().application.recorder.select_events(NOBODY, limit=1)
    except PersistenceError:
        unreachable.append("event store")
    try:
        services().queries.board.version(NOBODY)
    except ReadModelsUnavailableError:
        unreachable.append("read models")
    if unreachable:
        return problem_response(store_unreachable(*unreachable))
    return jsonify(status="ready")
