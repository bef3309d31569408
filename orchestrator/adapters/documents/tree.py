"""Documents as trees that remember where everything stands. The only module that reads YAML.

The walk is over the parser's events, not over its objects: so every key keeps its line, a key said twice is seen,
depth and aliases are bounded before anything is built, and the words of YAML 1.2 mean what its core schema says (`off`
is a word, `2001-01-01` a text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.errors import Problem

DEPTH_MAX = 40
"""Mappings and lists inside each other. The deepest kind needs eight."""
SIZE_MAX = 200_000
"""Values of one document, each alias counted as often as it is used."""

DOCUMENTS_MAX = 20_000
"""Documents of one file: each costs a quarter of a millisecond, whatever is in it."""

Scalar: TypeAlias = str | int | float | bool | None
Where: TypeAlias = Sequence[str | int]
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

_BOUNDARY = re.compile(r"^(?:---(?=[ \t\n]|\Z)|\.\.\.(?=[ \t\n]|\Z)[^\n]*\n?)", re.MULTILINE)
_NOT_YAML = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT = re.compile(r"[-+]?[0-9]{1,100}\Z|0o[0-7]{1,100}\Z|0x[0-9a-fA-F]{1,100}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,9})?\Z")
_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Node:
    """One value and where it stands, counted from 1. `size` counts it and everything inside."""

    line: int
    column: int
    value: Scalar | list[Node] | dict[str, Node]
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each key of a mapping stands."""
    size: int = 1
    is_merge: bool = False
    """Whether it is a `<<` without quotes."""
    is_literal: bool = False
    """Whether it is a text whose lines are the file's, below the `|`."""

    def plain(self) -> Plain:
        """Return the bare value, JSON-ready."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, where: Where) -> Node:
        """Return the value at this place, or the last one on the way to it."""
        node = self
        for step in where:
            inside = node._inside(step)
            if inside is None:
                break
            node = inside
        return node

    def place(self, where: Where) -> tuple[int, int]:
        """Return line and column of the key (or list element) at this place, or of the last one on the way to it."""
        node, found = self, (self.line, self.column)
        for step in where:
            inside = node._inside(step)
            if inside is None:
                break
            found = node.keys.get(str(step), (inside.line, inside.column))
            node = inside
        return found

    def text_place(self, where: Where, below: int) -> tuple[int, int]:
        """Return where line `below` (counted from 1) of the text at this place stands, as `place` where it has none."""
        node = self.at(where)
        return (node.line + below, 1) if node.is_literal and below else self.place(where)

    def _inside(self, step: str | int) -> Node | None:
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None


def read_trees(text: str, path: str) -> tuple[list[Node], list[Problem]]:
    """Return the documents that could be read, and everything wrong in all of them. Empty ones are left out.

    A mistake ends its document, not the file: `---` begins a document wherever it stands at the start of a line.
    """
    if found := _NOT_YAML.search(text):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        what = f"holds the control character U+{ord(found[0]):04X}, so it is no YAML"
        return [], [Problem("Binary", what, path, line, column)]
    if path.lower().endswith(".json"):
        # JSON is YAML but for tabs between its tokens; inside its strings there can be none.
        text = text.replace("\t", " ")
    trees: list[Node] = []
    problems: list[Problem] = []
    for number, (first_line, part) in enumerate(_documents(text)):
        if number == DOCUMENTS_MAX:
            what = f"holds more than {DOCUMENTS_MAX} documents; split the file"
            problems.append(Problem("TooLarge", what, path, first_line + 1, 1))
            break
        builder = _Builder(path, first_line)
        trees.extend(builder.build(part))
        problems.extend(builder.problems)
    return trees, problems


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """Yield each document with the number of lines before it; directives stay with what they are for."""
    start = lines = 0
    cuts = [found.start() if found[0] == "---" else found.end() for found in _BOUNDARY.finditer(text)]
    for cut in [*cuts, len(text)]:
        part = text[start:cut]
        said = [line for line in part.split("\n") if line.strip() and not line.lstrip().startswith("#")]
        if cut < len(text) and said and all(line.startswith("%") for line in said):
            continue
        if said and said != ["---"]:
            yield lines, part
        start, lines = cut, lines + part.count("\n")


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come."""

    node: Node
    anchor: str | None
    key: str | None = None
    """None for a merge."""
    awaits_key: bool = True
    is_skipped: bool = False
    """The key that came last is wrong; its value is read and dropped."""
    merged: list[Node] = field(default_factory=list)


