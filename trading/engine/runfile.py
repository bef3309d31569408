"""The file that says what a run is: strategy, data, costs, money. Read with every mistake at once, or not at all.

TOML, because people write it. There is no default for what trading costs: a run that names no cost model is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from trading.costs import fees, profile
from trading.costs.versioned import Unusable
from trading.engine import lines, tables
from trading.engine.lines import Keys
from trading.model import Money, Symbol, money

VERSION = "trading.run/v1"
T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Refused(ValueError):
    """A run file cannot be used. The message has everything that is wrong with it, and the lines."""


class Notes:
    """What is wrong with a run file, found by whoever reads a part of it, each with the line at which it stands."""

    def __init__(self, path: Path, lines: Mapping[Keys, int], overrides: Mapping[str, str]) -> None:
        self._path = path
        self._lines = dict(lines)
        self._overrides = overrides
        self._found: list[tuple[int, str]] = []

    def add(self, keys: Keys, words: str) -> None:
        """Note what is wrong with the value of some keys; what is written nowhere is the whole file's."""
        line = lines.line(self._lines, keys)
        if keys and keys[0] in self._overrides:
            self._found.append((0, f"--{keys[0]}: {words}"))
        else:
            self._found.append((line or 0, f"{self._path}{f':{line}' if line else ''}: {words}"))

    def __len__(self) -> int:
        return len(self._found)

    def refuse(self) -> None:
        """Raise `Refused` with everything noted, in the order of the file, if there is anything."""
        if self._found:
            raise Refused("\n".join(words for _, words in sorted(self._found, key=lambda each: each[0])))


class Traded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run says of an instrument; its tick is the dataset's."""

    sector: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    lot: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    kind: str = "equity"
    shocks: dict[str, Annotated[float, msgspec.Meta(ge=-1, le=4)]] = {}
    """What each stress scenario does to it: -0.2 is a fall by a fifth."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """What a run is, before its data and strategy are there."""

    name: str
    strategy: str
    dataset: str
    costs: str
    profile: str = profile.DEFAULT
    limits: str = ""
    """A file of limits beside this one; empty for the gate's own."""
    cash: Money = Money(100_000 * 10**9)  # noqa: RUF009
    start: date | None = None
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    instruments: Mapping[Symbol, Traded] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return everything that matters of it, for a manifest."""
        return {
            "name": self.name,
            "strategy": self.strategy,
            "profile": self.profile,
            "costs": self.costs,
            "cash": self.cash,
            "start": None if self.start is None else self.start.isoformat(),
            "seed": self.seed,
            "parameters": dict(sorted(self.parameters.items())),
            "instruments": {
                str(symbol): msgspec.to_builtins(self.instruments[symbol]) for symbol in sorted(self.instruments)
            },
        }


def read(path: Path, overrides: Mapping[str, str]) -> RunFile:
    """Return what a file says, with some of its words replaced; raise `Refused` with everything that is wrong."""
    found, notes = understood(path, overrides)
    notes.refuse()
    return found


def understood(path: Path, overrides: Mapping[str, str]) -> tuple[RunFile, Notes]:
    """Return what can be understood of a file, and everything that is wrong with it.

    For who finds out more that is wrong with what was understood. Raise `Refused` for what is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}; name a run file (TOML)") from error
    except ValueError as error:
        line = lines.of_error(error)
        raise Refused(
            f"{path}{f':{line}' if line else ''}: cannot be read: {error}; write TOML with version = {VERSION!r}"
        ) from error
    notes = Notes(path, lines.of(text), overrides)
    document |= overrides
    if document.pop("version", None) != VERSION:
        notes.add(("version",), f"is not of this version; write version = {VERSION!r}")
    said = _Said(document, notes)
    found = RunFile(
        _name(said),
        said.text("strategy"),
        said.text("dataset"),
        _costs(said),
        _profile(said),
        said.text("limits", default=""),
        _cash(said),
        said.get("start", date | None, None),
        said.get("seed", int, 0),
        said.get("parameters", dict[str, Any], {}),
        _instruments(said),
    )
    for name in said.unread:
        notes.add((name,), f"{name!r} means nothing here; take it out")
    return found, notes


