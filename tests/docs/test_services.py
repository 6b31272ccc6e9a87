"""What the text on the services says comes out when it is done, and its tables are complete."""

import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, run

import click
import pytest

from eventstore_grpc.remote.settings import ClientSettings
from eventstore_grpc.statuses import Reason
from patientmgmt.cli import main
from patientmgmt.local_cassandra import free_ports
from tests.docs.blocks import ROOT, blocks
from tests.services.processes import PATIENCE, until
from tests.system.test_commands import clean_environment

DOCUMENT = ROOT / "docs" / "services.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS = blocks(DOCUMENT)
ENVOY, STORE, SINK, WEB, ADMIN = "8080", "8081", "8082", "8001", "9901"
SAYS = {
    "patientmgmt grpc-store": "The event store is at",
    "patientmgmt grpc-sink": "The sink is at",
    "patientmgmt poll-client": "Following",
    "patientmgmt run": "The ward board is at",
    "envoy --disable": "starting main dispatch loop",
}
"""What each command that goes on until Ctrl-C says when it is there."""
EVENT = re.compile(r"^\d+ Patient\w+", re.MULTILINE)
BUILDS = 900
"""Seconds for Go to fetch and compile everything, where two cores are shared by many."""


def commands(heading: str) -> list[str]:
    """Return the blocks of commands under a heading."""
    return [b.code for b in BLOCKS if (b.heading, b.language) == (heading, "sh")]


def program(heading: str) -> str:
    """Return the program under a heading."""
    [found] = [b.code for b in BLOCKS if b.heading == heading and b.language in ("go", "python")]
    return found


