"""Sets of the characters a file name may hold, as sorted ranges of code points. A `Segment` is made of them.

NUL and `/` are in no set: neither can be part of a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

CODE_MAX = 0x10FFFF
# What a person likes to read in a witness, best first.
READABLE = "xyzabcdefghijklmnopqrstuvwXYZABCDEFGHIJKLMNOPQRSTUVW0123456789_-~+=@%,.#!$&()';:{}^ \"<>|`*?[]\\"

Range = tuple[int, int]


# A tuple, because sets are keys wherever patterns are compared, and its hash is the fastest there is.
class CharSet(NamedTuple):
    """A set of characters: ranges of code points, both ends in, sorted, apart from each other."""

    ranges: tuple[Range, ...]

    def has(self, char: str) -> bool:
        """Return whether the character is in the set."""
        code = ord(char)
        return any(low <= code <= high for low, high in self.ranges)

    def meet(self, other: CharSet) -> CharSet:
        """Return the characters in both sets."""
        return CharSet(
            tuple(
                (max(low, other_low), min(high, other_high))
                for low, high in self.ranges
                for other_low, other_high in other.ranges
                if max(low, other_low) <= min(high, other_high)
            )
        )

    def complement(self) -> CharSet:
        """Return the characters a name may hold that are not in the set."""
        gaps: list[Range] = []
        start = 0
        for low, high in self.ranges:
            gaps.append((start, low - 1))
            start = high + 1
        gaps.append((start, CODE_MAX))
        return charset(gaps)

    @property
    def pick(self) -> str:
        """The character of the set that reads best. The set must not be empty."""
        return _most_readable(self)


def charset(ranges: Iterable[Range]) -> CharSet:
    """Return the set of all characters in the ranges that a name may hold. Ranges may overlap or be empty."""
    merged: list[Range] = []
    for low, high in sorted(_without_separators(ranges)):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return CharSet(tuple(merged))


@lru_cache(maxsize=1 << 12)
def _most_readable(chars: CharSet) -> str:
    if chars.ranges[0][0] == chars.ranges[-1][1]:
        return chr(chars.ranges[0][0])
    for char in READABLE:
        if chars.has(char):
            return char
    for low, high in chars.ranges:
        for code in range(low, min(high, low + 256) + 1):
            if chr(code).isprintable():
                return chr(code)
    return chr(chars.ranges[0][0])


@lru_cache(maxsize=1 << 12)
def single(char: str) -> CharSet:
    """Return the set of one character."""
    return CharSet(((ord(char), ord(char)),))


def _without_separators(ranges: Iterable[Range]) -> Iterable[Range]:
    slash = ord("/")
    for low, high in ranges:
        for part_low, part_high in ((max(low, 1), min(high, slash - 1)), (max(low, slash + 1), high)):
            if part_low <= part_high:
                yield part_low, part_high


ANY_CHAR = charset([(1, CODE_MAX)])
DOT = single(".")
