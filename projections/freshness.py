"""As of when each read model is current, told by the workers and read by pages and machines.

A worker that finds nothing more to read in a feed knows that everything that could be seen when it
asked is shown. It says so once a second. When it says nothing, the read model stands still.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import TypeAdapter

from projections.database import Generation, Records
from projections.shards import Shard

KIND = "current"

_JSON = TypeAdapter(dict[str, datetime])


def tell(records: Records, shard: Shard, current: Mapping[str, datetime]) -> None:
    """Say as of when the generations, given by name, are current in one shard.

    What was said of other read models stays: it is as true as it was.
    """
    text = records.load(KIND, str(shard))
    known = _JSON.validate_json(text) if text else {}
    models = set(map(_model, current))
    others = {name: moment for name, moment in known.items() if _model(name) not in models}
    records.save(KIND, str(shard), _JSON.dump_json({**others, **current}).decode())


def forget(records: Records, generation: Generation) -> None:
    """Take back what was said of a generation, since it is as in the beginning."""
    for shard, text in records.load_all(KIND).items():
        known = _JSON.validate_json(text)
        if known.pop(str(generation), None) is not None:
            records.save(KIND, shard, _JSON.dump_json(known).decode())


def current_as_of(records: Records, count: int) -> Mapping[str, datetime]:
    """Return as of when generations are current in all of the shards; those that are in none lack.

    A generation that one of the shards has never read to the end lacks too.
    """
    texts = records.load_all(KIND)
    told = [
        _JSON.validate_json(texts[str(shard)]) if str(shard) in texts else {}
        for shard in Shard.every(count)
    ]
    common = set.intersection(*map(set, told))
    return {name: min(current[name] for current in told) for name in common}


def _model(generation: str) -> str:
    return generation.rpartition("_")[0]
