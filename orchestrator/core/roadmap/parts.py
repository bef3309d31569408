"""What stands below a heading or in a list item: labelled parts, plain entries, free text. Meaning comes later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.core.roadmap.blocks import Block, Code, Entry, Grid, Listing, Paragraph, Section
from orchestrator.core.roadmap.item import Said
from orchestrator.core.roadmap.marks import unmarked
from orchestrator.core.roadmap.prose import said_paths
from orchestrator.core.roadmap.words import Part, Role, is_order, part_of, role_of

_LABEL = re.compile(
    r"\s*(?:[-*+]\s+)?[*_]{0,3}(?P<label>[^:*_`|\n]{2,60}?)[*_]{0,3}\s*[:：][*_]{0,3}(?:\s+|$)(?P<value>.*)$", re.DOTALL
)
_BOLD_ALONE = re.compile(
    r"\s*(?:\*\*|__)(?P<label>[^*_`\n]{2,60}?)(?:\*\*|__)\s*(?:[–—-]+\s+(?P<value>\S.*))?$", re.DOTALL
)
_SURE_IN_LISTS = frozenset(Part) - {Part.TEXT, Part.STEPS, Part.OUTPUTS, Part.VALIDATION}
_WORKING = frozenset({Part.STEPS, Part.OUTPUTS})


_TELLING_NOTHING = _WORKING | {Part.TEXT, Part.ASIDE, Part.STATUS, Part.PRIORITY}


@dataclass(slots=True)
class Parts:
    """Values by part, and what belongs to none."""

    said: dict[Part, list[Said]] = field(default_factory=dict)
    plain: list[Entry] = field(default_factory=list)
    """List items that no label claims."""
    steps: list[Entry] = field(default_factory=list)
    """List items below a label such as `Tasks:`; steps of one item, or items of a group."""
    outputs: list[Entry] = field(default_factory=list)
    """List items below a label such as `Deliverables:`."""
    doubtful: list[Entry] = field(default_factory=list)
    """List items such as `Testing: add a suite`: parts of an item, or items of a group."""
    tables: list[Grid] = field(default_factory=list)
    commands: list[Said] = field(default_factory=list)
    """Lines of code below a label that asks for commands."""
    prose: list[Said] = field(default_factory=list)

    @property
    def kinds(self) -> frozenset[Part]:
        """Return which parts there are, those that say nothing about the work left out."""
        return frozenset(self.said) - _TELLING_NOTHING

    def settled(self) -> Parts:
        """Return the parts, now that they are known to be those of one item: what was doubtful is a part of it."""
        for entry in self.doubtful:
            if label := label_of(entry.text):
                self.add(_meant(entry.text, *label), label[1], entry.line)
        self.doubtful = []
        return self

    def work(self, part: Part, entries: Sequence[Entry]) -> None:
        """Keep list items below a label of work."""
        (self.steps if part is Part.STEPS else self.outputs).extend(entries)

    def add(self, part: Part, text: str, line: int) -> None:
        """Keep a value, if there is one."""
        if text.strip():
            self.said.setdefault(part, []).append(Said(text.strip(), line))


def label_of(text: str) -> tuple[Part, str] | None:
    """Return the part that a line begins with its label, and what stands behind it; None if it is no label."""
    for pattern in (_LABEL, _BOLD_ALONE):
        if found := pattern.match(text):
            part = part_of(found["label"])
            if part is not None:
                return part, (found["value"] or "").strip().strip("*").strip()
    return None


def parts_of(blocks: Sequence[Block], sections: Sequence[Section] = ()) -> Parts:
    """Return what the blocks hold, and those deeper sections whose heading is a label."""
    found = Parts()
    current: Part | None = None
    is_ordering = False
    for block in blocks:
        match block:
            case Paragraph():
                current, is_ordering = _paragraph(block, found)
            case Listing() if is_ordering:
                is_ordering = False
            case Listing():
                _listing(block, current, found)
                current = None
            case Code():
                _code(block, current, found)
            case Grid():
                found.tables.append(block)
    for section in sections:
        if part := section_part(section):
            _section(section, part, found)
    return found


def section_part(section: Section) -> Part | None:
    """Return the part that a section's heading is the label of; None where it is a section of its own."""
    part = part_of(section.title)
    return None if part is None or (role_of(section.title) is Role.WORK and part not in _WORKING) else part


