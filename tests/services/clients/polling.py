"""The polling client as a process with its lines, and a plain poller to compare it with."""

import json
import signal
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc

from eventstore_grpc.protocol import methods
from eventstore_grpc.protocol import storegrpc_pb2 as pb
from tests.services.processes import Process, until

Seen = tuple[UUID, int]
"""An event: its aggregate and version."""


class PollClient:
    """``patientmgmt poll-client`` with its files in a folder; one after the other uses them.

    :param types: names or integers of the types to follow.
    """

    def __init__(self, folder: Path, address: str, types: Iterable[object], **env: str) -> None:
        followed = [f"--type={type_}" for type_ in types]
        self._arguments = ("poll-client", "--address", address, "--format", "json", *followed)
        self._env = {"PATIENTMGMT_DATA": str(folder), **env}
        self.output = folder / "events.jsonl"
        self.errors = folder / "errors.log"
        self.cursor = folder / "poll-client.cursor"
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process, once it was started."""
        if self._process is None:
            raise AssertionError("The client was not started.")
        return self._process

    def start(self, *options: str) -> None:
        """Start it beside the test."""
        arguments = (*self._arguments, *options)
        self._process = Process(self._env, *arguments, output=self.output, errors=self.errors)

    @contextmanager
    def running(self, *options: str) -> Iterator[None]:
        """Run it beside the block, and end it the usual way."""
        self.start(*options)
        try:
            yield
            assert self.process.stop(signal.SIGTERM) == 0, self.process.said()
        finally:
            self.process.kill()

    def once(self, *options: str) -> int:
        """Run it to the end of what there is, and return its exit code."""
        self.start("--once", *options)
        return self.process.ended()

    def lines(self) -> Sequence[str]:
        """Return the whole lines that it has printed, in all of its runs."""
        printed = self.output.read_text(encoding="utf-8") if self.output.exists() else ""
        return printed[: printed.rfind("\n") + 1].split("\n")[:-1]

    def cut_lines(self) -> Sequence[str]:
        """Return those in which the client was killed."""
        return [line for line in self.lines() if not line.endswith("}}")]

    def printed(self) -> Sequence[dict[str, Any]]:
        """Return the events in the others."""
        cut = self.cut_lines()
        return [json.loads(line) for line in self.lines() if line not in cut]

    def seen(self) -> Sequence[Seen]:
        """Return the same by aggregate and version."""
        return [(UUID(event["id"]), event["version"]) for event in self.printed()]

    def wait_for(self, wanted: Collection[Seen]) -> None:
        """Return once all of them were printed."""
        until(lambda: not {*wanted} - {*self.seen()}, f"{len(wanted)} events in {self.output}")


class PlainPoller:
    """Polls as the original's client does: what was saved after the last time seen, type by type.

    What it loses here is what the polling client must not lose.
    """

    def __init__(self, address: str, types: Sequence[int]) -> None:
        self._channel = grpc.insecure_channel(address)
        self._since = dict.fromkeys(types, 0)

    def poll(self) -> Sequence[Seen]:
        """Return what is new to it."""
        found: list[Seen] = []
        for type_ in self._since:
            request = pb.FindByTypeRequest(type=type_, since=self._since[type_])
            call = self._channel.unary_unary(
                methods.FIND_BY_TYPE.path,
                request_serializer=pb.FindByTypeRequest.SerializeToString,
                response_deserializer=pb.FindResponse.FromString,
            )
            response = call(request, timeout=60)
            self._since[type_] = response.latest
            found += [(UUID(event.id), event.version) for event in response.events]
        return found

    def close(self) -> None:
        """Close its connection."""
        self._channel.close()


@contextmanager
def plain_poller(address: str, types: Sequence[int]) -> Iterator[PlainPoller]:
    """Provide a plain poller."""
    poller = PlainPoller(address, types)
    try:
        yield poller
    finally:
        poller.close()


def in_order(seen: Sequence[Seen]) -> bool:
    """Return whether each aggregate's versions come as 1, 2, 3 and so on, once each."""
    last: dict[UUID, int] = {}
    for id_, version in seen:
        if version != last.get(id_, 0) + 1:
            return False
        last[id_] = version
    return True
