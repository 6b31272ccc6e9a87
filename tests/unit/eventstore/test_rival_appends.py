"""Appends of one aggregate under way at a time: whatever is lost, answers are true."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from uuid import UUID

from eventsourcing.persistence import (
    PersistenceError,
)
from hypothesis import given
from hypothesis import strategies as st

from eventstore_cassandra.append import (
    Append,
    Applied,
    Bar,
    Found,
    NotApplied,
    Reply,
    Step,
    append_steps,
)
from eventstore_cassandra.errors import UnknownOutcomeError
from tests.unit.eventstore.test_append_steps import LOST, REFUSED, append


@dataclass
class Partition:
    """What the replicas agree on: the conditional batch, atomically, and the serial read."""

    current_version: int | None = None
    rows: dict[int, UUID] = field(default_factory=dict)
    barred: set[UUID] = field(default_factory=set)

    def batch(self, step: Step | Bar, of: Append) -> Reply:
        expected = None if step is Step.CREATE else of.first_version - 1
        if isinstance(step, Bar):
            expected = step.at
        if self.current_version != expected or of.append_id in self.barred:
            return NotApplied(self.current_version, of.append_id in self.barred)
        if isinstance(step, Bar):
            self.barred.add(of.append_id)
            return Applied()
        self.current_version = of.last_version
        for event in of.events:
            assert event.originator_version not in self.rows
            self.rows[event.originator_version] = of.append_id
        return Applied()

    def look(self, of: Append) -> Reply:
        return Found(self.rows.get(of.first_version))


@dataclass
class Writer:
    """One append under way; ``outcome`` is set at its end."""

    append: Append
    steps: Generator[Step | Bar, Reply, None]
    step: Step | Bar | None = None
    outcome: type[PersistenceError] | str | None = None
    told: str = ""

    def send(self, reply: Reply | None) -> None:
        try:
            self.step = next(self.steps) if reply is None else self.steps.send(reply)
        except StopIteration:
            self.outcome = "applied"
        except PersistenceError as e:
            self.outcome, self.told = type(e), str(e)


@given(
    st.data(),
    st.lists(st.sampled_from([(0,), (1,), (1, 2), (2,), (2, 3), (3,)]), min_size=2, max_size=4),
    st.booleans(),
)
def test_answers_are_true_whatever_is_lost_late_or_refused(
    data: st.DataObject, appends: list[tuple[int, ...]], are_intents: bool
) -> None:
    partition = Partition()
    late: list[Callable[[], Reply]] = []
    writers = [
        Writer(a, append_steps(a, attempts=4, is_intent=are_intents))
        for a in (append(*v) for v in appends)
    ]
    for writer in writers:
        writer.send(None)
    while busy := [writer for writer in writers if writer.outcome is None]:
        arrives: bool = data.draw(st.booleans(), label="a late request arrives")
        if late and arrives:
            late.pop(data.draw(st.integers(0, len(late) - 1)))()
        writer = data.draw(st.sampled_from(busy), label="writer")
        step = writer.step
        assert step is not None
        if step is Step.LOOK:
            answer = data.draw(st.sampled_from(["answered", "request lost"]))
            writer.send(partition.look(writer.append) if answer == "answered" else LOST)
            continue
        fate = data.draw(
            st.sampled_from(["answered", "answer lost", "request lost", "late", "refused"])
        )
        if fate == "answered":
            writer.send(partition.batch(step, writer.append))
            continue
        if fate == "answer lost":
            partition.batch(step, writer.append)
        if fate == "late":
            late.append(lambda s=step, w=writer: partition.batch(s, w.append))  # type: ignore[misc]
        writer.send(REFUSED if fate == "refused" else LOST)
    for request in late:
        request()

    assert (
        sorted(partition.rows)
        == list(range(min(partition.rows, default=0), (partition.current_version or 0) + 1))
        or not partition.rows
    )
    for writer in writers:
        written = writer.append.append_id in partition.rows.values()
        if writer.outcome == "applied":
            assert written, "an acknowledged append is there"
        elif "Nothing was written" in writer.told:
            assert not written, "what was refused is not there, nor is it reported against oneself"
        else:
            assert writer.outcome is UnknownOutcomeError
        if writer.append.append_id in partition.barred:
            assert not written, "what is barred is never applied"
