"""`trading research summary|blockers|check|promote|gate`: what follows from the ledger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from trading.cli.ledgers import candidate_problems, opened, place, recorded, show, write
from trading.cli.main import Misuse
from trading.cli.places import places
from trading.clock import SystemClock
from trading.gate.freeze import promotions_frozen
from trading.research import case, changes, evidence, ledger, promotion
from trading.research.case import Case
from trading.research.entries import (
    AnyEntry,
    Backtest,
    Created,
    Promoted,
    Record,
    Refused,
    Stage,
    Validation,
    WalkForward,
)
from trading.research.ledger import NoLedger
from trading.research.promotion import Blocker, Criteria, Present
from trading.research.source import FOLDER
from trading.research.trials import PROFILE


def summary(args: argparse.Namespace) -> int:
    """Print candidates and what the statistics say of them."""
    with opened(args) as book:
        records = book.records()
    if args.candidate:
        problems = candidate_problems(records, args.candidate)
        if problems:
            raise Misuse("\n".join(problems))
    names = [record.entry.candidate for record in records if isinstance(record.entry, Created)]
    chosen = [name for name in names if args.candidate in (None, name)]
    told = [_told(records, name) for name in chosen]
    if args.output == "json":
        entries = [_line(record) for record in records if args.candidate == record.entry.candidate]
        show(args, {"candidates": told, "entries": entries, "head": ledger.head_of(records)})
        return 0
    for each in told:
        show(args, each)
        sys.stdout.write("\n")
    for record in records:
        if args.candidate == record.entry.candidate:
            sys.stdout.write("{entry:>5} {kind:<12} {by:<16} {what}\n".format(**_line(record)))
    sys.stdout.write(f"{'head':<12} {ledger.head_of(records)}\n")
    return 0


def blockers(args: argparse.Namespace) -> int:
    """Print what stands in the way; return 1 if anything does."""
    with opened(args) as book:
        records = book.records()
    made = _case(args, records)
    found = promotion.blockers(made, Stage(args.to), _present(args, records, made), Criteria())
    _show_blockers(args, made, found)
    return 1 if found else 0


def promote(args: argparse.Namespace) -> int:
    """Promote, or record what stands in the way and return 1."""
    made: Case | None = None
    found: tuple[Blocker, ...] = ()

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        nonlocal made, found
        made = _case(args, records)
        present, to = _present(args, records, made), Stage(args.to)
        found = promotion.blockers(made, to, present, Criteria())
        run = made.chosen.run if made.chosen else args.run
        now = SystemClock().now()
        if found:
            return Refused(now, args.by, args.candidate, to, run, tuple(blocker.code for blocker in found))
        judgement = made.judgement
        assert judgement is not None and judgement.deflated is not None
        choice = None if judgement.overfit is None else judgement.overfit.probability
        return Promoted(
            now, args.by, args.candidate, to, run, present.source, args.reason, judgement.deflated.probability, choice
        )

    record = write(args, decide)
    if found and made is not None:
        _show_blockers(args, made, found)
        return 1
    return recorded(args, record, candidate=args.candidate, stage=args.to)


def check(args: argparse.Namespace) -> int:
    """Print the head of a ledger that is whole; return 1 if it lacks a head that was kept."""
    with opened(args) as book:
        records = book.records()
    lacking = ledger.lacks(records, args.head) if args.head else ""
    answer: dict[str, Any] = {"ledger": str(place(args)), "entries": len(records), "head": ledger.head_of(records)}
    show(args, answer | ({"lacks": lacking} if lacking else {}))
    return 1 if lacking else 0


def gate(args: argparse.Namespace) -> int:
    """Return 0 if a change has its evidence in the ledger; print what it lacks."""
    root = Path(args.root).resolve()
    changed = _changed(args, root)
    files = evidence.files(root / FOLDER)
    records: tuple[Record, ...] = ()
    lacking = ""
    # Without a change to strategies nobody needs a ledger; a head that was kept is asked for in any case.
    if changed or args.head:
        try:
            with opened(args) as book:
                records = book.records()
        except Misuse as error:
            if not isinstance(error.__cause__, NoLedger):
                raise
            # A ledger that is not there holds no evidence: what it lacks is listed below.
            sys.stderr.write(f"trading: {error}\n")
        lacking = ledger.lacks(records, args.head) if args.head else ""
    links = [path for path in changed if (root / FOLDER / path).is_symlink()]
    answer = changes.answer(records, files, changed, links)
    demands = [demand._asdict() for demand in answer.demands]
    if lacking:
        run = "restore the ledger that this head was kept of"
        demands.append({"strategy": "", "code": "HeadMissing", "message": lacking, "run": run})
    if args.output == "json":
        verdict = "refuse" if demands else "pass"
        show(args, {"verdict": verdict, "strategies": list(answer.strategies), "demands": demands})
    else:
        for each in demands:
            sys.stdout.write(f"{each['strategy'] or 'ledger'}: {each['code']}: {each['message']}\n    {each['run']}\n")
        names = ", ".join(answer.strategies) or "no strategy"
        sys.stdout.write(f"{'refused' if demands else 'passed'}: {len(changed)} changed files, {names}\n")
    return 1 if demands else 0


def _changed(args: argparse.Namespace, root: Path) -> list[str]:
    """Return the changed paths below the strategies' folder; raise `Misuse` where that cannot be known."""
    found, problems = [], []
    for name in args.changed:
        listed = _listed(sys.stdin.read()) if name == "-" else [name]
        if not any(listed):
            # A pipe whose first half failed looks the same, and a gate does not pass what it cannot see.
            problems.append("--changed -: nothing was listed; see whether git failed, or give no - if nothing changed")
        for path in filter(None, listed):
            try:
                below = changes.inside(path, str(root))
            except ValueError:
                problems.append(f"--changed {path}: is quoted in a way git does not; list names with `git diff -z`")
            else:
                found += [] if below is None else [below]
    if found and not (root / FOLDER).is_dir():
        problems.append(f"--root {args.root}: there is no {FOLDER} in it; name the repository the changes are in")
    if problems:
        raise Misuse("\n".join(problems))
    return found


