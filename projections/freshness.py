"""As of when each read model is current, told by the workers and read by pages and machines.

A worker that finds nothing more to read in a feed knows that everything that could be seen when it
asked is shown. It says so once a second. When it says nothing, the read model stands still.
"""

from datetime import datetime

from projections.database import Generation, Records
from projections.shards import Shard

KIND = "current"


def tell(records: Records, generation: Generation, shard: Shard, moment: datetime) -> None:
    """Say as of when a generation is current in one shard."""
    records.save(_kind(generation), str(shard), moment.isoformat())


def tell_all(records: Records, generation: Generation, count: int, moment: datetime) -> None:
    """Say it of all of so many shards."""
    for shard in Shard.every(count):
        tell(records, generation, shard, moment)


def forget(records: Records, generation: Generation) -> None:
    """Take back what was said of a generation, since it is as in the beginning."""
    for shard in records.load_all(_kind(generation)):
        records.delete(_kind(generation), shard)


def divide(records: Records, generation: Generation, old: int, new: int) -> None:
    """Let as many new shards be as current as the old ones together, until workers tell."""
    moment = current_as_of(records, generation, old)
    forget(records, generation)
    if moment is not None:
        tell_all(records, generation, new, moment)


def current_as_of(records: Records, generation: Generation, count: int) -> datetime | None:
    """Return as of when a generation is current in all of so many shards.

    None as long as one of them was never read to the end.
    """
    told = records.load_all(_kind(generation))
    shards = [told.get(str(shard)) for shard in Shard.every(count)]
    moments = [datetime.fromisoformat(text) for text in shards if text is not None]
    return min(moments) if len(moments) == count else None


def _kind(generation: Generation) -> str:
    return f"{KIND}/{generation}"