class _Ended(Exception):
    """The document cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Builder:
    path: str
    lines_before: int
    problems: list[Problem] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, Node] = field(default_factory=dict)
    _roots: list[Node] = field(default_factory=list)

    def build(self, text: str) -> list[Node]:
        """Return the documents of this part: one, or none and a problem."""
        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                self._take(event)
        except _Ended as stop:
            self.problems.append(stop.problem)
            return []
        except MarkedYAMLError as error:
            self.problems.append(self._syntax(error, text))
            return []
        except (YAMLError, ValueError, IndexError, AssertionError, AttributeError, TypeError, OverflowError) as error:
            # The parser's own slips on odd input (a bad %-escape, an impossible version): no author should see a trace.
            what = f"is no YAML that can be read ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            self.problems.append(Problem("Syntax", what, self.path, self.lines_before + 1, 1))
            return []
        return [root for root in self._roots if root.value is not None]

    def _take(self, event: Event) -> None:
        match event:
            case MappingStartEvent() | SequenceStartEvent():
                self._begin(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._end()
            case ScalarEvent():
                self._add(self._scalar(event), event.anchor)
            case AliasEvent():
                self._alias(event)
            case _:
                pass  # a stream or document begins or ends; anchors are the part's, and a part is one document

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        line, column = self._place(event)
        if len(self._open) >= DEPTH_MAX:
            raise _Ended(Problem("TooDeep", f"nests deeper than {DEPTH_MAX} levels", self.path, line, column))
        parent = self._open[-1] if self._open else None
        if parent and isinstance(parent.node.value, dict) and parent.awaits_key:
            what = "a key is one word or text, not a mapping or list"
            raise _Ended(Problem("BadKey", what, self.path, line, column))
        self._check_tag(event, ("map", "seq"))
        node = Node(line, column, {} if isinstance(event, MappingStartEvent) else [])
        self._open.append(_Open(node, event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        for source in done.merged:
            self._merge(done.node, source)
        self._add(done.node, done.anchor)

    def _alias(self, event: AliasEvent) -> None:
        node = self._anchors.get(event.anchor)
        if node is None:
            what = f"`*{event.anchor}` names no anchor above it; put quotes around a pattern that begins with `*`"
            raise _Ended(Problem("UnknownAlias", what, self.path, *self._place(event)))
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        """Put a complete value where it belongs: a key or value of a mapping, an element of a list, the document."""
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self._roots.append(node)
            return
        parent = self._open[-1]
        parent.node.size += node.size
        if parent.node.size > SIZE_MAX:
            what = f"holds more than {SIZE_MAX} values, aliases counted as often as they are used"
            raise _Ended(Problem("TooLarge", what, self.path, node.line, node.column))
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif isinstance(parent.node.value, dict):
            if parent.awaits_key:
                self._key(parent, node)
            elif not parent.is_skipped:
                self._value(parent, parent.key, node, parent.node.value)
            parent.awaits_key = not parent.awaits_key

    def _key(self, parent: _Open, node: Node) -> None:
        parent.is_skipped = True
        if not isinstance(node.value, str):
            shown = "an empty key" if node.value is None else f"the key `{str(node.value).lower()}`"
            self._wrong_at("BadKey", f"{shown} is no text; put quotes around it", node.line, node.column)
        elif node.is_merge:
            parent.is_skipped = False
            parent.key = None
        elif node.value in parent.node.keys:
            first = parent.node.keys[node.value][0]
            what = f"the key `{node.value}` is given twice, first in line {first}; keep one of them"
            self._wrong_at("DuplicateKey", what, node.line, node.column)
        else:
            parent.is_skipped = False
            parent.key = node.value
            parent.node.keys[node.value] = (node.line, node.column)

    def _value(self, parent: _Open, key: str | None, node: Node, values: dict[str, Node]) -> None:
        if key is not None:
            values[key] = node
            return
        sources = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(source.value, dict) for source in sources):
            parent.merged.extend(sources)
        else:
            self._wrong_at("BadKey", "`<<` merges mappings, and this is none", node.line, node.column)

    def _merge(self, node: Node, source: Node) -> None:
        if isinstance(node.value, dict) and isinstance(source.value, dict):
            for key, value in source.value.items():
                if key not in node.value:
                    node.value[key] = value
                    node.keys[key] = source.keys[key]

    def _scalar(self, event: ScalarEvent) -> Node:
        line, column = self._place(event)
        self._check_tag(event, ("str", "int", "float", "bool", "null"))
        is_plain = event.implicit[0] or _short_tag(event) not in ("", "str")
        value = _resolve(event.value) if is_plain else str(event.value)
        text = self._text(value, line, column) if isinstance(value, str) else value
        is_merge = event.implicit[0] and value == "<<"
        return Node(line, column, text, is_merge=is_merge, is_literal=event.style == "|")

    def _text(self, text: str, line: int, column: int) -> str:
        if _SURROGATE.search(text):
            # JSON spells characters beyond the first 65,536 as two escapes.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if found := _CONTROL.search(text):
            what = f"a text holds the control character U+{ord(found[0]):04X}; remove it"
            self._wrong_at("ControlCharacter", what, line, column)
        return text

    def _check_tag(self, event: Event, allowed: Sequence[str]) -> None:
        tag = _short_tag(event)
        if tag and tag not in allowed:
            self._wrong("UnknownTag", f"the tag `{tag}` means nothing here; remove it", event)

    def _syntax(self, error: MarkedYAMLError, text: str) -> Problem:
        context = str(error.context)
        # What is never closed is best looked for where it was opened.
        is_open = "quoted scalar" in context or "flow" in context
        mark = (error.context_mark if is_open else None) or error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        column = mark.column if mark else 0
        lines = text.split("\n")
        wrong = lines[line] if line < len(lines) else ""
        return Problem("Syntax", _said(error, wrong), self.path, self.lines_before + line + 1, column + 1)

    def _place(self, event: Event) -> tuple[int, int]:
        return self.lines_before + event.start_mark.line + 1, event.start_mark.column + 1

    def _wrong(self, code: str, message: str, event: Event) -> None:
        self._wrong_at(code, message, *self._place(event))

    def _wrong_at(self, code: str, message: str, line: int, column: int) -> None:
        self.problems.append(Problem(code, message, self.path, line, column))


def _resolve(text: str) -> Scalar:
    """Return what a plain scalar means in the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _short_tag(event: Event) -> str:
    return str(getattr(event, "tag", None) or "").removeprefix(_TAG)


