"""The board that all readers of a process share: what it costs, and what it never hides."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from patientmgmt.currency import STILL, Currencies, Currency, Standing
from patientmgmt.queries import Queries
from patientmgmt.web import create_app, stop_background_work
from patientmgmt.web.boards import LOOK_SECONDS, READ_SECONDS, Boards
from projections.errors import ReadModelsUnavailableError
from read_models.ward_board import OnWard, Ward, WardBoard
from tests.web.conftest import Clock, System, sqlite_runtime, web_system

ADA = UUID(int=1)
DEADLINE = 30.0
MORNING = datetime(2026, 11, 27, 6, tzinfo=UTC)


def ward_with(*names: str, version: int = 1) -> Sequence[Ward]:
    """Return a board with one ward."""
    rows = (OnWard("AA", b"", ADA, version, name, 36, None, None) for name in names)
    return [Ward("AA", tuple(rows))]


@dataclass
class Hospital:
    """Read models that tests change, and that count what they are asked."""

    wards_now: Sequence[Ward] = field(default_factory=lambda: ward_with("Ada"))
    stamp: str = "first"
    versions: dict[UUID, int] = field(default_factory=dict)
    time: float = 1000.0
    as_of: datetime | None = None
    asked: list[str] = field(default_factory=list)
    before_rows: Callable[[], object] = lambda: None
    fails: bool = False

    def boards(self) -> Boards:
        """Return the board that is tested, over all this."""
        queries = Queries(
            board=cast("WardBoard", self),
            board_stamp=self._ask("stamp", lambda: self.stamp),
            currency=cast("Currencies", self),
            **dict.fromkeys(("patients", "history", "stays", "demographics"), cast("Any", None)),
        )
        return Boards(queries, self.render, clock=lambda: self.time)

    def of(self, name: str) -> Currency:
        """Return how current the board is."""
        assert name == "ward_board"
        self.asked.append("currency")
        now = MORNING + timedelta(seconds=self.time)
        return Currency(asked_at=now, as_of=self.as_of, paused=False, parked=0)

    def wards(self) -> Sequence[Ward]:
        """Return the rows."""
        self.asked.append("rows")
        wards = self.wards_now
        self.before_rows()
        return wards

    def version(self, patient_id: UUID) -> int:
        """Return the version of the patient."""
        self.asked.append("version")
        return self.versions.get(patient_id, 0)

    def render(self, wards: Sequence[Ward]) -> str:
        """Return the names."""
        self.asked.append("render")
        return " ".join(row.name for ward in wards for row in ward.patients)

    def _ask(self, what: str, answer: Callable[[], str]) -> Callable[[], str]:
        def ask() -> str:
            self.asked.append(what)
            if self.fails:
                raise ReadModelsUnavailableError("away")
            return answer()

        return ask

    def answered(self) -> list[str]:
        """Return what was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def hospital() -> Hospital:
    return Hospital()


def test_what_is_current_is_asked_before_the_stamp_and_the_stamp_before_the_rows(
    hospital: Hospital,
) -> None:
    assert hospital.boards().latest().html == "Ada"
    assert hospital.answered() == ["currency", "stamp", "rows", "render"]


def test_for_a_second_nothing_is_asked_and_then_the_stamp_alone(hospital: Hospital) -> None:
    boards = hospital.boards()
    boards.latest()
    hospital.answered()

    hospital.time += LOOK_SECONDS * 0.9
    for _ in range(10):
        boards.latest()
    assert hospital.answered() == []

    hospital.time += LOOK_SECONDS * 0.2
    for _ in range(10):
        boards.latest()
    assert hospital.answered() == ["currency", "stamp"]


def test_another_stamp_has_the_rows_read(hospital: Hospital) -> None:
    boards = hospital.boards()
    first = boards.latest()
    hospital.wards_now, hospital.stamp = ward_with("Ada", "Bo"), "second"
    hospital.time += LOOK_SECONDS
    second = boards.latest()
    assert second.html == "Ada Bo"
    assert second.etag != first.etag


def test_another_stamp_over_the_same_rows_renders_nothing_and_keeps_the_tag(
    hospital: Hospital,
) -> None:
    boards = hospital.boards()
    first = boards.latest()
    hospital.answered()
    hospital.stamp = "second"
    hospital.time += LOOK_SECONDS
    assert boards.latest().etag == first.etag
    assert hospital.answered() == ["currency", "stamp", "rows"]


def test_rows_whose_stamp_was_never_left_are_seen_in_the_end(hospital: Hospital) -> None:
    boards = hospital.boards()
    boards.latest()
    hospital.wards_now = ward_with("Bo")
    hospital.time += READ_SECONDS
    assert boards.latest().html == "Bo"


