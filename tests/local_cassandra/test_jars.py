import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from patientmgmt.local_cassandra import LocalCassandraError
from patientmgmt.local_cassandra.jars import MANIFEST, is_intact, resolve_jars, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.jar").write_bytes(b"one")
    (tmp_path / "b.jar").write_bytes(b"two")
    write_manifest(tmp_path)
    return tmp_path


def test_a_folder_as_its_manifest_says_is_intact(folder: Path) -> None:
    assert is_intact(folder)


def test_the_manifest_can_be_checked_with_sha256sum(folder: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", MANIFEST], cwd=folder, check=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "a.jar").write_bytes(b"0ne"),
        lambda folder: (folder / "a.jar").unlink(),
        lambda folder: (folder / "c.jar").write_bytes(b"three"),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text(""),
        lambda folder: (folder / MANIFEST).write_bytes(b"\xff\n"),
        lambda folder: (folder / MANIFEST).write_text("a.jar\n"),
    ],
    ids=["changed", "missing", "added", "no manifest", "empty manifest", "binary", "malformed"],
)
def test_any_other_folder_is_not_intact(damage: Callable[[Path], object], folder: Path) -> None:
    damage(folder)

    assert not is_intact(folder)


def test_maven_resolves_the_server_once_and_again_when_the_cache_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    reports: list[str] = []

    jars = resolve_jars(reports.append)
    server = jars / "cassandra-all-5.0.9.jar"
    size = server.stat().st_size
    assert [report.split(" is ")[1].split(",")[0] for report in reports] == ["downloaded once"]

    assert resolve_jars(reports.append) == jars
    assert len(reports) == 1

    server.write_bytes(server.read_bytes()[:1000])
    assert resolve_jars(reports.append) == jars
    assert "is damaged: downloading it again" in reports[1]
    assert server.stat().st_size == size
    assert is_intact(jars)
    assert [path.name for path in jars.parent.iterdir()] == [jars.name]


def test_when_maven_fails_its_words_are_shown_and_nothing_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mvn = tmp_path / "bin" / "mvn"
    mvn.parent.mkdir()
    mvn.write_text("#!/bin/sh\necho '[ERROR] Unknown host repo.maven.apache.org'\nexit 1\n")
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", str(mvn.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(LocalCassandraError, match=r"Check the network(.|\n)*Unknown host"):
        resolve_jars(lambda _sentence: None)

    assert list((tmp_path / "cache" / "patientmgmt").iterdir()) == []
