"""How an application of the library meets an aggregate that is erased."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.cipher import AESCipher
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper, ProgrammingError, StoredEvent, Tracking
from eventsourcing.projection import ApplicationSubscription, Projection, ProjectionRunner
from eventsourcing.utils import get_topic

from eventstore_cassandra import (
    ERASED_TOPIC,
    AggregateErasedError,
    CassandraDatastore,
    CassandraFactory,
    CassandraTrackingRecorder,
    Erased,
    KnowsErased,
    Settings,
    create_tables,
)
from eventstore_cassandra.operations import erase, finish
from patientmgmt.application import PatientManagement
from patientmgmt.domain.commands import AdmitPatient, TransferPatient
from patientmgmt.domain.errors import PatientNotFoundError
from patientmgmt.mapper import PatientMapper
from tests.store.operations.crafting import keyspace
from tests.store.test_library_applications import Ward, Wards
from tests.store.test_shipped_cases import environment

PLAIN: dict[str, str] = {}
ENCODED = {
    "COMPRESSOR_TOPIC": "eventsourcing.compressor:ZlibCompressor",
    "CIPHER_TOPIC": "eventsourcing.cipher:AESCipher",
    "CIPHER_KEY": AESCipher.create_key(32),
}


class OwnMapper(Mapper[UUID]):
    """An application's own."""


OWN = {"MAPPER_TOPIC": get_topic(OwnMapper)}


@pytest.fixture
def datastore(settings: Settings) -> Iterator[CassandraDatastore]:
    """A keyspace of its own, since all its writers have one cipher and one compressor."""
    with keyspace(settings) as datastore:
        create_tables(datastore)
        yield datastore


@pytest.fixture(params=[PLAIN, ENCODED, OWN], ids=["plain", "encoded", "own mapper"])
def env(request: pytest.FixtureRequest, datastore: CassandraDatastore) -> dict[str, str]:
    variant: dict[str, str] = request.param
    return environment(datastore.settings) | variant


def test_it_is_not_found_and_takes_no_events(
    env: dict[str, str], datastore: CassandraDatastore
) -> None:
    with Wards(env) as wards:
        ward_id = wards.open(f"Cardiology {uuid4()}")
        for _ in range(4):
            wards.add_beds(ward_id, 1)
        ward: Ward = wards.repository.get(ward_id)
        assert wards.snapshots
        assert list(wards.snapshots.get(ward_id))
        finish(erase(datastore, ward_id, write=True))
        assert list(wards.snapshots.get(ward_id)) == []
        for application in (wards, Wards(env)):
            with application, pytest.raises(AggregateNotFoundError):
                application.repository.get(ward_id)
    with Wards(env) as wards:
        ward.add_beds(1)
        with pytest.raises(AggregateErasedError):
            wards.save(ward)
        with pytest.raises(AggregateErasedError):
            wards.open(ward.name)


def test_followers_get_erased_events_at_their_positions(
    env: dict[str, str], datastore: CassandraDatastore
) -> None:
    with Wards(env) as wards:
        after = wards.recorder.max_notification_id() or 0
        ward_id = wards.open(f"Cardiology {uuid4()}")
        last = wards.add_beds(ward_id, 1)
        finish(erase(datastore, ward_id, write=True))
        with ApplicationSubscription(wards, gt=after) as subscription:
            followed = [next(subscription) for _ in range(2)]
        found: list[object] = [domain_event for domain_event, _ in followed]
        assert found == [Erased(ward_id, 1), Erased(ward_id, 2)]
        assert [tracking.notification_id for _, tracking in followed] == [last - 1, last]
        with ApplicationSubscription(wards, gt=after, topics=[ERASED_TOPIC]) as subscription:
            first: object = next(subscription)[0]
        assert first == Erased(ward_id, 1)


class Seen(CassandraTrackingRecorder):
    pass


class SeenProjection(Projection[Seen]):
    topics = (get_topic(Ward.BedsAdded), ERASED_TOPIC)

    @singledispatchmethod
    def process_event(self, domain_event: Aggregate.Event, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def forget(self, domain_event: Erased, tracking: Tracking) -> None:
        forgotten.append(domain_event)
        self.view.insert_tracking(tracking)


forgotten: list[Erased] = []


def test_a_projection_may_handle_them(
    empty_datastore: CassandraDatastore,
) -> None:
    env = environment(empty_datastore.settings) | ENCODED
    with Wards(env) as wards:
        ward_id = wards.open("Cardiology")
    finish(erase(empty_datastore, ward_id, write=True))
    with ProjectionRunner(
        application_class=Wards, projection_class=SeenProjection, view_class=Seen, env=env
    ) as runner:
        runner.wait(1, timeout=10)
    runner.view.datastore.close()
    assert forgotten == [Erased(ward_id, 1)]


@pytest.fixture
def patients(datastore: CassandraDatastore) -> Iterator[PatientManagement]:
    with PatientManagement(environment(datastore.settings) | ENCODED) as application:
        yield application


def test_a_patient_is_unknown_to_every_command_and_query(
    patients: PatientManagement, datastore: CassandraDatastore
) -> None:
    patient_id = patients.admit(AdmitPatient(name="Ida Moe", age=40, ward="AA")).patient_id
    finish(erase(datastore, patient_id, write=True))
    with pytest.raises(PatientNotFoundError):
        patients.patient(patient_id)
    with pytest.raises(PatientNotFoundError):
        patients.history(patient_id)
    with pytest.raises(PatientNotFoundError):
        patients.transfer(TransferPatient(patient_id=patient_id, ward="BB"))
    erased = StoredEvent(patient_id, 1, ERASED_TOPIC, b"{}")
    assert isinstance(patients.mapper, PatientMapper)
    found: object = patients.mapper.to_domain_event(erased)
    assert found == Erased(patient_id, 1)


def test_every_mapper_of_the_factory_knows_erased_events_once(
    datastore: CassandraDatastore,
) -> None:
    class Knowing(KnowsErased[UUID], OwnMapper):
        pass

    factory = CassandraFactory(environment(datastore.settings))
    transcoder = factory.transcoder()
    for given in (None, Mapper[UUID], OwnMapper, Knowing):
        mapper = factory.mapper(transcoder, given)
        assert isinstance(mapper, KnowsErased)
        assert mapper.to_domain_event(StoredEvent("ward-7", 3, ERASED_TOPIC, b"{}")) == Erased(
            "ward-7", 3
        )
    assert type(factory.mapper(transcoder, Knowing)) is Knowing
    with pytest.raises(ProgrammingError, match="Expected a subclass of Mapper"):
        factory.mapper(transcoder, Ward)  # type: ignore[arg-type]