def _listed(text: str) -> list[str]:
    """Return the paths that git lists, a line each or with -z."""
    return text.split("\0") if "\0" in text else text.splitlines()


def _case(args: argparse.Namespace, records: tuple[Record, ...]) -> Case:
    problems = candidate_problems(records, args.candidate)
    if problems:
        raise Misuse("\n".join(problems))
    made = case.case(records, args.candidate, args.run)
    assert made is not None
    if args.run and made.chosen is None:
        raise Misuse(f"--run {args.run}: is no finished run under {PROFILE} that {args.candidate} has recorded")
    return made


def _present(args: argparse.Namespace, records: tuple[Record, ...], made: Case) -> Present:
    source, trouble = evidence.here(made.created.strategy)
    known = frozenset(record.entry.run for record in records if isinstance(record.entry, Backtest))
    unrecorded = evidence.unrecorded(Path(args.runs), made.created.strategy, known)
    return Present(source, trouble, unrecorded, promotions_frozen(places(args)))


def _show_blockers(args: argparse.Namespace, made: Case, found: tuple[Blocker, ...]) -> None:
    if args.output == "json":
        run = made.chosen.run if made.chosen else None
        listed = [blocker._asdict() for blocker in found]
        show(args, {"candidate": made.name, "to": args.to, "run": run, "blockers": listed})
        return
    for blocker in found:
        sys.stdout.write(f"{blocker.code}: {blocker.message}\n    {blocker.run}\n")
    sys.stdout.write(f"{made.name}: {len(found)} in the way of {args.to}\n")


def _told(records: tuple[Record, ...], name: str) -> dict[str, Any]:
    made = case.case(records, name)
    assert made is not None
    promoted, judgement = case.stage(records, name), made.judgement
    folds = [len(r.entry.walk.folds) for r in made.records if isinstance(r.entry, WalkForward)]
    attempts = [r.entry for r in made.records if isinstance(r.entry, Backtest)]
    told: dict[str, Any] = {
        "candidate": name,
        "strategy": made.created.strategy,
        "stage": promoted.stage.value if promoted else "research",
        "attempts": len(attempts),
        "failed": sum(bool(each.failure) for each in attempts),
        "folds": folds[-1] if folds else 0,
        "run": made.chosen.run if made.chosen else None,
        "trials": None,
        "sharpe": None,
        "luck": None,
        "deflated": None,
        "overfit": None,
    }
    if judgement is not None:
        told |= {"trials": judgement.trials, "sharpe": _rounded(judgement.ratio)}
        if judgement.deflated is not None:
            told |= {"luck": _rounded(judgement.deflated.bound), "deflated": _rounded(judgement.deflated.probability)}
        if judgement.overfit is not None:
            told |= {"overfit": _rounded(judgement.overfit.probability)}
    return told


def _line(record: Record) -> dict[str, Any]:
    entry = record.entry
    match entry:
        case WalkForward(walk=walk):
            won = sum(sum(fold.returns) > 0.0 for fold in walk.folds)
            what = f"{walk.dataset} {walk.profile} {len(walk.folds)} folds, {won} won, {len(walk.trials)} trials"
        case Validation():
            what = f"{entry.check} {'passed' if entry.passed else 'failed'}: {entry.detail}"
        case Refused():
            what = f"{entry.stage} {entry.run}: {', '.join(entry.blockers)}"
        case _:
            names = ("strategy", "dataset", "profile", "run", "stage", "failure", "reason", "hypothesis")
            what = " ".join(str(value) for name in names if (value := getattr(entry, name, "")))
    return {"entry": record.serial, "kind": type(entry).__name__, "by": entry.by, "at": entry.at, "what": what}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
