"""The test client: a story that is compared with the store, and a load that is bounded."""

import json
import re
import signal
from itertools import count
from pathlib import Path
from threading import Event

import grpc
import pytest

from eventstore_grpc.protocol import storegrpc_pb2 as pb
from tests.services.clients.proxy import Answer, Meddle, proxy
from tests.services.processes import Process, StoreServer
from tests.system.test_commands import finished

ALL_PASSED = "All 12 steps found what they expected, and so has the store."


def client(*arguments: str) -> tuple[int, str]:
    return finished({}, "test-client", *arguments)


def test_the_story_finds_what_it_expects_again_and_again(grpc_store: StoreServer) -> None:
    for _ in range(2):
        code, output = client("--address", grpc_store.address)
        assert code == 0, output
        assert ALL_PASSED in output
        assert re.findall(r"Found: (\d) on wards", output) == ["3", "2", "1"]


def hides_the_last(method: str, request: bytes, answer: Answer, _call: object) -> bytes:
    """A store that has lost transfers."""
    answered = answer(request)
    if method != "FindByID":
        return answered
    response = pb.FindResponse.FromString(answered)
    if response.events and response.events[-1].version == 4:
        del response.events[-1]
    return response.SerializeToString()


def says_another_ward(method: str, request: bytes, answer: Answer, _call: object) -> bytes:
    """A store that changes what it was given."""
    response = answer(request)
    return response.replace(b'"BB"', b'"XX"') if method == "FindByID" else response


def shows_no_discharge(method: str, request: bytes, answer: Answer, _call: object) -> bytes:
    """A store whose type view shows no discharges."""
    wanted = pb.FindByTypeRequest.FromString(request) if method == "FindByType" else None
    if wanted and wanted.topic == "PatientDischarged":
        return pb.FindResponse(success=True).SerializeToString()
    return answer(request)


@pytest.mark.parametrize(
    ("meddle", "found"),
    [
        (hides_the_last, "the store has 3 events and not 4"),
        (says_another_ward, "the store has PatientAdmitted {"),
        (shows_no_discharge, "no news of Bo Lind in 10 seconds"),
    ],
)
def test_the_story_finds_what_is_wrong_with_a_store(
    grpc_store: StoreServer, meddle: Meddle, found: str
) -> None:
    with proxy(grpc_store.address, meddle) as between:
        code, output = client("--address", between.address)
    assert code == 1
    assert "FAILED" in output
    assert found in output
    assert "steps found something else than they expected." in output
    assert "Traceback" not in output


def test_a_load_is_what_was_asked_for_and_no_more(grpc_store: StoreServer) -> None:
    with proxy(grpc_store.address) as between:
        code, output = client("--address", between.address, "--load", "25", "--in-flight", "3")
    assert code == 0, output
    assert between.calls == {"Update": 75, "FindByID": 50 + 1}, "the first call is a look"
    assert between.most_at_once <= 3
    assert "25 stays, 125 calls in " in output
    assert re.search(r"Update +75 calls  p50 [\d.]+ ms  p95 [\d.]+ ms  p99 [\d.]+ ms", output)
    assert re.search(r"FindByID +50 calls  p50 [\d.]+ ms  p95 [\d.]+ ms  p99 [\d.]+ ms", output)


def test_a_load_for_some_seconds_ends_by_itself(grpc_store: StoreServer) -> None:
    code, output = client("--address", grpc_store.address, "--seconds", "0.5", "--in-flight", "2")
    assert code == 0, output
    assert re.search(r"\d stays, [\d,]+ calls in", output)


def test_a_load_of_few_patients_does_not_wait_for_its_seconds(grpc_store: StoreServer) -> None:
    code, output = client("--address", grpc_store.address, "--seconds", "3600", "--load", "2")
    assert code == 0, output
    assert "2 stays, 10 calls" in output


def test_calls_that_fail_are_counted_by_their_codes(grpc_store: StoreServer) -> None:
    numbers = count(1)

    def fails(method: str, request: bytes, answer: Answer, call: grpc.ServicerContext) -> bytes:
        if method == "Update":
            match next(numbers):
                case 2 | 4:
                    call.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
                case 5:
                    call.abort(grpc.StatusCode.ABORTED, "another version")
        return answer(request)

    with proxy(grpc_store.address, fails) as between:
        code, output = client("--address", between.address, "--load", "6", "--in-flight", "1")
    assert code == 1
    assert re.search(r"Update +2 failed with RESOURCE_EXHAUSTED", output), output
    assert re.search(r"Update +1 failed with ABORTED", output)
    assert "3 stays" in output
    assert "Not every call has done what it should" in output


def test_looks_that_find_something_else_are_counted(grpc_store: StoreServer) -> None:
    def forgets(method: str, request: bytes, answer: Answer, _call: object) -> bytes:
        if method == "FindByID":
            return pb.FindResponse(success=True).SerializeToString()
        return answer(request)

    with proxy(grpc_store.address, forgets) as between:
        code, output = client("--address", between.address, "--load", "4")
    assert code == 1
    assert "FindByID  4 found something else than was appended" in output


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_load_and_what_was_measured_is_told(
    grpc_store: StoreServer, tmp_path: Path, stop: signal.Signals
) -> None:
    """Also while the store answers nothing."""
    hangs, is_over = Event(), Event()
    numbers = count(1)

    def hang(method: str, request: bytes, answer: Answer, _call: object) -> bytes:
        if next(numbers) > 40:
            hangs.set()
            is_over.wait(120)
        return answer(request)

    with proxy(grpc_store.address, hang) as between:
        arguments = ("--address", between.address, "--load", "1000000", "--in-flight", "4")
        process = Process({}, "test-client", *arguments, output=tmp_path / "output")
        try:
            assert hangs.wait(120)
            assert process.stop(stop) == 0, process.said()
        finally:
            is_over.set()
            process.kill()
    assert re.search(r"\d stays, \d+ calls in", process.said())
    assert "Update " in process.said()
    assert "failed" not in process.said()
    assert "Traceback" not in process.said()


@pytest.mark.parametrize("arguments", [(), ("--load", "3")])
def test_a_store_that_is_away_is_one_sentence(arguments: tuple[str, ...]) -> None:
    code, output = client("--address", "127.0.0.1:1", *arguments)
    assert code == 1
    assert output.startswith("Error: No store at 127.0.0.1:1: failed to connect")
    assert "Traceback" not in output
    assert len(output.splitlines()) == 1


def test_help_teaches() -> None:
    for command in ("poll-client", "test-client"):
        code, output = finished({}, command, "--help")
        assert code == 0
        assert f"patientmgmt {command}" in output
        assert "Ctrl-C" in output


def test_what_a_load_writes_can_be_read_as_patients(
    grpc_store: StoreServer, tmp_path: Path
) -> None:
    assert client("--address", grpc_store.address, "--load", "3")[0] == 0
    env = {"PATIENTMGMT_DATA": str(tmp_path), "STOREGRPC_ADDRESS": grpc_store.address}
    code, output = finished(env, "poll-client", "--once", "--format", "json")
    assert code == 0
    events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert any(event["payload"].get("name") == "Load 2" for event in events)
    read = finished(env | {"PERSISTENCE_MODULE": "eventstore_grpc"}, "worker", "--once")
    assert read[0] == 0, read[1]
    assert "cannot be shown" not in read[1]
