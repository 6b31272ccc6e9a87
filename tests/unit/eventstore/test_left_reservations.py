"""Who is interrupted while others reserve leaves nothing behind."""

import pytest

from tests.unit.eventstore.reserving import World


class InterruptedSignal:
    """A thread is interrupted while it waits for this."""

    def wait(self, timeout: float) -> bool:
        raise KeyboardInterrupt

    def set(self) -> None:
        """Nobody waits for it any more."""


def test_nobody_reserves_for_who_was_interrupted_while_they_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    lead = world.reservations._queue._lead
    lead.acquire()
    monkeypatch.setattr(world.waiting, "signal", InterruptedSignal)
    with pytest.raises(KeyboardInterrupt):
        world.reserve()
    monkeypatch.undo()
    lead.release()
    assert world.reserve().positions == range(1, 2)
    assert world.groups() == [1]


def test_who_is_interrupted_after_a_rival_was_first_leaves_nothing_behind() -> None:
    world = World()
    world.reserve()
    world.table.append_for_another_process()
    world.waiting.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.reserve()
    world.waiting.error = None
    assert world.reserve().positions == range(3, 4)
