"""From the words of a roadmap's fields to the values of an item; what cannot be a value is a `Problem` in its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.core.roadmap.fields import Raw, without_ticks
from orchestrator.core.roadmap.item import Command, RoadmapItem, Said
from orchestrator.core.roadmap.markdown import Line
from orchestrator.core.suggest import did_you_mean, listed
from orchestrator.core.validate import SPEC_NAME_MAX, is_name
from orchestrator.errors import Problem
from orchestrator.model.base import NAME_MAX
from orchestrator.model.spec import Tier

_NOTHING = frozenset({"none", "nothing", "-", "–", "—", "n/a"})
_NAMED = re.compile(r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):\s+(\S.*)$", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_PRIORITY_MAX = 1_000_000


def item_of(
    name: str, summary: str, *, done: bool, heading: Line, path: str, fields: Sequence[Raw], text: Sequence[str]
) -> tuple[RoadmapItem, list[Problem]]:
    """Return the item that the fields describe, and everything wrong in their values."""
    values = _Values(path)
    for raw in fields:
        values.keep(raw)
    item = RoadmapItem(
        name=name,
        summary=summary,
        path=path,
        line=heading.number,
        objective=values.prose("objective"),
        text=_trimmed(text),
        lanes=(*values.names("lane"), *values.names("lanes")),
        paths=values.of("paths"),
        needs=values.names("needs", SPEC_NAME_MAX),
        no_needs=values.nothing.get("needs"),
        out_of_scope=values.of("out_of_scope"),
        acceptance=values.of("acceptance"),
        validation=values.commands(),
        tier=values.tier(),
        priority=values.priority(),
        agent=values.name("agent"),
        roadmap=values.name("roadmap"),
        train=values.name("train"),
        done=done,
        lines={name: raw.line for name, raw in values.kept.items()},
    )
    return item, values.problems


def name_problem(name: str, longest: int = SPEC_NAME_MAX) -> str | None:
    """Return what is wrong with a name, None if nothing is."""
    if not is_name(name):
        return "is no name: lowercase letters, digits and `-`"
    return f"is longer than {longest} characters" if len(name) > longest else None


def slug(text: str) -> str:
    """Return the text as a name, empty if nothing of it can be in one."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:SPEC_NAME_MAX].strip("-")


@dataclass(slots=True)
class _Values:
    path: str
    problems: list[Problem] = field(default_factory=list)
    kept: dict[str, Raw] = field(default_factory=dict)
    said: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    nothing: dict[str, Said] = field(default_factory=dict)
    """By field: the word that stands there for no value."""

    def keep(self, raw: Raw) -> None:
        """Take a field if it is known, new and says something."""
        if raw.name is None:
            return
        if raw.name in self.kept:
            first = self.kept[raw.name].line
            self._wrong("DuplicateField", f"`{raw.label}` is given twice, first in line {first}; put all in one", raw)
            return
        if {"lane", "lanes"} <= {raw.name, *self.kept}:
            self._wrong("LaneAndLanes", "give `Lane`, or `Lanes` for work across several, not both", raw)
            return
        self.kept[raw.name] = raw
        said = raw.said()
        if not said:
            self._wrong("EmptyField", f"`{raw.label}` says nothing; give it a value or remove the line", raw)
        if len(said) == 1 and said[0].text.casefold() in _NOTHING and raw.name in ("needs", "out_of_scope"):
            self.nothing[raw.name] = said[0]
            said = ()
        self.said[raw.name] = said

    def of(self, name: str) -> tuple[Said, ...]:
        return self.said.get(name, ())

    def prose(self, name: str) -> str:
        return "\n".join(said.text for said in self.of(name))

    def names(self, name: str, longest: int = NAME_MAX) -> tuple[Said, ...]:
        """Return the values that can be names; the others are problems."""
        good: dict[str, Said] = {}
        for said in self.of(name):
            if wrong := name_problem(said.text, longest):
                hint = f" (did you mean `{slug(said.text)}`?)" if slug(said.text) else ""
                self._wrong_at("BadValue", f"`{said.text}`{hint} {wrong}", said)
            else:
                good.setdefault(said.text, said)
        return tuple(good.values())

    def name(self, name: str) -> str | None:
        found = self.names(name)
        if len(found) > 1:
            self._wrong_at("BadValue", f"`{name}` is one name, not {len(found)}", found[1])
        return found[0].text if found else None

    def tier(self) -> Tier | None:
        said = self._one("tier")
        if said is None:
            return None
        word = said.text.strip("*_. ").casefold()
        if word not in set(Tier):
            what = f"a tier is {listed(list(Tier))}, not `{said.text}`{did_you_mean(word, list(Tier))}"
            self._wrong_at("BadValue", what, said)
            return None
        return Tier(word)

    def priority(self) -> int:
        said = self._one("priority")
        if said is None:
            return 0
        if not re.fullmatch(r"[-+]?[0-9]{1,9}", said.text) or abs(int(said.text)) > _PRIORITY_MAX:
            what = f"a priority is a whole number from -{_PRIORITY_MAX} to {_PRIORITY_MAX}, not `{said.text}`"
            self._wrong_at("BadValue", what, said)
            return 0
        return int(said.text)

    def commands(self) -> tuple[Command, ...]:
        """Return the commands; one without a name is called by its program."""
        found: dict[str, Command] = {}
        again: Counter[str] = Counter()
        for said in self.of("validation"):
            named = _NAMED.match(said.text)
            run = without_ticks(named[2]) if named else said.text
            name = named[1] if named else program_of(run)
            if named and name in found:
                what = f"two commands are called `{name}`; give this one another name"
                self._wrong_at("DuplicateGate", what, said)
                continue
            while name in found:
                again[program_of(run)] += 1
                name = f"{program_of(run)}-{again[program_of(run)] + 1}"
            found[name] = Command(name, run, said.line)
        return tuple(found.values())

    def _one(self, name: str) -> Said | None:
        said = self.of(name)
        if len(said) > 1:
            self._wrong_at("BadValue", f"`{self.kept[name].label}` is one word, not {len(said)} values", said[1])
        return said[0] if said else None

    def _wrong(self, code: str, message: str, raw: Raw) -> None:
        self.problems.append(Problem(code, message, self.path, raw.line, raw.column))

    def _wrong_at(self, code: str, message: str, said: Said) -> None:
        self.problems.append(Problem(code, message, self.path, said.line, said.column))


def program_of(run: str) -> str:
    """Return what a gate without a name is called: its program, settings in front of it left out."""
    words = [word for word in run.split() if not _ASSIGNMENT.match(word)]
    return slug(words[0].rpartition("/")[2]) if words and slug(words[0]) else "validation"


def _trimmed(lines: Sequence[str]) -> str:
    """Return the free text without the blank lines and rules around it."""
    first, last = 0, len(lines)
    while first < last and (not lines[first].strip() or _RULE.match(lines[first])):
        first += 1
    while last > first and (not lines[last - 1].strip() or _RULE.match(lines[last - 1])):
        last -= 1
    return "\n".join(line.rstrip() for line in lines[first:last])
