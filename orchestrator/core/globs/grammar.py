"""The grammar of patterns: text to items, with every mistake named at once. The only reader of pattern text.

A pattern becomes one item per path segment, `GLOBSTAR` standing for any number of segments. That a plain name covers
the folder below, and that `a/**` does not cover `a`, is said here in items and nowhere again.
"""

from __future__ import annotations

import string
import unicodedata
from itertools import pairwise
from typing import TypeAlias

from orchestrator.core.globs.charset import ANY_CHAR, CharSet, Range, charset
from orchestrator.core.globs.segment import STAR, Segment, Token, names_nothing, segment, single

PATTERN_LENGTH_MAX = 1024
GLOBSTAR = None
Item: TypeAlias = Segment | None

_ANY_NAME = segment((STAR,))
_WILDCARDS = frozenset("*?[\\")
_CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, range(1, 32))) + "\x7f",
    "digit": string.digits,
    "graph": "".join(map(chr, range(33, 127))),
    "lower": string.ascii_lowercase,
    "print": "".join(map(chr, range(32, 127))),
    "punct": string.punctuation,
    "space": " \t\n\r",
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}


def read(text: str) -> tuple[tuple[Item, ...], list[str]]:
    """Return the items of the pattern, and everything wrong with it, each with its remedy; no items then."""
    mistakes = _mistakes_of_the_whole(text)
    if not text or len(text) > PATTERN_LENGTH_MAX:
        return (), mistakes
    body = text.lstrip("/")
    reader = _Reader(body)
    segments = reader.segments() if body else []
    mistakes += reader.mistakes
    plain = _WILDCARDS.isdisjoint(text)
    folder = len(segments) > 1 and segments[-1] == ()
    if folder:
        segments.pop()
        if not plain and segments and segments[-1] != ():
            mistakes.append(f"a `/` at the end names a folder, and paths are files; write `{text}**` for what is below")
    if any(tokens == () for tokens in segments):
        mistakes.append("two `/` in a row; write one")
    items: list[Item] = []
    for tokens in segments:
        if tokens is None:
            items.append(GLOBSTAR)
        elif tokens and names_nothing(tokens) and not set(text.split("/")) & {".", ".."}:
            mistakes.append("a segment of it matches no name; correct its class")
        elif tokens:
            items.append(segment(tokens))
    if mistakes:
        return (), mistakes
    if folder or items[-1] is GLOBSTAR:
        items += [GLOBSTAR, _ANY_NAME]
    elif plain:
        items.append(GLOBSTAR)
    return _normal(items), []


def _mistakes_of_the_whole(text: str) -> list[str]:
    if not text:
        return ["it is empty; write `**` for everything, or remove it"]
    found = []
    if len(text) > PATTERN_LENGTH_MAX:
        found.append(f"it has {len(text)} characters, at most {PATTERN_LENGTH_MAX} are read; shorten it")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        found.append("it holds a control character; write `?` in its place")
    if text.startswith("/"):
        found.append("patterns start at the repository's root; drop the `/` at the beginning")
    if text.startswith("!"):
        found.append("patterns only add, none takes away; list what is meant (a name with `!` begins `\\!`)")
    parts = text.split("/")
    if "." in parts or ".." in parts:
        found.append("`.` and `..` are no names; write the path from the repository's root without them")
    return found


def _normal(items: list[Item]) -> tuple[Item, ...]:
    """Return the items with `**` once, before the `*` segments it stands beside: they commute."""
    normal: list[Item] = []
    for item in items:
        if item is GLOBSTAR:
            at = len(normal)
            while at and normal[at - 1] is not GLOBSTAR and is_any_name(normal[at - 1]):
                at -= 1
            if not (at and normal[at - 1] is GLOBSTAR):
                normal.insert(at, GLOBSTAR)
        else:
            normal.append(item)
    return tuple(normal)


def is_any_name(item: Item) -> bool:
    """Return whether the item is a single `*`."""
    return item is not GLOBSTAR and item.is_any


