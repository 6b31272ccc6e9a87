"""The ward board, the first page: each ward with its patients, kept current while it is open."""

import re
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

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
from markupsafe import Markup

from patientmgmt.web.boards import Board, etag_of
from patientmgmt.web.catching_up import Change, board_with, wait_for_board_with
from patientmgmt.web.currency import show, tell
from patientmgmt.web.services import services
from patientmgmt.web.validation import from_text
from read_models.ward_board import Ward

blueprint = Blueprint("board", __name__)

CARDS = 1024
"""Cards of wards that are kept as HTML."""
_BREAK = re.compile(r"\s*\n\s*")
"""A line break, with what indents the lines: a third of what would be sent."""


@blueprint.get("/")
def board() -> str:
    """Show the board; with a change in the query, wait a little for the board to have it."""
    change = _change()
    found = wait_for_board_with(services().boards, change) if change else None
    shown = found or services().boards.latest()
    catching_up = change is not None and found is None
    show(shown.currency)
    return render_template(
        "board.html",
        fragment=_fragment(shown, change, catching_up=catching_up),
        etag=_etag(shown, change, catching_up=catching_up),
        source=url_for("board.wards", **(change.model_dump() if change else {})),
        catching_up=catching_up,
    )


@blueprint.get("/board")
def wards() -> Response:
    """Return the board's changing part, or 304 when the asker has it already.

    Either way a header says as of when it is current, which changes all the time.
    """
    change = _change()
    found = board_with(services().boards, change) if change else None
    shown = found or services().boards.latest()
    catching_up = change is not None and found is None
    etag = _etag(shown, change, catching_up=catching_up)
    if request.if_none_match.contains_weak(etag):
        response = Response(status=304)
    else:
        response = make_response(_fragment(shown, change, catching_up=catching_up))
    response.set_etag(etag)
    tell(response, shown.currency)
    return response


@blueprint.post("/demo-data")
def start_demo_data() -> ResponseReturnValue:
    """Fill the board with demo data, in the background."""
    if not services().demo_data.start():
        flash("Demo data is being recorded already. Wait until it is there.", "warning")
    return redirect(url_for("board.board"), 303)


def _change() -> Change | None:
    return from_text(Change, request.args.to_dict()) if "patient" in request.args else None


def render_wards(wards: Sequence[Ward]) -> str:
    """Return the wards as they look to somebody who has changed nothing."""
    return render_template("_wards.html", wards=wards, card=_card)


def _render_changed(wards: Sequence[Ward], changed: UUID, *, catching_up: bool) -> str:
    """Return the wards as they look to somebody who has changed the patient."""

    def card(ward: Ward, number: int) -> Markup:
        if all(row.patient_id != changed for row in ward.patients):
            return _card(ward, number)
        return _render_card(ward, number, changed=changed, catching_up=catching_up)

    return render_template("_wards.html", wards=wards, card=card)


@lru_cache(CARDS)
def _card(ward: Ward, number: int) -> Markup:
    """Return a ward's card; between two looks at the board few of them change."""
    return _render_card(ward, number, changed=None, catching_up=False)


def _render_card(ward: Ward, number: int, *, changed: UUID | None, catching_up: bool) -> Markup:
    html = render_template(
        "_ward_card.html", ward=ward, number=number, changed=changed, catching_up=catching_up
    )
    return Markup(_BREAK.sub("\n", html))  # noqa: S704  (rendered with everything escaped)


def _fragment(board: Board, change: Change | None, *, catching_up: bool) -> str:
    html = board.html
    if change is not None:
        html = _render_changed(board.wards, change.patient, catching_up=catching_up)
    return render_template(
        "_board.html",
        html=html,
        is_empty=not board.wards,
        catching_up=catching_up,
        demo_data=services().demo_data,
    )


def _etag(board: Board, change: Change | None, *, catching_up: bool) -> str:
    demo_data = services().demo_data
    is_told = demo_data.running or demo_data.failed
    return etag_of(
        board.etag,
        change.patient if change else None,
        catching_up,
        demo_data.running,
        demo_data.accepted if is_told else None,
    )
