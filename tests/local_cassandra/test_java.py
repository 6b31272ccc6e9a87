from pathlib import Path

import pytest

from patientmgmt.local_cassandra import LocalCassandraError
from patientmgmt.local_cassandra.java import find_java, find_maven


def write_java(home: Path, version: str) -> Path:
    """Write a program that tells a version as Java does, but is none."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    java.chmod(0o755)
    return java


def test_the_java_of_java_home_is_taken_before_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = write_java(tmp_path / "home", "17.0.2")
    other = write_java(tmp_path / "other", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(other.parent))

    assert find_java() == expected


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "21", "171.0"])
def test_another_java_than_17_is_refused_with_its_version(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = write_java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(LocalCassandraError, match=f"{java} is version {version}"):
        find_java()


def test_without_java_on_path_the_package_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalCassandraError, match=r"no java on PATH.*openjdk-17-jre-headless"):
        find_java()


def test_a_java_home_without_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(LocalCassandraError, match=f"no java in JAVA_HOME, which is {tmp_path}"):
        find_java()


def test_a_java_that_tells_no_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_java(tmp_path, "17").write_text("#!/bin/sh\necho broken >&2\n")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(LocalCassandraError, match="found 'broken'"):
        find_java()


def test_without_maven_the_package_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalCassandraError, match=r"no mvn on PATH.*package maven"):
        find_maven()
