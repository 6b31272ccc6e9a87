"""What new clients get: codes that can be acted on, names of requests, exact places, streams."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from eventstore_cassandra import CassandraApplicationRecorder
from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from eventstore_grpc.statuses import Reason
from patientmgmt.application import PatientManagement
from tests.services.store.serving import RefusedError, Server, refusals

Code = grpc.StatusCode
NEW = pb.UpdateRequest.Event(type=1, payload="{}")
ID = str(UUID(int=5))


def update(id_: str, version: int, *payloads: str, name: str = "") -> pb.UpdateRequest:
    events = [pb.UpdateRequest.Event(type=2, payload=payload) for payload in payloads]
    return pb.UpdateRequest(id=id_, version=version, events=events, name=name)


@pytest.mark.parametrize(
    ("request_", "about"),
    [
        (pb.UpdateRequest(id="", events=[NEW]), "as a UUID, found ''"),
        (pb.UpdateRequest(id="no-uuid", events=[NEW]), "as a UUID, found 'no-uuid'"),
        (pb.UpdateRequest(id=f"{{{ID}}}", events=[NEW]), "as a UUID"),
        (pb.UpdateRequest(id=ID), "at least one event"),
        (pb.UpdateRequest(id=ID, events=[pb.UpdateRequest.Event(type=1)]), "with a payload"),
        (pb.UpdateRequest(id=ID, version=-1, events=[NEW]), "found -1 and 1 events"),
        (pb.UpdateRequest(id=ID, version=2**31 - 1, events=[NEW]), "found 2147483647"),
        (pb.UpdateRequest(id=ID, version=2**31 - 2, events=[NEW]), "found 2147483646"),
        (pb.UpdateRequest(id=ID, version=3, events=[NEW], from_0=True), "from_0"),
        (
            pb.UpdateRequest(id=ID, events=[pb.UpdateRequest.Event(type=999, payload="{}")]),
            "found 999. There are: 1 (PatientAdmitted), 2 (",
        ),
        (
            pb.UpdateRequest(id=ID, events=[pb.UpdateRequest.Event(type=-4, payload="{}")]),
            "found -4",
        ),
        (
            pb.UpdateRequest(
                id=ID, events=[pb.UpdateRequest.Event(topic="x" * 5000, payload="{}")]
            ),
            "topic",
        ),
        (pb.UpdateRequest(id=ID, events=[NEW] * 70_000), "at most"),
        (
            pb.UpdateRequest(
                id=ID, events=[pb.UpdateRequest.Event(type=1, payload="x" * 9 * 1024 * 1024)]
            ),
            "bytes in one append",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_append_is_refused_and_writes_nothing(
    server: Server, request_: pb.UpdateRequest, about: str
) -> None:
    with pytest.raises(RefusedError) as refused, refusals():
        server.call(methods.UPDATE, request_)

    assert refused.value.code is Code.INVALID_ARGUMENT
    assert refused.value.reason is Reason.INVALID_REQUEST
    assert about in refused.value.sentence
    assert "Nothing was written" in refused.value.sentence or "as a UUID" in refused.value.sentence
    found = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=ID))
    assert not found.events


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        (methods.FIND_BY_ID, pb.FindByIDRequest(id="nobody")),
        (methods.FIND_BY_TYPE, pb.FindByTypeRequest(type=1, batchSize=-1)),
        (methods.FIND_BY_TYPE, pb.FindByTypeRequest(type=77)),
        (methods.FIND_BY_TYPE, pb.FindByTypeRequest(type=1, after=pb.Place(id="nobody"))),
        (methods.READ_LOG, pb.ReadLogRequest(limit=-1)),
        (methods.FIND_VERSIONS, pb.FindVersionsRequest(limit=-1)),
    ],
)
def test_a_bad_read_is_refused(server: Server, method: methods.Method, request_: object) -> None:  # type: ignore[type-arg]
    with pytest.raises(RefusedError) as refused, refusals():
        server.call(method, request_)

    assert refused.value.code is Code.INVALID_ARGUMENT


def test_a_large_append_is_one_append(server: Server) -> None:
    id_ = str(uuid4())
    payloads = [f'{{"new_ward": "{n}"}}' for n in range(10_000)]
    large = str(uuid4())

    server.call(methods.UPDATE, update(id_, 0, *payloads))
    server.call(methods.UPDATE, update(large, 0, "x" * 5 * 1024 * 1024))

    found = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_))
    assert [event.payload for event in found.events] == payloads
    found = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=large))
    assert len(found.events[0].payload) == 5 * 1024 * 1024
    server.call(methods.UPDATE, update(large, 1, "y"))
    with pytest.raises(RefusedError) as refused, refusals():
        server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=large))
    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    assert refused.value.reason is Reason.HISTORY_TOO_LONG
    assert "ReadStream" in refused.value.sentence
    parts = list(server.stream(methods.READ_STREAM, pb.FindByIDRequest(id=large)))
    assert [[len(event.payload) for event in part.events] for part in parts] == [
        [5 * 1024 * 1024],
        [1],
    ]


def test_a_conflict_tells_both_versions(server: Server) -> None:
    id_ = str(uuid4())
    server.call(methods.UPDATE, update(id_, 0, "a", "b"))

    with pytest.raises(RefusedError) as refused, refusals():
        server.call(methods.UPDATE, update(id_, 1, "c"))

    assert (refused.value.code, refused.value.reason) == (Code.ABORTED, Reason.VERSION_CONFLICT)
    assert "at version 1, found it at version 2" in refused.value.sentence


def test_a_named_request_that_is_made_again_succeeds(server: Server) -> None:
    id_ = str(uuid4())

    for _ in range(3):
        answer = server.call(methods.UPDATE, update(id_, 0, "a", "b", name="mine"))
        assert (answer.success, answer.version) == (True, 2)
    with pytest.raises(RefusedError, match="ABORTED"), refusals():
        server.call(methods.UPDATE, update(id_, 0, "a", "c", name="mine"))
    found = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_))
    assert [event.payload for event in found.events] == ["a", "b"]


def test_many_at_once_append_to_one_aggregate_without_losing_an_event(server: Server) -> None:
    id_ = str(uuid4())
    server.call(methods.UPDATE, update(id_, 0, "begin"))

    def append(writer: int) -> int:
        refused = 0
        for number in range(5):
            while True:
                events = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_)).events
                try:
                    with refusals():
                        server.call(methods.UPDATE, update(id_, len(events), f"{writer}.{number}"))
                    break
                except RefusedError as e:
                    if e.code is not Code.ABORTED:
                        raise
                    refused += 1
        return refused

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(append, range(8))) > 0
    events = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=id_)).events
    assert [event.version for event in events] == [*range(1, 42)]
    assert len({event.payload for event in events}) == 41


def test_parts_of_a_history(server: Server) -> None:
    id_ = str(uuid4())
    server.call(methods.UPDATE, update(id_, 0, *[str(n) for n in range(1, 601)]))

    def versions(**wanted: object) -> list[int]:
        request = pb.FindByIDRequest(id=id_, **wanted)  # type: ignore[arg-type]
        streamed = server.stream(methods.READ_STREAM, request)
        found = [e.version for e in server.call(methods.FIND_BY_ID, request).events]
        assert [e.version for part in streamed for e in part.events] == found
        return found

    assert versions() == [*range(1, 601)]
    assert versions(gt=590) == [*range(591, 601)]
    assert versions(lte=3) == [1, 2, 3]
    assert versions(gt=2, lte=300, desc=True) == [*range(300, 2, -1)]
    assert versions(limit=280) == [*range(1, 281)]
    assert versions(desc=True, limit=280) == [*range(600, 320, -1)]
    assert versions(limit=0) == []
    assert versions(limit=-1) == [*range(1, 601)]
    assert versions(gt=-(2**63), lte=2**63 - 1) == [*range(1, 601)]


def test_places_lead_through_a_type_one_by_one(server: Server) -> None:
    topic = f"Type of {uuid4()}"
    for _ in range(3):
        events = [pb.UpdateRequest.Event(topic=topic, payload=str(n)) for n in range(30)]
        server.call(methods.UPDATE, pb.UpdateRequest(id=str(uuid4()), events=events))
    request = pb.FindByTypeRequest(topic=topic, batchSize=7)

    found = []
    while True:
        page = server.call(methods.FIND_BY_TYPE, request)
        found += page.events
        if not page.more:
            break
        assert len(page.events) == 7 or not request.HasField("after")
        last = page.events[-1]
        request.after.CopyFrom(pb.Place(savetime=last.savetime, version=last.version, id=last.id))

    places = [(event.savetime, event.version, UUID(event.id).bytes) for event in found]
    assert len(set(places)) == len(places) == 90
    assert [place[:2] for place in places] == sorted(place[:2] for place in places)
    assert found[0].type >= 1000


def test_times_at_the_edges(server: Server) -> None:
    server.call(methods.UPDATE, update(str(uuid4()), 0, "{}"))
    for since, is_there in ((-(2**63), True), (-1, True), (2**62, False), (2**63 - 1, False)):
        page = server.call(methods.FIND_BY_TYPE, pb.FindByTypeRequest(type=2, since=since))
        assert bool(page.events) is is_there
        assert page.latest >= since


def test_a_limit_of_none_is_none(server: Server) -> None:
    assert not server.call(methods.FIND_VERSIONS, pb.FindVersionsRequest()).versions
    page = server.call(methods.READ_LOG, pb.ReadLogRequest())
    assert (len(page.events), page.more) == (0, False)


def test_a_topic_that_no_event_has_yet_has_none(server: Server) -> None:
    page = server.call(methods.FIND_BY_TYPE, pb.FindByTypeRequest(topic=f"Not {uuid4()}"))

    assert (page.success, len(page.events), page.more) == (True, 0, False)


def test_an_unknown_method_is_unimplemented(server: Server) -> None:
    stub: Any = server.channel.unary_unary("/storegrpc.EventStoreService/Delete")
    with pytest.raises(RefusedError) as refused, refusals():
        stub(b"", timeout=30)

    assert refused.value.code is Code.UNIMPLEMENTED


def test_an_event_whose_type_nobody_registered_is_found_as_what_it_is(
    server: Server, shared_cassandra_env: dict[str, str]
) -> None:
    id_ = uuid4()
    server.call(methods.UPDATE, update(str(id_), 0, "{}"))
    with PatientManagement(shared_cassandra_env) as application:
        assert isinstance(application.recorder, CassandraApplicationRecorder)
        datastore = application.recorder.datastore
        cql = (
            "BEGIN BATCH UPDATE {keyspace}.events SET current_version = 2 WHERE id = %s"
            " IF current_version = 1; INSERT INTO {keyspace}.events"
            " (id, version, type, payload, savetime) VALUES (%s, 2, 45, 'x', toTimestamp(now()));"
            " APPLY BATCH"
        )
        datastore.session.execute(datastore.in_keyspace(cql), [id_, id_])

    events = server.call(methods.FIND_BY_ID, pb.FindByIDRequest(id=str(id_))).events

    assert [(event.type, event.payload) for event in events] == [(2, "{}"), (45, "x")]
    assert [event.topic for event in events][1] == "unregistered event type 45"
    stored = server.recorder().select_events(id_)
    assert [event.originator_version for event in stored] == [1, 2]
