"""The fields an item of a roadmap can have, and how a list item says one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.core.roadmap.item import Said

# By the name in `RoadmapItem`: how the documentation writes it, and what else people write.
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "objective": ("Objective", ("goal",)),
    "paths": ("Paths", ("path",)),
    "out_of_scope": ("Out of scope", ()),
    "acceptance": ("Acceptance", ("acceptance criteria", "acceptance criterion")),
    "validation": ("Validation", ("validations",)),
    "needs": ("Needs", ("need", "depends on", "depends")),
    "tier": ("Tier", ()),
    "lane": ("Lane", ()),
    "lanes": ("Lanes", ()),
    "priority": ("Priority", ()),
    "agent": ("Agent", ()),
    "roadmap": ("Roadmap", ()),
    "train": ("Train", ()),
}
# Prose goes on in a line that is not indented, as Markdown has it; where a word or command is wanted, text has begun.
_PROSE = frozenset({"objective", "out_of_scope", "acceptance"})
_COMMA = frozenset({"paths", "needs", "lanes", "lane"})
_SEPARATORS = {ord(char): None for char in "-_ \t"}
_BY_WORD = {
    word.casefold().translate(_SEPARATORS): name
    for name, (shown, others) in FIELDS.items()
    for word in (shown, *others)
}
_KEY = re.compile(r"(?:\[[ xX]\][ \t]+)?[*_`]{0,3}([A-Za-z][A-Za-z _-]{0,40}?)[*_`]{0,3}[ \t]*:[*_`]{0,3}([ \t]*)(.*)$")
_BOX = re.compile(r"\[[ xX]\][ \t]+")
_WORDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Key:
    """`Label: value` at the beginning of a list item; `offset` is how far into it the value begins."""

    label: str
    value: str
    offset: int


@dataclass(slots=True)
class Raw:
    """A field as it is written: each value the lines it goes over. `name` is None for a key nobody knows."""

    name: str | None
    label: str
    line: int
    column: int
    indent: int
    values: list[list[Said]]
    is_fenced: bool = False
    """A fence that belongs to it is open, or was the last thing."""

    @property
    def may_be_lazy(self) -> bool:
        """Whether an unindented line right below belongs to it."""
        return self.name in _PROSE or bool(self.values and self.values[-1][-1].text.rstrip().endswith(","))

    def said(self) -> tuple[Said, ...]:
        """Return the values one by one, wrapped lines joined, lists with commas taken apart, backticks stripped."""
        return tuple(
            each
            for lines in self.values
            for each in (self._apart(lines) if self.name in _COMMA else [_joined(lines)])
            if each.text
        )

    def _apart(self, lines: list[Said]) -> Iterator[Said]:
        for line in lines:
            for begin, part in _comma_separated(line.text):
                yield _bare(Said(part, line.line, line.column + begin))


@lru_cache(maxsize=1024)
def known_field(label: str) -> str | None:
    """Return the field that a label means, None if it means none."""
    return _BY_WORD.get(label.casefold().translate(_SEPARATORS))


def split_key(content: str) -> Key | None:
    """Return the key at the beginning of a list item; None where the item is plain text.

    A key nobody knows is one only if it looks like one: at most three words, and white space behind the colon.
    """
    found = _KEY.match(content)
    if found is None:
        return None
    label, gap, value = found.groups()
    if known_field(label) is None and ((not gap and value) or len(label.split()) > _WORDS_MAX):
        return None
    return Key(label.strip(), value, found.start(3))


def _joined(lines: list[Said]) -> Said:
    first = lines[0]
    text = " ".join(line.text for line in lines) if len(lines) > 1 else first.text
    return _bare(Said(" ".join(text.split()), first.line, first.column))


def _bare(said: Said) -> Said:
    """Return the value without a check box in front and backticks around it."""
    text = said.text
    begin = len(text) - len(text.lstrip())
    if box := _BOX.match(text, begin):
        begin = box.end()
    text = text[begin:].strip()
    bare = without_ticks(text)
    return Said(bare, said.line, said.column + begin + (len(text) - len(bare)) // 2)


def without_ticks(text: str) -> str:
    """Return the text without the backticks around the whole of it."""
    text = text.strip()
    ticks = len(text) - len(text.lstrip("`"))
    if ticks and len(text) > 2 * ticks and text.endswith("`" * ticks) and "`" * ticks not in text[ticks:-ticks]:
        return text[ticks:-ticks].strip()
    return text


def _comma_separated(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts between commas and where they begin; commas in backticks or brackets separate nothing."""
    begin = 0
    is_code = False
    closing = -1
    last_closing = text.rfind("]")
    for at, char in enumerate(text):
        if char == "`":
            is_code = not is_code
        elif char == "[" and not is_code and at > closing:
            closing = max(text.find("]", at + 2), at) if at < last_closing else at
        elif char == "," and not is_code and at > closing:
            yield begin, text[begin:at]
            begin = at + 1
    yield begin, text[begin:]
