"""One segment of a pattern: which names it matches and which names two of them share. Exact, and cheap for any length.

A name is a non-empty string without `/` and NUL that is neither `.` nor `..`. A star takes any number of characters, so
two segments with stars share a name exactly if what stands before the first star and after the last one agrees; where
one has no star its length is fixed and the other is run over its character sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from orchestrator.core.globs.charset import ANY_CHAR, DOT, CharSet, single

STAR = None
Token: TypeAlias = CharSet | None
"""One character out of a set, or `STAR`."""

_SPECIAL = "*?[\\"
_SEEN_CHARS_MAX = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """What one segment of a pattern matches. Made by `segment`; equal ones have equal `key`s."""

    tokens: tuple[Token, ...]
    key: str
    """The segment in a canonical spelling."""
    literal: str | None
    """The only name it matches, where it is spelled out."""
    is_any: bool
    """Whether it matches every name."""
    has_star: bool
    head: tuple[CharSet, ...]
    """The tokens before the first star; all of them if there is none."""
    tail: tuple[CharSet, ...]
    """The tokens after the last star, last one first; none if there is no star."""
    pieces: tuple[str, ...]
    """The texts between the stars, where every token is a star or one character; else empty."""
    head_text: str | None
    """The same as text, where each takes one character only."""
    tail_text: str | None
    _stars: int
    _accepting: dict[str, int] = field(default_factory=dict)

    def matches(self, name: str) -> bool:
        """Return whether the segment matches this name."""
        if self.literal is not None:
            return name == self.literal
        if self.is_any:
            return True
        if self.pieces:
            return _pieces_match(self.pieces, name)
        positions = self.close(1)
        for char in name:
            positions = self.close(((positions & self._accepting_char(char)) << 1) | (positions & self._stars))
            if not positions:
                return False
        return bool(positions >> len(self.tokens))

    def close(self, positions: int) -> int:
        """Return the positions with those reached by letting a star take nothing. Stars never follow each other."""
        return positions | ((positions & self._stars) << 1)

    def meets(self, other: Segment) -> bool:
        """Return whether some name is matched by both."""
        if self.literal is not None:
            return other.matches(self.literal)
        if other.literal is not None:
            return self.matches(other.literal)
        if self.is_any or other.is_any:
            return True
        if self.has_star and other.has_star:
            return _ends_agree(self, other)
        return _shared_fixed(self, other) is not None

    def shared_name(self, other: Segment) -> str | None:
        """Return a name both match, None if there is none."""
        for one, another in ((self, other), (other, self)):
            if one.literal is not None:
                return one.literal if another.matches(one.literal) else None
        if self.has_star and other.has_star:
            return _shared_starred(self, other) if _ends_agree(self, other) else None
        return _shared_fixed(self, other)

    def _accepting_char(self, char: str) -> int:
        mask = self._accepting.get(char)
        if mask is None:
            if len(self._accepting) >= _SEEN_CHARS_MAX:
                self._accepting.clear()
            mask = sum(1 << at for at, token in enumerate(self.tokens) if token is not STAR and token.has(char))
            self._accepting[char] = mask
        return mask


def segment(tokens: tuple[Token, ...]) -> Segment:
    """Return the segment of these tokens in normal form: in a run of `*` and `?` the star comes last, once."""
    return _made(_normal(tokens))


# Equal segments are one object as far as memory allows: what is known of one is known of all.
@lru_cache(maxsize=1 << 16)
def _made(tokens: tuple[Token, ...]) -> Segment:
    stars = [at for at, token in enumerate(tokens) if token is STAR]
    chars = [_only_char(token) for token in tokens]
    literal = "".join(char for char in chars if char) if not stars and all(chars) else None
    plain = bool(stars) and all(char or token is STAR for char, token in zip(chars, tokens, strict=True))
    head = tokens[: stars[0]] if stars else tokens
    tail = tokens[stars[-1] + 1 :][::-1] if stars else ()
    return Segment(
        tokens=tokens,
        key="".join(_spelled(token) for token in tokens),
        literal=literal,
        is_any=tokens == (STAR,),
        has_star=bool(stars),
        head=tuple(token for token in head if token is not STAR),
        tail=tuple(token for token in tail if token is not STAR),
        pieces=tuple(_split(chars)) if plain else (),
        head_text=_text(head),
        tail_text=_text(tail[::-1]),
        _stars=sum(1 << at for at in stars),
    )


def names_nothing(tokens: tuple[Token, ...]) -> bool:
    """Return whether no name is matched: a set is empty, or only `.` and `..` are spelled."""
    sets = [token for token in tokens if token is not STAR]
    if any(not token.ranges for token in sets):
        return True
    return STAR not in tokens and len(sets) <= 2 and all(token == DOT for token in sets)


def _normal(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    normal: list[Token] = []
    for token in tokens:
        after_star = bool(normal) and normal[-1] is STAR
        if not (after_star and token is STAR):
            # `*?` and `?*` match the same names.
            normal.insert(len(normal) - 1 if after_star and token == ANY_CHAR else len(normal), token)
    # No name is empty: a whole segment `?*` is `*`.
    return (STAR,) if normal == [ANY_CHAR, STAR] else tuple(normal)


def _only_char(token: Token) -> str:
    if token is STAR or len(token.ranges) != 1 or token.ranges[0][0] != token.ranges[0][1]:
        return ""
    return chr(token.ranges[0][0])


def _spelled(token: Token) -> str:
    if token is STAR:
        return "*"
    if token == ANY_CHAR:
        return "?"
    char = _only_char(token)
    if char:
        return "\\" + char if char in _SPECIAL else char
    return "[" + ",".join(f"{low:x}-{high:x}" for low, high in token.ranges) + "]"


def _split(chars: list[str]) -> list[str]:
    pieces = [""]
    for char in chars:
        if char:
            pieces[-1] += char
        else:
            pieces.append("")
    return pieces


def _text(tokens: tuple[Token, ...]) -> str | None:
    chars = [_only_char(token) for token in tokens]
    return "".join(chars) if all(chars) else None


def _pieces_match(pieces: tuple[str, ...], name: str) -> bool:
    first, *middle, last = pieces
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        # The earliest place leaves the most for what follows.
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _ends_agree(a: Segment, b: Segment) -> bool:
    if a.head_text is not None and b.head_text is not None:
        if not (a.head_text.startswith(b.head_text) or b.head_text.startswith(a.head_text)):
            return False
    elif not all(mine.meet(theirs).ranges for mine, theirs in zip(a.head, b.head, strict=False)):
        return False
    if a.tail_text is not None and b.tail_text is not None:
        return a.tail_text.endswith(b.tail_text) or b.tail_text.endswith(a.tail_text)
    return all(mine.meet(theirs).ranges for mine, theirs in zip(a.tail, b.tail, strict=False))


def _shared_starred(a: Segment, b: Segment) -> str:
    head = _merged(a.head, b.head)
    tail = _merged(a.tail, b.tail)[::-1]
    middle = _middle(a)
    if not (_fits(a, head, middle, tail) and _fits(b, head, middle, tail)):
        middle = _middle(b)
    if not (_fits(a, head, middle, tail) and _fits(b, head, middle, tail)):
        middle = _middle(a) + _middle(b)
    # A letter where both have a star keeps both matching; it makes `x.py` of `.py`, and a name of `.`.
    if head in ("", ".", "..") and (middle + tail)[:1] in ("", "."):
        head += "x"
    return head + middle + tail


def _fits(one: Segment, head: str, middle: str, tail: str) -> bool:
    return one.matches(head + middle + tail)


def _merged(mine: tuple[CharSet, ...], theirs: tuple[CharSet, ...]) -> str:
    longer, shorter = (mine, theirs) if len(mine) >= len(theirs) else (theirs, mine)
    both = "".join(one.meet(other).pick for one, other in zip(longer, shorter, strict=False))
    return both + "".join(token.pick for token in longer[len(shorter) :])


def _middle(one: Segment) -> str:
    middle = one.tokens[len(one.head) : len(one.tokens) - len(one.tail)]
    return "".join(token.pick for token in middle if token is not STAR)


def _shared_fixed(a: Segment, b: Segment) -> str | None:
    fixed, other = (b, a) if a.has_star else (a, b)
    for sets in _names_only(fixed.head):
        name = _word_along(sets, other)
        if name is not None:
            return name
    return None


def _names_only(sets: tuple[CharSet, ...]) -> list[tuple[CharSet, ...]]:
    """Return set sequences that together spell what these spell, `.` and `..` left out."""
    not_dot = DOT.complement()
    if len(sets) == 1:
        return [(sets[0].meet(not_dot),)]
    if len(sets) == 2:
        return [(sets[0].meet(not_dot), sets[1]), (sets[0], sets[1].meet(not_dot))]
    return [sets]


def _word_along(sets: tuple[CharSet, ...], other: Segment) -> str | None:
    """Return a word that takes one character of each set in turn and that the other segment matches."""
    if not all(chars.ranges for chars in sets):
        return None
    accepting = [
        sum(1 << at for at, token in enumerate(other.tokens) if token is not STAR and chars.meet(token).ranges)
        for chars in sets
    ]
    trail = [other.close(1)]
    for mask in accepting:
        before = trail[-1]
        trail.append(other.close(((before & mask) << 1) | (before & other._stars)))
    at = len(other.tokens)
    if not trail[-1] >> at:
        return None
    word: list[str] = []
    for index in range(len(sets) - 1, -1, -1):
        at, token = _came_from(at, trail[index], accepting[index], other)
        word.append((sets[index] if token is STAR else sets[index].meet(token)).pick)
    return "".join(reversed(word))


def _came_from(at: int, before: int, accepting: int, other: Segment) -> tuple[int, Token]:
    """Return the position before the step that led to `at`, and the token that took the character."""
    # Position `at` counts as reached through a star that took nothing, if one stands before it.
    for end in (at, at - 1):
        if end < at and not (end >= 0 and other.tokens[end] is STAR):
            break
        if end < len(other.tokens) and other.tokens[end] is STAR and before >> end & 1:
            return end, STAR
        if end > 0 and (before & accepting) >> (end - 1) & 1:
            return end - 1, other.tokens[end - 1]
    raise AssertionError("every reached position has one before it")


__all__ = ["STAR", "Segment", "Token", "names_nothing", "segment", "single"]
