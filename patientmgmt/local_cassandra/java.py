"""Finding the two programs that a local server needs: Java, and Maven to resolve the jars."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from patientmgmt.local_cassandra.errors import LocalCassandraError

JAVA_VERSION = "17"
"""The newest that Apache Cassandra 5.0 supports; later ones refuse its security manager."""


def find_java() -> Path:
    """Return the java program of ``JAVA_HOME``, or else the one on ``PATH``.

    :raises LocalCassandraError: when there is none, or when it is not Java 17.
    """
    java = _java_program()
    version = _java_version(java)
    if version.split(".")[0] != JAVA_VERSION:
        raise LocalCassandraError(
            f"Apache Cassandra needs Java {JAVA_VERSION}, but {java} is version {version}. Install "
            f"Java {JAVA_VERSION} and let JAVA_HOME name its folder."
        )
    return java


def find_maven() -> Path:
    """Return the mvn program on ``PATH``.

    :raises LocalCassandraError: when there is none.
    """
    found = shutil.which("mvn")
    if found is None:
        raise LocalCassandraError(
            "Maven is needed to download Apache Cassandra, but there is no mvn on PATH. Install "
            "Maven (Debian and Ubuntu: the package maven)."
        )
    return Path(found)


def _java_program() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        where = f"in JAVA_HOME, which is {home}" if home else "on PATH, and JAVA_HOME is not set"
        raise LocalCassandraError(
            f"Apache Cassandra needs Java {JAVA_VERSION}, but there is no java {where}. Install "
            f"Java {JAVA_VERSION} (Debian and Ubuntu: the package openjdk-17-jre-headless), or "
            "let JAVA_HOME name its folder."
        )
    return Path(found).absolute()


def _java_version(java: Path) -> str:
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "([^"]+)"', shown)
    if version is None:
        raise LocalCassandraError(
            f"{java} does not tell its version: expected `java -version` to print one, found "
            f"{shown.strip()!r}. Reinstall Java {JAVA_VERSION}, or let JAVA_HOME name another."
        )
    return version[1]
