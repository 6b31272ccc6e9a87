"""The page of the stays that began in a month."""

from datetime import UTC, datetime
from typing import Annotated

from flask import Blueprint, render_template
from pydantic import Field

from patientmgmt.web.asked import Asked, Month, form_query, refused
from patientmgmt.web.currency import made_of
from patientmgmt.web.paging import DEFAULT_LIMIT, MAX_LIMIT
from patientmgmt.web.services import services
from read_models import stays as read_model
from read_models.months import month_of
from read_models.stays import Stay, StayPage

blueprint = Blueprint("stays", __name__)

SHOWN_WARDS = 6
"""Of a stay; one that went through more is shown with its first and last three."""


class StaysAsked(Asked):
    """A page of the stays of a month."""

    month: Month | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    after: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the page before gave as ``next``."""


@blueprint.get("/stays")
@made_of(read_model.MODEL)
def stays() -> str:
    """List the stays that began in a month, the present one if none is asked for."""
    asked = form_query(StaysAsked)
    month = asked.month or month_of(datetime.now(UTC))
    return render_template(
        "stays.html",
        asked=asked,
        month=month,
        months=sorted({month, *services().queries.stays.months()}, reverse=True),
        page=read_stays(asked, month),
        way=way,
    )


def read_stays(asked: StaysAsked, month: str) -> StayPage:
    """Return the page.

    :raises InvalidInputError: when ``after`` is not what an earlier page of the month gave.
    """
    try:
        return services().queries.stays.of_month(month, limit=asked.limit, after=asked.after)
    except ValueError as e:
        reason = f"expected the value that an earlier page of {month} gave as next"
        raise refused("after", reason) from e


def way(stay: Stay) -> str:
    """Return the wards of a stay in their order; of many the first and the last."""
    wards = list(stay.wards)
    if len(wards) > SHOWN_WARDS:
        half = SHOWN_WARDS // 2
        wards = [*wards[:half], f"… ({stay.moves} moves)", *wards[-half:]]
    return " → ".join(wards)
