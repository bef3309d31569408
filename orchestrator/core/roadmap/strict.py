"""The strict form of roadmaps: a heading per item, a list of fields below it, free text below that.

Tolerant about everything that does not change the meaning (case, bullets, bold keys, heading levels 2 to 4, wrapped
lines), and about nothing else: a key nobody knows, a value that cannot be, a field that would be swallowed by the text
is a `Problem` with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from orchestrator.core.roadmap.fields import FIELDS, Raw, known_field, split_key
from orchestrator.core.roadmap.item import Read, RoadmapItem, Said
from orchestrator.core.roadmap.markdown import Kind, Line, scan
from orchestrator.core.roadmap.values import item_of, name_problem, slug
from orchestrator.core.suggest import did_you_mean, listed
from orchestrator.errors import Problem, Severity

_TITLE = re.compile(
    r"(?:\[(?P<box>[ xX])\]\s*)?(?P<mark>✅\s*)?"
    r"[*_`]{0,3}(?P<name>[^:*`]{1,100}?)[*_`]{0,3}\s*:[*_`]{0,3}(?:\s+(?P<title>.*))?$"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CONTROLS_MAX = 10
_DONE = re.compile(r"\s*(?:✅|\[[xX]\]|\((?i:completed|done)\))\s*$")


def read_strict(text: str, path: str) -> Read:
    """Return the items of a roadmap in strict form and everything wrong in it. Takes any text; linear."""
    problems: list[Problem] = []
    reader = _Reader(path, problems)
    for section in _sections(scan(text, path, problems)):
        reader.take(section)
    reader.close()
    problems.extend(_controls(text, path))
    if not reader.items and not any(problem.severity is Severity.ERROR for problem in problems):
        what = "no item found: an item begins with a heading such as `### order-firewall: Order firewall`"
        problems.append(Problem("NoItems", f"{what}; `interlock plan --template` prints an example", path, 1, 1))
    return Read(tuple(reader.items), tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))))


def _controls(text: str, path: str) -> Iterator[Problem]:
    """Yield the first few characters that no terminal, file name or specification should meet."""
    for found in islice(_CONTROL.finditer(text), _CONTROLS_MAX):
        before = text[: found.start()].replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"the text holds the control character U+{ord(found[0]):04X}; remove it"
        yield Problem("ControlCharacter", what, path, line, column)


@dataclass(slots=True)
class Section:
    """A heading (None before the first) and the lines to the next one."""

    heading: Line | None
    lines: list[Line] = field(default_factory=list)


def _sections(lines: Iterable[Line]) -> Iterator[Section]:
    section = Section(None)
    for line in lines:
        if line.kind is Kind.HEADING:
            yield section
            section = Section(line)
        else:
            section.lines.append(line)
    yield section


@dataclass(slots=True)
class _Body:
    """What stands below a heading: fields first, then text."""

    path: str
    problems: list[Problem] = field(default_factory=list)
    fields: list[Raw] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    last: Raw | None = None
    """The field whose value may go on in the next line."""
    is_text: bool = False
    after_blank: bool = False

    def take(self, line: Line) -> None:
        kind = line.kind
        if kind is Kind.COMMENT:
            return
        if self.is_text or (not self.fields and not self._begins_fields(line)):
            self._text(line)
        elif kind is Kind.BLANK:
            self.after_blank = True
            return
        elif kind is Kind.BULLET:
            self._bullet(line)
        elif kind is Kind.RULE or not self._goes_on(line):
            self._text(line, ends_fields=True)
        self.after_blank = False

    def _begins_fields(self, line: Line) -> bool:
        return line.kind is Kind.BULLET and split_key(line.content) is not None

    def _text(self, line: Line, ends_fields: bool = False) -> None:
        self.is_text = self.is_text or ends_fields
        self.text.append(line.raw)
        if self.is_text and line.kind is Kind.BULLET and line.indent < 2:
            key = split_key(line.content)
            if key and known_field(key.label):
                what = f"`{key.label}` stands below free text and is read as text; move it above the text"
                self._wrong("FieldInText", what, line, Severity.WARNING)

    def _bullet(self, line: Line) -> None:
        last = self.fields[-1] if self.fields else None
        key = split_key(line.content)
        deeper = line.indent - last.indent if last is not None else 0
        # One column is no level of its own in Markdown: with a field's name it is the next field.
        if last is not None and (deeper > 1 or (deeper == 1 and not (key and known_field(key.label)))):
            if line.content.strip():
                last.values.append([Said(line.content, line.number, line.column)])
            return
        if key is None:
            if self.after_blank:
                self._text(line, ends_fields=True)
                return
            what = "a list item without a field's name; indent it if it is a value of the field above, "
            self._wrong("NotAField", what + "or put an empty line before it if it is text", line)
            return
        name = known_field(key.label)
        if name is None:
            known = listed([shown for shown, _ in FIELDS.values()], "and", 20)
            hint = did_you_mean(key.label, [shown for shown, _ in FIELDS.values()])
            self._wrong("UnknownField", f"no field is called `{key.label}`{hint}; fields: {known}", line)
        value = [[Said(key.value, line.number, line.column + key.offset)]] if key.value.strip() else []
        self.fields.append(Raw(name, key.label, line.number, line.column, line.indent, value))

    def _goes_on(self, line: Line) -> bool:
        """Add the line to the last field if it belongs there; return whether it does."""
        last = self.fields[-1]
        if line.kind in (Kind.CODE, Kind.FENCE):
            if line.kind is Kind.CODE and last.is_fenced and line.content:
                last.values.append([Said(line.content, line.number, line.column)])
            elif line.kind is Kind.FENCE and line.content:
                last.is_fenced = line.indent > last.indent
            return last.is_fenced
        is_lazy = line.indent <= last.indent
        if is_lazy and (self.after_blank or not last.may_be_lazy):
            return False
        said = Said(line.content, line.number, line.column)
        if last.values:
            last.values[-1].append(said)
        else:
            last.values.append([said])
        return True

    def _wrong(self, code: str, message: str, line: Line, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(code, message, self.path, line.number, line.column, severity=severity))


@dataclass(frozen=True, slots=True)
class _Title:
    name: str
    title: str
    done: bool


@dataclass(slots=True)
class _Reader:
    path: str
    problems: list[Problem]
    items: list[RoadmapItem] = field(default_factory=list)
    heading: Line | None = None
    """The heading of the item that is being read."""
    title: _Title | None = None
    body: _Body | None = None

    def take(self, section: Section) -> None:
        """Read one section: a new item, a part of the item above, or prose."""
        heading = section.heading
        body = _Body(self.path)
        title = _title(heading.content) if heading else None
        for line in section.lines:
            body.take(line)
        if heading is not None and self._is_inside(heading, title, body):
            assert self.body is not None
            self.body.text.append(heading.raw)
            self.body.is_text = True
            for line in section.lines:
                self.body.take(line)
            return
        self.close(next_level=heading.level if heading and title else 0)
        if heading is None or title is None or not 2 <= heading.level <= 4:
            self._prose(heading, title, body)
        else:
            self.heading, self.title, self.body = heading, title, body

    def close(self, next_level: int = 0) -> None:
        """Finish the item that is being read. One without fields above deeper items is a title for them."""
        heading, title, body = self.heading, self.title, self.body
        self.heading = self.title = self.body = None
        if heading is None or title is None or body is None:
            return
        if not body.fields and next_level > heading.level:
            return
        self.problems.extend(body.problems)
        name = title.name
        if wrong := name_problem(name):
            # An ordinary heading with a colon in it is no item: only fields make it one.
            if not body.fields:
                return
            name = slug(title.name)
            hint = f"; write `{name}`" if name else ""
            self.problems.append(
                Problem("BadName", f"`{title.name}` {wrong}{hint}", self.path, heading.number, heading.column)
            )
        if not title.title:
            what = f"`{title.name}` has no title; write `{'#' * heading.level} {name or 'name'}: what it does`"
            self.problems.append(Problem("NoTitle", what, self.path, heading.number, heading.column))
        item, problems = item_of(
            name,
            title.title,
            done=title.done,
            heading=heading,
            path=self.path,
            fields=body.fields,
            text=body.text,
        )
        self.problems.extend(problems)
        # Under the name it should have, so that one look finds what else is wrong: here, and in what needs it.
        if name:
            self.items.append(item)

    def _is_inside(self, heading: Line, title: _Title | None, body: _Body) -> bool:
        """Return whether a section is part of the text of the item above it."""
        if self.heading is None or heading.level <= self.heading.level:
            return False
        return title is None or name_problem(title.name) is not None or not any(raw.name for raw in body.fields)

    def _prose(self, heading: Line | None, title: _Title | None, body: _Body) -> None:
        """Report fields that stand where no item is."""
        known = [raw for raw in body.fields if raw.name]
        if not known:
            return
        # One such line may be prose; two are an item whose heading is wrong.
        severity = Severity.ERROR if len(known) > 1 else Severity.WARNING
        if heading is None:
            what = "fields before the first heading; an item begins with a heading such as `### name: Title`"
            self.problems.append(
                Problem("NotAnItem", what, self.path, known[0].line, known[0].column, severity=severity)
            )
            return
        name = title.name if title else slug(heading.content)
        text = (title.title if title else heading.content) or "what it does"
        level = min(max(heading.level, 2), 4)
        what = f"fields below a heading that begins no item; write `{'#' * level} {slug(name) or 'name'}: {text}`"
        self.problems.append(Problem("NotAnItem", what, self.path, heading.number, heading.column, severity=severity))


def _title(content: str) -> _Title | None:
    """Return name and title of an item's heading; None where it has no `name:`."""
    content = " ".join(content.split())
    done = _DONE.search(content)
    if done:
        content = content[: done.start()]
    found = _TITLE.match(content)
    if found is None:
        return None
    is_done = bool(done) or found["mark"] is not None or (found["box"] or " ") in "xX"
    return _Title(found["name"].strip(), (found["title"] or "").strip(), is_done)