def _paragraph(block: Paragraph, found: Parts) -> tuple[Part | None, bool]:
    """Take the labels and the prose of a paragraph; return the label that is still open, and whether order begins."""
    current: Part | None = None
    line_text = ""
    for at, line_text in enumerate(block.text.split("\n")):
        line = block.line + at
        if label := label_of(line_text):
            current = _meant(line_text, *label)
            found.said.setdefault(current, [])
            found.add(current, label[1], line)
        elif current is not None and found.said[current]:
            last = found.said[current][-1]
            found.said[current][-1] = Said(f"{last.text} {line_text.strip()}", last.line)
        else:
            found.prose.append(Said(line_text.strip(), line))
            current = None
    # `Goal: hands off.` has said its value: a list below it is not its own.
    is_open = current is not None and (not found.said[current] or block.text.rstrip().endswith((":", ",")))
    return (current if is_open else None), is_order(line_text)


def _meant(text: str, part: Part, value: str) -> Part:
    """Return the part; `Scope` is one of paths where it names nothing else."""
    if part is Part.TEXT and "scope" in text.partition(":")[0].casefold():
        paths, rest = said_paths(value, 1)
        return Part.PATHS if paths and not rest else part
    return part


def _listing(block: Listing, current: Part | None, found: Parts) -> None:
    for entry in block.entries:
        if current in _WORKING:
            found.work(current, [entry])
        elif current is not None:
            for said in told(entry):
                found.add(current, said.text, said.line)
        elif (label := label_of(entry.text)) and not unmarked(entry.text).boxed:
            part, value = _meant(entry.text, *label), label[1]
            if part not in _SURE_IN_LISTS and value:
                found.doubtful.append(entry)
                continue
            if part in _WORKING:
                found.work(part, _entries(entry))
                continue
            found.said.setdefault(part, [])
            found.add(part, value, entry.line)
            for below in _entries(entry):
                for said in told(below):
                    found.add(part, said.text, said.line)
            _below(entry, part, found)
        elif is_order(entry.text):
            continue
        else:
            found.plain.append(entry)


def _below(entry: Entry, part: Part, found: Parts) -> None:
    for block in entry.blocks:
        if isinstance(block, Code):
            _code(block, part, found)
        elif isinstance(block, Paragraph):
            found.add(part, " ".join(block.text.split()), block.line)


def _code(block: Code, current: Part | None, found: Parts) -> None:
    if current is Part.VALIDATION:
        for at, line in enumerate(block.text.split("\n")):
            if line.strip() and not line.lstrip().startswith("#"):
                found.commands.append(Said(line.strip().removeprefix("$ "), block.line + 1 + at))
    elif current is Part.PATHS:
        for at, line in enumerate(block.text.split("\n")):
            found.add(Part.PATHS, line.strip(), block.line + 1 + at)


def _section(section: Section, part: Part, found: Parts) -> None:
    found.said.setdefault(part, [])
    for block in section.blocks:
        match block:
            case Paragraph():
                for at, line in enumerate(block.text.split("\n")):
                    found.add(part, line, block.line + at)
            case Listing() if part in _WORKING:
                found.work(part, block.entries)
            case Listing():
                for entry in block.entries:
                    for said in told(entry):
                        found.add(part, said.text, said.line)
            case Code():
                _code(block, part, found)
            case Grid():
                for row in block.rows:
                    found.add(
                        part, row.cells[0] if part is Part.PATHS and row.cells else " – ".join(row.cells), row.line
                    )


def told(entry: Entry) -> Iterator[Said]:
    """Yield the list item's text and that of the items below it, each as one value."""
    text = unmarked(" ".join(entry.text.split())).text
    below = [said for each in _entries(entry) for said in told(each)]
    if text and not (below and text.endswith(":")):
        yield Said(text, entry.line)
    yield from below


def _entries(entry: Entry) -> list[Entry]:
    return [each for block in entry.blocks if isinstance(block, Listing) for each in block.entries]
