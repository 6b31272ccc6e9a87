"""Makes sure that this machine has what the tests need: ``python -m tests.setup``."""

import shutil
from pathlib import Path

import click

from patientmgmt.local_cassandra.jars import resolve_jars
from patientmgmt.local_cassandra.java import find_java, find_maven
from tests.packages import Find, make_sure_of, on_path

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
    return on_path("go", "golang-go", "The test of the program in Go needs Go")


def find_openssl() -> Path:
    """Return what makes the certificates of docs/services.md.

    :raises click.ClickException: when there is none on PATH.
    """
    return on_path("openssl", "openssl", "The test of TLS needs certificates that openssl makes")


_PROGRAMS: dict[str, Find] = {
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
    make_sure_of(_PROGRAMS)
    resolve_jars(click.echo)


if __name__ == "__main__":
    main()
