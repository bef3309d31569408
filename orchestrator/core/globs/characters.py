"""Many segments side by side, character by character: which of them share a name with one, answered for all at once.

A segment is a block of bits: one for each token and one behind them. The index lays blocks for segments with wildcards
between its other bits; `Names` lays plain names in a row of their own.
"""

from __future__ import annotations

from itertools import accumulate

from orchestrator.core.globs.charset import DOT, CharSet, single
from orchestrator.core.globs.segment import STAR, Segment, Token

_NOT_DOT = DOT.complement()
TWIN = 3
"""Bits of a block of two characters."""


class Blocks:
    """Blocks of bits for segments, anywhere in a row."""

    def __init__(self) -> None:
        self.firsts = 0
        self._inner = 0
        self._lasts = 0
        self._stars = 0
        self._twins = 0
        """First bits of segments spelled in two ways, the second right behind the first."""
        self._sets: dict[CharSet, int] = {}
        self._sharing: dict[CharSet, tuple[int, list[CharSet]]] = {}
        self._met: dict[CharSet, int] = {}

    def add(self, tokens: tuple[Token, ...], begin: int) -> int:
        """Add the tokens of a segment from this bit on; return the number of the bit behind it."""
        self._met.clear()
        ways = spelled(tokens)
        if len(ways) == 2:
            self._twins |= 1 << begin
        for way in ways:
            # Put together small and moved once: every step on the whole row costs its length.
            here: dict[Token, int] = {}
            for at, token in enumerate(way):
                here[token] = here.get(token, 0) | 1 << at
            for token, bits in here.items():
                if token is STAR:
                    self._stars |= bits << begin
                else:
                    self._sets[token] = self._sets.get(token, 0) | bits << begin
            self.firsts |= 1 << begin
            self._inner |= ((1 << len(way)) - 1) << begin
            self._lasts |= 1 << (begin + len(way))
            begin += len(way) + 1
        return begin

    def sharing(self, segment: Segment, at: int) -> int:
        """Return the bits behind the blocks that share a name with the segment, of those whose first bits are given."""
        at |= (at & self._twins) << TWIN
        moved = 0
        for tokens in spelled(segment.tokens):
            ends = self._through(tokens, at)
            first_of_two = ends & (self._twins << (TWIN - 1))
            moved |= ((ends ^ first_of_two) << 1) | (first_of_two << (1 + TWIN))
        return moved

    def _through(self, tokens: tuple[Token, ...], at: int) -> int:
        """Return the last bits of the blocks that can take all tokens."""
        at |= (at & self._stars) << 1
        for token in tokens:
            if token is STAR:
                at = filled(at, self.firsts, self._inner, self._lasts)
            else:
                at = ((at & self._meeting(token)) << 1) | (at & self._stars)
                at |= (at & self._stars) << 1
            if not at:
                break
        return at & self._lasts

    def _meeting(self, token: CharSet) -> int:
        """Return the bits of the sets that share a character with this one."""
        known = self._met.get(token)
        if known is not None:
            return known
        seen, meeting = self._sharing.get(token, (0, []))
        if seen < len(self._sets):
            meeting += [one for one in list(self._sets)[seen:] if one.meet(token).ranges]
            self._sharing[token] = (len(self._sets), meeting)
        bits = 0
        for one in meeting:
            bits |= self._sets[one]
        self._met[token] = bits
        return bits


class Names:
    """Plain names in a row, asked which of them a segment matches."""

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._width = 0
        self._behind: dict[int, str] = {}

    def add(self, name: str) -> None:
        """Add a name."""
        self._width = self._blocks.add(tuple(map(single, name)), self._width)
        self._behind[self._width] = name

    def matching(self, segment: Segment) -> list[str]:
        """Return the names the segment matches."""
        return [self._behind[at] for at in bits_of(self._blocks.sharing(segment, self._blocks.firsts))]


def filled(at: int, firsts: int, inner: int, lasts: int) -> int:
    """Return, in every block that has a position, all bits from its lowest one on.

    A block is its bit in `firsts`, that and the ones after it in `inner`, and one in `lasts`. Adding one to the gaps of
    a block carries through those below its lowest position and no further; without any it ends in the last bit.
    """
    gaps = inner & ~at
    carried = gaps + firsts
    return (inner & ~(gaps & ~carried)) | (lasts & ~carried) | (at & lasts)


def bits_of(mask: int) -> list[int]:
    """Return the numbers of the bits that are set, lowest first."""
    # A step for each bit that is set, none for the others: rows are long, and often few bits of them are set.
    gaps = f"{mask:b}"[::-1].split("1")[:-1]
    return list(accumulate(map((1).__add__, map(len, gaps)), initial=-1))[1:]


def spelled(tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], ...]:
    """Return the tokens without the names `.` and `..`: once, or in two ways that together say the same."""
    if STAR in tokens or len(tokens) > 2 or not all(token is not STAR and token.has(".") for token in tokens):
        return (tokens,)
    sets = [token for token in tokens if token is not STAR]
    if len(sets) == 1:
        return ((sets[0].meet(_NOT_DOT),),)
    ways = ((sets[0].meet(_NOT_DOT), sets[1]), (DOT, sets[1].meet(_NOT_DOT)))
    return tuple(way for way in ways if all(one.ranges for one in way))
