"""The polling client's own steps, in one process: it dies at each of them, and is begun again."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import time
from uuid import UUID, uuid4

import pytest

from patientmgmt.polling.cursor import Progress, open_cursor
from patientmgmt.polling.follower import (
    PART,
    AnotherStoreError,
    Follower,
    Page,
    in_time,
)
from patientmgmt.polling.loop import Loop
from patientmgmt.polling.saved import SavedEvent
from patientmgmt.polling.stopping import Stopping
from projections.feeds.type_view import TypeViewFeed
from tests.services.clients.polling import Seen, in_order
from tests.unit.projections.type_view import InMemoryTypeView

TOPICS = ("PatientAdmitted", "PatientTransferred", "PatientDischarged")
NOON = 1_700_000_000_000


class Died(BaseException):
    """The process was killed."""


class Poller:
    """Poll clients on one cursor, one after the other, and what they have printed together."""

    def __init__(self, folder: Path, *, topics: Sequence[str] = TOPICS, page_size: int = 3) -> None:
        self.view = InMemoryTypeView()
        self.now: float | None = None
        """What the feed's clock shows, in seconds; None is the time."""
        self.printed: list[Seen] = []
        self._path = folder / "cursor"
        self._topics = topics
        self._page_size = page_size

    def run(self, *, dies_at: int | None = None) -> int:
        """Run one to the end, or to one of the points where it may die; return how many it passed.

        They are before and after each line, and before and after a page is noted.
        """
        passed = 0

        def pass_by() -> None:
            nonlocal passed
            if passed == dies_at:
                raise Died
            passed += 1

        def write(events: Sequence[SavedEvent], _counts: Mapping[str, int]) -> None:
            for event in events:
                pass_by()
                self.printed.append((UUID(str(event.originator_id)), event.originator_version))
            pass_by()

        feed = TypeViewFeed(
            self.view,
            self._topics,
            page_size=self._page_size,
            clock=lambda: self.now or time(),
        )
        with (
            open_cursor(self._path, feed=feed.name, topics=self._topics) as cursor,
            pytest.MonkeyPatch.context() as patched,
            suppress(Died),
        ):
            save = cursor.save

            def save_and_pass_by(progress: Progress) -> None:
                save(progress)
                pass_by()

            patched.setattr(cursor, "save", save_and_pass_by)
            loop = Loop(Follower(feed, cursor), cursor, write, stopping=Stopping(), once=True)
            loop.run(at_end=lambda: None)
        return passed


def saved(id_: UUID, version: int, topic: str, savetime: int) -> SavedEvent:
    return SavedEvent(id_, version, topic, b"{}", savetime)


def stay(id_: UUID, savetime: int) -> list[SavedEvent]:
    topics = (TOPICS[0], TOPICS[1], TOPICS[1], TOPICS[2])
    return [saved(id_, n, topic, savetime + n) for n, topic in enumerate(topics, start=1)]


def test_it_may_die_at_each_point(tmp_path: Path) -> None:
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        poller = Poller(folder)
        events = [event for n in range(3) for event in stay(uuid4(), NOON + n)]
        for event in events:
            poller.view.record(event, event.savetime)
        points = poller.run(dies_at=at)
        poller.run()
        assert {*poller.printed} == {(e.originator_id, e.originator_version) for e in events}
        assert in_order(list(dict.fromkeys(poller.printed)))
        assert len(poller.printed) - len(events) <= 3 * 3, "no more than a page comes again"
        if points < at:
            break
        at += 1
    assert at > 20


@pytest.mark.parametrize("seed", range(5))
def test_it_may_die_again_and_again_while_events_become_visible_in_any_order(
    tmp_path: Path, seed: int
) -> None:
    """All of their times are within one window."""
    random, poller = Random(seed), Poller(tmp_path)
    events = [event for n in range(8) for event in stay(uuid4(), NOON + 1_000 * n)]
    for event in events:
        poller.view.append(event)
    hidden = events.copy()
    while hidden:
        for _ in range(random.randrange(1, 5)):
            if hidden:
                event = hidden.pop(random.randrange(min(len(hidden), 8)))
                poller.view.show(event, event.savetime)
        poller.run(dies_at=random.randrange(6))
    poller.run()
    assert {*poller.printed} == {(e.originator_id, e.originator_version) for e in events}
    assert in_order(list(dict.fromkeys(poller.printed)))


def test_an_aggregate_that_was_erased_before_it_was_read_does_not_hold_up_the_cursor(
    tmp_path: Path,
) -> None:
    view, erased, seconds = InMemoryTypeView(), uuid4(), [0.0]
    view.record(saved(erased, 2, TOPICS[1], NOON), NOON)
    view.erase(erased)
    feed = TypeViewFeed(view, TOPICS)
    with open_cursor(tmp_path / "cursor", feed=feed.name, topics=TOPICS) as cursor:
        follower = Follower(feed, cursor, monotonic=lambda: seconds[0])
        follower.begin()
        assert follower.poll().checkpoint is None
        seconds[0] = 9.9
        assert follower.poll().checkpoint is None
        seconds[0] = 10.0
        page = follower.poll()
        assert (page.events, page.versions) == ([], {erased: 2})
        assert page.checkpoint is not None


