"""Images without an engine: buildah, which isolates what it runs by chroot."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.images.base import pip_settings, root_archive

ROOT = Path(__file__).parents[2]
BASE = "localhost/base"


@dataclass(frozen=True)
class Image:
    """What an image says of itself."""

    name: str
    user: str
    entrypoint: Sequence[str]
    arguments: Sequence[str]
    """Follow the entry point, if nothing else is said."""
    health: Sequence[str] | None
    """The command that checks it; None if it has none."""
    layers: Sequence[int]
    """Bytes of each; the first is the base."""


class Buildah:
    """Images and containers in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = folder / "context"

    def __call__(self, *arguments: str) -> str:
        """Run a command of buildah and return what it prints."""
        done = subprocess.run(
            [*self.program, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"buildah {arguments[0]}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    @cached_property
    def program(self) -> Sequence[str]:
        """How it is called: with overlays where the machine has them, else with slow copies."""
        folders = [f"--{name}={self._folder / name}" for name in ("root", "runroot")]
        overlay = ["buildah", *folders, "--storage-driver=overlay"]
        if subprocess.run([*overlay, "info"], capture_output=True, check=False).returncode == 0:
            return overlay
        shutil.rmtree(self._folder / "root", ignore_errors=True)
        return ["buildah", *folders, "--storage-driver=vfs"]

    def make_base(self) -> None:
        """Make what stands for the official base, with this machine's way to the package index."""
        container = self("from", "scratch")
        self("add", "--quiet", container, str(root_archive()), "/")
        settings = pip_settings()
        file = self._folder / "pip.conf"
        lines = [f"{name} = {value}" for name, value in settings.items()]
        file.write_text("\n".join(["[global]", *lines]), encoding="utf-8")
        self("copy", "--quiet", container, str(file), "/etc/pip.conf")
        if "cert" in settings:
            self("copy", "--quiet", container, settings["cert"], settings["cert"])
        self("commit", "--quiet", "--rm", container, BASE)

    def build(self, target: str) -> Image:
        """Build a target of the Dockerfile from the files of the checkout."""
        if not self._context.exists():
            _copy_checkout(self._context)
        name = f"localhost/patientmgmt-{target}"
        self(
            *["build", "--isolation=chroot", "--format=docker", "--layers"],
            *[f"--build-arg=BASE={BASE}", f"--target={target}", f"--tag={name}"],
            str(self._context),
        )
        found = json.loads(self("inspect", "--type=image", name))
        config = found["Docker"]["config"]
        return Image(
            name,
            config.get("User", ""),
            config.get("Entrypoint") or [],
            config.get("Cmd") or [],
            _health(config.get("Healthcheck")),
            [layer["size"] for layer in json.loads(found["Manifest"])["layers"]],
        )

    def remove_everything(self) -> None:
        """Remove all containers and images."""
        self("rm", "--all")
        self("rmi", "--all", "--force")


def _copy_checkout(folder: Path) -> None:
    """Copy what Git has or would have: others may go on with the checkout during the builds."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def _health(check: Mapping[str, Any] | None) -> Sequence[str] | None:
    match check["Test"] if check else ["NONE"]:
        case ["NONE"]:
            return None
        case ["CMD", *command]:
            return command
        case ["CMD-SHELL", command]:
            return ["/bin/sh", "-c", command]
        case test:
            raise ValueError(f"Expected NONE, CMD or CMD-SHELL, found {test}.")


@contextmanager
def buildah() -> Iterator[Buildah]:
    """Yield it with a folder that is removed at the end, and with the base."""
    with TemporaryDirectory(prefix="images-") as folder:
        program = Buildah(Path(folder))
        program.make_base()
        try:
            yield program
        finally:
            program.remove_everything()
