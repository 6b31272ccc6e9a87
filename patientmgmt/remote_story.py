"""The scenario through a store server, each step compared with what the store then has.

The command handlers run here, and append and load by gRPC. The ward board on which the three
patients are counted is a read model in a temporary folder. It is made from what the type view tells
since shortly before the first of them was admitted: so it takes no longer in a store with a
million others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from eventstore_grpc import ClientSettings, RemoteRecorder
from eventstore_grpc.messages import state_of
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.remote.connection import Connection
from patientmgmt.application import Accepted, PatientManagement
from patientmgmt.domain.commands import AdmitPatient, DischargePatient, TransferPatient
from patientmgmt.domain.events import EVENT_TYPES
from patientmgmt.environment import GRPC
from patientmgmt.queries import queries_of
from patientmgmt.scenario import Scenario, Step
from projections.feeds.places import Place
from projections.feeds.type_view import OVERLAP, Page, TypeViewFeed
from projections.generations import Generations
from projections.sqlite import SQLiteDatabase
from projections.worker import Worker
from read_models import ward_board


@dataclass(frozen=True)
class Told:
    """An event that a command handler has answered for."""

    topic: str
    values: Mapping[str, Any]
    """What its payload must have, among others."""

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.values.items())
        return f"{self.topic} ({values})" if values else self.topic


class RememberedPatients(PatientManagement):
    """Command handlers that remember what they have answered."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.told: dict[UUID, list[Told]] = {}

    def admit(self, command: AdmitPatient) -> Accepted:
        """Admit a new patient."""
        values = {"name": command.name, "age": command.age, "ward": command.ward}
        return self._remember(super().admit(command), "PatientAdmitted", **values)

    def transfer(self, command: TransferPatient) -> Accepted:
        """Move a patient to another ward."""
        return self._remember(
            super().transfer(command), "PatientTransferred", new_ward=command.ward
        )

    def discharge(self, command: DischargePatient) -> Accepted:
        """End a patient's stay."""
        return self._remember(super().discharge(command), "PatientDischarged")

    def _remember(self, accepted: Accepted, topic: str, **values: Any) -> Accepted:
        self.told.setdefault(accepted.patient_id, []).append(Told(topic, values))
        return accepted


class _SinceFirst:
    """The type view from a window before the first patient's admission on."""

    def __init__(self, application: RememberedPatients, connection: Connection) -> None:
        self._application = application
        self._connection = connection
        self._recorder = RemoteRecorder(connection)
        self._known: Place | None = None

    def select_events_by_types(
        self, places: Mapping[str, Place | None], *, limit: int
    ) -> Mapping[str, Page]:
        """Return rows of each type in the view's order, at most so many, strictly after a place."""
        begin = self._begin()
        later = {topic: place or begin for topic, place in places.items()}
        return self._recorder.select_events_by_types(later, limit=limit)

    def select_events(self, originator_id: UUID, *, gt: int | None = None) -> Sequence[StoredEvent]:
        """Return the aggregate's events above version ``gt``, in order."""
        return self._recorder.select_events(originator_id, gt=gt)

    def _begin(self) -> Place | None:
        if self._known is None and self._application.told:
            first = next(iter(self._application.told))
            savetime = found_by_id(self._connection, first)[0].savetime
            self._known = (savetime - int(OVERLAP.total_seconds() * 1000), 0, UUID(int=0))
        return self._known


def check_store(settings: ClientSettings) -> None:
    """Ask the store for something that it does not have.

    :raises PersistenceError: when it does not answer; an append would not know its outcome then.
    """
    request = pb.FindByIDRequest(id=str(uuid4()))
    with closing(Connection(settings)) as connection:
        connection.read(methods.FIND_BY_ID, request, f"No store at {settings.address}")


@contextmanager
def open_story(settings: ClientSettings, env: Mapping[str, str]) -> Iterator[Iterator[Step]]:
    """Provide the steps of the story, each of which is done when it is asked for.

    :param env: how the server is reached, but for its address.
    :raises PersistenceError: when the store cannot be reached, by steps as well.
    """
    used = {**env, "PERSISTENCE_MODULE": GRPC, "STOREGRPC_ADDRESS": settings.address}
    with (
        TemporaryDirectory(prefix="patientmgmt-story-") as folder,
        RememberedPatients(used) as application,
        closing(Connection(settings)) as connection,
        closing(SQLiteDatabase(Path(folder) / "read-models.sqlite")) as database,
    ):
        Generations(database).ensure(ward_board.MODEL)
        feed = TypeViewFeed(_SinceFirst(application, connection), list(EVENT_TYPES))
        worker = Worker(database, [ward_board.MODEL], feed, application.mapper.to_payload)
        script = Scenario(application, queries_of(database), worker)
        yield (_compared(step, application, connection) for step in script.play())


def found_by_id(connection: Connection, id_: UUID) -> Sequence[pb.FindResponse.Event]:
    """Return what the store has of an aggregate.

    :raises PersistenceError: when it cannot be read.
    """
    request = pb.FindByIDRequest(id=str(id_))
    response = connection.read(methods.FIND_BY_ID, request, f"Cannot read aggregate {id_}")
    return list(response.events)


def _compared(step: Step, application: RememberedPatients, connection: Connection) -> Step:
    """Return the step, with what the store has where that is not what was answered."""
    for id_, told in application.told.items():
        if difference := _difference(told, found_by_id(connection, id_)):
            return replace(step, found=f"{step.found}, but of patient {id_} {difference}")
    return step


def _difference(told: Sequence[Told], found: Sequence[pb.FindResponse.Event]) -> str:
    if len(found) != len(told):
        return f"the store has {len(found)} events and not {len(told)}"
    for version, (expected, event) in enumerate(zip(told, found, strict=True), start=1):
        payload = json.loads(state_of(event))
        if (event.version, event.topic) != (version, expected.topic) or any(
            payload.get(name) != value for name, value in expected.values.items()
        ):
            return f"the store has {event.topic} {payload} and not {expected}"
    return ""
