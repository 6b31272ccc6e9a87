"""Reading one's own writes: a page waits for the read models to show what its reader has done."""

import time
from typing import Annotated
from uuid import UUID

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field

from read_models.ward_board import WardBoard

POLL_SECONDS = 0.05
"""Short against what a reader notices, long against one look-up by key."""


class Change(BaseModel):
    """What the reader has just done: the patient, and the version that the command made."""

    model_config = ConfigDict(frozen=True)

    patient: UUID
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


def is_shown(board: WardBoard, change: Change) -> bool:
    """Return whether the board has the change."""
    return board.version(change.patient) >= change.version


def wait_until_shown(board: WardBoard, change: Change) -> bool:
    """Wait for the change, for ``READ_MODEL_WAIT_SECONDS`` at most; return whether it is shown."""
    deadline = time.monotonic() + float(current_app.config["READ_MODEL_WAIT_SECONDS"])
    while not is_shown(board, change):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
