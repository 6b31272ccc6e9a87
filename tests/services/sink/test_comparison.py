"""What a sink finds out of what was mirrored and what the store has."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from eventstore_cassandra import Settings
from eventstore_cassandra.append_checks import MAX_EVENTS
from eventstore_cassandra.erased import ERASED_STATE, ERASED_TOPIC
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.sink import comparison
from eventstore_grpc.sink.comparison import PATIENCE, Comparison, Findings
from eventstore_grpc.sink.verdicts import Verdict, append_of, verdict

A = "6c4aa9c2-6a40-4c5b-8c1e-0a1b2c3d4e5f"
TOPIC, TYPE = "tests:Happened", 7


def update(
    version: int = 0, *payloads: str, id_: str = A, name: str = "", from_0: bool = False
) -> pb.UpdateRequest:
    events = [pb.UpdateRequest.Event(topic=TOPIC, payload=each) for each in payloads or ("1",)]
    return pb.UpdateRequest(id=id_, version=version, events=events, name=name, from_0=from_0)


def stored(version: int, payload: str = "1", position: int = 0) -> pb.FindResponse.Event:
    return pb.FindResponse.Event(
        id=A, version=version, topic=TOPIC, type=TYPE, payload=payload, position=position
    )


def judged(request: pb.UpdateRequest, *found: pb.FindResponse.Event) -> Verdict:
    append = append_of(request)
    assert append is not None
    place = append.place()
    seen = [event for event in found if place.gt < event.version <= place.lte]
    return verdict(append, seen)


@pytest.mark.parametrize(
    ("request_", "found", "expected"),
    [
        (update(0), [stored(1)], Verdict.HELD),
        (update(0, "1", "2"), [stored(1), stored(2, "2"), stored(3)], Verdict.HELD),
        (update(0, "1", from_0=True), [stored(0)], Verdict.HELD),
        (update(4, "5"), [stored(4), stored(5, "5")], Verdict.HELD),
        (update(0), [stored(1, "other")], Verdict.REFUSED),
        (update(0, "1", "2"), [stored(1)], Verdict.REFUSED),
        (update(4, "5"), [stored(4), stored(5, "6")], Verdict.REFUSED),
        (update(4, "5"), [stored(3)], Verdict.BELOW),
        (update(4, "5"), [], Verdict.BELOW),
        (update(4, "5"), [stored(4)], Verdict.ABSENT),
        (update(0), [], Verdict.ABSENT),
        (update(0), [stored(0)], Verdict.ABSENT),
        (update(0, from_0=True), [], Verdict.ABSENT),
    ],
)
def test_a_look_at_the_store(
    request_: pb.UpdateRequest, found: Sequence[pb.FindResponse.Event], expected: Verdict
) -> None:
    assert judged(request_, *found) is expected


def test_a_type_by_its_integer_is_the_same_type() -> None:
    request = pb.UpdateRequest(id=A, events=[pb.UpdateRequest.Event(type=TYPE, payload="1")])
    assert judged(request, stored(1)) is Verdict.HELD
    request.events[0].type = TYPE + 1
    assert judged(request, stored(1)) is Verdict.REFUSED


def test_a_topic_that_looks_like_an_integer_is_a_topic() -> None:
    request = pb.UpdateRequest(id=A, events=[pb.UpdateRequest.Event(topic="7", payload="1")])
    assert judged(request, stored(1)) is Verdict.REFUSED


def test_ids_and_states_may_be_written_in_several_ways() -> None:
    request = pb.UpdateRequest(
        id=A.upper(), events=[pb.UpdateRequest.Event(topic=TOPIC, state=b"1")]
    )
    assert judged(request, stored(1)) is Verdict.HELD


def test_an_append_whose_events_were_erased_is_held() -> None:
    erased = pb.FindResponse.Event(id=A, version=1, topic=ERASED_TOPIC, payload=ERASED_STATE)
    assert judged(update(0), erased) is Verdict.HELD


@pytest.mark.parametrize(
    "request_",
    [
        pb.UpdateRequest(id=A),
        pb.UpdateRequest(events=update().events),
        update(-1),
        update(2**31 - 2),
        update(1, from_0=True),
        pb.UpdateRequest(id=A, events=[pb.UpdateRequest.Event(topic=TOPIC)]),
        pb.UpdateRequest(id=A, events=[pb.UpdateRequest.Event(topic="t\0", payload="1")]),
        update(id_="a" * 4_097),
        update(0, *MAX_EVENTS * ("1",), "1"),
    ],
)
def test_what_no_store_would_take_is_refused(request_: pb.UpdateRequest) -> None:
    compared = Comparison()
    compared.mirrored(request_, now=0)
    assert compared.findings == Findings(refused=1)
    assert not compared.appends_waiting


def look(compared: Comparison, verdict: Verdict, now: float) -> None:
    for waiting in compared.due(now):
        compared.judge(waiting, verdict, now)


def test_the_store_is_looked_at_after_some_seconds() -> None:
    compared = Comparison()
    compared.mirrored(update(), now=0)
    assert not compared.due(1)
    look(compared, Verdict.HELD, 3)
    assert compared.findings == Findings(held=1)
    assert not compared.appends_waiting


@pytest.mark.parametrize("late", [Verdict.BELOW, Verdict.ABSENT])
def test_a_store_that_is_late_is_waited_for(late: Verdict) -> None:
    compared = Comparison()
    compared.mirrored(update(), now=0)
    look(compared, late, 3)
    look(compared, late, PATIENCE - 0.1)
    assert compared.findings == Findings()
    look(compared, Verdict.HELD, PATIENCE + 1)
    assert compared.findings == Findings(held=1)


def test_what_is_not_there_when_patience_ends_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    compared = Comparison()
    compared.mirrored(update(0, '{"name": "Ada Marsh"}'), now=0)
    look(compared, Verdict.ABSENT, PATIENCE)
    assert compared.findings == Findings(missing=1)
    assert A in caplog.text
    assert "Ada" not in caplog.text


def test_a_store_that_was_away_is_waited_for_anew() -> None:
    compared = Comparison()
    compared.mirrored(update(), now=0)
    compared.store_is_back(2 * PATIENCE)
    look(compared, Verdict.ABSENT, 2 * PATIENCE)
    look(compared, Verdict.ABSENT, 3 * PATIENCE - 0.1)
    assert compared.findings == Findings()
    look(compared, Verdict.ABSENT, 3 * PATIENCE)
    assert compared.findings == Findings(missing=1)


def test_an_append_of_what_is_erased_is_neither_missing_nor_refused() -> None:
    compared = Comparison()
    compared.mirrored(update(), now=0)
    look(compared, Verdict.ERASED, 3)
    assert compared.findings == Findings(erased=1)
    assert not compared.appends_waiting


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Settings.max_append_bytes - 1_000, Findings(missing=1)),
        (Settings.max_append_bytes, Findings(not_compared=1)),
    ],
)
def test_an_append_that_may_be_too_large_is_not_said_to_be_missing(
    size: int, expected: Findings
) -> None:
    compared = Comparison()
    compared.mirrored(update(0, size * "1"), now=0)
    look(compared, Verdict.ABSENT, PATIENCE)
    assert compared.findings == expected


def test_a_version_that_never_was_is_refused_and_not_missing() -> None:
    compared = Comparison()
    compared.mirrored(update(5), now=0)
    look(compared, Verdict.BELOW, PATIENCE)
    assert compared.findings == Findings(refused=1)


@pytest.mark.parametrize("name", ["", "f00d"])
def test_a_request_that_is_made_again_is_one_append(name: str) -> None:
    compared = Comparison()
    for now in (0, 1, 2):
        compared.mirrored(update(0, name=name), now=now)
    look(compared, Verdict.HELD, 5)
    assert compared.findings == Findings(held=1)
    compared.logged(stored(1, position=1), now=6)
    compared.mirrored(update(0, name=name), now=7)
    look(compared, Verdict.HELD, 10)
    assert compared.findings == Findings(held=2, both=1)
    assert not compared.events_waiting


def test_the_log_may_come_first_or_last() -> None:
    compared = Comparison()
    compared.logged(stored(1, position=1), now=0)
    compared.mirrored(update(0, "1", "2"), now=PATIENCE - 1)
    compared.logged(stored(2, "2", position=2), now=PATIENCE + 1)
    compared.give_up_events(3 * PATIENCE)
    assert compared.findings == Findings(both=2)


def test_an_event_that_was_never_mirrored_is_told_when_patience_ends() -> None:
    compared = Comparison()
    compared.mirrored(update(0, "another"), now=0)
    compared.logged(stored(1, position=1), now=0)
    compared.give_up_events(PATIENCE - 0.1)
    assert compared.findings == Findings()
    compared.give_up_events(PATIENCE)
    assert compared.findings == Findings(never_mirrored=1)


def test_an_erased_event_of_the_log_is_not_compared() -> None:
    compared = Comparison()
    erased = pb.FindResponse.Event(id=A, version=1, topic=ERASED_TOPIC, position=3)
    compared.logged(erased, now=0)
    compared.give_up_events(PATIENCE)
    assert compared.findings == Findings()


def test_what_is_left_at_the_end_could_not_be_compared() -> None:
    compared = Comparison()
    compared.mirrored(update(), now=0)
    compared.logged(stored(9, position=9), now=0)
    compared.give_up_all()
    assert compared.findings == Findings(not_compared=2)


def test_memory_for_appends_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_WAITING_BYTES", 12_000)
    compared = Comparison()
    for _ in range(100):
        compared.mirrored(update(0, id_=str(uuid4())), now=0)
    assert compared.appends_waiting + compared.findings.not_compared == 100
    assert compared.appends_waiting == 10
    compared.mirrored(update(0, *("1" for _ in range(1_000))), now=0)
    assert compared.appends_waiting == 0


def test_memory_for_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_LOGGED", 10)
    compared = Comparison()
    for version in range(1, 101):
        compared.logged(stored(version, position=version), now=0)
    assert (compared.events_waiting, compared.findings.not_compared) == (10, 90)
    compared.mirrored(update(99), now=0)
    assert (compared.events_waiting, compared.findings.both) == (9, 1)


def test_what_was_forgotten_is_not_said_to_be_never_mirrored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparison, "MOST_PRINTS", 1)
    compared = Comparison()
    compared.mirrored(update(0), now=0)
    compared.mirrored(update(1), now=0)
    compared.logged(stored(1, position=1), now=0)
    compared.logged(stored(3, position=3), now=0)
    compared.give_up_events(PATIENCE)
    assert compared.findings == Findings(not_compared=1, never_mirrored=1)


def test_what_the_store_has_refused_needs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_PRINTS", 1)
    compared = Comparison()
    compared.mirrored(update(5), now=0)
    look(compared, Verdict.REFUSED, 3)
    compared.mirrored(update(7), now=4)
    compared.logged(stored(1, position=1), now=4)
    compared.give_up_events(4 + PATIENCE)
    assert compared.findings == Findings(refused=1, never_mirrored=1)


def test_findings_are_told_one_by_one_up_to_a_number(caplog: pytest.LogCaptureFixture) -> None:
    compared = Comparison()
    for version in range(1, 101):
        compared.logged(stored(version, position=version), now=0)
    compared.give_up_events(PATIENCE)
    assert compared.findings.never_mirrored == 100
    assert caplog.text.count("never mirrored") == comparison.MOST_TOLD
    compared.begin_report()
    compared.logged(stored(101, position=101), now=0)
    compared.give_up_events(PATIENCE)
    assert caplog.text.count("never mirrored") == comparison.MOST_TOLD + 1
