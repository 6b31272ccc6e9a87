"""How names are sorted: as people expect it, by the Unicode collation algorithm (UTS #10).

Base letters come first, then accents, then capitals: Åsa stands with A, Łukasz with L. Numbers go
by their value: Ward 2 stands before Ward 10.
"""

import re
from functools import cache, lru_cache

from pyuca import Collator

_LONGEST_NUMBER = 20
"""Digits; a longer number is sorted digit by digit."""
_WEIGHT = 2
"""Bytes of one weight in a key."""


@cache
def _collator() -> Collator:
    return Collator()


@lru_cache(maxsize=10_000)
def sort_key(text: str) -> bytes:
    """Return what the text is sorted by, as bytes, which every database compares alike."""
    padded = re.sub(r"\d+", lambda found: found[0].zfill(_LONGEST_NUMBER), text)
    weights = _collator().sort_key(padded)
    return b"".join(weight.to_bytes(_WEIGHT, "big") for weight in weights)


@lru_cache(maxsize=10_000)
def letters(text: str) -> tuple[int, ...]:
    """Return the text as it is searched: its base letters in order, as numbers.

    Neither accents nor capitals matter, nor how many blanks there are.
    """
    weights = _collator().sort_key(" ".join(text.split()))
    return tuple(weights[: weights.index(0)])


def initial(key: bytes) -> int:
    """Return the number of the letter under which a text with this key stands in a register.

    Letters have the order of the texts. All of Chinese is one letter.
    """
    return int.from_bytes(key[:_WEIGHT], "big")