def test_a_change_during_the_reading_is_seen_at_the_next_look(hospital: Hospital) -> None:
    def change() -> None:
        hospital.wards_now, hospital.stamp = ward_with("Bo"), "second"

    hospital.before_rows = change
    boards = hospital.boards()
    assert boards.latest().html == "Ada"
    hospital.time += LOOK_SECONDS
    assert boards.latest().html == "Bo"


def test_while_one_reader_looks_the_others_have_the_board_as_it_was(hospital: Hospital) -> None:
    boards = hospital.boards()
    boards.latest()
    looking, done = Event(), Event()

    def wait() -> None:
        looking.set()
        assert done.wait(DEADLINE)

    hospital.before_rows = wait
    hospital.wards_now, hospital.stamp = ward_with("Bo"), "second"
    hospital.time += LOOK_SECONDS
    with ThreadPoolExecutor(1) as pool:
        looker = pool.submit(boards.latest)
        assert looking.wait(DEADLINE)
        try:
            assert boards.latest().html == "Ada"
        finally:
            done.set()
        assert looker.result().html == "Bo"
    assert boards.latest().html == "Bo"


def test_a_board_grows_old_while_a_look_hangs(hospital: Hospital) -> None:
    boards = hospital.boards()
    hospital.as_of = MORNING + timedelta(seconds=hospital.time)
    assert boards.latest().currency.standing is Standing.CURRENT
    looking, done = Event(), Event()

    def hang() -> None:
        looking.set()
        assert done.wait(DEADLINE)

    hospital.before_rows = hang
    hospital.stamp = "second"
    hospital.time += LOOK_SECONDS
    with ThreadPoolExecutor(1) as pool:
        looker = pool.submit(boards.latest)
        assert looking.wait(DEADLINE)
        try:
            hospital.time += STILL.total_seconds()
            for _ in range(2):
                currency = boards.latest().currency
                assert currency.lag == STILL + timedelta(seconds=LOOK_SECONDS)
                assert currency.standing is Standing.STILL
        finally:
            done.set()
        assert looker.result().currency.standing is Standing.STILL


@pytest.mark.parametrize("change", [None, (ADA, 1)])
def test_a_board_whose_rows_came_late_is_as_old_as_they_are(
    hospital: Hospital, change: tuple[UUID, int] | None
) -> None:
    def come_late() -> None:
        hospital.time += 11

    boards = hospital.boards()
    hospital.as_of = MORNING + timedelta(seconds=hospital.time)
    hospital.versions[ADA] = 1
    hospital.before_rows = come_late
    board = boards.having(change) if change else boards.latest()
    assert board is not None
    assert board.currency.standing is Standing.BEHIND


def test_many_readers_at_once_read_the_first_board_once(hospital: Hospital) -> None:
    boards = hospital.boards()
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(boards.latest) for _ in range(64)]
    assert {each.result().html for each in found} == {"Ada"}
    assert hospital.answered().count("rows") == 1


def test_a_failure_is_not_kept(hospital: Hospital) -> None:
    boards = hospital.boards()
    boards.latest()
    hospital.fails = True
    hospital.time += LOOK_SECONDS
    for _ in range(2):
        with pytest.raises(ReadModelsUnavailableError):
            boards.latest()
    hospital.fails = False
    assert boards.latest().html == "Ada"


def test_a_change_that_is_not_there_yet_has_no_board(hospital: Hospital) -> None:
    boards = hospital.boards()
    boards.latest()
    hospital.versions[ADA] = 1
    assert boards.having((ADA, 2)) is None


def test_a_change_is_shown_although_its_stamp_was_not_left_yet(hospital: Hospital) -> None:
    boards = hospital.boards()
    boards.latest()
    hospital.wards_now = ward_with("Ada", version=2)
    hospital.versions[ADA] = 2
    board = boards.having((ADA, 2))
    assert board is not None
    assert board.wards == hospital.wards_now
    assert boards.latest().wards == hospital.wards_now


def test_who_has_discharged_somebody_is_shown_no_reading_that_began_before(
    hospital: Hospital,
) -> None:
    def discharge() -> None:
        hospital.time += 1
        hospital.wards_now = []
        hospital.versions[ADA] = 2

    boards = hospital.boards()
    hospital.before_rows = discharge
    assert boards.latest().html == "Ada"
    board = boards.having((ADA, 2))
    assert board is not None
    assert board.wards == []


def test_a_change_that_is_shown_costs_nothing_more(hospital: Hospital) -> None:
    boards = hospital.boards()
    hospital.versions[ADA] = 2
    boards.having((ADA, 2))
    hospital.answered()
    for _ in range(10):
        assert boards.having((ADA, 2)) is not None
    assert hospital.answered() == []


