"""Debian packages that tests need: installed as root on a Debian-like system, elsewhere named."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import click

Find = Callable[[], Path]
"""Returns a program, or raises :class:`click.ClickException` with a sentence on what is missing."""


def on_path(name: str, package: str, need: str) -> Path:
    """Return the program of this name.

    :raises click.ClickException: when it is not on PATH, nor where the administrator's are.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise click.ClickException(
            f"{need}, but {name} is not on PATH. Install it (Debian: the package {package})."
        )
    return Path(found)


def make_sure_of(programs: Mapping[str, Find]) -> None:
    """Install the packages whose programs are missing.

    :param programs: how each program is found, by the package that has it.
    :raises click.ClickException: when one is missing and cannot be installed.
    """
    missing = _missing(programs)
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        click.echo(f"Installing what the tests need: {', '.join(missing)}")
        _apt_get("update", needed=programs)
        _apt_get("install", "--yes", "--no-install-recommends", *missing, needed=programs)
        missing = _missing(programs)
    if missing:
        raise click.ClickException("\n".join(missing.values()))


def _missing(programs: Mapping[str, Find]) -> dict[str, str]:
    """Return the missing packages, each with a sentence on it."""
    sentences = {}
    for package, find in programs.items():
        try:
            find()
        except click.ClickException as e:
            sentences[package] = e.message
    return sentences


def _apt_get(*arguments: str, needed: Mapping[str, Find]) -> None:
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
            f"apt-get {arguments[0]} failed. Install what the tests need by hand: "
            f"{', '.join(needed)}. It says:\n{done.stdout.strip()}"
        )
