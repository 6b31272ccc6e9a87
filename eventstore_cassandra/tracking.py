"""The recorder of tracking: how far each upstream application has been processed.

One row for each application, moved forward by a conditional update that also writes a name of its
own, so that after an uncertain outcome a refusal by one's own earlier try is recognised.
"""

from typing import Any
from uuid import uuid4

from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder

from eventstore_cassandra.datastore import APPEND, SERIAL_READ, CassandraDatastore
from eventstore_cassandra.errors import DRIVER_ERRORS, is_certain, library_error, library_errors

_CREATE = (
    "INSERT INTO {keyspace}.tracking (application_name, notification_id, tracking_id)"
    " VALUES (?, ?, ?) IF NOT EXISTS"
)
_ADVANCE = (
    "UPDATE {keyspace}.tracking SET notification_id = ?, tracking_id = ?"
    " WHERE application_name = ? IF notification_id < ?"
)
_SELECT = "SELECT notification_id, tracking_id FROM {keyspace}.tracking WHERE application_name = ?"


class CassandraTrackingRecorder(TrackingRecorder):
    """Keeps the largest notification id for each application. Share it between threads."""

    def __init__(self, datastore: CassandraDatastore) -> None:
        self.datastore = datastore
        self._create = datastore.prepare(_CREATE)
        self._advance = datastore.prepare(_ADVANCE)
        self._select = datastore.prepare(_SELECT)

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move the application's row forward to the notification id.

        :raises IntegrityError: when it is at that id or beyond.
        :raises OperationalError: when the store cannot be reached, or does not answer.
        """
        application, position = tracking.application_name, tracking.notification_id
        tracking_id = uuid4()
        create = self._create.bind([application, position, tracking_id])
        advance = self._advance.bind([position, tracking_id, application, position])
        tries = 0
        while True:
            tries += 1
            row = self._row(application)
            if row and row["tracking_id"] == tracking_id:
                return
            if row and row["notification_id"] >= position:
                raise IntegrityError(
                    f"Expected the tracking of {application!r} below {position}, found it at "
                    f"{row['notification_id']}. The notification is processed already."
                )
            try:
                change = self.datastore.execute(advance if row else create, APPEND).one()
            except DRIVER_ERRORS as e:
                if is_certain(e) or tries == self.datastore.settings.append_attempts:
                    raise library_error(e, f"Cannot record tracking of {application!r}") from e
            else:
                if change["[applied]"]:
                    return

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the largest notification id recorded for the application, None before the first.

        :raises OperationalError: when the store cannot be reached.
        """
        row = self._row(application_name)
        return row["notification_id"] if row else None

    def _row(self, application_name: str) -> dict[str, Any] | None:
        with library_errors(f"Cannot read the tracking of {application_name!r}"):
            row: dict[str, Any] | None = self.datastore.execute(
                self._select.bind([application_name]), SERIAL_READ
            ).one()
        return row
