"""The oracle of tests: what is shown equals the fold of the truth, row for row."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from projections.database import Database
from projections.feeds.feed import Feed
from projections.folding import Decode
from projections.generations import Generations
from projections.read_model import ReadModel
from projections.truth import LogTruth, Truth
from projections.verifying import Difference, verify
from tests.store.projections.projecting import BOTH
from tests.unit.projections.events import decode
from tests.unit.projections.type_view import InMemoryTypeView


class Hospital:
    """An event store whose view shows what a test lets it show, and its log, which is the truth."""

    def __init__(self) -> None:
        self.view = InMemoryTypeView()
        self.log = POPOApplicationRecorder()
        self.truth = LogTruth(self.log, page_size=4)

    def append(self, *events: StoredEvent) -> None:
        """Record events, which the view does not show yet."""
        for event in events:
            self.log.insert_events([event])
            self.view.append(event)

    def record(self, event: StoredEvent, savetime: int) -> None:
        """Record an event and show it under the given time."""
        self.append(event)
        self.view.show(event, savetime)


def differences(
    database: Database,
    feed: Feed,
    truth: Truth,
    models: Sequence[ReadModel[Any, Any]] = BOTH,
    *,
    decode: Decode = decode,
) -> list[Difference]:
    """Return what is shown otherwise than the events tell."""
    found: list[Difference] = []
    for model in models:
        live = Generations(database).live(model)
        work = verify(live, database, feed, truth, decode, pause=lambda _: None)
        while True:
            try:
                next(work)
            except StopIteration as end:
                found += end.value.differences
                break
    return found
