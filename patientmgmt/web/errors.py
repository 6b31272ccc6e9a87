"""Turns every error of a request into a page, or into ``application/problem+json`` for the API."""

import logging
import secrets

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    jsonify,
    make_response,
    render_template,
    request,
)
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from patientmgmt.web.problem_types import (
    OUTCOME_UNKNOWN,
    PROBLEM_TYPES,
    STORE_UNREACHABLE,
    UNEXPECTED_ERROR,
    UNREADABLE_EVENT,
)
from patientmgmt.web.problems import RETRY_AFTER_SECONDS, Problem, problem_of

logger = logging.getLogger(__name__)
blueprint = Blueprint("problems", __name__)


def init_app(app: Flask) -> None:
    """Let the application answer every error by itself."""
    app.register_error_handler(Exception, _answer)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_blueprint(blueprint)


@blueprint.get("/problems/<slug>")
def explanation(slug: str) -> str:
    """Explain one kind of problem: the page behind a problem's ``type``."""
    if slug not in PROBLEM_TYPES:
        abort(404)
    return render_template("problem_type.html", type=PROBLEM_TYPES[slug])


def problem_response(problem: Problem) -> Response:
    """Return the problem in the form that suits the address asked for."""
    if request.path.split("/")[1] in {"api", "health"}:
        response = jsonify(problem.to_json())
        response.mimetype = "application/problem+json"
    else:
        response = make_response(render_template("problem.html", problem=problem))
    response.status_code = problem.type.status
    if problem.type is STORE_UNREACHABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _answer(error: Exception) -> Response:
    problem = problem_of(error)
    if problem is None:
        reference = secrets.token_hex(4)
        logger.exception("Unexpected error, reference %s, in %s", reference, _request_line())
        look = " Look whether it was recorded before you send it again."
        return problem_response(
            Problem(
                UNEXPECTED_ERROR,
                f"The request failed and the cause was logged. Reference: {reference}."
                f"{look if request.method == 'POST' else ''}",
                {"reference": reference},
            )
        )
    if problem.type is OUTCOME_UNKNOWN:
        log_unknown_outcome(error)
    if problem.type is STORE_UNREACHABLE:
        logger.warning("%s failed: %s (%s)", _request_line(), problem.detail, error)
    if problem.type is UNREADABLE_EVENT:
        logger.error("%s failed: %s", _request_line(), problem.detail)
    return problem_response(problem)


def log_unknown_outcome(error: Exception) -> None:
    """Tell the operator that a sender was left without a certain answer, and why."""
    logger.warning("%s failed: %s (%s)", _request_line(), error, error.__cause__)


def _answer_http(error: HTTPException) -> Response | HTTPException:
    problem = problem_of(error)
    if problem is None:
        return error
    response = problem_response(problem)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def _request_line() -> str:
    return f"{request.method} {request.path!r:.200}"
