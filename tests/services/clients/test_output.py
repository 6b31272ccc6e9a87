"""What the polling client prints: lines of text and JSON, counts, and what it says beside them."""

import json
from pathlib import Path
from subprocess import PIPE, run
from sys import executable
from uuid import uuid4

import pytest

from eventstore_grpc.protocol import storegrpc_pb2 as pb
from tests.services.clients.other_program import (
    ADMITTED,
    DISCHARGED,
    TRANSFERRED,
    OtherProgram,
    Row,
)
from tests.services.clients.polling import PollClient
from tests.services.envoy.backends import Backend
from tests.services.processes import StoreServer
from tests.system.test_commands import clean_environment, finished

NOON = 1_700_000_000_123


def test_a_line_of_text_has_time_topic_aggregate_version_and_payload(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    id_ = uuid4()
    writer.write(Row(id_, 1, ADMITTED, NOON, '{"name": "Åsa  Nygård",\n "ward": "\u2028A"}\x1b'))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once("--format", "text") == 0
    payload = '{"name": "Åsa  Nygård",\\n "ward": "\\u2028A"}\\x1b'
    assert client.lines() == [f"2023-11-14T22:13:20.123Z {writer.topics[0]} {id_} 1 {payload}"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"name": "Åsa",\n "age": 34}', {"name": "Åsa", "age": 34}),
        ("[1, 2.50]", [1, 2.5]),
        ("no JSON\n", "no JSON\n"),
        ("NaN", "NaN"),
        ("[" * 5_000, "[" * 5_000),
    ],
    ids=["object", "array", "text", "NaN", "too deep"],
)
def test_a_line_of_json_has_the_payload_as_it_is(
    grpc_store: StoreServer,
    writer: OtherProgram,
    tmp_path: Path,
    payload: str,
    expected: object,
) -> None:
    id_ = uuid4()
    writer.write(Row(id_, 1, ADMITTED, NOON, payload))
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    assert client.once() == 0
    assert [json.loads(line) for line in client.lines()] == [
        {
            "time": "2023-11-14T22:13:20.123Z",
            "savetime": NOON,
            "topic": writer.topics[0],
            "id": str(id_),
            "version": 1,
            "payload": expected,
        }
    ]


