"""`trading research create|snapshot|record-…|store-walk-forward|approve-review`: what goes into the ledger."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from functools import partial
from math import isfinite
from pathlib import Path

from trading.cli import strategies
from trading.cli.ledgers import now, readable, recorded, run_of, show, source_of, strategy_problems, write
from trading.cli.main import Misuse
from trading.research import case, evidence, walk
from trading.research.entries import (
    AnyEntry,
    Backtest,
    Created,
    Paper,
    Record,
    Review,
    Snapshot,
    Walk,
    WalkForward,
)
from trading.research.evidence import PaperReport, Run, Unusable
from trading.research.trials import PROFILE

PAPER = "trading.paper/v1"


def create(args: argparse.Namespace) -> int:
    """Begin a candidate."""
    problems = []
    if args.strategy not in strategies.names():
        problems.append(f"--strategy {args.strategy}: is none of {', '.join(strategies.names())}; name one of them")

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        if case.created(records, args.candidate) is not None:
            raise Misuse(f"there is a candidate {args.candidate} already; take another name, or go on with it")
        return Created(now(), args.by, args.candidate, args.strategy, args.hypothesis)

    return recorded(args, write(args, decide, problems, create=True))


def snapshot(args: argparse.Namespace) -> int:
    """Pin a dataset."""
    from trading.data.catalog import Catalog, CatalogError

    problems, digest, rows = [], "", 0
    try:
        bars = Catalog(Path(args.catalog)).load(args.dataset)
        digest, rows = bars.digest, len(bars)
    except CatalogError as error:
        problems.append(str(error))
    entry = Snapshot(now(), args.by, args.candidate, args.dataset, digest, rows)
    return recorded(args, write(args, lambda records: entry, problems), dataset=args.dataset, digest=digest)


def record_backtest(args: argparse.Namespace) -> int:
    """Record finished runs, or one attempt that failed."""
    if [bool(args.run), args.all, args.failed is not None].count(True) != 1:
        raise Misuse("record-backtest needs --run ID (again for more), --all, or --failed TEXT for one without a run")
    if args.failed is not None:
        return _record_failure(args)
    problems: list[str] = []
    names = _all(args) if args.all else dict.fromkeys(args.run)
    runs = [found for name in names if (found := run_of(args, name, problems)) is not None]
    records = readable(args, problems)
    problems = [problem for run in runs for problem in _attempt_problems(args, records, run)]
    if problems:
        raise Misuse("\n".join(problems))
    written = []
    for run in runs:
        known = _recorded_as(records, args.candidate, run)
        if known:
            sys.stderr.write(f"run {run.name} is entry {known} already\n")
            continue
        written.append(write(args, partial(_attempt, args, run)).serial)
        sys.stderr.write(f"entry {written[-1]}: run {run.name} under {run.profile}\n")
    if not runs:
        sys.stderr.write(f"every finished run of the strategy in {args.runs} is an entry already\n")
    show(args, {"entries": written})
    return 0


def _all(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the finished runs of the candidate's strategy that no entry knows."""
    records = readable(args, [] if Path(args.runs).is_dir() else [f"--runs {args.runs}: there is no such folder"])
    begun = case.created(records, args.candidate)
    assert begun is not None
    known = frozenset(record.entry.run for record in records if isinstance(record.entry, Backtest))
    return evidence.unrecorded(Path(args.runs), begun.strategy, known)


def _record_failure(args: argparse.Namespace) -> int:
    problems, parameters = [], ""
    if args.profile not in case.PROFILES:
        problems.append(f"--profile {args.profile}: is none of {', '.join(case.PROFILES)}; name one of them")
    if args.parameters:
        try:
            parameters = json.dumps(json.loads(args.parameters, parse_constant=_no_number), sort_keys=True)
        except ValueError as error:
            problems.append(f"--parameters: {error}; write JSON such as '{{\"fast\": 3}}'")

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        source, _ = source_of(records, args.candidate)
        setup = f"failed {parameters}" if parameters else ""
        return Backtest(now(), args.by, args.candidate, args.profile, setup, parameters, source, args.failed)

    return recorded(args, write(args, decide, problems))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def record_paper(args: argparse.Namespace) -> int:
    """Record a report of the paper desk."""
    problems: list[str] = []
    try:
        report, digest = evidence.document(Path(args.file), PaperReport, PAPER)
        problems += [f"{args.file}: {problem}" for problem in _paper_problems(report)]
    except Unusable as error:
        raise Misuse("\n".join([*error.problems])) from error

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        wrong = strategy_problems(records, args.candidate, report.strategy, args.file)
        if wrong:
            raise Misuse("\n".join(wrong))
        return Paper(
            now(),
            args.by,
            args.candidate,
            report.source,
            report.first,
            report.last,
            len(report.returns),
            report.orders,
            report.fills,
            report.denied,
            report.cost_estimated,
            report.cost_realised,
            report.returns,
            digest,
        )

    return recorded(args, write(args, decide, problems))


