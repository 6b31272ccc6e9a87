"""The recorder of tracking: how far each upstream application has been processed.

One row for each view and application, moved forward by a conditional update. It also writes a name
of its own, so that after an uncertain outcome a refusal by one's own earlier try is recognised: a
refusal answers with the columns of its condition, and the condition names both.
"""

from uuid import uuid4

from eventsourcing.persistence import DataError, IntegrityError, Tracking, TrackingRecorder

from eventstore_cassandra.datastore import APPEND, SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error, library_errors
from eventstore_cassandra.keys import check_key

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


class CassandraTrackingRecorder(TrackingRecorder):
    """Keeps the largest notification id for each application. Share it between threads.

    Statements are prepared when they are first used, so that it can be made before its tables.

    A view over many partitions extends it: it writes its rows first, each in such a way that
    writing it again changes nothing, and calls :meth:`insert_tracking` last. After a crash in
    between, the event is processed once more.
    """

    def __init__(self, datastore: CassandraDatastore) -> None:
        self.datastore = datastore

    @property
    def view_name(self) -> str:
        """Whose tracking it is, which tells the views in a keyspace apart: the class's name."""
        return type(self).__name__

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
        unanswered = 0
        while True:
            try:
                row = self.datastore.execute(change, APPEND).one()
            except DRIVER_ERRORS as e:
                unanswered += 1
                raise_if_final(e, tracking, unanswered, self.datastore)
                continue
            if row["[applied]"] or row.get("tracking_id") == name:
                return
            present = row.get("notification_id")
            if present is not None and present >= position:
                raise already_processed(tracking, present)
            change = create if present is None else advance

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the largest notification id recorded for the application, None before the first.

        :raises DataError: for a name that cannot be a key.
        :raises OperationalError: when the store cannot be reached.
        """
        bound = self.datastore.prepare(_SELECT).bind([self._row_key(application_name)])
        with library_errors(f"Cannot read the tracking of {application_name!r}"):
            row = self.datastore.execute(bound, SERIAL_READ).one()
        return row["notification_id"] if row else None

    def _row_key(self, application_name: str) -> str:
        check_key("the name of an application", application_name, outcome=_NOTHING_SENT)
        row_key = f"{self.view_name}/{application_name}"
        check_key("the names of a view and an application", row_key, outcome=_NOTHING_SENT)
        return row_key


def check_notification_id(tracking: Tracking) -> None:
    """Let pass a notification id that the column can hold."""
    if not -(2**63) <= tracking.notification_id < 2**63:
        raise DataError(
            f"Expected a notification id of at most 64 bits for {tracking.application_name!a}, "
            f"found {tracking.notification_id}. Positions in a log are from 1 up. {_NOTHING_SENT}"
        )


def already_processed(tracking: Tracking, present: int) -> IntegrityError:
    """Return the error of a notification that is tracked already."""
    return IntegrityError(
        f"Expected the tracking of {tracking.application_name!r} below {tracking.notification_id}, "
        f"found it at {present}. The notification is processed already."
    )


def raise_if_final(
    error: BaseException, tracking: Tracking, unanswered: int, datastore: CassandraDatastore
) -> None:
    """Raise the library's error if trying again cannot help, or was tried often enough."""
    if is_certain(error) or unanswered == datastore.settings.append_attempts:
        raise library_error(
            error,
            f"Cannot record notification {tracking.notification_id} of "
            f"{tracking.application_name!r}",
            outcome="A projection that is started again goes on where it was.",
        ) from error
