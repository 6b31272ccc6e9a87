"""What stands for the official base image where no registry can be reached.

It is Debian bookworm with its own Python, 3.11 as well, from the packages of this machine's mirror.
"""

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

RELEASE = "bookworm"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
CACHE = Path.home() / ".cache" / "patientmgmt" / f"{RELEASE}-base.tar"

_NETWORK = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout")
"""Settings of pip that say how this machine reaches the package index."""
_NOT_NEEDED = ("./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*")


def root_archive() -> Path:
    """Return a tar file of the base's files, which is made once."""
    if not CACHE.exists():
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE.parent) as folder:
            _make(Path(folder)).rename(CACHE)
    return CACHE


def pip_settings() -> dict[str, str]:
    """Return how pip reaches the package index here, from its files and the environment."""
    done = _run(sys.executable, "-m", "pip", "config", "list")
    found: dict[str, str] = {}
    for line in done.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2].removeprefix("default-")
        if key in _NETWORK:
            found[key] = str(ast.literal_eval(value))
    return found


def _make(folder: Path) -> Path:
    root, archive = folder / "root", folder / "root.tar"
    packages = f"--include={','.join(PACKAGES)}"
    mirror = _mirror()
    _run("debootstrap", "--variant=minbase", packages, RELEASE, str(root), *mirror)
    left_out = [f"--exclude={pattern}" for pattern in _NOT_NEEDED]
    _run("tar", "--create", "--file", str(archive), "--directory", str(root), *left_out, ".")
    return archive


def _mirror() -> list[str]:
    """Return where apt has the release from, or nothing if it has another one."""
    if shutil.which("apt-get") is None:
        return []
    wanted = ["Created-By: Packages", f"Codename: {RELEASE}", "Component: main"]
    return _run("apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted).splitlines()[:1]


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr}")
    return done.stdout
