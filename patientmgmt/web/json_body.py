"""The body of a request to the API: one JSON object, and called so."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from flask import request
from pydantic_core import from_json

from patientmgmt.web.problem_types import MALFORMED_REQUEST, UNSUPPORTED_CONTENT_TYPE
from patientmgmt.web.problems import ProblemError

_JSON_NAMES = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def require_json() -> None:
    """Refuse the request unless its content type is JSON, whether it has a body or not.

    This is what keeps foreign pages out. A form on any site can send its three content types
    here; for JSON a browser asks first (the preflight of the Fetch standard), and is never told
    yes.

    :raises ProblemError: when the content type is another, or none.
    """
    if request.mimetype != "application/json":
        raise ProblemError(
            UNSUPPORTED_CONTENT_TYPE,
            f"Expected Content-Type: application/json, found {request.mimetype or 'none'!r:.60}.",
        )


def json_object() -> Mapping[str, object]:
    """Return the JSON object in the body.

    :raises ProblemError: when the body is anything else, or has a key twice.
    """
    body = request.get_data()
    try:
        # Refuses what json.loads takes: lone surrogates, which nothing can encode again, and
        # nesting without end. It keeps the last of two equal keys, though.
        decoded: object = from_json(body, allow_inf_nan=False)
    except ValueError as e:
        _refuse(f"Expected a JSON object in UTF-8, found malformed JSON: {e}.", e)
    if not isinstance(decoded, dict):
        _refuse(f"Expected a JSON object, found {_JSON_NAMES[type(decoded)]}.")
    try:
        json.loads(body, object_pairs_hook=_unambiguous)
    except ValueError as e:
        _refuse(f"Expected a JSON object in UTF-8 with each key once, found {e} twice.", e)
    return decoded


def _unambiguous(members: Sequence[tuple[str, object]]) -> None:
    keys = set()
    for key, _ in members:
        if key in keys:
            raise ValueError(f"the key {key!r:.60}")
        keys.add(key)


def _refuse(detail: str, cause: Exception | None = None) -> NoReturn:
    raise ProblemError(MALFORMED_REQUEST, detail) from cause
