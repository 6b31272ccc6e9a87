"""A view over many partitions: idempotent rows first, tracking last."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, Tracking

from eventstore_cassandra import CassandraDatastore, CassandraTrackingRecorder, Settings
from tests.store.views.lossy import LossyDatastore
from tests.store.views.ward_names import WardNames

WARD = UUID("0b0e4b7e-3d3c-4d1f-9a41-6c3f7f0f5b10")


@pytest.fixture
def upstream() -> str:
    return f"upstream-{uuid4()}"


@pytest.fixture
def view(datastore: CassandraDatastore) -> Iterator[WardNames]:
    view = WardNames(datastore)
    view.create_table()
    yield view
    datastore.session.execute(f"DROP TABLE {datastore.settings.keyspace}.ward_names", timeout=60)


def test_after_a_crash_between_rows_and_tracking_the_event_is_processed_again(
    view: WardNames, settings: Settings, upstream: str
) -> None:
    lost = dict.fromkeys(range(1, settings.append_attempts + 1), "request")
    crashing = WardNames(LossyDatastore(replace(settings, view_patience=0.01), lost))
    with pytest.raises(OperationalError):
        crashing.set_name(WARD, "Cardiology", Tracking(upstream, 1))
    crashing.datastore.close()
    assert view.max_tracking_id(upstream) is None
    assert view.name(WARD) == "Cardiology"  # ahead of its tracking
    view.set_name(WARD, "Cardiology", Tracking(upstream, 1))
    assert view.max_tracking_id(upstream) == 1
    assert view.name(WARD) == "Cardiology"


def test_a_process_that_lags_behind_another_does_not_turn_a_row_back(
    view: WardNames, upstream: str
) -> None:
    view.set_name(WARD, "Cardiology", Tracking(upstream, 1))
    view.set_name(WARD, "Heart Centre", Tracking(upstream, 2))
    with pytest.raises(IntegrityError, match="processed already"):
        view.set_name(WARD, "Cardiology", Tracking(upstream, 1))
    assert view.name(WARD) == "Heart Centre"


def test_views_of_one_application_have_tracking_of_their_own(
    view: WardNames, datastore: CassandraDatastore, upstream: str
) -> None:
    class OtherNames(WardNames):
        pass

    view.set_name(WARD, "Cardiology", Tracking(upstream, 1))
    assert OtherNames(datastore).max_tracking_id(upstream) is None
    OtherNames(datastore).insert_tracking(Tracking(upstream, 2))
    assert view.max_tracking_id(upstream) == 1


@pytest.mark.parametrize(
    "losses", [{1: "answer"}, {2: "answer"}, {2: "request"}, {1: "request", 3: "answer"}]
)
def test_tracking_whose_write_is_lost_is_recorded_once(
    settings: Settings, upstream: str, losses: dict[int, str]
) -> None:
    for position in (3, 9):
        datastore = LossyDatastore(settings, losses)
        recorder = CassandraTrackingRecorder(datastore)
        recorder.insert_tracking(Tracking(upstream, position))
        assert recorder.max_tracking_id(upstream) == position
        with pytest.raises(IntegrityError, match=f"found it at {position}"):
            CassandraTrackingRecorder(datastore).insert_tracking(Tracking(upstream, position))
        datastore.close()
