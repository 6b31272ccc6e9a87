"""Whether a generation's rows have changed since somebody last looked, without looking at them.

Whoever changes rows leaves a new stamp afterwards. Two looks that find the same stamps have nothing
between them; different stamps may, or may not, mean that something is different.
"""

import socket
from uuid import uuid4

from projections.database import Generation, Records
from projections.shards import ALL, Shard

KEPT = 86_400
"""Seconds that a stamp is kept; without it another look finds another stamp."""


def leave_stamp(records: Records, generation: Generation, shard: Shard = ALL) -> None:
    """Say that rows of this generation have changed.

    Each host has a stamp of its own: of two with one name the one whose clock is ahead would hide
    what the other leaves.
    """
    name = f"{shard} {socket.gethostname()}"
    records.save(_kind(generation), name, uuid4().hex, seconds=KEPT)


def stamp(records: Records, generation: Generation) -> str:
    """Return what stays the same for as long as nothing changes."""
    found = records.load_all(_kind(generation))
    return f"{generation} {' '.join(found[name] for name in sorted(found))}"


def _kind(generation: Generation) -> str:
    return f"stamp/{generation}"
