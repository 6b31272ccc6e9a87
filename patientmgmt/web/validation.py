"""From what a sender wrote to a checked value, and from what is wrong with it to sentences.

The bounds that the sentences name are read from the model itself, so that they cannot disagree.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

LONGEST_QUOTE = 40
"""Characters of a refused value that are repeated to its sender; enough to recognise it."""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field: what was expected and what was found."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class InvalidInputError(Exception):
    """Some fields have values that the model does not take; nothing was done."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(str(error) for error in self.errors))


def from_json(model: type[Model], values: Mapping[str, object], **known: object) -> Model:
    """Return the model made of decoded JSON, whose types count: ``"34"`` is no number.

    ``known`` are fields that the sender has not to say, such as the id in the address.

    :raises InvalidInputError: naming each field that is missing, unknown or wrong.
    """
    _refuse_known(model, values, known)
    try:
        return model.model_validate({**values, **known})
    except ValidationError as e:
        raise _invalid_input(model, e, known) from e


def from_text(model: type[Model], values: Mapping[str, str], **known: object) -> Model:
    """Return the model made of texts, as forms and query strings have them: ``"34"`` is 34.

    :raises InvalidInputError: naming each field that is missing, unknown or wrong.
    """
    _refuse_known(model, values, known)
    texts = {name: str(value) for name, value in known.items()}
    try:
        return model.model_validate_strings({**values, **texts})
    except ValidationError as e:
        raise _invalid_input(model, e, known) from e


def _refuse_known(
    model: type[BaseModel], values: Mapping[str, object], known: Mapping[str, object]
) -> None:
    repeated = [name for name in known if name in values]
    if repeated:
        raise InvalidInputError(FieldError(name, _unknown(model, known)) for name in repeated)


def _invalid_input(
    model: type[BaseModel], error: ValidationError, known: Mapping[str, object]
) -> InvalidInputError:
    return InvalidInputError(
        FieldError(_shortened(str(details["loc"][0])), _reason(model, details, known))
        for details in error.errors(include_url=False)
    )


def _reason(model: type[BaseModel], details: ErrorDetails, known: Mapping[str, object]) -> str:
    if details["type"] == "extra_forbidden":
        return _unknown(model, known)
    expected = _expected(model.model_json_schema()["properties"][details["loc"][0]])
    if details["type"] == "string_readable":
        expected += " that can be read and has no line breaks or control characters"
    found = "nothing" if details["type"] == "missing" else _found(details["input"])
    return f"expected {expected}, found {found}"


def _unknown(model: type[BaseModel], known: Mapping[str, object]) -> str:
    names = [name for name in model.model_fields if name not in known]
    return f"unknown field, expected only {', '.join(names)}"


def _expected(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"anyOf": [value, {"type": "null"}]}:
            return _expected(value)
        case {"description": str(description)}:
            return description
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"a whole number from {least} to {most}"
        case {"type": "string", "minLength": least, "maxLength": most}:
            return f"text of {least} to {most} characters"
        case {"type": "string", "format": "uuid"}:
            return "an id such as 123e4567-e89b-12d3-a456-426614174000"
        case _:
            return str(schema["type"])


def _found(value: object) -> str:
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case "":
            return "an empty text"
        case str() if value.isspace():
            return "only blanks"
        case str() if len(value) > LONGEST_QUOTE:
            return f"{len(value)} characters that begin with {_quoted(value[:LONGEST_QUOTE])}"
        case _:
            return _shortened(_quoted(value))


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE + 2 else f"{text[:LONGEST_QUOTE]}…"