def test_counts_are_of_all_since_the_cursor_began(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    ids = [uuid4() for _ in range(3)]
    admitted, transferred, discharged = writer.topics
    client = PollClient(tmp_path, grpc_store.address, writer.topics)
    writer.write(*(Row(id_, 1, ADMITTED, NOON) for id_ in ids))
    assert client.once("--count") == 0
    writer.write(Row(ids[0], 2, TRANSFERRED, NOON + 1))
    assert client.once("--count", "--format", "text") == 0
    assert client.once("--count") == 0
    assert client.lines() == [
        json.dumps({admitted: 3}),
        f"4 events: {admitted} 3, {transferred} 1",
        json.dumps({admitted: 3, transferred: 1}),
    ]
    assert f"There are no events of {discharged} yet." in client.process.said()


def test_types_are_chosen_by_name_or_integer(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    id_ = uuid4()
    writer.write(
        Row(id_, 1, ADMITTED, NOON), Row(id_, 2, TRANSFERRED, NOON), Row(id_, 3, DISCHARGED, NOON)
    )
    chosen = (writer.topics[0], writer.integers[2])
    client = PollClient(tmp_path, grpc_store.address, chosen)
    assert client.once() == 0
    assert client.seen() == [(id_, 1), (id_, 3)]


def test_an_integer_that_the_store_does_not_know_is_told_with_those_that_it_knows(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    client = PollClient(tmp_path, grpc_store.address, [99_999])
    assert client.once() == 1
    assert "found 99999. There are: 1 (PatientAdmitted)" in client.process.said()


def test_an_integer_without_events_is_told(
    grpc_store: StoreServer, writer: OtherProgram, tmp_path: Path
) -> None:
    client = PollClient(tmp_path, grpc_store.address, writer.integers[:1])
    assert client.once() == 1
    assert "Give its name to wait for the first one." in client.process.said()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        *((each, each) for each in ("store", "store:", ":8081", "store:0", "store:x", "store:-1")),
        (f"store:{5_000 * '9'}", f"store:{5_000 * '9'}"),
        ("\udcff:8081", "\\udcff:8081"),  # as a byte comes that is no UTF-8
    ],
    ids=range(8),
)
@pytest.mark.parametrize("command", ["poll-client", "test-client", "grpc-health"])
def test_an_address_that_is_none_is_told(command: str, address: str, shown: str) -> None:
    code, output = finished({}, command, "--address", address)
    assert code == 2
    assert f"expected HOST:PORT, found {shown}." in output
    assert "Traceback" not in output


@pytest.mark.parametrize("given", ["STOREGRPC_CERTIFICATE", "STOREGRPC_KEY"])
def test_a_certificate_without_its_key_is_told(tmp_path: Path, given: str) -> None:
    """gRPC would end the process."""
    file = tmp_path / "file.pem"
    file.touch()
    env = {"STOREGRPC_AUTHORITIES": str(file), given: str(file)}
    code, output = finished(env, "poll-client", "--cursor", str(tmp_path / "cursor"))
    assert code == 1
    assert output.startswith("Error: Expected STOREGRPC_CERTIFICATE and STOREGRPC_KEY")


@pytest.mark.parametrize("type_", ["", "\udcff", "Admitted\udcff"])
def test_a_type_that_is_none_is_told(type_: str) -> None:
    code, output = finished({}, "poll-client", "--type", type_)
    assert code == 2
    assert f"--type: expected a name in UTF-8 or an integer, found {type_!a}." in output
    assert "Traceback" not in output


def test_an_output_that_is_closed_is_told(tmp_path: Path) -> None:
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", executable, "-m", "patientmgmt", "poll-client"]
    env = clean_environment() | {"PATIENTMGMT_DATA": str(tmp_path)}
    done = run(closed, env=env, stderr=PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: Expected a standard output to print to, found that it is closed.\n"
    )


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1"])
@pytest.mark.parametrize(
    "option",
    [
        ("test-client", "--seconds"),
        ("grpc-sink", "--patience"),
        ("grpc-sink", "--report-seconds"),
        ("cassandra", "start", "--timeout"),
    ],
    ids=" ".join,
)
def test_seconds_that_are_none_are_told(option: tuple[str, ...], seconds: str) -> None:
    code, output = finished({}, *option, seconds)
    assert code == 2
    assert f"Invalid value for '{option[-1]}'" in output


@pytest.mark.parametrize("options", [("--once",), ()], ids=["once", "for ever"])
def test_a_store_whose_aggregates_have_no_uuids_is_told(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    event = pb.FindResponse.Event(id="ward one", version=1, topic="Admitted", payload="{}")
    with Backend(lambda _request, _call: pb.FindResponse(success=True, events=[event])) as store:
        client = PollClient(tmp_path, f"127.0.0.1:{store.port}", ["Admitted"])
        client.start(*options)
        assert client.process.ended() == 1
    assert (
        "Error: Expected the ids of aggregates to be UUIDs, found 'ward one'. Set "
        "ORIGINATOR_ID_TYPE to text, as it was when the keyspace was created.\n"
    ) in client.process.said()


def test_an_address_where_nothing_is_found_is_told(tmp_path: Path) -> None:
    client = PollClient(tmp_path, "nowhere.invalid:8081", ["Anything"])
    assert client.once() == 1
    assert "nowhere.invalid:8081" in client.process.said()
    assert "Traceback" not in client.process.said()


def test_an_address_of_something_else_is_told(
    shared_cassandra_env: dict[str, str], tmp_path: Path
) -> None:
    env = shared_cassandra_env
    address = f"{env['CASSANDRA_CONTACT_POINTS']}:{env['CASSANDRA_PORT']}"
    client = PollClient(tmp_path, address, ["Anything"])
    assert client.once() == 1
    assert "Cannot read the type view of Anything" in client.process.said()
    assert "Traceback" not in client.process.said()