def store_walk_forward(args: argparse.Namespace) -> int:
    """Store a walk that was written to a file."""
    try:
        found, digest = evidence.document(Path(args.file), Walk, walk.VERSION)
    except Unusable as error:
        raise Misuse("\n".join(error.problems)) from error
    return recorded(args, store(args, found, digest), folds=len(found.folds), trials=len(found.trials))


def store(args: argparse.Namespace, found: Walk, digest: str) -> Record:
    """Write a walk into the ledger; raise `Misuse` if it is not what this program would have made."""
    from trading.engine import runner

    where = getattr(args, "file", "walk")
    problems = [f"{where}: {problem}" for problem in walk.problems(found)]
    if found.code != runner.code_digest():
        problems.append(f"{where}: another version of the program walked; walk again with this one")

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        wrong = strategy_problems(records, args.candidate, found.strategy, where)
        source, trouble = source_of(records, args.candidate)
        if trouble:
            wrong.append(trouble)
        elif source != found.source:
            wrong.append(f"{where}: was made of another version of {found.strategy}; walk again")
        if wrong:
            raise Misuse("\n".join(wrong))
        return WalkForward(now(), args.by, args.candidate, found, digest)

    return write(args, decide, problems)


def approve_review(args: argparse.Namespace) -> int:
    """Record a review; return 1 if the reviewer took part."""
    refused = ""

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        nonlocal refused
        made = case.case(records, args.candidate, args.run)
        assert made is not None
        if made.chosen is None:
            named = f"run {args.run} is not" if args.run else f"no finished run under {PROFILE} is"
            raise Misuse(f"{named} recorded for {args.candidate}: there is nothing to review; see `record-backtest`")
        if case.person(args.by) in case.authors(records, args.candidate):
            refused = f"{args.by} took part in {args.candidate}; the review is for somebody who did not"
            raise _TookPart
        return Review(now(), args.by, args.candidate, made.chosen.run, len(records), args.reason)

    try:
        record = write(args, decide)
    except _TookPart:
        show(args, {"refused": "ReviewerIsAuthor", "reason": refused})
        return 1
    assert isinstance(record.entry, Review)
    return recorded(args, record, run=record.entry.run)


class _TookPart(Exception):
    """The reviewer is an author."""


def _recorded_as(records: Sequence[Record], name: str, run: Run) -> int:
    """Return the entry that a run is already; 0 for none."""
    found = (
        record.serial
        for record in records
        if isinstance(record.entry, Backtest) and (record.entry.candidate, record.entry.run) == (name, run.name)
    )
    return next(found, 0)


def _attempt_problems(args: argparse.Namespace, records: Sequence[Record], run: Run) -> list[str]:
    _, trouble = source_of(records, args.candidate)
    found = strategy_problems(records, args.candidate, run.strategy, f"run {run.name}")
    return [*found, *([trouble] if trouble else [])]


def _attempt(args: argparse.Namespace, run: Run, records: tuple[Record, ...]) -> AnyEntry:
    problems = _attempt_problems(args, records, run)
    known = _recorded_as(records, args.candidate, run)
    if known:
        problems.append(f"run {run.name}: became entry {known} meanwhile")
    if problems:
        raise Misuse("\n".join(problems))
    source, _ = source_of(records, args.candidate)
    return Backtest(
        now(),
        args.by,
        args.candidate,
        run.profile,
        run.setup,
        run.parameters,
        source,
        "",
        run.name,
        run.dataset,
        run.data,
        run.days,
        run.equity,
        run.cost_estimated,
        run.cost_realised,
    )


def _paper_problems(report: PaperReport) -> list[str]:
    found = []
    for name in ("first", "last"):
        try:
            date.fromisoformat(getattr(report, name))
        except ValueError as error:
            found.append(f"{name}: {error}; write YYYY-MM-DD")
    if not found and report.first > report.last:
        found.append(f"first: {report.first} is after last, {report.last}")
    for name in ("orders", "fills", "denied", "cost_estimated", "cost_realised"):
        if getattr(report, name) < 0:
            found.append(f"{name}: {getattr(report, name)} is below zero")
    if not report.returns or not all(isfinite(each) and each > -1.0 for each in report.returns):
        found.append("returns: write one above -1 for each session")
    return found
