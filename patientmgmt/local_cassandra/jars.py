"""The server's jars: resolved once by Maven into a cache folder, checked before each use.

The manifest beside the jars has the format of ``sha256sum``, so that anybody can check the folder.
A folder appears under its final name only when it is complete.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from patientmgmt.local_cassandra.errors import LocalCassandraError
from patientmgmt.local_cassandra.java import find_maven

CASSANDRA_VERSION = "5.0.9"
MANIFEST = "SHA256SUMS"

_POM = Path(__file__).with_name("pom.xml")
_COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def cache_folder() -> Path:
    """Return the folder of the jars, below ``XDG_CACHE_HOME`` or else ``~/.cache``."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "patientmgmt" / f"apache-cassandra-{CASSANDRA_VERSION}"


def resolve_jars(report: Callable[[str], None]) -> Path:
    """Return a folder that holds exactly the server's jars, undamaged.

    Downloads them when the cache folder is missing, incomplete or damaged.

    :raises LocalCassandraError: when Maven is missing or cannot resolve the jars.
    """
    folder = cache_folder()
    if is_intact(folder):
        return folder
    maven = find_maven()
    state = "is damaged: downloading it again" if folder.exists() else "is downloaded once"
    report(f"Apache Cassandra {CASSANDRA_VERSION} (about 66 MB) {state}, into {folder}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as work:
        resolved = Path(work) / "new"
        _download(maven, Path(work), resolved)
        write_manifest(resolved)
        _put_in_place(resolved, folder, aside=Path(work) / "old")
    return folder


def write_manifest(folder: Path) -> None:
    """Record the names and checksums of the folder's files."""
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8")


def is_intact(folder: Path) -> bool:
    """Tell whether the folder holds the files of its manifest, unchanged, and no others."""
    try:
        manifest = (folder / MANIFEST).read_text(encoding="utf-8")
        expected = {name: checksum for checksum, name in map(str.split, manifest.splitlines())}
        found = {path.name: path for path in folder.iterdir() if path.name != MANIFEST}
        return (
            bool(expected)
            and found.keys() == expected.keys()
            and all(_sha256(path) == expected[name] for name, path in found.items())
        )
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(maven: Path, work: Path, target: Path) -> None:
    shutil.copy(_POM, work)
    command = [
        str(maven),
        "--batch-mode",
        "--quiet",
        "--strict-checksums",
        f"--file={work / _POM.name}",
        _COPY_DEPENDENCIES,
        f"-Dcassandra.version={CASSANDRA_VERSION}",
        f"-DoutputDirectory={target}",
    ]
    maven_run = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if maven_run.returncode != 0:
        errors = "\n".join(maven_run.stdout.strip().splitlines()[:5])
        raise LocalCassandraError(
            f"Maven could not download Apache Cassandra {CASSANDRA_VERSION}. Check the network "
            f"and Maven's settings, then try again. Maven says:\n{errors}"
        )


def _put_in_place(resolved: Path, folder: Path, *, aside: Path) -> None:
    try:
        if folder.exists():
            folder.rename(aside)
        resolved.rename(folder)
    except OSError:
        # Another process may have put its own download there in the meantime.
        if not is_intact(folder):
            raise
