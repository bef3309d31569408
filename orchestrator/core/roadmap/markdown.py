"""Markdown as lines of known kinds: headings, list items, code, comments. What roadmaps are read by.

Not a renderer: a reader of roadmaps needs to know what a line is and where it stands, to the column, and a general
parser takes longer over ten thousand items than planning them may (5 s for 2.7 MB against 0.4 s here). Where the two
could differ, the rule is: a heading in a fence or comment is text, and what is never closed is said, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from orchestrator.errors import Problem


class Kind(IntEnum):
    """What a line is."""

    TEXT = 0
    BLANK = 1
    HEADING = 2
    BULLET = 3
    CODE = 4
    """Inside a fence."""
    FENCE = 5
    """The line that opens or closes one."""
    COMMENT = 6
    """Nothing but (part of) a comment."""
    RULE = 7


@dataclass(slots=True)
class Line:
    """One line. `content` is a heading's or list item's text, else the line without its comments."""

    number: int
    kind: Kind
    raw: str
    content: str
    indent: int = 0
    """Columns before a list item's mark or the first character; a tab goes to the next multiple of four."""
    column: int = 1
    """Where `content` begins, counted from 1."""
    level: int = 0
    """A heading's number of `#`."""


_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_BULLET = re.compile(r"([ \t]*)([-*+]|[0-9]{1,9}[.)])(?:[ \t]+(.*)|)$")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n]*)$")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_COMMENT = re.compile(r"(`+)(?:.*?[^`])??\1(?!`)|<!--(?:.*?-->|(.*)$)")


def scan(text: str, path: str, problems: list[Problem]) -> Iterator[Line]:
    """Yield every line with its kind; at the end, add to `problems` what is opened and never closed.

    Takes any text; linear, and nothing is held: a caller that keeps only what it needs keeps the collector idle.
    """
    scanner = _Scanner(path)
    for number, raw in enumerate(_normal(text).split("\n"), 1):
        yield scanner.line(number, raw)
    problems.extend(scanner.unclosed())


def _normal(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


@dataclass(slots=True)
class _Scanner:
    path: str
    fence: str = ""
    """The mark that opened the fence we are in."""
    fence_line: int = 0
    comment_line: int = 0
    """Where the comment we are in began; 0 outside one."""

    def line(self, number: int, raw: str) -> Line:
        if self.fence:
            return self._in_fence(number, raw)
        said = raw
        if self.comment_line:
            end = raw.find("-->")
            if end < 0:
                return Line(number, Kind.COMMENT, raw, "")
            self.comment_line = 0
            # What follows keeps its column.
            said = " " * (end + 3) + raw[end + 3 :]
        if "<!--" in said:
            said = self._without_comments(number, said)
        if said is not raw and not said.strip():
            return Line(number, Kind.COMMENT, raw, "")
        return self._plain(number, raw, said.rstrip())

    def unclosed(self) -> list[Problem]:
        """Return what the end of the text was still inside of."""
        found = []
        if self.fence:
            what = f"this code fence is never closed, so the rest of the file is code; close it with {self.fence}"
            found.append(Problem("UnclosedFence", what, self.path, self.fence_line, 1))
        if self.comment_line:
            what = "this comment is never closed, so the rest of the file is a comment; close it with `-->`"
            found.append(Problem("UnclosedComment", what, self.path, self.comment_line, 1))
        return found

    def _plain(self, number: int, raw: str, said: str) -> Line:
        stripped = said.lstrip()
        if not stripped:
            return Line(number, Kind.BLANK, raw, "")
        first = stripped[0]
        width = len(said) - len(stripped)
        if first == "#" and (found := _HEADING.match(said)):
            rest = said[found.end() :].lstrip()
            begin = len(said) - len(rest)
            return Line(number, Kind.HEADING, raw, _unclosed(rest), width, begin + 1, len(found[1]))
        if first in "`~" and (found := _FENCE.match(said)) and not (first == "`" and "`" in found[2]):
            self.fence, self.fence_line = found[1], number
            return Line(number, Kind.FENCE, raw, said, _columns(said[:width]), width + 1)
        if first in "-*_" and stripped.count(first) > 2 and _RULE.match(said):
            return Line(number, Kind.RULE, raw, said)
        if (first in "-*+" or first.isdigit()) and (found := _BULLET.match(said)):
            begin = found.start(3) if found[3] is not None else len(said)
            return Line(number, Kind.BULLET, raw, found[3] or "", _columns(found[1]), begin + 1)
        return Line(number, Kind.TEXT, raw, stripped, _columns(said[:width]), width + 1)

    def _in_fence(self, number: int, raw: str) -> Line:
        mark = raw.strip()
        if mark.startswith(self.fence) and not mark.strip(self.fence[0]):
            self.fence = ""
            return Line(number, Kind.FENCE, raw, "")
        width = len(raw) - len(raw.lstrip())
        return Line(number, Kind.CODE, raw, raw.strip(), _columns(raw[:width]), width + 1)

    def _without_comments(self, number: int, said: str) -> str:
        """Return the line with its comments blanked out; one that stays open begins here."""

        def blank(found: re.Match[str]) -> str:
            if not found[0].startswith("<!--"):
                return found[0]
            if found[2] is not None:
                self.comment_line = number
            return " " * len(found[0])

        return _COMMENT.sub(blank, said)


def _unclosed(title: str) -> str:
    """Return a heading's text without the marks that may close it. Not by pattern: it would try every blank."""
    bare = title.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else title


def _columns(white: str) -> int:
    return len(white.expandtabs(4)) if "\t" in white else len(white)
