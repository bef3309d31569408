"""Text that an encoding accident damaged, made whole: `‚úÖ` is a check mark read in the wrong alphabet.

`ftfy` knows how such accidents look; alone, a short run of such letters is not evidence enough for it. A document where
it found one accident has the others too, so what it found is applied to every run of letters that it explains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import Problem, Severity

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_LINES_SHOWN = 12
# Marks that people put on work, to be known also where a document has nothing else that is damaged.
_MARKS = "✅✔☑❌✗☐🔜🚧⏳🔲⬜📋🔄→—–…•“”’"
_CODECS = ("macroman", "cp1252", "latin-1", "cp1251", "cp437")


@dataclass(frozen=True, slots=True)
class Repaired:
    """The text as it was meant, and what had to be repaired."""

    text: str
    problems: tuple[Problem, ...]


def repaired(text: str, path: str) -> Repaired:
    """Return the text with accidents undone, line by line: no line is added or lost. One warning names them all."""
    if text.isascii():
        return Repaired(text, ())
    lines = text.split("\n")
    foreign = [at for at, line in enumerate(lines) if not line.isascii()]
    codecs = _accidents([lines[at] for at in foreign])
    changed = []
    for at in foreign:
        better = _better(lines[at], codecs)
        if better != lines[at]:
            changed.append((at + 1, lines[at], better))
            lines[at] = better
    return Repaired("\n".join(lines), (_warning(path, changed),) if changed else ())


def _warning(path: str, changed: Sequence[tuple[int, str, str]]) -> Problem:
    line, before, after = changed[0]
    at = next(index for index, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1])
    others = [str(number) for number, _, _ in changed[1 : _LINES_SHOWN + 1]]
    more = len(changed) - 1 - len(others)
    rest = f"; so were lines {', '.join(others)}{f' and {more} more' if more else ''}" if others else ""
    what = (
        f"text damaged by an encoding accident was repaired: `{before[at : at + 20].strip()}` is read as "
        f"`{after[at : at + 18].strip()}`{rest}; save the file anew as UTF-8"
    )
    return Problem("Repaired", what, path, line, at + 1, severity=Severity.WARNING)


def _accidents(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the alphabets that the text was read in by accident, the surest first."""
    import ftfy

    found: dict[str, None] = {}
    text = "\n".join(lines)
    for codec in _CODECS:
        if any(_as_read(mark, codec) in text for mark in _MARKS if _as_read(mark, codec)):
            found.setdefault(codec)
    if not found:
        for line in lines[:200]:
            for step in ftfy.fix_encoding_and_explain(line).explanation or ():
                if step.action == "encode":
                    found.setdefault(step.parameter)
    return tuple(found)


def _as_read(mark: str, codec: str) -> str:
    try:
        return mark.encode("utf-8").decode(codec)
    except UnicodeDecodeError:
        return ""


def _better(line: str, codecs: Sequence[str]) -> str:
    if not codecs:
        return line

    def undo(found: re.Match[str]) -> str:
        for codec in codecs:
            try:
                meant = found[0].encode(_SLOPPY.get(codec, codec)).decode("utf-8")
            except (UnicodeError, LookupError):
                continue
            return meant
        return found[0]

    return _FOREIGN.sub(undo, line)


# Windows leaves five bytes undefined that damaged text has all the same; ftfy's codec passes them through.
_SLOPPY = {"cp1252": "sloppy-windows-1252", "cp1251": "sloppy-windows-1251"}
