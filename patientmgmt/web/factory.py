"""Puts the web application together."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined

from patientmgmt.application import PatientManagement
from patientmgmt.queries import Queries
from patientmgmt.web import (
    actions,
    api,
    api_reading,
    board,
    demographics,
    errors,
    health,
    patients,
    presentation,
    security,
    stays,
    ward_history,
)
from patientmgmt.web.boards import LOOK_SECONDS, Boards
from patientmgmt.web.demo_data_run import DemoDataRun
from patientmgmt.web.services import Services, install, services_of

MAX_BODY_BYTES = 64 * 1024
"""No form or command needs a hundredth of it; more is a mistake or an attack."""

FORM_LIFETIME = timedelta(hours=12)
"""How long an open form can be sent: a long shift."""


def create_app(
    application: PatientManagement,
    queries: Queries,
    config: Mapping[str, object] | None = None,
) -> Flask:
    """Return the WSGI application over the given command side and query side.

    ``config`` is Flask's configuration. It must hold a ``SECRET_KEY``, which signs sessions and
    forms and has to outlive restarts. ``READ_MODEL_WAIT_SECONDS`` (2.0) is how long the board waits
    for the change that its reader has just made. ``BOARD_LOOK_SECONDS`` (1.0) is how old the board
    may be, and ``READY_LAG_SECONDS`` (60) any read model for the application to be ready.

    Neither side is closed by the application. Call :func:`stop_background_work` before closing.

    :raises ValueError: when there is no ``SECRET_KEY``.
    """
    app = Flask(__name__, template_folder=str(_template_folder()))
    app.config.update(
        BOARD_LOOK_SECONDS=LOOK_SECONDS,
        BOOTSTRAP_SERVE_LOCAL=True,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        READ_MODEL_WAIT_SECONDS=2.0,
        READY_LAG_SECONDS=health.READY_LAG_SECONDS,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=int(FORM_LIFETIME.total_seconds()),
    )
    app.config.update(config or {})
    if not app.config["SECRET_KEY"]:
        raise ValueError(
            "Expected a SECRET_KEY in the configuration, found none. Make one with "
            "secrets.token_hex() and keep it, so that forms survive a restart."
        )
    app.jinja_env.undefined = StrictUndefined
    app.json.sort_keys = False  # type: ignore[attr-defined]

    look_seconds = float(app.config["BOARD_LOOK_SECONDS"])
    boards = Boards(queries, board.render_wards, look_seconds=look_seconds)
    install(app, Services(application, queries, boards, DemoDataRun(application)))
    Bootstrap5(app)
    csrf = CSRFProtect(app)
    errors.init_app(app)
    presentation.init_app(app)
    security.init_app(app)
    app.register_blueprint(board.blueprint)
    app.register_blueprint(patients.blueprint)
    app.register_blueprint(ward_history.blueprint)
    app.register_blueprint(stays.blueprint)
    app.register_blueprint(demographics.blueprint)
    app.register_blueprint(actions.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(api_reading.blueprint)
    # The API takes JSON only, which a form on a foreign page cannot send; see json_body.
    csrf.exempt(api.blueprint)
    return app


def stop_background_work(app: Flask) -> None:
    """End what the application runs beside its requests, so that the stores can be closed."""
    services_of(app).demo_data.stop()


def _template_folder() -> Path:
    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "templates", package.parent / "templates"
    return installed if installed.is_dir() else checkout
