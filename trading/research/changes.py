"""The gate in CI: whether a change to strategies has its evidence in the ledger, and what to run where it has not.

A change to a file asks for evidence of every strategy that is made of it. What no strategy is made of asks for none.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

from trading.research import source
from trading.research.case import PROFILES
from trading.research.entries import Backtest, Check, Created, Record, Validation
from trading.research.source import FOLDER, Files, Unreadable

_QUOTED = re.compile(r'(?:[^"\\]|\\[abtnvfr"\\]|\\[0-3][0-7]{2})*')
_LETTERS = {
    b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r", b'"': b'"', b"\\": b"\\",
}  # fmt: skip


class Demand(NamedTuple):
    """What one changed strategy lacks, and the command that brings it."""

    strategy: str
    code: str
    message: str
    run: str


class Answer(NamedTuple):
    """Which strategies a change touches, and what they lack; nothing missing is a pass."""

    strategies: tuple[str, ...]
    demands: tuple[Demand, ...]


EXECUTED = (".py", ".pyc", ".pyd", ".so")
"""What Python imports."""


def inside(path: str, root: str) -> str | None:
    """Return a changed path below the strategies' folder, or None for one elsewhere. `root` is where both lie.

    Git puts a name with unusual letters in quotes and writes their bytes as octal numbers; raise ValueError for quotes
    around anything else.
    """
    path = path.strip()
    if len(path) > 1 and path[0] == path[-1] == '"':
        path = _unquoted(path[1:-1])
    whole = posixpath.normpath(posixpath.join(root, path))
    folder = posixpath.normpath(posixpath.join(root, FOLDER))
    return whole[len(folder) + 1 :] if whole.startswith(folder + "/") else None


def _unquoted(text: str) -> str:
    if _QUOTED.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not what git puts in quotes")
    made = re.sub(rb"\\([0-7]{3}|.)", lambda found: _LETTERS.get(found[1]) or bytes([int(found[1], 8)]), text.encode())
    return made.decode("utf-8", "surrogateescape")


def answer(records: Sequence[Record], files: Files, changed: Iterable[str], links: Iterable[str] = ()) -> Answer:
    """Return what a change lacks. `changed` are paths below the strategies' folder, also of files that are gone.

    Nobody can review what is compiled, or lies elsewhere behind one of the `links`: both are refused.
    """
    paths = {path for path in changed if path.endswith(EXECUTED)}
    opaque = sorted({*links, *(path for path in paths if not path.endswith(".py"))})
    if opaque:
        words = "is a link or compiled: nobody can read what would run"
        return Answer(
            (),
            tuple(Demand("", "NotSource", f"{FOLDER}/{path}: {words}", f"git rm {FOLDER}/{path}") for path in opaque),
        )
    if not paths:
        return Answer((), ())
    try:
        names = source.strategies(files)
    except Unreadable as error:
        return Answer((), (Demand("", "SourceUnreadable", str(error), "python -m compileall trading/strategies"),))
    touched, demands = [], []
    for name in names:
        try:
            parts = source.closure(name, files)
        except Unreadable as error:
            touched.append(name)
            demands.append(Demand(name, "SourceUnreadable", str(error), "git status trading/strategies"))
            continue
        if parts & paths:
            touched.append(name)
            demands += _lacking(records, name, source.digest(name, files))
    return Answer(tuple(touched), tuple(demands))


def _lacking(records: Sequence[Record], strategy: str, digest: str) -> list[Demand]:
    """Return what the candidate that lacks least lacks."""
    names = [r.entry.candidate for r in records if isinstance(r.entry, Created) and r.entry.strategy == strategy]
    if not names:
        # Named as it can be typed, and with what will be asked for next: nobody is to be refused step by step.
        taken = {record.entry.candidate for record in records}
        name = strategy.replace(".", "-").lower()
        name = next(each for number in count(1) if (each := f"{name}-{number}" if number > 1 else name) not in taken)
        create = f'trading research create {name} --strategy {strategy} --hypothesis "WHY" --by NAME'
        missing = Demand(strategy, "NoCandidate", "no candidate in the ledger is about it", create)
        return [missing, *_of_candidate(records, strategy, digest, name)]
    return min((_of_candidate(records, strategy, digest, name) for name in reversed(names)), key=len)


def _of_candidate(records: Sequence[Record], strategy: str, digest: str, name: str) -> list[Demand]:
    mine = [record.entry for record in records if record.entry.candidate == name]
    setups: dict[tuple[str, str], set[str]] = {}
    for entry in mine:
        if isinstance(entry, Backtest) and entry.source == digest and not entry.failure:
            setups.setdefault((entry.setup, entry.data), set()).add(entry.profile)
    # Three profiles of three setups would say nothing about any of them.
    covered = max(setups.values(), key=len, default=set[str]())
    demands = [
        Demand(
            strategy,
            "ProfileMissing",
            f"candidate {name} has no backtest of this version under {profile}",
            f"trading backtest FILE --profile {profile}; trading research record-backtest {name} --all --by NAME",
        )
        for profile in PROFILES
        if profile not in covered
    ]
    checked = [
        entry
        for entry in mine
        if isinstance(entry, Validation) and entry.check is Check.LOOKAHEAD and entry.source == digest
    ]
    again = f"trading research record-validation {name} FILE --check lookahead --by NAME"
    if not checked:
        demands.append(
            Demand(strategy, "LookaheadMissing", f"candidate {name} has no lookahead test of this version", again)
        )
    elif not checked[-1].passed:
        demands.append(Demand(strategy, "LookaheadFailed", f"candidate {name}: {checked[-1].detail}", again))
    return demands
