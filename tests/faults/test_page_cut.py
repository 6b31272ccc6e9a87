"""A page ends within an append, of which a quorum knows no more than that page has shown."""

from collections.abc import Sequence
from uuid import uuid4

from eventstore_cassandra.append import Append
from eventstore_cassandra.notification_log.buckets import Buckets
from eventstore_cassandra.notification_log.intents import Intent, Look
from eventstore_cassandra.notification_log.outcomes import Outcomes
from eventstore_cassandra.notification_log.reader import LogReader
from eventstore_cassandra.notification_log.reserve_steps import Place

AGGREGATE, APPEND_ID = uuid4(), uuid4()
INTENTS = [
    Intent(
        position=1 + n,
        aggregate_id=AGGREGATE,
        version=1 + n,
        topic="Happened",
        state=b"{}",
        first=1,
        size=3,
        append_id=APPEND_ID,
        mark=None,
    )
    for n in range(3)
]


class HalfSpreadTable:
    """A reservation that one replica has; reading its first row has repaired that row, only."""

    buckets = Buckets(50)

    def rows(self, bucket: int, start: int, limit: int, *, serial: bool = False) -> list[Intent]:
        shown = INTENTS if serial else INTENTS[:1]
        return [intent for intent in shown if intent.position >= start][:limit]

    def head(self, bucket: int) -> int | None:
        return len(INTENTS)

    def end(self, known: Place) -> Place:
        return Place(0, len(INTENTS), len(INTENTS) + 1)


def test_a_reader_decides_the_whole_append_or_nothing_of_it() -> None:
    decided: list[Append] = []

    def look(intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        return [Look(APPEND_ID, 3) if decided else Look(None, None) for _ in intents]

    reader = LogReader(HalfSpreadTable(), Outcomes(), look, decided.append, grace=0.0)
    reader.scan(0, limit=1)
    assert [len(append.events) for append in decided] == [len(INTENTS)]
