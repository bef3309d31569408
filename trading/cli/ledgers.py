"""The ledger as the verbs of `trading research` meet it: opened, written, and refused with everything wrong at once."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trading.cli.main import Misuse
from trading.clock import SystemClock
from trading.research import case, evidence
from trading.research.entries import AnyEntry, Created, Record
from trading.research.evidence import Run, Unusable
from trading.research.ledger import Ledger, LedgerDamaged, NoLedger

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TEXT_MAX = 2000


def place(args: argparse.Namespace) -> Path:
    """Return where the ledger lies."""
    return Path(args.ledger or os.environ.get("TRADING_LEDGER") or "ledger.sqlite")


def opened(args: argparse.Namespace, *, create: bool = False) -> Ledger:
    """Return the ledger, found whole; raise `Misuse` if there is none or it cannot be believed."""
    try:
        return Ledger(place(args), create=create)
    except (NoLedger, LedgerDamaged) as error:
        raise Misuse(str(error)) from error


def write(
    args: argparse.Namespace,
    decide: Callable[[tuple[Record, ...]], AnyEntry],
    problems: Sequence[str] = (),
    *,
    create: bool = False,
) -> Record:
    """Write an entry; raise `Misuse` with everything that is wrong with the words typed and the evidence.

    `decide` may raise `Misuse` as well; then nothing is written.
    """
    found = [*problems, *words_problems(args)]
    if found and create:
        # Nothing is begun for a command that cannot be carried out.
        raise Misuse("\n".join(found))

    def decided(records: tuple[Record, ...]) -> AnyEntry:
        everything = [*found, *([] if create else candidate_problems(records, args.candidate))]
        if everything:
            raise Misuse("\n".join(everything))
        return decide(records)

    with opened(args, create=create) as ledger:
        try:
            return ledger.append(decided)
        except LedgerDamaged as error:
            raise Misuse(str(error)) from error


def readable(args: argparse.Namespace, problems: Sequence[str]) -> tuple[Record, ...]:
    """Return the entries; raise `Misuse` with these problems and everything else that is wrong with a command."""
    with opened(args) as ledger:
        records = ledger.records()
    found = [*problems, *words_problems(args), *candidate_problems(records, args.candidate)]
    if found:
        raise Misuse("\n".join(found))
    return records


def words_problems(args: argparse.Namespace) -> list[str]:
    """Return what is wrong with the names and texts of a command."""
    found = []
    if not _NAME.fullmatch(args.candidate):
        found.append(f"NAME {args.candidate[:80]!r}: write small letters, digits, - and _, at most 64, a letter first")
    for name in ("by", "reason", "hypothesis", "failed"):
        text = getattr(args, name, None)
        if text is not None and not (text.strip() and text.isprintable() and len(text) <= _TEXT_MAX):
            found.append(f"--{name}: write a word or more on one line, at most {_TEXT_MAX} characters")
    return found


def candidate_problems(records: Sequence[Record], name: str) -> list[str]:
    """Return what is wrong if there is no such candidate."""
    if case.created(records, name) is not None:
        return []
    there = sorted(record.entry.candidate for record in records if isinstance(record.entry, Created))
    return [
        f"there is no candidate {name!r} (there: {', '.join(there) or 'none'}); `trading research create` makes one"
    ]


def recorded(args: argparse.Namespace, record: Record, **more: Any) -> int:
    """Print what was written and return 0."""
    kind = type(record.entry).__name__
    show(args, {"entry": record.serial, "kind": kind, "head": f"{record.serial}:{record.head}"} | more)
    return 0


def show(args: argparse.Namespace, answer: Mapping[str, Any]) -> None:
    """Print an answer as JSON or as a line for each name."""
    if args.output == "json":
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
        return
    for name, value in answer.items():
        if isinstance(value, list):
            for each in value:
                sys.stdout.write(f"{name:<12} {each}\n")
        else:
            sys.stdout.write(f"{name:<12} {'none' if value is None else value}\n")


def run_of(args: argparse.Namespace, name: str, problems: list[str]) -> Run | None:
    """Return a finished run; None if it cannot be used, and why among the problems."""
    folder = Path(args.runs) / name
    if Path(name).name != name or not (folder / "manifest.json").is_file():
        there = sorted(path.parent.name for path in Path(args.runs).glob("*/manifest.json"))
        problems.append(
            f"--run {name}: there is no such finished run in {args.runs} (there: {', '.join(there) or 'none'})"
        )
        return None
    try:
        return evidence.run(folder)
    except Unusable as error:
        problems += error.problems
        return None


def strategy_problems(records: Sequence[Record], name: str, strategy: str, what: str) -> list[str]:
    """Return what is wrong if evidence is about another strategy than a candidate."""
    begun = case.created(records, name)
    if begun is None or begun.strategy == strategy:
        return []
    return [f"{what}: is about {strategy}, candidate {name} about {begun.strategy}; name the candidate it belongs to"]


def source_of(records: Sequence[Record], name: str) -> tuple[str, str]:
    """Return the digest of a candidate's strategy as it is here, or an empty one and what is wrong."""
    begun = case.created(records, name)
    return ("", "") if begun is None else evidence.here(begun.strategy)


def now() -> int:
    """Return the time an entry is written at."""
    return SystemClock().now()
