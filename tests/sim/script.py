"""What agents write and what gates think of it: the made-up programs of the simulation, as pure functions.

A file's value is `author/number/quality`. Gates read qualities only, so a verdict is a function of the tree (and, for
a flaky one, of how often it ran there); an agent's script is a function of (seed, spec, run number).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from orchestrator.model.gate import GateResult
from tests.sim.repository import Files

TEST = "make test"
LINT = "make lint"


class Quality(StrEnum):
    """What a gate will say about a file."""

    GOOD = "good"
    ADAPTED = "adapted"
    """Good, and written knowing whom it clashes with."""
    BAD = "bad"
    """`make test` fails."""
    UGLY = "ugly"
    """`make lint` fails."""
    UNFIT = "unfit"
    """The lane's gate fails."""
    POOR = "poor"
    """The author's own validation fails."""
    FLAKY = "flaky"
    """`make test` fails the first time it runs on a tree with it."""
    BREAKING = "breaking"
    """`make test` cannot run."""
    UNCHECKABLE = "uncheckable"
    """The author's own validation cannot run."""


def value(author: str, number: int, quality: Quality) -> str:
    """Return what stands in a file."""
    return f"{author}/{number}/{quality.value}"


def author(content: str) -> str:
    """Return who wrote a value."""
    return content.partition("/")[0]


def quality(content: str) -> str:
    """Return the quality of a value."""
    return content.rpartition("/")[2]


Clashes = frozenset[tuple[str, str]]
"""Pairs of authors, each pair sorted: green alone, red together, unless one of them has adapted."""


def verdict(files: Files, command: str, clashes: Clashes) -> tuple[GateResult, bool]:
    """Return what the command says about a tree, and whether it says no the first time it is asked."""
    if command.startswith("check "):
        subject = command.removeprefix("check ")
        own = {quality(content) for content in files.values() if author(content) == subject}
        if Quality.UNCHECKABLE in own:
            return GateResult.COULD_NOT_RUN, False
        return (GateResult.FAIL if Quality.POOR in own else GateResult.PASS), False
    if command.startswith("make lane-"):
        folder = command.removeprefix("make lane-") + "/"
        unfit = any(quality(content) == Quality.UNFIT for path, content in files.items() if path.startswith(folder))
        return (GateResult.FAIL if unfit else GateResult.PASS), False
    found = {quality(content) for content in files.values()}
    if command == LINT:
        return (GateResult.FAIL if Quality.UGLY in found else GateResult.PASS), False
    if command != TEST:
        return GateResult.COULD_NOT_RUN, False
    if Quality.BREAKING in found:
        return GateResult.COULD_NOT_RUN, False
    if Quality.BAD in found:
        return GateResult.FAIL, False
    if clashes:
        careless = {author(content) for content in files.values() if quality(content) != Quality.ADAPTED}
        if any(one in careless and other in careless for one, other in clashes):
            return GateResult.FAIL, False
    return GateResult.PASS, Quality.FLAKY in found


@dataclass(frozen=True, slots=True)
class Script:
    """What one agent does: `writes` in order, evenly over `duration_s`, then how it ends."""

    duration_s: float
    writes: tuple[tuple[str, str | None], ...]
    """Path and value; None deletes."""
    code: int | None = 0
    signal: int | None = None
    hangs: bool = False
    lost: bool = False
    failed_start: bool = False
    ignores_term: bool = False
    resolves: bool = True
    """Whether it settles the conflicts it finds in files it may write."""
    rewrites_history: bool = False
    destroys: bool = False
    """Whether nothing can be fetched from its workspace."""
    asks_for: tuple[str, ...] = ()
    """Patterns of its scope request, with exit code 11."""
    blameless: bool = False
    """Whether no end of this script may cost the item an attempt by itself."""


@dataclass(frozen=True, slots=True)
class Temper:
    """How an item's agents tend to behave: weights of what each attempt does, beside plain good work."""

    odds: Mapping[str, float] = field(default_factory=dict)
    slow: float = 1.0


def write_script(
    seed: int,
    spec: str,
    number: int,
    *,
    temper: Temper,
    files: Sequence[str],
    outside: Sequence[str],
    tree: Files,
) -> Script:
    """Return what run `number` of `spec` does. `files` are the paths it may write, `outside` some it may not."""
    rng = Random(f"{seed}/{spec}/{number}")
    duration = rng.choice((5.0, 20.0, 20.0, 60.0, 180.0)) * temper.slow
    chosen = rng.sample(list(files), rng.randint(1, len(files))) if files else []
    how = _choose(rng, temper.odds)
    kind = {
        "bad": Quality.BAD,
        "ugly": Quality.UGLY,
        "unfit": Quality.UNFIT,
        "poor": Quality.POOR,
        "flaky": Quality.FLAKY,
        "breaking": Quality.BREAKING,
        "uncheckable": Quality.UNCHECKABLE,
    }.get(how, Quality.GOOD if number == 1 else Quality.ADAPTED)
    writes: list[tuple[str, str | None]] = [(path, value(spec, number, kind)) for path in sorted(chosen)]
    if writes and kind in (Quality.GOOD, Quality.ADAPTED) and len(writes) > 1 and rng.random() < 0.1:
        path = writes[0][0]
        writes[0] = (path, None) if path in tree else writes[0]
    common = {"duration_s": duration, "writes": tuple(writes)}
    stray = (*writes, (rng.choice(list(outside)), value(spec, number, Quality.GOOD))) if outside else tuple(writes)
    match how:
        case "stray":
            return Script(duration_s=duration, writes=stray)
        case "nothing":
            return Script(duration_s=duration, writes=(), code=rng.choice((0, 10)))
        case "error":
            return Script(**common, code=rng.choice((1, 2, 137)))
        case "signal":
            return Script(**common, code=None, signal=9, blameless=True)
        case "later":
            return Script(**common, code=75, blameless=True)
        case "quota":
            return Script(**common, code=12, blameless=True)
        case "hang":
            return Script(**common, hangs=True, ignores_term=rng.random() < 0.5)
        case "lost":
            return Script(**common, lost=True, blameless=True)
        case "scope" if outside:
            wanted = tuple(rng.sample(list(outside), 1))
            return Script(**common, code=11, asks_for=wanted, blameless=True)
        case "rewrite":
            return Script(**common, rewrites_history=True)
        case "destroy":
            return Script(**common, destroys=True)
        case "unresolved":
            return Script(**common, resolves=False)
        case "unstartable":
            return Script(duration_s=0.0, writes=(), code=None, failed_start=True)
        case _:
            return Script(**common, ignores_term=rng.random() < 0.1)


def _choose(rng: Random, odds: Mapping[str, float]) -> str:
    point = rng.random()
    for name, weight in odds.items():
        point -= weight
        if point < 0:
            return name
    return "good"
