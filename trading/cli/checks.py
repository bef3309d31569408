"""`trading research record-validation`: makes a check of a candidate's strategy, and records what it found."""

from __future__ import annotations

import argparse

from trading.cli.ledgers import now, readable, recorded, run_of, source_of, strategy_problems, write
from trading.cli.main import Misuse
from trading.model import decimal
from trading.research import case
from trading.research.entries import AnyEntry, Check, Record, Validation
from trading.research.promotion import Criteria
from trading.research.trials import PROFILE

CUTS_MIN = 3


def record_validation(args: argparse.Namespace) -> int:
    """Make a check, record it, and return 0 if it passed."""
    problems: list[str] = []
    if args.check == Check.LOOKAHEAD and (not args.file or args.run):
        raise Misuse("--check lookahead plays a run again: name its FILE, and no --run")
    if args.check == Check.LOOKAHEAD and args.cuts < CUTS_MIN:
        raise Misuse(f"--cuts {args.cuts}: fewer than {CUTS_MIN} show too little to be recorded")
    if args.check == Check.COSTS and args.file:
        raise Misuse("--check costs looks at a finished run: name it with --run ID or not at all, and no FILE")
    found = _lookahead(args) if args.check == Check.LOOKAHEAD else _costs(args, problems)

    def decide(records: tuple[Record, ...]) -> AnyEntry:
        assert found is not None
        strategy, made = found
        wrong = strategy_problems(records, args.candidate, strategy, args.file or "the run")
        source, trouble = source_of(records, args.candidate)
        if wrong or trouble:
            raise Misuse("\n".join([*wrong, *([trouble] if trouble else [])]))
        passed, detail, digest, costs = made
        return Validation(now(), args.by, args.candidate, args.check, source, passed, detail, digest, *costs)

    record = write(args, decide, problems)
    assert isinstance(record.entry, Validation)
    recorded(args, record, passed=record.entry.passed, detail=record.entry.detail)
    return 0 if record.entry.passed else 1


_Made = tuple[bool, str, str, tuple[int, int]]


def _lookahead(args: argparse.Namespace) -> tuple[str, _Made]:
    """Return a run's strategy, and whether it looks ahead."""
    from trading.cli import lookahead

    args.profile = args.costs = None
    parts, reaches, cuts, leaks, fills = lookahead.examined(args)
    if reaches:
        detail = f"{reaches[0]}; `trading lookahead {args.file}`"
    elif leaks:
        detail = f"{len(leaks)} of {cuts} cuts change what was before them; `trading lookahead {args.file}`"
    elif not fills:
        # What never trades never looks ahead; it was not tested either.
        detail = f"nothing was traded over {parts.file.dataset}, so nothing was tested; take more data"
    else:
        detail = f"{cuts} cuts change nothing before them, {fills} fills"
    passed = not reaches and not leaks and fills > 0
    return parts.file.strategy, (passed, detail, parts.inputs()["config"], (0, 0))


def _costs(args: argparse.Namespace, problems: list[str]) -> tuple[str, _Made] | None:
    """Return a run's strategy, and how its costs compare with what was estimated."""
    name = args.run
    if not name:
        made = case.case(readable(args, ()), args.candidate)
        if made is None or made.chosen is None:
            raise Misuse(f"{args.candidate} has recorded no finished run under {PROFILE}; record one, or name --run ID")
        name = made.chosen.run
    run = run_of(args, name, problems)
    if run is None:
        return None
    if run.profile != PROFILE:
        problems.append(f"--run {name}: was made under {run.profile}; costs are judged under {PROFILE}")
    bound = Criteria().costs_ratio_max
    estimated, realised = run.cost_estimated, run.cost_realised
    passed = 0 < realised <= bound * estimated
    detail = f"run {name}: {decimal(realised)} where {decimal(estimated)} was estimated; at most {bound} times as much"
    return run.strategy, (passed, detail, run.setup, (estimated, realised))
