"""Reading one's own writes: a page waits for the read models to show what its reader has done."""

import time
from typing import Annotated
from uuid import UUID

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field

from projections.read_models import ReadModelQueries

POLL_SECONDS = 0.05
"""Short against what a reader notices, long against one look-up by key."""


class Change(BaseModel):
    """What the reader has just done: the patient, and the version that the command made."""

    model_config = ConfigDict(frozen=True)

    patient: UUID
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


def is_shown(read_models: ReadModelQueries, change: Change) -> bool:
    """Return whether the read models have the change."""
    row = read_models.patient(change.patient)
    return row is not None and row.version >= change.version


def wait_until_shown(read_models: ReadModelQueries, change: Change) -> bool:
    """Wait for the change, for ``READ_MODEL_WAIT_SECONDS`` at most; return whether it is shown."""
    deadline = time.monotonic() + float(current_app.config["READ_MODEL_WAIT_SECONDS"])
    while not is_shown(read_models, change):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
