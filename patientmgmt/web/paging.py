"""Paging through the list of patients."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from patientmgmt.web.services import services
from patientmgmt.web.validation import FieldError, InvalidInputError
from read_models.patient_list import Page

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
"""Rows; a page stays quick to read from the database and to show."""


class PageRequest(BaseModel):
    """Which page the reader wants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    after: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """What the page before gave as ``next``."""


def read_page(asked: PageRequest) -> Page:
    """Return the page.

    :raises InvalidInputError: when ``after`` is not what an earlier page gave.
    """
    try:
        return services().queries.patients.page(limit=asked.limit, after=asked.after)
    except ValueError as e:
        raise InvalidInputError(
            [FieldError("after", "expected the value that an earlier page gave as next")]
        ) from e
