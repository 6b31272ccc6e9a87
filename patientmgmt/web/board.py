"""The ward board, the first page: each ward with its patients, kept current while it is open."""

import hashlib

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from patientmgmt.web.catching_up import Change, is_shown, wait_until_shown
from patientmgmt.web.services import services
from patientmgmt.web.validation import from_text

blueprint = Blueprint("board", __name__)


@blueprint.get("/")
def board() -> str:
    """Show the board; with a change in the query, wait a little for the board to have it."""
    change = _change()
    catching_up = change is not None and not wait_until_shown(services().queries.board, change)
    fragment = _fragment(change, catching_up=catching_up)
    return render_template(
        "board.html",
        fragment=fragment,
        etag=_etag(fragment),
        source=url_for("board.wards", **(change.model_dump() if change else {})),
        catching_up=catching_up,
    )


@blueprint.get("/board")
def wards() -> Response:
    """Return the board's changing part, or 304 when the asker has it already."""
    change = _change()
    catching_up = change is not None and not is_shown(services().queries.board, change)
    fragment = _fragment(change, catching_up=catching_up)
    response = make_response(fragment)
    response.set_etag(_etag(fragment))
    response.make_conditional(request)
    return response


@blueprint.post("/demo-data")
def start_demo_data() -> ResponseReturnValue:
    """Fill the board with demo data, in the background."""
    if not services().demo_data.start():
        flash("Demo data is being recorded already. Wait until it is there.", "warning")
    return redirect(url_for("board.board"), 303)


def _change() -> Change | None:
    return from_text(Change, request.args.to_dict()) if "patient" in request.args else None


def _fragment(change: Change | None, *, catching_up: bool) -> str:
    return render_template(
        "_board.html",
        wards=services().queries.board.wards(),
        changed=change.patient if change else None,
        catching_up=catching_up,
        demo_data=services().demo_data,
    )


def _etag(fragment: str) -> str:
    return hashlib.sha256(fragment.encode()).hexdigest()[:32]
