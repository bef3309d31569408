"""`trading walk-forward`: a walk, its file, and its place in the ledger."""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from trading.cli import research, strategies
from trading.cli.backtest import columns, parts_of
from trading.cli.ledgers import candidate_problems, opened, strategy_problems, words_problems
from trading.cli.main import Misuse
from trading.cli.progress import counting
from trading.engine import runner
from trading.research import evidence, folds, walk
from trading.research.entries import Walk
from trading.research.folds import Plan, Scheme
from trading.research.walk import Walker

GRID_MAX = 500
FILE = "walk-forward.json"


def walk_forward(args: argparse.Namespace) -> int:
    """Walk, write what came of it, and store it under a candidate if one is named."""
    parts = parts_of(args)
    source, trouble = evidence.here(parts.file.strategy)
    varied, problems = _varied(args.vary)
    problems += [trouble] if trouble else []
    problems += _candidate_problems(args, parts.file.strategy)
    tried = walk.grid(parts.file.parameters, varied)
    if len(tried) > GRID_MAX:
        problems.append(f"--vary: {len(tried)} combinations are more than {GRID_MAX}; vary fewer values")
    plan = Plan(args.train, args.test, Scheme(args.scheme), args.purge, args.embargo)
    walker = Walker(
        parts,
        lambda parameters: strategies.make(parts.file.strategy, parts.file.name, parameters),
        columns,
        source,
    )
    count = 0
    try:
        count = walker.runs(plan, tried)
    except folds.Unfit as error:
        problems += [f"{args.file}: {problem}" for problem in error.problems]
    if problems:
        raise Misuse("\n".join(problems))
    with counting(f"{parts.file.name} walks", count) as progress:
        try:
            found = walker.walk(plan, tried, progress)
        except (walk.NothingToWalk, runner.Unfit) as error:
            raise Misuse(f"{args.file}: {error}") from error
    return _ended(args, found, Path(args.out or Path(args.runs) / f"{parts.file.name}-walk-forward"))


def _ended(args: argparse.Namespace, found: Walk, folder: Path) -> int:
    text = msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(text)
    except OSError as error:
        raise Misuse(f"--out {folder}: {error.strerror}; name a folder that can be written") from error
    entry = None
    if args.candidate:
        entry = research.store(args, found, "sha256:" + sha256(text).hexdigest()).serial
    for trial in found.trials:
        if trial.failure:
            # It counts as a trial all the same: it was tried.
            sys.stderr.write(f"trading: walk-forward: {trial.parameters} was not played: {trial.failure}\n")
    won = sum(sum(fold.returns) > 0.0 for fold in found.folds)
    answer = {"file": str(folder / FILE), "folds": len(found.folds), "won": won, "trials": len(found.trials)}
    if args.output == "json":
        told = [msgspec.to_builtins(fold) for fold in found.folds]
        sys.stdout.write(json.dumps(answer | {"entry": entry, "steps": told}, indent=1) + "\n")
        return 0
    sys.stdout.write(f"{'learnt on':<24} {'judged on':<23} {'Sharpe':>7} {'then':>7}  chosen\n")
    for fold in found.folds:
        sys.stdout.write(
            f"{fold.train_first} … {fold.train_last}  {fold.test_first} … {fold.test_last}  "
            f"{_number(fold.sharpe_train)} {_number(fold.sharpe_test)}  {fold.parameters}\n"
        )
    for name, value in (answer | ({"entry": entry} if entry else {})).items():
        sys.stdout.write(f"{name:<12} {value}\n")
    return 0


def _candidate_problems(args: argparse.Namespace, strategy: str) -> list[str]:
    """Return what would keep a walk out of the ledger, before it is walked."""
    if not args.candidate:
        return []
    with opened(args) as ledger:
        records = ledger.records()
    unknown = candidate_problems(records, args.candidate)
    return [*words_problems(args), *unknown, *strategy_problems(records, args.candidate, strategy, args.file)]


def _varied(words: list[str]) -> tuple[dict[str, list[Any]], list[str]]:
    found: dict[str, list[Any]] = {}
    problems = []
    for word in words:
        name, _, values = word.partition("=")
        parts = [part.strip() for part in values.split(",")]
        if not name.isidentifier() or not all(parts) or name in found:
            problems.append(f"--vary {word}: write NAME=A,B, each name once, such as fast=5,10,20")
            continue
        found[name] = list(dict.fromkeys(_value(part) for part in parts))
    return found, problems


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, int | float | bool) else text


def _number(ratio: float | None) -> str:
    return "   none" if ratio is None else f"{ratio:7.3f}"
