"""Makes sure that images can be built here: ``python -m tests.images.setup``.

As root on a Debian-like system, missing packages are installed; elsewhere they are named.
"""

import os
import shutil
import subprocess

import click

PACKAGES = ("buildah", "debootstrap")
"""Debian packages, each with a program of its name."""


@click.command()
def main() -> None:
    """Install or name what is missing."""
    missing = _missing()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        click.echo(f"Installing what images are built with: {', '.join(missing)}")
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *missing)
        missing = _missing()
    if missing:
        raise click.ClickException(
            f"Images are built with {' and '.join(PACKAGES)}, but {' and '.join(missing)} is not "
            "on PATH. Install the package of that name."
        )
    if os.geteuid() != 0:
        raise click.ClickException("Building images without an engine needs root: use sudo.")


def _missing() -> list[str]:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    return [package for package in PACKAGES if shutil.which(package, path=path) is None]


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", "--quiet=2", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise click.ClickException(
            f"apt-get {arguments[0]} failed. Install by hand: {', '.join(PACKAGES)}. It says:\n"
            f"{done.stdout.strip()}"
        )


if __name__ == "__main__":
    main()