def test_only_so_many_changes_are_remembered(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patientmgmt.web.boards.REMEMBERED", 2)
    boards = hospital.boards()
    hospital.versions[ADA] = 3
    for version in (1, 2, 3):
        boards.having((ADA, version))
    hospital.answered()
    boards.having((ADA, 3))
    assert hospital.answered() == []
    boards.having((ADA, 1))
    assert "rows" in hospital.answered()


class CountingBoard:
    """The queries of a real board, counted."""

    def __init__(self, board: WardBoard) -> None:
        self._board = board
        self.reads = 0

    def wards(self) -> Sequence[Ward]:
        """Return the wards."""
        self.reads += 1
        return self._board.wards()

    def version(self, patient_id: UUID) -> int:
        """Return the patient's version."""
        return self._board.version(patient_id)


def test_a_poll_of_an_unchanged_board_reads_no_rows_and_renders_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_runtime(tmp_path) as runtime:
        counting = CountingBoard(runtime.queries.board)
        queries = replace(runtime.queries, board=cast("WardBoard", counting))
        config = {"SECRET_KEY": "for tests", "BOARD_LOOK_SECONDS": 0}
        app = create_app(runtime.application, queries, config)
        try:
            system = System(runtime, app, app.test_client(), tmp_path, Clock())
            patient_id = system.admitted()
            system.catch_up()
            for path in ("/board", f"/board?patient={patient_id}&version=1"):
                etag = system.client.get(path).headers["ETag"]
                reads = counting.reads
                with monkeypatch.context() as patch:
                    patch.setattr("patientmgmt.web.board.render_template", None)
                    for _ in range(5):
                        answer = system.client.get(path, headers={"If-None-Match": etag})
                        assert (answer.status_code, answer.data) == (304, b"")
                assert counting.reads == reads
        finally:
            stop_background_work(app)


def test_readers_see_their_own_change_however_lately_the_board_was_looked_at(
    tmp_path: Path,
) -> None:
    with web_system(tmp_path, BOARD_LOOK_SECONDS=3600) as system:
        ada = system.admitted("Ada", "AA")
        system.catch_up()
        assert "Ada" in system.client.get("/").text
        system.client.post(f"/api/patients/{ada}/transfer", json={"ward": "BB"})
        system.catch_up()
        assert ">BB<" not in system.client.get("/").text
        changed = system.client.get(f"/?patient={ada}&version=2").text
        assert ">BB<" in changed
        assert "just changed" in changed

        system.client.post(f"/api/patients/{ada}/discharge", json={})
        system.catch_up()
        for path in ("/", "/board"):
            assert "Ada" not in system.client.get(f"{path}?patient={ada}&version=3").text


def test_somebody_elses_change_is_not_looked_for_before_its_time_by_pages_and_api_alike(
    tmp_path: Path,
) -> None:
    with web_system(tmp_path, BOARD_LOOK_SECONDS=3600) as system:
        assert system.client.get("/api/wards").get_json()["wards"] == []
        system.admitted()
        system.catch_up()
        assert system.client.get("/api/wards").get_json()["wards"] == []
        assert "No patient is on a ward yet" in system.client.get("/board").text


def test_a_board_that_catches_up_has_another_tag_than_one_that_has(system: System) -> None:
    patient_id = system.admitted()
    path = f"/board?patient={patient_id}&version=1"
    behind = system.client.get(path)
    assert "still catching up" in behind.text
    system.catch_up()
    again = system.client.get(path, headers={"If-None-Match": behind.headers["ETag"]})
    assert again.status_code == 200
    assert "just changed" in again.text
    other = system.client.get(f"/board?patient={uuid4()}&version=1")
    assert other.headers["ETag"] != again.headers["ETag"]
    assert system.client.get("/board").headers["ETag"] != again.headers["ETag"]


def test_the_page_and_its_polls_have_the_same_tag(system: System) -> None:
    patient_id = system.admitted()
    system.catch_up()
    for query in ("", f"?patient={patient_id}&version=1"):
        etag = system.client.get(f"/{query}").text.partition('data-etag="')[2].partition('"')[0]
        seen = {"If-None-Match": f'"{etag}"'}
        assert system.client.get(f"/board{query}", headers=seen).status_code == 304


def test_a_card_says_since_when_a_patient_is_on_the_ward_if_not_since_the_admission(
    system: System,
) -> None:
    system.happened("Ada", ("2026-01-05T06:12", "AA"), ("2026-01-07T14:30", "BB & C/D"))
    system.happened("Bo", ("2026-01-06T08:00", "AA"))
    system.catch_up()
    board = " ".join(system.client.get("/board").text.split())
    assert "aged 36 · since 05 Jan</small>" in board
    assert "here since 07 Jan, 14:30</small>" in board
    assert board.count("here since") == 1
    assert "aged 36 · since 06 Jan</small>" in board
    assert 'href="/history/ward?ward=BB+%26+C/D"' in board
