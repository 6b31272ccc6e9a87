"""Verifying beside events that are appended and shown all the time, as they are in a hospital."""

from collections.abc import Callable
from uuid import UUID, uuid4

from eventsourcing.popo import POPOApplicationRecorder

from projections.database import Database
from projections.feeds.log import LogFeed
from projections.generations import Generations
from projections.sqlite import SQLiteDatabase
from projections.truth import LogTruth, Page
from projections.verifying import Difference, verify
from read_models import patient_list
from read_models.patient_events import TOPICS
from tests.store.projections.projecting import projection
from tests.unit.projections.events import admitted, decode, transferred

MODEL = patient_list.MODEL


class Hospital:
    """Patients who are admitted and moved, and a projection that shows them."""

    def __init__(self, database: Database) -> None:
        self.log = POPOApplicationRecorder()
        self.feed = LogFeed(self.log, TOPICS)
        self.follower = projection(database, self.feed)
        self._database = database

    def admit(self) -> UUID:
        """Admit somebody and show it."""
        patient_id = uuid4()
        self.log.insert_events([admitted(patient_id)])
        self.follower.catch_up()
        return patient_id

    def verify(
        self,
        *,
        truth: LogTruth | None = None,
        beside: Callable[[], object] = lambda: None,
        between: Callable[[], None] = lambda: None,
    ) -> list[Difference]:
        """Verify, while something happens beside each page, and between two looks."""
        work = verify(
            Generations(self._database).live(MODEL),
            self._database,
            self.feed,
            truth or LogTruth(self.log),
            decode,
            pause=lambda _: between(),
        )
        while True:
            try:
                next(work)
            except StopIteration as end:
                return end.value.differences  # type: ignore[no-any-return]
            beside()


class BusyTruth(LogTruth):
    """A truth of which each page is late: something has happened since it was asked for."""

    happens: Callable[[], object]

    def page(self, after: str | None) -> Page:
        """Return the page."""
        self.happens()
        return super().page(after)


def test_who_is_admitted_behind_the_cursor_is_counted(database: Database) -> None:
    hospital = Hospital(database)
    hospital.admit()
    assert hospital.verify(beside=hospital.admit) == []


def test_what_is_counted_wrongly_is_told(sqlite_database: SQLiteDatabase) -> None:
    hospital = Hospital(sqlite_database)
    hospital.admit()
    sqlite_database._file.execute("UPDATE patient_list_1_numbers SET number = 7")
    found = hospital.verify()
    assert {difference.what for difference in found} == {"wrong count"}
    assert all("expected 1, found 7" in difference.details for difference in found)


def test_what_changes_at_each_look_is_not_called_wrong(sqlite_database: SQLiteDatabase) -> None:
    hospital = Hospital(sqlite_database)
    truth = BusyTruth(hospital.log)
    truth.happens = hospital.admit
    assert hospital.verify(truth=truth) == []


def test_a_patient_who_moves_on_and_on_is_not_behind(sqlite_database: SQLiteDatabase) -> None:
    """At each look there is an event that is not shown yet, though each is shown soon."""
    hospital = Hospital(sqlite_database)
    patient_id, version = hospital.admit(), 1

    def move() -> None:
        nonlocal version
        hospital.follower.catch_up()
        version += 1
        hospital.log.insert_events([transferred(patient_id, version, f"W{version}")])

    move()
    assert hospital.verify(between=move) == []


def test_a_patient_who_stays_behind_is_told_also_while_others_move(
    sqlite_database: SQLiteDatabase,
) -> None:
    hospital = Hospital(sqlite_database)
    patient_id = hospital.admit()
    hospital.log.insert_events([transferred(patient_id, 2, "BB")])

    def admit_somebody() -> None:
        hospital.log.insert_events([admitted(uuid4())])

    [found] = hospital.verify(between=admit_somebody)
    assert found == Difference("behind", patient_id, "expected version 2, found 1")
