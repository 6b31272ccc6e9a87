"""The targets of the ``Dockerfile``, as far as they can be told without building them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[2] / "Dockerfile"
_STAGE = re.compile(
    r"^FROM (?P<base>\S+) AS (?P<name>\S+)\n(?P<text>.*?)(?=^FROM|\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Target:
    """A stage that is made to be run."""

    name: str
    text: str

    @property
    def has_health_check(self) -> bool:
        """Whether it says how it is known that the service is well."""
        return bool(re.search(r"^HEALTHCHECK (?!NONE$)", self.text, re.MULTILINE))


def targets() -> Mapping[str, Target]:
    """Return the stages with a command of their own, by name."""
    stages = _STAGE.finditer(FILE.read_text(encoding="utf-8"))
    return {
        stage["name"]: Target(stage["name"], stage["text"])
        for stage in stages
        if re.search(r"^CMD ", stage["text"], re.MULTILINE)
    }
