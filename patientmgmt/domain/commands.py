"""What can be asked for. A command that exists is well formed: the values are checked on creation.

The bounds stand in the annotations, where web forms and the API's documentation read them too.
A wrong value raises ``pydantic.ValidationError``, which names each field and its reason.
"""

import unicodedata
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

MAX_NAME_LENGTH = 200
"""Characters. Longer than any recorded legal name's usual form, shorter than an accident."""
MAX_WARD_LENGTH = 50
"""Characters. Ward names are codes or a word or two."""
MAX_AGE = 150
"""Years. Nobody has lived longer than 122; room for data that is merely doubtful."""


RANDOM_VERSIONS = (4, 7)
"""Versions of UUIDs (RFC 9562) that a sender may make for a new patient. The others are made of a
name, of a machine's address and the time, or of anything: two senders could make the same one
without knowing, the same person's would be known from the name for ever, and "no id" (nil) would be
the id of whoever comes first."""

_DIRECTION_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Characters that change the direction of the text after them, beyond their own field."""


def _readable(text: str) -> str:
    categories = [unicodedata.category(character) for character in text]
    directions = {unicodedata.bidirectional(character) for character in text}
    if {"Cc", "Zl", "Zp"} & set(categories) or _DIRECTION_CONTROLS & directions:
        raise PydanticCustomError(
            "string_readable", "String should have no line breaks or control characters"
        )
    if all(category[0] in "CZ" for category in categories):
        raise PydanticCustomError(
            "string_readable", "String should have at least one visible character"
        )
    return text


def _new_id(value: object) -> UUID:
    text = str(value).lower()
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text or found.version not in RANDOM_VERSIONS:
        raise PydanticCustomError("new_id", "Id should be a random UUID")
    return found


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH),
    AfterValidator(_readable),
]
Ward = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_WARD_LENGTH),
    AfterValidator(_readable),
]
Age = Annotated[int, Field(ge=0, le=MAX_AGE)]
NewId = Annotated[
    UUID,
    PlainValidator(_new_id),
    WithJsonSchema(
        {
            "type": "string",
            "description": "a UUID of version 4 or 7 such as c3d1f2b0-5a4e-4f6b-8d7c-9e0f1a2b3c4d",
        }
    ),
]
"""An id that the sender has made for a new patient; None leaves it to the command handler."""
ExpectedVersion = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""The version of the patient that the sender saw; None leaves it to the rules alone."""


class Command(BaseModel):
    """Base of all commands: immutable, types taken strictly, unknown fields refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class AdmitPatient(Command):
    """Admit somebody who has never been here.

    With an id the command can be sent again and again: the patient is admitted once.
    """

    name: Name
    age: Age
    ward: Ward
    id: NewId | None = None


class ReadmitPatient(Command):
    """Admit a discharged patient again, for a new stay."""

    patient_id: UUID
    ward: Ward
    expected_version: ExpectedVersion | None = None


class TransferPatient(Command):
    """Move an admitted patient to another ward."""

    patient_id: UUID
    ward: Ward
    expected_version: ExpectedVersion | None = None


class DischargePatient(Command):
    """End the stay of an admitted patient."""

    patient_id: UUID
    expected_version: ExpectedVersion | None = None