class _Reader:
    """Reads a pattern from left to right. A segment comes out as its tokens, `**` as None, a missing one as ()."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.mistakes: list[str] = []

    def segments(self) -> list[tuple[Token, ...] | None]:
        segments: list[tuple[Token, ...] | None] = []
        tokens: list[Token] = []
        begin = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "/":
                segments.append(self._finished(tokens, self.text[begin : self.at]))
                tokens = []
                self.at += 1
                begin = self.at
            else:
                tokens.append(self._token(char))
        segments.append(self._finished(tokens, self.text[begin:]))
        return segments

    def _finished(self, tokens: list[Token], text: str) -> tuple[Token, ...] | None:
        if tokens == [STAR, STAR]:
            return None
        # git calls this invalid and then reads `a**` and `?**` differently.
        if any(one is STAR and other is STAR for one, other in pairwise(tokens)):
            self.mistakes.append(
                f"`**` is a whole segment or nothing (`{text}`); write `*`, or `**/` before the segment"
            )
        return tuple(tokens)

    def _token(self, char: str) -> Token:
        self.at += 1
        if char == "*":
            return STAR
        if char == "?":
            return ANY_CHAR
        if char == "[":
            return self._class()
        if char != "\\":
            return single(char)
        return self._escaped()

    def _escaped(self) -> CharSet:
        char = self.text[self.at : self.at + 1]
        if char in ("", "/"):
            self.mistakes.append("a `\\` with nothing to escape; write `\\\\` for the character itself")
            return single("\\")
        self.at += 1
        return single(char)

    def _class(self) -> CharSet:
        """Return the set of a class; `at` stands behind its `[` and then behind its `]`. Read as git reads it."""
        begin = self.at
        negated = self.text[self.at : self.at + 1] in ("!", "^")
        self.at += negated
        ranges: list[Range] = []
        low = ""
        first = True
        while first or self.text[self.at : self.at + 1] != "]":
            first = False
            if self.at >= len(self.text):
                self.mistakes.append(
                    f"the `[` of `[{self.text[begin:]}` is never closed; write `\\[` for the character"
                )
                return ANY_CHAR
            low = self._class_part(low, ranges)
        if "/" in self.text[begin : self.at]:
            self.mistakes.append(
                f"`[{self.text[begin : self.at]}]` holds a `/`, which no class matches; write two patterns"
            )
        self.at += 1
        chosen = charset(ranges)
        return chosen.complement() if negated else chosen

    def _class_part(self, low: str, ranges: list[Range]) -> str:
        """Add the next part of a class to the ranges; return the character a range may start from, or nothing."""
        begins = self.text[self.at]
        char = self._class_char() if begins != "[" else ""
        if begins == "-" and low and self.text[self.at : self.at + 1] not in ("", "]"):
            high = self._class_char()
            if high < low:
                self.mistakes.append(f"the range `{low}-{high}` runs backwards; write `{high}-{low}`")
            ranges.append((ord(low), ord(high)))
            return ""
        if char:
            ranges.append((ord(char), ord(char)))
            return char
        return self._class_bracket(ranges)

    def _class_char(self) -> str:
        char = self.text[self.at]
        self.at += 1
        if char == "\\" and self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
        return char

    def _class_bracket(self, ranges: list[Range]) -> str:
        """Read `[:name:]`, or a plain `[`, inside a class."""
        end = self.text.find("]", self.at + 2) if self.text.startswith("[:", self.at) else -1
        name = self.text[self.at + 2 : end - 1]
        if end < 0 or self.text[end - 1] != ":" or end - 1 < self.at + 2:
            self.at += 1
            ranges.append((ord("["), ord("[")))
            return "["
        if name not in _CLASSES:
            self.mistakes.append(f"there is no class `[:{name}:]`; there are {', '.join(sorted(_CLASSES))}")
        ranges += [(ord(char), ord(char)) for char in _CLASSES.get(name, "")]
        self.at = end + 1
        return ""