class Reader:
    """A reader of the text: terminals in a checkout with a ``var`` and ports of their own."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder / "checkout"
        self._ports = dict(
            zip((ENVOY, STORE, SINK, WEB, ADMIN), map(str, free_ports(5)), strict=True)
        )
        ours = ("GRPC_", "STOREGRPC_", "ORIGINATOR_")
        clean = {n: v for n, v in clean_environment().items() if not n.startswith(ours)}
        self.env = {**clean, **env, "STOREGRPC_ADDRESS": f"127.0.0.1:{self._ports[STORE]}"}
        self.env["CGO_ENABLED"] = "0"  # a C compiler is not needed, and may be missing
        del self.env["PERSISTENCE_MODULE"], self.env["PATIENTMGMT_DATA"]
        self._begun = 0
        (self.folder / "deploy").mkdir(parents=True)
        for name in (".venv", "constraints.txt", "eventstore_grpc"):
            (self.folder / name).symlink_to(ROOT / name)
        envoy = (ROOT / "deploy" / "envoy.yaml").read_text(encoding="utf-8")
        self.write("deploy/envoy.yaml", self._here(envoy).replace("0.0.0.0", "127.0.0.1"))  # noqa: S104 - is replaced

    def write(self, name: str, text: str) -> None:
        """Write a file, in a folder that may be new."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def do(self, code: str, *, seconds: float = 240) -> str:
        """Carry out a block that ends by itself, and return what it says."""
        exit_code, said = self.tries(code, seconds=seconds)
        assert exit_code == 0, f"{code}\n{said}"
        return said

    def tries(self, code: str, *, seconds: float = 240, **env: str) -> tuple[int, str]:
        """Carry out a block, and return its exit code and what it says."""
        done = run(
            ["bash", "-euo", "pipefail", "-c", self._here(code)],
            cwd=self.folder,
            env=self.env | env,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        return done.returncode, done.stdout

    @contextmanager
    def beside(self, code: str) -> Iterator[Path]:
        """Carry out a block that goes on, until the end of the ``with`` block.

        Yields the file with what it says; its exit code has to be 0.
        """
        [says] = [line for command, line in SAYS.items() if command in code]
        self._begun += 1
        output = self.folder.parent / f"terminal-{self._begun}.log"
        port = self._ports[SINK if "grpc-sink" in code else STORE]
        with (
            output.open("wb") as out,
            Popen(
                ["bash", "-euo", "pipefail", "-c", self._here(code)],
                cwd=self.folder,
                env=self.env | {"GRPC_PORT": port},
                stdin=DEVNULL,
                stdout=out,
                stderr=STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                until(lambda: _says(output, says) or process.poll() is not None, says)
                assert process.poll() is None, output.read_text(encoding="utf-8")
                yield output
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)
                exit_code = process.wait(PATIENCE)
        assert exit_code == 0, output.read_text(encoding="utf-8")

    def _here(self, code: str) -> str:
        for default, port in self._ports.items():
            code = re.sub(rf"(?<=[: ]){default}\b", port, code)
        return code


def _says(output: Path, line: str) -> bool:
    return line in output.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def reader(tmp_path: Path, cassandra_env: dict[str, str]) -> Reader:
    return Reader(tmp_path, cassandra_env)


def test_the_demonstration_of_mirroring(reader: Reader) -> None:
    [block] = commands("Services")
    free = " ".join(f"--{each}port 0" for each in ("", "store-", "sink-", "admin-"))

    said = reader.do(block.replace("mirror-demo", f"mirror-demo {free}"))

    assert "What the sink saw" in said


def test_the_services_start_one_after_the_other(reader: Reader) -> None:
    store, sink, envoy, poll, test = commands("Start")
    [health] = commands("Health and the end of a server")

    with reader.beside(store), reader.beside(sink) as sink_said, reader.beside(envoy):
        with reader.beside(poll) as printed:
            reader.do(test)
            until(lambda: _says(printed, "PatientDischarged"), "the story's events in its output")
        assert "SERVING" in reader.do(health)
        until(lambda: _says(sink_said, "Update: "), "a copy of an append in the sink's log")
    assert " 0 updates that it does not have" in sink_said.read_text(encoding="utf-8")


def test_with_tls_those_are_served_who_have_a_certificate(reader: Reader) -> None:
    certificates, store, client = commands("TLS")
    reader.do(commands("Start")[0].rpartition(".venv")[0])
    reader.do(certificates)

    with reader.beside(store):
        assert "All " in reader.do(client)
        authorities, _own_certificate, test = client.splitlines()
        for without_one in (f"{authorities}\n{test}", test):
            exit_code, said = reader.tries(without_one, STOREGRPC_TIMEOUT="5")
            assert exit_code == 1
            assert reader.env["STOREGRPC_ADDRESS"] in said, "cannot be reached"


def test_the_application_runs_on_a_server_alone(reader: Reader) -> None:
    store, *_ = commands("Start")
    [application] = commands("One store with the web application")

    with reader.beside(store):
        for name in [name for name in reader.env if name.startswith("CASSANDRA_")]:
            del reader.env[name]
        with reader.beside(application):
            exports, _, _ = application.partition("\n")
            said = reader.do(f"{exports}\n.venv/bin/patientmgmt scenario")
            assert "FAILED" not in said


@pytest.mark.timeout(2 * BUILDS)
@pytest.mark.parametrize(
    ("language", "file"),
    [("Go", "var/go-client/main.go"), ("Python", "var/python-client/client.py")],
)
def test_a_program_in_another_language_uses_the_store(
    reader: Reader, language: str, file: str
) -> None:
    store, *_ = commands("Start")
    [tools] = commands("Programs in other languages")
    *before, last = commands(language)
    reader.do(tools)
    reader.write(file, program(language))
    for code in before:
        reader.do(code, seconds=BUILDS)

    with reader.beside(store):
        once, again = (reader.do(last, seconds=BUILDS) for _ in range(2))

    history = ["1 PatientAdmitted", "2 PatientTransferred"]
    assert EVENT.findall(once) == history
    assert EVENT.findall(again) == [*history, "3 PatientTransferred"]


def test_the_tables_of_settings_are_complete() -> None:
    names = (
        *("grpc-store", "grpc-sink", "grpc-health"),
        *("poll-client", "test-client", "mirror-demo"),
    )
    there = {
        (name, option.opts[0], option.envvar or "", _default(option))
        for name in names
        for option in main.commands[name].params
        if isinstance(option, click.Option)
    }
    told = {
        (name, option.strip("`"), variable.strip("`"), default)
        for names, option, variable, default, _ in _rows("| command | option |")
        for name in names.split(", ")
    }
    assert told == there


def test_the_table_of_variables_is_complete() -> None:
    source = (ROOT / "eventstore_grpc" / "remote" / "settings.py").read_text(encoding="utf-8")
    told = {name.strip("`"): default for name, default, _ in _rows("| variable | default |")}
    assert told.keys() == set(re.findall(r'"((?:STOREGRPC|ORIGINATOR)_[A-Z_]+)"', source))
    given = {name: default for name, default in told.items() if default}
    assert ClientSettings.from_env(given) == ClientSettings()


def test_the_default_places_are_those_of_the_services() -> None:
    envoy = (ROOT / "deploy" / "envoy.yaml").read_text(encoding="utf-8")
    assert all(f"port_value: {port}" in envoy for port in (ENVOY, STORE, SINK))
    places = {name: place for name, _, place, _ in _rows("| service | command |") if place}
    assert places == {
        "store": f"127.0.0.1:{STORE}",
        "sink": f"127.0.0.1:{SINK}",
        "Envoy": f"127.0.0.1:{ENVOY}",
    }


def test_every_reason_is_explained_with_its_code() -> None:
    told = [(code, reason) for code, reason, _, _ in _rows("| code | reason |")]
    assert told == [(reason.code.name, reason.name) for reason in Reason]


def test_everything_that_was_added_to_the_protocol_is_named() -> None:
    proto = (ROOT / "eventstore_grpc" / "protocol" / "storegrpc.proto").read_text(encoding="utf-8")
    methods = re.findall(r"rpc (\w+)", proto)
    assert len(methods) == 8
    assert [name for name in methods if f"`{name}`" not in TEXT] == []


def test_no_block_is_left_out() -> None:
    run_here = {
        ("Services", ""),
        ("Services", "sh"),
        ("Start", "sh"),
        ("TLS", "sh"),
        ("Health and the end of a server", "sh"),
        ("One store with the web application", "sh"),
        ("Programs in other languages", "sh"),
        ("Go", "sh"),
        ("Go", "go"),
        ("Python", "sh"),
        ("Python", "python"),
    }
    assert {(block.heading, block.language) for block in BLOCKS} == run_here


def _rows(beginning: str) -> list[list[str]]:
    """Return the cells of a table that begins so."""
    table = TEXT[TEXT.index(f"\n{beginning}") + 1 :].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def _default(option: click.Option) -> str:
    found = option.to_info_dict()["default"]
    if found is None or isinstance(found, bool | list | tuple):
        return ""
    return f"{found:g}" if isinstance(found, float) else str(found)
