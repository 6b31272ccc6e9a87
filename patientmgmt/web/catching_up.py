"""Reading one's own writes: a page waits for the read models to show what its reader has done."""

import time
from typing import Annotated
from uuid import UUID

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field

from patientmgmt.web.boards import Board, Boards

POLL_SECONDS = 0.05
"""Short against what a reader notices, long against one look-up by key."""


class Change(BaseModel):
    """What the reader has just done: the patient, and the version that the command made."""

    model_config = ConfigDict(frozen=True)

    patient: UUID
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


def board_with(boards: Boards, change: Change) -> Board | None:
    """Return a board that has the change; None while there is none."""
    return boards.having((change.patient, change.version))


def wait_for_board_with(boards: Boards, change: Change) -> Board | None:
    """Return a board that has the change; None after ``READ_MODEL_WAIT_SECONDS`` without one."""
    deadline = time.monotonic() + float(current_app.config["READ_MODEL_WAIT_SECONDS"])
    while (board := board_with(boards, change)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_SECONDS)
    return board
