"""Carries out appends: takes the steps of :mod:`..append` until the outcome is known."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from cassandra.query import BatchStatement, BoundStatement
from eventsourcing.persistence import IntegrityError

from eventstore_cassandra.append import (
    UNKNOWN,
    Append,
    Applied,
    Bar,
    BarredError,
    Found,
    NotApplied,
    Reply,
    Step,
    Unanswered,
    append_steps,
    first_step,
)
from eventstore_cassandra.counters import Count
from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import (
    DRIVER_ERRORS,
    UNFIT_VALUES,
    describe,
    is_certain,
    library_error,
)
from eventstore_cassandra.event_types import EventTypes
from eventstore_cassandra.profiles import APPEND, SERIAL_READ
from eventstore_cassandra.requests import are_of_one_request
from eventstore_cassandra.shared_settings import claimed_schema
from eventstore_cassandra.stream import to_columns
from eventstore_cassandra.waiting import pauses

T = TypeVar("T")

logger = logging.getLogger(__name__)

LOCK = (
    "UPDATE {keyspace}.events SET current_version = ? WHERE id = ?"
    " IF current_version = ? AND barred[?] = null"
)
_BAR = (
    "UPDATE {keyspace}.events SET barred[?] = ? WHERE id = ?"
    " IF current_version = ? AND barred[?] = null"
)
EVENT = (
    "INSERT INTO {keyspace}.events (id, version, type, payload, payload_bytes, append_id, savetime)"
    " VALUES (?, ?, ?, ?, ?, ?, toTimestamp(now()))"
)
_LOOK = "SELECT append_id FROM {keyspace}.events WHERE id = ? AND version = ?"


class Appender:
    """What recorders of events append with. Share it between threads.

    :raises ProgrammingError: when the tables are missing, older or newer than this program.
    """

    def __init__(self, datastore: CassandraDatastore) -> None:
        self.datastore = datastore
        self.schema = claimed_schema(datastore)  # before anything of it is looked for
        self.event_types = EventTypes(datastore, attempts=datastore.settings.append_attempts)
        self._lock = datastore.prepare(LOCK)
        self._bar = datastore.prepare(_BAR)
        self._event = datastore.prepare(EVENT)
        self._look = datastore.prepare(_LOOK)

    @contextmanager
    def _watched(self, append: Append) -> Iterator[None]:
        """Log the append if it is slow or conflicts."""
        began = self.datastore.waiting.now()
        extra = {"aggregate_id": str(append.aggregate_id), "append_id": str(append.append_id)}
        try:
            yield
        except IntegrityError as e:
            logger.info("An append was refused: %s", e, extra=extra)
            raise
        finally:
            seconds = self.datastore.waiting.now() - began
            if seconds >= self.datastore.settings.slow_append:
                self.datastore.counters.add(Count.SLOW_APPENDS)
                logger.warning(
                    "An append took %.2f s (events: %d).",
                    seconds,
                    len(append.events),
                    extra=extra | {"seconds": seconds},
                )

    def _unless_done(self, append: Append, carry_out: Callable[[], T]) -> T | None:
        """Carry out the append, unless it conflicts with an earlier one of the same request."""
        try:
            return carry_out()
        except IntegrityError:
            if append.request is None or not self._is_of_same_request(append):
                raise
            return None

    def _is_of_same_request(self, append: Append) -> bool:
        """Tell whether the row at the append's first version was written for the same request.

        :raises UnknownOutcomeError: when that cannot be seen.
        """
        bound = self._look.bind([append.aggregate_id, append.first_version])
        try:
            row = self.datastore.execute(bound, SERIAL_READ).one()
        except DRIVER_ERRORS as e:
            doing = f"Cannot look whether {append.request!a} was carried out before"
            raise library_error(e, doing, outcome=UNKNOWN, is_known=False) from e
        return row is not None and are_of_one_request(append.append_id, row["append_id"])

    def _decide(self, append: Append, *, is_intent: bool, first: Reply | None = None) -> None:
        """Take the steps of the append until its outcome is known.

        :param first: the reply to the first of them, if it was taken by :meth:`_begin`.
        """
        counters = self.datastore.counters
        attempts = self.datastore.settings.append_attempts
        steps = append_steps(append, attempts=attempts, is_intent=is_intent)
        step = next(steps)
        reason = ""
        extra = {"aggregate_id": str(append.aggregate_id), "append_id": str(append.append_id)}
        for longest in pauses():
            reply = first or self._take(step, append, reason)
            first = None
            try:
                step = steps.send(reply)
            except StopIteration:
                counters.add(Count.APPENDS)
                return
            except IntegrityError:
                counters.add(Count.CONFLICTS)
                raise
            except BarredError as e:
                counters.add(Count.BARRED)
                logger.error("%s", e, extra=extra)  # noqa: TRY400 - the caller gets the traceback
                raise
            if isinstance(reply, Unanswered):
                reason = describe(reply.error)
                counters.add(Count.UNCERTAIN_OUTCOMES)
                logger.warning(
                    "An append was not carried out, or not known to be, and is looked into: %s",
                    reason,
                    extra=extra | {"step": str(step)},
                )
                self.datastore.waiting.sleep_between(longest / 2, longest)

    def _begin(self, append: Append, deliver: Callable[[Reply | None], None]) -> None:
        """Take the first step of an append, and have its reply delivered by another thread.

        None is delivered where nothing is known to have been sent: it is to be taken again then.
        """
        try:
            batch = self._request(first_step(append), append, "")
            future = self.datastore.begin(batch, APPEND)
            future.add_callbacks(
                lambda rows: deliver(_reply(rows[0], append)),
                lambda error: deliver(None if is_certain(error) else Unanswered(error)),
            )
        except Exception:  # noqa: BLE001 - whoever takes it again is told
            deliver(None)

    def _take(self, step: Step | Bar, append: Append, reason: str) -> Reply:
        try:
            if step is Step.LOOK:
                bound = self._look.bind([append.aggregate_id, append.first_version])
                row = self.datastore.execute(bound, SERIAL_READ).one()
                return Found(row["append_id"] if row else None)
            row = self.datastore.execute(self._request(step, append, reason), APPEND).one()
        except (*DRIVER_ERRORS, *UNFIT_VALUES) as e:
            return Unanswered(e)
        return _reply(row, append)

    def _request(
        self, step: Step | Bar, append: Append, reason: str
    ) -> BoundStatement | BatchStatement:
        """Return a conditional write: the append's batch, or what bars it for this reason."""
        name, aggregate_id, last = append.append_id, append.aggregate_id, append.last_version
        if isinstance(step, Bar):
            why = reason or f"the aggregate was at version {step.at}"
            return self._bar.bind([name, why, aggregate_id, step.at, name])
        before = None if step is Step.CREATE else append.first_version - 1
        batch = BatchStatement()
        batch.add(self._lock, [last, aggregate_id, before, name])
        for event in append.events:
            type_ = self.event_types.type_of(event.topic)
            batch.add(
                self._event,
                [aggregate_id, event.originator_version, type_, *to_columns(event.state), name],
            )
        return batch


def _reply(row: Mapping[str, Any], append: Append) -> Reply:
    if row["[applied]"]:
        return Applied()
    barred = row.get("barred") or {}
    return NotApplied(row.get("current_version"), append.append_id in barred)
