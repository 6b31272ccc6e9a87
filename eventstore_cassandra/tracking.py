"""The recorder of tracking: how far each upstream application has been processed.

One row for each projection, view and application, moved forward by a conditional update. It also
writes a name of its own, so that after an uncertain outcome a refusal by one's own earlier try is
recognised: a refusal answers with the columns of its condition, and the condition names both.

*Whose row it is.* The library's own recorders for SQL have a table for each name of an environment,
which for a runner is the name of its projection. So that name is in the key, and the view's class
with its module, since rows of views differ where tables do not. If two projections shared a row,
the second would begin where the first is and never see an event, without an error.

*Rows of before* were named by the class alone. Such a row is continued by the first who asks for
it: a conditional update writes into it the key under which it is continued, once and for good, and
what it held then is the position where that key begins. Anybody else begins at the first event.
"""

from random import uniform
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import get_topic

from eventstore_cassandra.datastore import CassandraDatastore
from eventstore_cassandra.errors import (
    DRIVER_ERRORS,
    StoreUnreachableError,
    is_refusal,
    library_error,
    library_errors,
)
from eventstore_cassandra.keys import check_key
from eventstore_cassandra.profiles import APPEND, SERIAL_READ
from eventstore_cassandra.whole_numbers import check_whole

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_CREATE = (
    "INSERT INTO {keyspace}.tracking (application_name, notification_id, tracking_id)"
    " VALUES (?, ?, ?) IF NOT EXISTS"
)
_ADVANCE = (
    "UPDATE {keyspace}.tracking SET notification_id = ?, tracking_id = ?"
    " WHERE application_name = ? IF notification_id < ? AND tracking_id != ?"
)
_SELECT = "SELECT notification_id FROM {keyspace}.tracking WHERE application_name = ?"
_NOTHING_SENT = "Nothing was sent."
_SELECT_OLD = (
    "SELECT notification_id, continued_as FROM {keyspace}.tracking WHERE application_name = ?"
)
_CONTINUE = (
    "UPDATE {keyspace}.tracking SET continued_as = ? WHERE application_name = ?"
    " IF notification_id = ? AND continued_as = null"
)


