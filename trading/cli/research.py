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
from trading.cli.ledgers import readable, recorded, show, write
from trading.cli.main import Misuse
from trading.clock import SystemClock
from trading.model import decimal
from trading.research import case, evidence, walk
from trading.research.entries import (
    AnyEntry,
    Backtest,
    Check,
    Created,
    Paper,
    Record,
    Review,
    Snapshot,
    Validation,
    Walk,
    WalkForward,
)
from trading.research.evidence import PaperReport, Run, Unusable
from trading.research.promotion import Criteria
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
        return Created(_now(), args.by, args.candidate, args.strategy, args.hypothesis)

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
    entry = Snapshot(_now(), args.by, args.candidate, args.dataset, digest, rows)
    return recorded(args, write(args, lambda records: entry, problems), dataset=args.dataset, digest=digest)


def record_backtest(args: argparse.Namespace) -> int:
    """Record finished runs, or one attempt that failed."""
    if [bool(args.run), args.all, args.failed is not None].count(True) != 1:
        raise Misuse("record-backtest needs --run ID (again for more), --all, or --failed TEXT for one without a run")
    if args.failed is not None:
        return _record_failure(args)
    problems: list[str] = []
    names = _all(args) if args.all else dict.fromkeys(args.run)
    runs = [found for name in names if (found := _run(args, name, problems)) is not None]
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
    show(args, {"entries": written})
    return 0


