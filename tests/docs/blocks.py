"""The code blocks of a document, in order, with the headings that they stand under."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One code block."""

    heading: str
    language: str
    code: str


def blocks(document: Path) -> list[Block]:
    """Return the document's code blocks."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(_heading(text[: match.start()]), match["language"], match["code"])
        for match in _FENCE.finditer(text)
    ]


def _heading(before: str) -> str:
    headings = [line for line in before.splitlines() if re.match(r"#+ ", line)]
    return headings[-1].lstrip("# ")
