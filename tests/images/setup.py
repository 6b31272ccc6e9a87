"""Makes sure that images can be built here: ``python -m tests.images.setup``."""

import os
from functools import partial

import click

from tests.packages import make_sure_of, on_path

_PACKAGES = ("buildah", "debootstrap")
"""Debian packages, each with a program of its name."""


@click.command()
def main() -> None:
    """Install or name what is missing."""
    need = f"Images are built with {' and '.join(_PACKAGES)}"
    make_sure_of({name: partial(on_path, name, name, need) for name in _PACKAGES})
    if os.geteuid() != 0:
        raise click.ClickException("Building images without an engine needs root: use sudo.")


if __name__ == "__main__":
    main()