def _said(error: MarkedYAMLError, line: str) -> str:
    """Return the parser's complaint in the words of somebody who edits the file."""
    problem = str(error.problem or error.context or "is no YAML")
    indent = line[: len(line) - len(line.lstrip())]
    if "\\t" in problem or "\t" in indent:
        return "a tab stands where YAML wants spaces; indent with spaces"
    for said, remedy in _REMEDIES:
        if said in problem:
            return remedy
    if "block mapping" in str(error.context or "") or "block collection" in str(error.context or ""):
        begun = error.context_mark.line + 1 if error.context_mark else 0
        return f"does not fit the lines above: check the indentation (the block begins {_ago(error, begun)})"
    return f"is no YAML: {problem}"


def _ago(error: MarkedYAMLError, line: int) -> str:
    here = error.problem_mark.line + 1 if error.problem_mark else line
    return "in this line" if here == line else f"{here - line} lines above"


_REMEDIES = (
    (
        "mapping values are not allowed",
        "a `:` stands where no value can begin: check the indentation, and put quotes around text with `: ` in it",
    ),
    ("found unexpected end of stream", "a quote is opened and never closed"),
    ("while scanning a quoted scalar", "a quote is opened and never closed"),
    ("found unknown escape character", "an unknown `\\` escape in double quotes; use single quotes or `\\\\`"),
    ("could not find expected ':'", "a key without `:` behind it, or a text that goes on with too little indentation"),
    ("cannot start any token", "a text cannot begin with this character; put quotes around it"),
    ("expected ',' or '}'", "a `{` is never closed, or a comma is missing"),
    ("expected ',' or ']'", "a `[` is never closed, or a comma is missing"),
    ("found undefined tag handle", "a tag that means nothing here; put quotes around a text that begins with `!`"),
    (
        "expected alphabetic or numeric",
        '`*` or `&` begins an alias or anchor; put quotes around a pattern such as "*.py"',
    ),
)