def _all(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the finished runs of the candidate's strategy that no entry knows."""
    records = readable(args, ())
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
            parameters = json.dumps(json.loads(args.parameters), sort_keys=True)
        except ValueError as error:
            problems.append(f"--parameters: {error}; write JSON such as '{{\"fast\": 3}}'")

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        source, _ = _source(records, args.candidate)
        setup = f"failed {parameters}" if parameters else ""
        return Backtest(_now(), args.by, args.candidate, args.profile, setup, parameters, source, args.failed)

    return recorded(args, write(args, decide, problems))


def record_validation(args: argparse.Namespace) -> int:
    """Make a check, record it, and return 0 if it passed."""
    problems: list[str] = []
    if args.check == Check.LOOKAHEAD and (not args.file or args.run):
        raise Misuse("--check lookahead plays a run again: name its FILE, and no --run")
    if args.check == Check.COSTS and args.file:
        raise Misuse("--check costs looks at a finished run: name it with --run ID or not at all, and no FILE")
    found = _lookahead(args) if args.check == Check.LOOKAHEAD else _costs(args, problems)

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        assert found is not None
        strategy, made = found
        wrong = _strategy_problems(records, args.candidate, strategy, args.file or "the run")
        source, trouble = _source(records, args.candidate)
        if wrong or trouble:
            raise Misuse("\n".join([*wrong, *([trouble] if trouble else [])]))
        passed, detail, digest, costs = made
        return Validation(_now(), args.by, args.candidate, args.check, source, passed, detail, digest, *costs)

    record = write(args, decide, problems)
    assert isinstance(record.entry, Validation)
    recorded(args, record, passed=record.entry.passed, detail=record.entry.detail)
    return 0 if record.entry.passed else 1


_Made = tuple[bool, str, str, tuple[int, int]]


def _lookahead(args: argparse.Namespace) -> tuple[str, _Made]:
    """Return a run's strategy, and whether it looks ahead."""
    from trading.cli.backtest import columns, parts_of
    from trading.engine import lookahead, runner
    from trading.engine.backtest import Backtest as Play
    from trading.events import Fill

    args.profile = args.costs = None
    parts = parts_of(args)
    try:
        setup = parts.setup()
    except runner.Unfit as error:
        raise Misuse(f"{args.file}: {error}") from error
    fills = 0

    def count(event: object) -> None:
        nonlocal fills
        fills += isinstance(event, Fill)

    Play(setup, count).run()
    cuts = lookahead.spread(parts.bars, max(args.cuts, 1))
    leaks = lookahead.leaks(setup, lambda bars: columns(parts.strategy, bars), cuts)
    if leaks:
        detail = f"{len(leaks)} of {len(cuts)} cuts change what was before them; `trading lookahead {args.file}`"
    elif not fills:
        # What never trades never looks ahead; it was not tested either.
        detail = f"nothing was traded over {parts.file.dataset}, so nothing was tested; take more data"
    else:
        detail = f"{len(cuts)} cuts change nothing before them, {fills} fills"
    return parts.file.strategy, (not leaks and fills > 0, detail, parts.inputs()["config"], (0, 0))


def _costs(args: argparse.Namespace, problems: list[str]) -> tuple[str, _Made] | None:
    """Return a run's strategy, and how its costs compare with what was estimated."""
    name = args.run
    if not name:
        made = case.case(readable(args, ()), args.candidate)
        if made is None or made.chosen is None:
            raise Misuse(f"{args.candidate} has recorded no finished run under {PROFILE}; record one, or name --run ID")
        name = made.chosen.run
    run = _run(args, name, problems)
    if run is None:
        return None
    if run.profile != PROFILE:
        problems.append(f"--run {name}: was made under {run.profile}; costs are judged under {PROFILE}")
    bound = Criteria().costs_ratio_max
    estimated, realised = run.cost_estimated, run.cost_realised
    passed = 0 < realised <= bound * estimated
    detail = f"run {name}: {decimal(realised)} where {decimal(estimated)} was estimated; at most {bound} times as much"
    return run.strategy, (passed, detail, run.setup, (estimated, realised))


def record_paper(args: argparse.Namespace) -> int:
    """Record a report of the paper desk."""
    problems: list[str] = []
    try:
        report, digest = evidence.document(Path(args.file), PaperReport, PAPER)
        problems += [f"{args.file}: {problem}" for problem in _paper_problems(report)]
    except Unusable as error:
        raise Misuse("\n".join([*error.problems])) from error

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        wrong = _strategy_problems(records, args.candidate, report.strategy, args.file)
        if wrong:
            raise Misuse("\n".join(wrong))
        return Paper(
            _now(),
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
        wrong = _strategy_problems(records, args.candidate, found.strategy, where)
        source, trouble = _source(records, args.candidate)
        if trouble:
            wrong.append(trouble)
        elif source != found.source:
            wrong.append(f"{where}: was made of another version of {found.strategy}; walk again")
        if wrong:
            raise Misuse("\n".join(wrong))
        return WalkForward(_now(), args.by, args.candidate, found, digest)

    return write(args, decide, problems)


def approve_review(args: argparse.Namespace) -> int:
    """Record a review; return 1 if the reviewer took part."""
    refused = ""

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        nonlocal refused
        made = case.case(records, args.candidate, args.run)
        assert made is not None
        if made.chosen is None:
            named = f"run {args.run}" if args.run else f"no finished run under {PROFILE}"
            raise Misuse(f"{named} is not recorded for {args.candidate}: there is nothing to review")
        if case.person(args.by) in case.authors(records, args.candidate):
            refused = f"{args.by} took part in {args.candidate}; the review is for somebody who did not"
            raise _TookPart
        return Review(_now(), args.by, args.candidate, made.chosen.run, len(records), args.reason)

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
    _, trouble = _source(records, args.candidate)
    found = _strategy_problems(records, args.candidate, run.strategy, f"run {run.name}")
    return [*found, *([trouble] if trouble else [])]


def _attempt(args: argparse.Namespace, run: Run, records: tuple[Record, ...]) -> AnyEntry:
    problems = _attempt_problems(args, records, run)
    known = _recorded_as(records, args.candidate, run)
    if known:
        problems.append(f"run {run.name}: became entry {known} meanwhile")
    if problems:
        raise Misuse("\n".join(problems))
    source, _ = _source(records, args.candidate)
    return Backtest(
        _now(),
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


def _run(args: argparse.Namespace, name: str, problems: list[str]) -> Run | None:
    folder = Path(args.runs) / name
    if Path(name).name != name or not (folder / "manifest.json").is_file():
        there = sorted(path.parent.name for path in Path(args.runs).glob("*/manifest.json"))
        problems.append(f"--run {name}: there is no such finished run in {args.runs} (there: {', '.join(there)})")
        return None
    try:
        return evidence.run(folder)
    except Unusable as error:
        problems += error.problems
        return None


def _strategy_problems(records: Sequence[Record], name: str, strategy: str, what: str) -> list[str]:
    begun = case.created(records, name)
    if begun is None or begun.strategy == strategy:
        return []
    return [f"{what}: is about {strategy}, candidate {name} about {begun.strategy}; name the candidate it belongs to"]


def _source(records: Sequence[Record], name: str) -> tuple[str, str]:
    begun = case.created(records, name)
    return ("", "") if begun is None else evidence.here(begun.strategy)


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


def _now() -> int:
    return SystemClock().now()
