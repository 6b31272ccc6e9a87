"""Makes sure that this machine has what the tests need: ``python -m tests.setup``.

As root on a Debian-like system, missing packages are installed; elsewhere they are named.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import click

from patientmgmt.local_cassandra.jars import resolve_jars
from patientmgmt.local_cassandra.java import find_java, find_maven

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> Path:
    """Return the browser with which the web pages are tested.

    :raises click.ClickException: when there is none on PATH.
    """
    for name in _BROWSERS:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise click.ClickException(
        f"The web tests need Chromium, but none of {', '.join(_BROWSERS)} is on PATH. Install it "
        "(Debian: the package chromium)."
    )


def find_go() -> Path:
    """Return the Go with which the program in docs/services.md is built.

    :raises click.ClickException: when there is none on PATH.
    """
    return _on_path("go", "golang-go", "The test of the program in Go needs Go")


def find_openssl() -> Path:
    """Return what makes the certificates of docs/services.md.

    :raises click.ClickException: when there is none on PATH.
    """
    return _on_path("openssl", "openssl", "The test of TLS needs certificates that openssl makes")


def _on_path(name: str, package: str, need: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise click.ClickException(
            f"{need}, but {name} is not on PATH. Install it (Debian: the package {package})."
        )
    return Path(found)


_PROGRAMS: dict[str, Callable[[], Path]] = {
    "chromium": find_chromium,
    "golang-go": find_go,
    "openssl": find_openssl,
    "openjdk-17-jre-headless": find_java,
    "maven": find_maven,
}
"""How each needed program is found, by the Debian package that has it."""


@click.command()
def main() -> None:
    """Install or name what is missing, and download Apache Cassandra once."""
    missing = _missing()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(list(missing))
        missing = _missing()
    if missing:
        raise click.ClickException("\n".join(missing.values()))
    resolve_jars(click.echo)


def _missing() -> dict[str, str]:
    """Return the missing packages, each with a sentence on it."""
    sentences = {}
    for package, find in _PROGRAMS.items():
        try:
            find()
        except click.ClickException as e:
            sentences[package] = e.message
    return sentences


def _install(packages: list[str]) -> None:
    click.echo(f"Installing what the tests need: {', '.join(packages)}")
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", *packages)


def _apt_get(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run = subprocess.run(
        ["apt-get", "--quiet=2", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise click.ClickException(
            f"apt-get {arguments[0]} failed. Install what the tests need by hand: "
            f"{', '.join(_PROGRAMS)}. It says:\n{run.stdout.strip()}"
        )


if __name__ == "__main__":
    main()
