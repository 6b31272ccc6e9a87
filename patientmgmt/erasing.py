"""Erasing a patient: from the event store on Cassandra, and from the read models beside it."""

from collections.abc import Callable, Generator, Sequence
from uuid import UUID

from eventsourcing.persistence import NotSupportedError, StoredEvent

from eventstore_cassandra import CassandraApplicationRecorder
from eventstore_cassandra.operations import Erasure, Progress, erase
from patientmgmt.runtime import MODELS, Runtime
from projections.erasing import check_erasable, erase_aggregate


def erase_patient(
    runtime: Runtime, patient_id: str, *, write: bool
) -> Generator[Progress, None, Erasure]:
    """Erase a patient; only count what would be erased unless ``write``.

    It may be stopped at any time and run again, beside everything else.

    :param patient_id: as text, whatever ids are in this keyspace.
    :raises NotSupportedError: when the event store is not on Cassandra.
    :raises ValueError: when the id is no UUID, in a keyspace where ids are.
    :raises OperationalError: when the store cannot be reached. Run it again then.
    :raises ReadModelsUnavailableError: the same for the read models; a
        :class:`~projections.erasing.NotErasedError` when another version of the program has made
        some, and nothing was written.
    """
    seen: list[StoredEvent] = []

    def elsewhere(events: Sequence[StoredEvent]) -> None:
        seen[:] = events
        if (row_id := _uuid(patient_id)) is not None:  # others are in no read model
            erase_aggregate(
                runtime.database,
                MODELS.values(),
                row_id,
                events,
                runtime.decode,
            )

    recorder = runtime.application.recorder
    if not isinstance(recorder, CassandraApplicationRecorder):
        raise NotSupportedError(
            "Expected an event store on Cassandra, found another: no other has places for erased "
            "events. Nothing was written."
        )
    id_ = UUID(patient_id) if recorder.schema.id_type is UUID else patient_id
    erasing = erase(recorder.datastore, id_, write=write, elsewhere=elsewhere)
    return _between(
        lambda: check_erasable(runtime.database, MODELS.values()) if write else None,
        erasing,
        lambda: elsewhere([*seen]) if seen else None,
    )


def _between(
    check: Callable[[], None],
    erasing: Generator[Progress, None, Erasure],
    again: Callable[[], None],
) -> Generator[Progress, None, Erasure]:
    """Check before anything is written, that all of it can be.

    And do it again at the end: a rebuild may have begun while the events could still be read.
    """
    check()
    erasure = yield from erasing
    again()
    return erasure


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