def from_manifest(said: Mapping[str, Any], dataset: str) -> RunFile:
    """Return what a manifest keeps of a run file; the inverse of `plain`."""
    start = said["start"]
    return RunFile(
        said["name"],
        said["strategy"],
        dataset,
        said["costs"],
        said["profile"],
        "",
        Money(said["cash"]),
        None if start is None else date.fromisoformat(start),
        said["seed"],
        said["parameters"],
        {Symbol.parse(name): msgspec.convert(value, Traded) for name, value in said["instruments"].items()},
    )


class _Said:
    """A document that remembers what was asked of it."""

    def __init__(self, document: dict[str, Any], notes: Notes) -> None:
        self._document = document
        self._notes = notes
        self._asked: set[str] = set()

    @property
    def unread(self) -> list[str]:
        return sorted(self._document.keys() - self._asked)

    def get(self, name: str, kind: Any, default: T) -> T:
        self._asked.add(name)
        if name not in self._document:
            return default
        try:
            found: T = msgspec.convert(self._document[name], kind)
        except msgspec.ValidationError as error:
            self.note(f"{name}: {error}", name)
            return default
        return found

    def text(self, name: str, default: str | None = None) -> str:
        before = len(self._notes)
        found = self.get(name, str, default)
        if (found is None or (default is None and not found)) and len(self._notes) == before:
            self.note(f'says no {name}; write {name} = "…"', name)
        return found or ""

    def note(self, words: str, *keys: str) -> None:
        self._notes.add(keys, words)


def _name(said: _Said) -> str:
    found = said.text("name")
    if found and not _NAME.fullmatch(found):
        said.note(f"name: {found[:40]!r} is none; small letters, digits, - and _, a letter first, at most 32", "name")
    return found


def _costs(said: _Said) -> str:
    name = said.get("costs", str, "")
    known = ", ".join(fees.names())
    if not name:
        said.note(f'names no cost model; write costs = "NAME" with one of {known}, or give --costs NAME', "costs")
        return ""
    try:
        fees.load(name)
    except Unusable as error:
        said.note(f"costs: {error}", "costs")
    return name


def _profile(said: _Said) -> str:
    name = said.get("profile", str, profile.DEFAULT)
    try:
        profile.load(name)
    except Unusable as error:
        said.note(f"profile: {error}", "profile")
    return name


def _cash(said: _Said) -> Money:
    text = str(said.get("cash", str | int, "100000.00"))
    try:
        found = money(text)
    except ValueError as error:
        said.note(f"cash: {error}", "cash")
        return Money(0)
    if found <= 0:
        said.note(f"cash: {text} buys nothing; give an amount above zero", "cash")
    return found


def _instruments(said: _Said) -> dict[Symbol, Traded]:
    found = {}
    tables_: dict[str, Any] = said.get("instruments", dict[str, Any], {})
    for name, value in tables_.items():
        problems = tables.problems(Traded, value)
        for keys, words in problems:
            said.note(f"instruments.{name}: {words}", "instruments", name, *keys)
        try:
            symbol = Symbol.parse(name)
        except ValueError as error:
            said.note(f"instruments.{name}: {error}", "instruments", name)
            continue
        # One that is wrong is there all the same: nobody needs to be told that it is missing as well.
        shocks = value.get("shocks") if problems and isinstance(value, dict) else None
        there = dict.fromkeys(shocks, 0.0) if isinstance(shocks, dict) else {}
        found[symbol] = Traded("?", shocks=there) if problems else msgspec.convert(value, Traded)
    if not tables_:
        said.note(
            'names no instrument; write a table [instruments."AAPL.NASDAQ"] with sector and shocks', "instruments"
        )
    return found
