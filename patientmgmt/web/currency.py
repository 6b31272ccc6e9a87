"""How pages and the API say as of when they are current, and that they stand still."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Response, g

from patientmgmt.currency import BEHIND, Currency, Standing
from patientmgmt.web.presentation import timestamp, utc
from patientmgmt.web.services import services
from projections.read_model import ReadModel

HEADER = "X-Currency"
"""What the open board is told with each answer: JSON with the members of :class:`Said`."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Said:
    """What a page says of its currency, in words."""

    as_of: str | None
    """For programs; None when nothing tells."""
    time: str | None
    """The same for readers."""
    warning: str | None
    """Why not everything can be seen; None when there is nothing to warn of."""


def made_of(model: ReadModel[Any, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view know, before it reads the read model, as of when that is current."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def known(*args: P.args, **kwargs: P.kwargs) -> R:
            show(services().queries.currency.of(model.name))
            return view(*args, **kwargs)

        return known

    return decorate


def show(currency: Currency) -> None:
    """Let the page of this request say how current it is."""
    g.currency = currency
    g.currency_said = said(currency)


def current_as_of() -> str | None:
    """Return as of when the answer to this request is current, for programs."""
    currency: Currency = g.currency
    return timestamp(currency.as_of)


def tell(response: Response, currency: Currency) -> None:
    """Let the answer say how current it is, whether it has a body or not."""
    response.headers[HEADER] = json.dumps(asdict(said(currency)))


def said(currency: Currency) -> Said:
    """Return what is said of the currency, in words."""
    sentences = [_of_standing(currency), _of_parked(currency.parked)]
    warning = " ".join(filter(None, sentences))
    return Said(timestamp(currency.as_of), _time(currency), warning or None)


def _of_standing(currency: Currency) -> str:
    time = _time(currency)
    match currency.standing:
        case Standing.CURRENT:
            return ""
        case Standing.BEHIND:
            return (
                f"This page is more than {BEHIND.total_seconds():.0f} seconds behind: what has "
                "happened since may be missing."
            )
        case Standing.STILL if currency.paused:
            told = f" It shows what had happened until {time}." if time else ""
            return f"This page stands still: its updates are paused.{told}"
        case Standing.STILL if time:
            return (
                f"This page has stood still since {time}: what has happened since is missing. The "
                "own page of each patient shows it."
            )
        case _:
            return (
                "This page may lack much of what has happened: nothing has brought it up to date "
                "yet. The own page of each patient shows it."
            )


def _of_parked(parked: int) -> str:
    if not parked:
        return ""
    patients = "One patient is" if parked == 1 else f"{parked:,} patients are"
    return (
        f"{patients} shown as of an earlier event, since a later one cannot be shown; nobody else "
        "is concerned."
    )


def _time(currency: Currency) -> str | None:
    if currency.as_of is None:
        return None
    is_today = currency.as_of.date() == currency.asked_at.date()
    return utc(currency.as_of, "%H:%M:%S UTC") if is_today else utc(currency.as_of)