class CassandraTrackingRecorder(TrackingRecorder):
    """Keeps the largest notification id for each application. Share it between threads.

    :param patience: seconds for which a write is tried again, if not ``CASSANDRA_VIEW_PATIENCE``.

    Statements are prepared when they are first used, so that it can be made before its tables.

    A view over many partitions extends it: it writes its rows first, each in such a way that
    writing it again changes nothing, and calls :meth:`insert_tracking` last. After a crash in
    between, the event is processed once more.
    """

    projection_name: str = ""
    """The name of the environment that the recorder was made for: that of the projection, where the
    library's runner makes it. The factory sets it."""

    def __init__(self, datastore: CassandraDatastore, *, patience: float | None = None) -> None:
        self.datastore = datastore
        settings = datastore.settings
        self._patience = settings.view_patience if patience is None else patience

    @property
    def view_name(self) -> str:
        """What tells a projection's views apart: the class, with its module."""
        return get_topic(type(self))

    def create_table(self) -> None:
        """Create the tables of a subclass; here nothing, as the event store's own has the row.

        Run it like :func:`create_tables`: from one process, before anything else.
        """

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move the application's row forward to the notification id.

        :raises IntegrityError: when it is at that id or beyond.
        :raises DataError: for an id of more than 64 bits, or a name that cannot be a key.
        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        check_notification_id(tracking)
        row_key, position = self._row_key(tracking.application_name), tracking.notification_id
        name = uuid4()
        advance = self.datastore.prepare(_ADVANCE).bind([position, name, row_key, position, name])
        create = self.datastore.prepare(_CREATE).bind([row_key, position, name])
        change = advance
        tries = self._tries(tracking)
        while True:
            try:
                row = self.datastore.execute(change, APPEND).one()
            except DRIVER_ERRORS as e:
                tries.pause_or_raise(e)
                continue
            if row["[applied]"] or row.get("tracking_id") == name:
                return
            present = row.get("notification_id")
            change = create if present is None else advance
            if present is None:
                present = self._continued(tracking.application_name)
            if present is not None and present >= position:
                raise already_processed(tracking, present)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the largest notification id recorded for the application, None before the first.

        :raises DataError: for a name that cannot be a key.
        :raises OperationalError: when the store cannot be reached.
        """
        row = self._read(_SELECT, self._row_key(application_name), application_name)
        return row["notification_id"] if row else self._continued(application_name)

    def _row_key(self, application_name: str) -> str:
        check_key("the name of an application", application_name, outcome=_NOTHING_SENT)
        row_key = f"{self.projection_name.lower()}/{self.view_name}/{application_name}"
        check_key(
            "the names of a projection, a view and an application", row_key, outcome=_NOTHING_SENT
        )
        return row_key

    def _continued(self, application_name: str) -> int | None:
        """Return the position in the row of before, None if there is none to be continued here.

        It is for a row that does not exist yet; what has its own goes on from there.
        """
        key = self._row_key(application_name)
        is_named = type(self).view_name is not CassandraTrackingRecorder.view_name
        old_key = f"{self.view_name if is_named else type(self).__name__}/{application_name}"
        tries: Tries | None = None
        while True:
            row = self._read(_SELECT_OLD, old_key, application_name)
            if row is None or row["continued_as"] not in (None, key):
                return None
            position: int = row["notification_id"]
            if row["continued_as"] == key:
                return position
            bound = self.datastore.prepare(_CONTINUE).bind([key, old_key, position])
            try:
                self.datastore.execute(bound, APPEND)
            except DRIVER_ERRORS as e:
                tracking = Tracking(application_name, position)
                tries = tries or self._tries(tracking)
                tries.pause_or_raise(e)

    def _tries(self, tracking: Tracking) -> "Tries":
        """Return the tries that the write of a notification has."""
        attempts = self.datastore.settings.append_attempts
        return Tries(tracking, attempts=attempts, patience=self._patience)

    def _read(self, query: str, key: str, application_name: str) -> dict[str, Any] | None:
        bound = self.datastore.prepare(query).bind([key])
        with library_errors(f"Cannot read the tracking of {application_name!r}"):
            row: dict[str, Any] | None = self.datastore.execute(bound, SERIAL_READ).one()
        return row


def check_notification_id(tracking: Tracking) -> None:
    """Let pass a notification id that the column can hold.

    :raises ProgrammingError, DataError: for any other.
    """
    found = tracking.notification_id
    check_whole(f"a notification id of {tracking.application_name!a}", found, outcome=_NOTHING_SENT)
    if not -(2**63) <= found < 2**63:
        raise DataError(
            f"Expected a notification id of at most 64 bits for {tracking.application_name!a}, "
            f"found {found}. Positions in a log are from 1 up. {_NOTHING_SENT}"
        )


def already_processed(tracking: Tracking, present: int) -> IntegrityError:
    """Return the error of a notification that is tracked already."""
    return IntegrityError(
        f"Expected the tracking of {tracking.application_name!r} below {tracking.notification_id}, "
        f"found it at {present}. The notification is processed already."
    )


class Tries:
    """The tries of one notification's write: they have pauses, and an end.

    A projection ends with the first error of its view, so that the servers' restart is waited for.
    """

    def __init__(self, tracking: Tracking, *, attempts: int, patience: float) -> None:
        self._tracking = tracking
        self._until = monotonic() + patience
        self._left = attempts
        self._pause = _FIRST_PAUSE

    def pause_or_raise(self, error: BaseException) -> None:
        """Return once it is time for the next try after this error.

        :param error: the driver's, or a :class:`StoreUnreachableError`.
        :raises PersistenceError: if trying again cannot help, or was tried often and long enough.
        """
        self._left -= 1
        is_over = self._left <= 0 and monotonic() >= self._until
        if isinstance(error, StoreUnreachableError):
            if is_over:
                raise error
        elif is_over or is_refusal(error):
            raise library_error(
                error,
                f"Cannot record notification {self._tracking.notification_id} of "
                f"{self._tracking.application_name!r}",
                outcome="A projection that is started again goes on where it was.",
            ) from error
        sleep(uniform(0.5, 1.0) * self._pause)  # noqa: S311 - rivals must not meet again in step
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
