"""The pages of the past: the whole board at a moment, and one ward with how full it was."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template

from patientmgmt.web.asked import BoardAsked, WardAsked, form_query, up_to
from patientmgmt.web.currency import made_of
from patientmgmt.web.presentation import form_moment
from patientmgmt.web.services import services
from read_models import ward_history
from read_models.months import month_of
from read_models.ward_history import Occupancy

blueprint = Blueprint("ward_history", __name__)


@blueprint.get("/history")
@made_of(ward_history.MODEL)
def board() -> str:
    """Show each ward with whoever was there at a moment, which is now if none is asked for."""
    asked = form_query(BoardAsked)
    now = datetime.now(UTC)
    moment = up_to(now, asked.at)
    return render_template(
        "history.html",
        asked=asked,
        moment=moment,
        steps=_steps(moment, now),
        wards=services().queries.history.board_at(moment, now),
    )


@blueprint.get("/history/ward")
@made_of(ward_history.MODEL)
def ward() -> str:
    """Show who was on one ward at a moment, and how full it was on that day and in that month.

    The ward is a parameter: as a part of the path its name could not have every character.
    """
    asked = form_query(WardAsked)
    now = datetime.now(UTC)
    moment = up_to(now, asked.at)
    history = services().queries.history
    by_day = history.by_day(asked.ward, month_of(moment), now)
    by_hour = history.by_hour(asked.ward, moment.date(), now)
    return render_template(
        "ward_history.html",
        asked=asked,
        moment=moment,
        steps=_steps(moment, now),
        patients=history.at(asked.ward, moment, now),
        by_hour=by_hour,
        by_day=by_day,
        most=_most([*by_hour, *by_day]),
    )


def _most(steps: Sequence[Occupancy]) -> int:
    """Return what the longest bar stands for; never 0, which no length is a part of."""
    return max((step.most for step in steps), default=0) or 1


def _steps(moment: datetime, now: datetime) -> Mapping[str, str | None]:
    """Return the moments that links lead to, as a form sends them; None where there is none."""
    ways: Mapping[str, Callable[[], datetime]] = {
        "A day before": lambda: moment - timedelta(days=1),
        "An hour before": lambda: moment - timedelta(hours=1),
        "An hour later": lambda: moment + timedelta(hours=1),
        "A day later": lambda: moment + timedelta(days=1),
    }
    return {label: _reachable(way, now) for label, way in ways.items()}


def _reachable(way: Callable[[], datetime], now: datetime) -> str | None:
    try:
        moment = way()
    except OverflowError:
        return None
    return form_moment(moment) if moment <= now else None
