"""Many whole numbers side by side in one, so that one multiplication and one addition are as many of each.

A row of numbers is the sum of each times a power of `2 ** BITS`. Rows of one length are added, subtracted and
multiplied by whole numbers like any other integer, in C; a lane that goes below zero borrows from the next, which
reading puts right. A lane must stay below `BOUND`, up and down, when it is read; whoever adds rows up sees to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct

BITS = 128
_HALF = 1 << (BITS - 1)
_BYTES = BITS // 8
_CUT = 40
"""Bits below which a float's precision does not need a lane: five bytes, a word of eight follows."""
BOUND = 1 << (_CUT + 63)


def row(numbers: Iterable[int]) -> int:
    """Return numbers as one row; raise OverflowError for one that has no room in its lane."""
    lanes = [(number + _HALF).to_bytes(_BYTES, "little") for number in numbers]
    return int.from_bytes(b"".join(lanes), "little") - _middle(len(lanes))


def numbers(total: int, count: int) -> list[int]:
    """Return the numbers of a row of so many lanes."""
    lanes = (total + _middle(count)).to_bytes(_BYTES * count, "little")
    return [int.from_bytes(lanes[at : at + _BYTES], "little") - _HALF for at in range(0, len(lanes), _BYTES)]


def floats(total: int, count: int, unit: float) -> list[float]:
    """Return the numbers of a row of so many lanes times a unit, each without its last `_CUT` bits."""
    lanes = (total + _middle(count)).to_bytes(_BYTES * count, "little")
    step = unit * (1 << _CUT)
    return [word * step for word in _words(count).unpack(lanes)]


@lru_cache(maxsize=16)
def _words(count: int) -> Struct:
    return Struct("<" + "5xq3x" * count)


@lru_cache(maxsize=16)
def _middle(count: int) -> int:
    """Return the row of so many times `_HALF`: with it, no lane is below zero."""
    return int.from_bytes(_HALF.to_bytes(_BYTES, "little") * count, "little")
