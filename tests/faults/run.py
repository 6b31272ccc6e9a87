"""One run: a keyspace of its own, children that write and read, and the verdict in the end."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from eventsourcing.persistence import OperationalError, StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder, CassandraDatastore
from eventstore_cassandra.operations import erase, finish
from tests.faults.checker import empty_positions, violations
from tests.faults.contents import combined_rows, left_over
from tests.faults.history import Attempt, Event, History, Sighting, Told
from tests.faults.plan import Plan, Store
from tests.faults.report import Report
from tests.faults.waiting import patiently, until
from tests.faults.workers import Worker
from tests.faults.writing import TOPIC

_HOT = 4
"""Aggregates that all writers share: few, so that a tenth of the appends or more are conflicts."""
_PAGE = 1000


class Run:
    """The children of one run; leaving the context ends them.

    Runs in one store share its log, one after the other: each begins where the log then ends.
    """

    def __init__(self, store: Store, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.store = store
        self.hot = tuple(str(uuid4()) for _ in range(_HOT))
        self._workers: list[Worker] = []
        self._ended: set[Worker] = set()
        self._edges: list[Attempt] = []
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        # At ALL: what one replica has is decided, and shall not be missed when the run is judged.
        settings = replace(self.store.settings(), read_consistency="ALL")
        self.datastore = CassandraDatastore(settings)
        self._exit.callback(self.datastore.close)
        self._recorder = CassandraApplicationRecorder(self.datastore)
        self._after = self._append_edge()
        self._edges.clear()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exit.__exit__(error_type, error, traceback)

    def add(self, name: str, role: str, **plan: Any) -> Worker:
        """Start a child; it waits for :meth:`start`. Writers share the run's hot aggregates."""
        values: dict[str, Any] = {"hot": self.hot, "seed": self.seed, "after": self._after} | plan
        worker = Worker(Plan(name=name, role=role, store=self.store, **values))
        self._workers.append(self._exit.enter_context(worker))
        return worker

    def add_readers(self, **plan: Any) -> list[Worker]:
        """Start two readers that ask for pages, and a subscription."""
        return [
            self.add("reader-1", "reader", **plan),
            self.add("reader-2", "reader", **plan),
            self.add("subscription", "subscription", **plan),
        ]

    def add_writers(self, **plan: Any) -> list[Worker]:
        """Start two writing processes."""
        return [self.add(f"writer-{number}", "writer", **plan) for number in (1, 2)]

    def start(self, *workers: Worker) -> None:
        """Let these children begin, or all, once each of them is connected."""
        chosen = workers or self._workers
        for worker in chosen:
            worker.wait_for("ready")
        for worker in chosen:
            worker.send("start")

    def others(self, worker: Worker) -> list[Worker]:
        """Return all children but one."""
        return [each for each in self._workers if each is not worker]

    def kill(self, worker: Worker) -> None:
        """End a child without notice."""
        worker.kill()
        self._ended.add(worker)

    def resume_reader(self, killed: Worker) -> Worker:
        """Start another reader where the killed one was: after what it had told."""
        after = max((seen.position for seen in _sightings(killed)), default=killed.plan.after)
        worker = self.add(killed.plan.name, killed.plan.role, after=after)
        self.start(worker)
        return worker

    def wait_for_appends(self, count: int) -> None:
        """Return when writers have been answered so many times from now on."""
        writers = [worker for worker in self._workers if worker.plan.role == "writer"]
        goal = count + sum(len(writer.told("end")) for writer in writers)
        until(
            lambda: sum(len(writer.told("end")) for writer in writers) >= goal,
            f"{count} answers to writers",
        )

    def wait_until_all_saw(self, writer: Worker, *readers: Worker) -> None:
        """Return when these readers have seen the first event of the writer."""
        first = f"{writer.plan.name}-0-0-0"
        until(
            lambda: all(first in _tokens(reader) for reader in readers),
            f"{len(readers)} readers to see {first}",
        )

    def wait_until_helped(self, writer: Worker) -> None:
        """Return when readers have begun to decide each append at which the writer is held."""
        held = {(aggregate, version) for aggregate, version in writer.told("held")}
        until(
            lambda: held <= self._helped(),
            f"readers to decide the {len(held)} appends at which {writer.plan.name} is held",
        )

    def _helped(self) -> set[tuple[str, int]]:
        return {
            (aggregate, version)
            for worker in self._workers
            for aggregate, version in worker.told("helping")
        }

    def finish(self) -> Report:
        """Wait until writers and readers have done all, and judge the run.

        The last event is written here: its reservation settles whatever is under way before it.
        It may take along what a writer has announced and given up, and put that behind itself.

        :raises AssertionError: when a child fails or does not come to an end.
        """
        for worker in self._running("writer", "eraser"):
            worker.wait_until_it_ends()
        last = self._append_edge()
        while patiently(self._recorder.max_notification_id) != last:
            last = self._append_edge()
        for worker in self._running("reader", "subscription"):
            worker.send("finish", last)
        for worker in self._running("reader", "subscription"):
            worker.wait_until_it_ends()
        history = self._history()
        return Report(
            seed=self.seed,
            attempts=history.attempts,
            helps=sum(len(worker.told("helping")) for worker in self._workers),
            troubles=sum(len(worker.told("trouble")) for worker in self._workers),
            empty_positions=empty_positions(history),
            violations=violations(history),
            erased=len(history.erased),
            combined=patiently(lambda: combined_rows(self.datastore)),
        )

    def attempts(self, worker: Worker) -> list[Attempt]:
        """Return the appends of a writer, so far."""
        ends = {token: end for token, *end in worker.told("end")}
        attempts = []
        for token, aggregate, first, tokens in worker.told("begin"):
            told, positions, _reason = ends.get(token, (Told.UNKNOWN.value, [], ""))
            events = [Event(UUID(aggregate), first + n, each) for n, each in enumerate(tokens)]
            attempts.append(Attempt(events, Told(told), positions))
        return attempts

    def _running(self, *roles: str) -> list[Worker]:
        return [
            worker
            for worker in self._workers
            if worker.plan.role in roles and worker not in self._ended
        ]

    def _append_edge(self) -> int:
        """Append an event of the run's own, and return its position."""

        def append() -> int:
            event = Event(uuid4(), 1, "edge")
            stored = StoredEvent(event.aggregate, event.version, TOPIC, event.token.encode())
            try:
                positions = self._recorder.insert_events([stored]) or ()
            except OperationalError:
                self._edges.append(Attempt([event], Told.UNKNOWN))
                raise
            self._edges.append(Attempt([event], Told.ACKNOWLEDGED, positions))
            return positions[0]

        return patiently(append)

    def _history(self) -> History:
        writers = [worker for worker in self._workers if worker.plan.role == "writer"]
        attempts = [each for worker in writers for each in self.attempts(worker)]
        attempts += self._edges
        readers: defaultdict[str, list[Sighting]] = defaultdict(list)
        for worker in self._workers:
            if worker.plan.role in ("reader", "subscription"):
                readers[worker.plan.name] += _sightings(worker)
        erased = frozenset(
            UUID(aggregate) for worker in self._workers for (aggregate,) in worker.told("erasing")
        )
        for aggregate in erased:  # writers may have died with something of it in the log
            patiently(partial(self._erase_again, aggregate))
        log = patiently(lambda: list(self._log()))
        aggregates = {event.aggregate for attempt in attempts for event in attempt.events}
        streams = {
            aggregate: patiently(partial(self._stream, aggregate)) for aggregate in aggregates
        }
        return History(
            attempts,
            readers,
            streams,
            log,
            after=self._after,
            erased=erased,
            left_over=patiently(lambda: left_over(self.datastore, erased)),
        )

    def _erase_again(self, aggregate: UUID) -> None:
        finish(erase(self.datastore, aggregate, write=True))

    def _stream(self, aggregate: UUID) -> list[Event]:
        return [Event.of(stored) for stored in self._recorder.select_events(aggregate)]

    def _log(self) -> Iterator[Sighting]:
        position = self._after
        while page := self._recorder.select_notifications(
            position, _PAGE, inclusive_of_start=False
        ):
            yield from (Sighting(each.id, Event.of(each)) for each in page)
            position = page[-1].id


def _sightings(worker: Worker) -> list[Sighting]:
    return [
        Sighting(position, Event(UUID(aggregate), version, token))
        for page in worker.told("seen")
        for position, aggregate, version, token in page
    ]


def _tokens(worker: Worker) -> set[str]:
    return {seen.event.token for seen in _sightings(worker)}
