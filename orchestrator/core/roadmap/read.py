"""One document, whatever its form: strict where it is written so, loose elsewhere, both in one document.

A document is in strict form as soon as one heading `name: Title` has a field below it, or tries to. Then all that the
strict reader makes of it stands, mistakes included, and only what cannot be anything but work (a list below `Phase 2`,
check boxes) is read loosely beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.roadmap.item import Form, Read, RoadmapItem
from orchestrator.core.roadmap.loose import read_loose
from orchestrator.core.roadmap.repair import repaired
from orchestrator.core.roadmap.strict import read_strict
from orchestrator.errors import Problem, Severity

_FIELD = re.compile(
    r"[ \t]{0,3}[-*+][ \t]+[*_`]{0,3}(?:objective|paths?|out of scope|acceptance|validation|needs|"
    r"depends on|tier|lanes?|priority|agent|"
    r"roadmap|train)[*_`]{0,3}[ \t]*:",
    re.IGNORECASE,
)
_STRICT_HEADING = re.compile(
    r" {0,3}#{1,6}[ \t]+(?:\[[ xX]\][ \t]*|✅[ \t]*)?[*_`]{0,3}[A-Za-z0-9][\w.-]*[*_`]{0,3}[ \t]*:(?:[ \t]|$)"
)
LINE_MAX = 4_000
_LONG = re.compile(rf"[^\n]{{{LINE_MAX + 1}}}")
_BLANKS = re.compile(r"(?<=\S)[ \t]{40,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SLIPS = frozenset({"BadName", "NoTitle", "UnknownField", "NotAField"})


def read(text: str, path: str) -> Read:
    """Return the items of a roadmap in any form and everything wrong in it. Takes any text; raises nothing."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    whole = repaired(text, path)
    strict = read_strict(whole.text, path) if _may_be_strict(whole.text) else None
    if strict is not None and (
        any(item.lines for item in strict.items) or any(each.code in _SLIPS for each in strict.problems)
    ):
        found = _mixed(strict, whole.text, path)
    else:
        found = read_loose(_harmless(whole.text), path)
        found = replace(found, problems=(*found.problems, *_cut(whole.text, path)))
        found = replace(found, problems=(*found.problems, *_nothing(found, whole.text, path)))
    problems = sorted([*whole.problems, *found.problems], key=lambda problem: (problem.line, problem.column))
    return replace(found, problems=tuple(problems))


def _may_be_strict(text: str) -> bool:
    """Return whether a field stands somewhere below a heading with a name. Only a look: cheap and generous."""
    is_below = False
    for line in text.split("\n"):
        if line.lstrip(" ").startswith("#"):
            is_below = _STRICT_HEADING.match(line) is not None
        elif is_below and line.lstrip(" \t")[:1] in ("-", "*", "+") and _FIELD.match(line):
            return True
    return False


def _mixed(strict: Read, text: str, path: str) -> Read:
    """Return a strict document with what in its other sections cannot be anything but work."""
    taken = _lines_of(strict.items, text)
    loose = read_loose(_harmless(text), path, without=taken, strictly=True)
    names = {item.name for item in strict.items}
    items = [*strict.items, *(item for item in loose.items if item.name not in names)]
    return Read(
        tuple(sorted(items, key=lambda item: item.line)),
        (*strict.problems, *loose.problems),
        loose.lanes,
        loose.guardrails,
        loose.checkpoints,
        Form.MIXED if len(items) > len(strict.items) else Form.STRICT,
    )


def _lines_of(items: Sequence[RoadmapItem], text: str) -> list[range]:
    """Return the lines that items in strict form cover: from the heading to the next of its level or a higher one."""
    lines = text.split("\n")
    headings = [(at, len(line) - len(line.lstrip("#"))) for at, line in enumerate(lines, 1) if line.startswith("#")]
    level = dict(headings)
    found = []
    for item in items:
        own = level.get(item.line, 6)
        end = next((at for at, other in headings if at > item.line and other <= own), len(lines) + 1)
        found.append(range(item.line, end))
    return found


def _harmless(text: str) -> str:
    """Return the text without characters that no terminal, file name or specification should meet.

    Long runs of blanks in a line mean as much as one, and the ends of very long lines are left out: what people write
    in one line is shorter, and a reader should not take longer than the text explains.
    """
    text = _BLANKS.sub("  ", _CONTROL.sub(" ", text))
    if _LONG.search(text) is None:
        return text
    return "\n".join(line[:LINE_MAX] for line in text.split("\n"))


def _cut(text: str, path: str) -> Sequence[Problem]:
    found = _LONG.search(text)
    if found is None:
        return ()
    line = text.count("\n", 0, found.start()) + 1
    what = f"this line is longer than {LINE_MAX} characters; the rest of such lines is not read"
    return (Problem("LongLine", what, path, line, LINE_MAX + 1, severity=Severity.WARNING),)


def _nothing(found: Read, text: str, path: str) -> Sequence[Problem]:
    if found.items:
        return ()
    hint = "`interlock plan --template` prints an example"
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.IGNORECASE):
        what = f"this is HTML or XML and not Markdown; save the document as Markdown. {hint}"
    else:
        what = (
            "no item found: work is a list below a heading such as `Phase 1`, lines with check "
            "boxes, a table of tasks, or headings such as "
            f"`### order-firewall: Order firewall` with fields; {hint}"
        )
    return (Problem("NoItems", what, path, 1, 1, severity=Severity.ERROR),)