def test_an_aggregate_that_its_view_shows_before_its_stream_does_is_not_taken_for_erased(
    tmp_path: Path,
) -> None:
    poller, id_ = Poller(tmp_path), uuid4()
    first, second, *_ = stay(id_, NOON)
    poller.view.show(second, second.savetime)
    poller.run()
    poller.view.append(first)
    poller.view.append(second)
    poller.run()
    assert poller.printed == [(id_, 1), (id_, 2)]


def test_who_begins_behind_a_full_page_finds_what_came_late_before_it(tmp_path: Path) -> None:
    """Much was saved since then, so that the window at the end is another one."""
    poller, late = Poller(tmp_path), uuid4()
    poller.now = NOON / 1000
    for n in range(7):
        poller.view.record(saved(uuid4(), 1, TOPICS[0], NOON + n), NOON + n)
    poller.run(dies_at=8)  # after the second page, before the end
    assert len(poller.printed) == 6
    poller.view.record(saved(late, 1, TOPICS[0], NOON - 9_000), NOON - 9_000)
    poller.view.record(saved(uuid4(), 1, TOPICS[0], NOON + 60_000), NOON + 60_000)
    poller.now += 60
    poller.run()
    assert (late, 1) in poller.printed
    assert len({*poller.printed}) == 9


def test_a_large_page_is_noted_part_by_part() -> None:
    id_ = uuid4()
    events = [saved(id_, n, TOPICS[0], NOON + n) for n in range(1, 2 * PART + 2)]
    parts = [*Page(events, {id_: 2 * PART + 5}, "the end", more=True).parts({TOPICS[0]: 7})]
    assert [len(part) for part, _ in parts] == [PART, PART, 1]
    assert [progress.versions[id_] for _, progress in parts] == [PART, 2 * PART, 2 * PART + 5]
    assert [progress.checkpoint for _, progress in parts] == [None, None, "the end"]
    assert [progress.counts[TOPICS[0]] - 7 for _, progress in parts] == [
        PART,
        2 * PART,
        len(events),
    ]


def test_types_that_are_not_followed_are_read_for_the_order_and_not_printed(tmp_path: Path) -> None:
    poller, id_ = Poller(tmp_path, topics=(TOPICS[0], TOPICS[2])), uuid4()
    for event in stay(id_, NOON):
        poller.view.record(event, event.savetime)
    poller.run()
    assert poller.printed == [(id_, 1), (id_, 4)]


def test_an_event_that_its_own_stream_does_not_have_keeps_the_cursor_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is seen again after a restart, when the stream may have what is missing."""
    poller, id_ = Poller(tmp_path), uuid4()
    first, *others = stay(id_, NOON)
    poller.view.record(first, first.savetime)
    poller.run()
    poller.view.record(others[2], others[2].savetime)
    poller.run()
    assert f"Aggregate {id_}: version 4 was seen" in caplog.text
    poller.view.append(others[0])
    poller.view.append(others[1])
    poller.run()
    assert poller.printed == [(id_, 1), (id_, 2), (id_, 3), (id_, 4)]


def test_a_store_without_what_was_printed_is_another_one(tmp_path: Path) -> None:
    poller, id_ = Poller(tmp_path), uuid4()
    poller.view.record(saved(id_, 1, TOPICS[0], NOON), NOON)
    poller.run()
    poller.view = InMemoryTypeView()
    poller.view.record(saved(uuid4(), 1, TOPICS[0], NOON + 60_000), NOON + 60_000)
    with pytest.raises(AnotherStoreError, match=f"expected aggregate {id_} at version 1"):
        poller.run()


def test_a_store_in_which_one_of_what_was_printed_is_erased_is_the_same(tmp_path: Path) -> None:
    poller, first, second = Poller(tmp_path), uuid4(), uuid4()
    for id_ in (first, second):
        poller.view.record(saved(id_, 1, TOPICS[0], NOON), NOON)
    poller.run()
    poller.view.erase(second)
    poller.run()
    assert len(poller.printed) == 2


def test_events_of_a_page_come_by_time_as_far_as_versions_allow() -> None:
    a, b = uuid4(), uuid4()
    released = [
        saved(a, 1, TOPICS[0], NOON + 5),
        saved(b, 1, TOPICS[0], NOON + 6),
        saved(a, 2, TOPICS[1], NOON + 1),
        saved(b, 2, TOPICS[1], NOON + 9),
        saved(a, 3, TOPICS[1], NOON + 7),
    ]
    found = [(event.originator_id, event.originator_version) for event in in_time(released)]
    assert found == [(a, 1), (a, 2), (b, 1), (a, 3), (b, 2)]


def test_a_signal_waits_for_what_is_printed_and_interrupts_what_waits() -> None:
    stopping = Stopping()
    stopping()  # while something is printed
    with pytest.raises(KeyboardInterrupt), stopping.waiting():
        pytest.fail("It does not begin to wait.")
    again = Stopping()
    with pytest.raises(KeyboardInterrupt), again.waiting():
        again()
    again()  # a second one, while it cleans up
