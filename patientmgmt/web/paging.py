"""Paging through the list of patients, or those of them who are asked for."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from patientmgmt.web.services import services
from patientmgmt.web.validation import FieldError, InvalidInputError
from read_models.patient_list import Page

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
"""Rows; a page stays quick to read from the database and to show."""


def _or_none(text: str) -> str | None:
    return text.strip() or None


Wish = Annotated[str, Field(max_length=400), AfterValidator(_or_none)]
"""A text of a form; one that was left empty wishes nothing."""


class PageRequest(BaseModel):
    """Whom the reader wants to see, and which page of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    after: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """What the page before gave as ``next``."""
    before: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """What the page behind gave as ``previous``."""
    show: Literal["all", "admitted", "discharged"] = "all"
    ward: Wish | None = None
    search: Wish | None = None
    """What stands in the name, wherever; accents and capitals do not matter."""

    def other(self, **place: str | None) -> dict[str, Any]:
        """Return what to ask another page of the same patients with."""
        wishes = self.model_dump(exclude={"after", "before"}, exclude_defaults=True)
        return {**wishes, "limit": self.limit, **place}

    @property
    def is_choosing(self) -> bool:
        """Whether it is not simply everybody."""
        return self.show != "all" or self.ward is not None or self.search is not None


def read_page(asked: PageRequest) -> Page:
    """Return the page.

    :raises InvalidInputError: when ``after`` or ``before`` is not what another page gave.
    """
    if asked.after is not None and asked.before is not None:
        raise InvalidInputError([FieldError("before", "expected either after or before, not both")])
    try:
        return services().queries.patients.page(
            limit=asked.limit,
            after=asked.after,
            before=asked.before,
            shelf=asked.show,
            ward=asked.ward,
            search=asked.search,
        )
    except ValueError as e:
        field, told = ("before", "previous") if asked.before else ("after", "next")
        raise InvalidInputError(
            [FieldError(field, f"expected the value that an earlier page gave as {told}")]
        ) from e
