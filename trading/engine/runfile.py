"""The file that says what a run is: strategy, data, costs, money. Read with every mistake at once, or not at all.

TOML, because people write it. There is no default for what trading costs: a run that names no cost model is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from trading.costs import fees, profile
from trading.costs.versioned import Unusable
from trading.model import Money, Symbol, money

VERSION = "trading.run/v1"
T = TypeVar("T")


class Refused(ValueError):
    """A run file cannot be used. `problems` has everything that is wrong with it."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


class Traded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run says of an instrument; its tick is the dataset's."""

    sector: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    lot: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    kind: str = "equity"
    shocks: dict[str, Annotated[float, msgspec.Meta(ge=-1, le=4)]] = {}
    """What each stress scenario does to it: -0.2 is a fall by a fifth."""

    def __post_init__(self) -> None:
        if any(shock != shock for shock in self.shocks.values()):
            raise ValueError("a shock is no number; write a share such as -0.2")


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
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(path, [f"cannot be read: {error}; write TOML with version = {VERSION!r}"]) from error
    document |= overrides
    problems: list[str] = []
    if document.pop("version", None) != VERSION:
        problems.append(f"is not of this version; write version = {VERSION!r}")
    said = _Said(document, problems)
    found = RunFile(
        said.text("name", r"^[a-z][a-z0-9_-]{0,31}$"),
        said.text("strategy"),
        said.text("dataset"),
        _costs(said, problems),
        _profile(said, problems),
        said.text("limits", default=""),
        _cash(said, problems),
        said.get("start", date | None, None),
        said.get("seed", int, 0),
        said.get("parameters", dict[str, Any], {}),
        _instruments(said, problems),
    )
    problems += [f"{name!r} means nothing here; take it out" for name in said.unread]
    if problems:
        raise Refused(path, problems)
    return found


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

    def __init__(self, document: dict[str, Any], problems: list[str]) -> None:
        self._document = document
        self._problems = problems
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
            self._problems.append(f"{name}: {error}")
            return default
        return found

    def text(self, name: str, pattern: str = "", default: str | None = None) -> str:
        kind = Annotated[str, msgspec.Meta(pattern=pattern)] if pattern else str
        before = len(self._problems)
        found = self.get(name, kind, default)
        if found is None and len(self._problems) == before:
            self._problems.append(f'says no {name}; write {name} = "…"')
        return found or ""


def _costs(said: _Said, problems: list[str]) -> str:
    name = said.get("costs", str, "")
    known = ", ".join(fees.names())
    if not name:
        problems.append(f'names no cost model; write costs = "NAME" with one of {known}, or give --costs NAME')
        return ""
    try:
        fees.load(name)
    except Unusable as error:
        problems.append(f"costs: {error}")
    return name


def _profile(said: _Said, problems: list[str]) -> str:
    name = said.get("profile", str, profile.DEFAULT)
    try:
        profile.load(name)
    except Unusable as error:
        problems.append(f"profile: {error}")
    return name


def _cash(said: _Said, problems: list[str]) -> Money:
    text = said.get("cash", str, "100000.00")
    try:
        found = money(text)
    except ValueError as error:
        problems.append(f"cash: {error}")
        return Money(0)
    if found <= 0:
        problems.append(f"cash: {text} buys nothing; give an amount above zero")
    return found


def _instruments(said: _Said, problems: list[str]) -> dict[Symbol, Traded]:
    found = {}
    tables: dict[str, Any] = said.get("instruments", dict[str, Any], {})
    for name, value in tables.items():
        try:
            found[Symbol.parse(name)] = msgspec.convert(value, Traded)
        except (ValueError, msgspec.ValidationError) as error:
            problems.append(f"instruments.{name}: {error}")
    if not found and not any(problem.startswith("instruments") for problem in problems):
        problems.append('names no instrument; write a table [instruments."AAPL.NASDAQ"] with sector and shocks')
    return found
