"""`trading backtest`, `trading replay`, `trading tca`: play a run, look at what it decided, and at what that cost."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from trading import events
from trading.cli import strategies
from trading.cli.main import Misuse
from trading.cli.progress import counting
from trading.costs import tca
from trading.data import calendar
from trading.data.bars import Bars
from trading.engine import artifacts, report, runfile, runner
from trading.engine.artifacts import Damaged, Kept
from trading.engine.runfile import Notes
from trading.engine.runner import Parts
from trading.events import AnyEvent
from trading.gate import limits as limits_module
from trading.gate.limits import Limits
from trading.model import UNIT, decimal
from trading.stages.stage import Strategy

ERRORS = ("Denied", "Rejected", "Expired", "Intercepted")
"""What `--errors-only` shows: whatever kept an order from what it was meant to be."""


def backtest(args: argparse.Namespace) -> int:
    """Play a run and print its summary."""
    parts = parts_of(args)
    with counting(parts.file.name, len(parts.bars)) as progress:
        try:
            folder = runner.carry_out(parts, Path(args.runs), progress)
        except runner.Unfit as error:
            raise Misuse(f"{args.file}: {error}") from error
    summary = artifacts.read_json(folder, artifacts.SUMMARY)
    if args.output == "json":
        sys.stdout.write(json.dumps({"run": folder.name, "folder": str(folder), "summary": summary}, indent=1) + "\n")
        return 0
    for name, value in _rows(folder, summary):
        sys.stdout.write(f"{name:<16} {value}\n")
    return 0


def replay(args: argparse.Namespace) -> int:
    """Check a run's log against itself and its manifest, and print the decisions that are asked for."""
    folder = _folder(args)
    shown = count = 0
    orders: dict[str, str] = {}
    try:
        kept = artifacts.manifest(folder)
        _check_words(args, kept)
        for number, event in artifacts.read_decisions(folder):
            count = number
            if isinstance(event, events.Intent):
                orders[event.client_id] = str(event.symbol)
            if (args.limit is None or shown < args.limit) and _is_asked_for(event, args, orders):
                shown += 1
                line = events.encode(event).decode()
                sys.stdout.write(f"{line}\n" if args.output == "json" else f"{number:>7} {words(event)}\n")
        changed = artifacts.changed(folder, kept)
    except (Damaged, OSError) as error:
        sys.stderr.write(f"trading: replay: {error}\n")
        return 1
    if changed or count != kept.events:
        what = ", ".join(changed) or artifacts.MANIFEST
        sys.stderr.write(f"trading: replay: {folder}: changed since the run: {what}; run it again\n")
        return 1
    sys.stderr.write(f"{folder.name}: {count} events, chain and artifacts are whole\n")
    return _again(args, folder, kept) if args.again else 0


def _check_words(args: argparse.Namespace, kept: Kept) -> None:
    """Raise `Misuse` for what is asked for and cannot be in a run."""
    problems = []
    if args.symbol and args.symbol not in kept.lots:
        problems.append(f"--symbol {args.symbol}: is not in the run; it trades {', '.join(sorted(kept.lots))}")
    if args.limit is not None and args.limit < 0:
        problems.append(f"--limit {args.limit}: at least 0 is meant, for no line")
    if args.date:
        try:
            date.fromisoformat(args.date)
        except ValueError as error:
            problems.append(f"--date {args.date}: {error}; write YYYY-MM-DD")
    if problems:
        raise Misuse("\n".join(problems))


def _again(args: argparse.Namespace, folder: Path, kept: Kept) -> int:
    """Play a run anew of what its manifest keeps, and say whether it left the same bytes."""
    parts = _parts_of(folder, kept, Path(args.catalog))
    other = sorted(name for name, value in parts.inputs().items() if kept.inputs.get(name) != value)
    with tempfile.TemporaryDirectory() as beside, counting(folder.name, len(parts.bars)) as progress:
        if artifacts.BARS in kept.artifacts:
            from trading.service import paper_run
            from trading.service.diary import Diverged

            try:
                again = paper_run.played_again(
                    parts, folder, Path(beside), progress, lambda bars: columns(parts.strategy, bars)
                )
            except Diverged as error:
                sys.stderr.write(f"trading: replay: {error}\n")
                return 1
        else:
            again = artifacts.digests(runner.carry_out(parts, Path(beside), progress, name=folder.name))
    differing = sorted(name for name, said in kept.artifacts.items() if again.get(name) != said)
    if other:
        sys.stderr.write(f"trading: replay: not the run it was: {', '.join(other)} changed since\n")
    if differing:
        sys.stderr.write(f"trading: replay: played again, {', '.join(differing)} came out differently\n")
        return 1
    sys.stderr.write(f"{folder.name}: played again, every byte is the same\n")
    return 0


def _parts_of(folder: Path, kept: Kept, catalog: Path) -> Parts:
    """Return the parts of a run that was played before."""
    from trading.data.catalog import Catalog, CatalogError

    try:
        file = runfile.from_manifest(kept.file, kept.dataset)
    except (KeyError, TypeError, ValueError) as error:
        raise Misuse(f"{folder / artifacts.MANIFEST}: {error!r}; run the backtest again") from error
    limits, failures = limits_module.read(json.dumps(kept.limits).encode())
    try:
        strategy = strategies.make(file.strategy, file.name, file.parameters)
        bars = Catalog(catalog).load(file.dataset)
    except (CatalogError, strategies.UnknownStrategy) as error:
        raise Misuse(str(error)) from error
    if limits is None:
        raise Misuse("\n".join(f"limits of the manifest: {failure.message}" for failure in failures))
    return Parts(file, strategy, bars, limits, columns(strategy, bars))


def costs(args: argparse.Namespace) -> int:
    """Print what a run's orders cost, part by part; draw it if asked to."""
    folder = _folder(args)
    try:
        kept = artifacts.manifest(folder)
        found = tca.orders((event for _, event in artifacts.read_decisions(folder)), kept.lots)
        changed = artifacts.changed(folder, kept)
    except (Damaged, OSError) as error:
        sys.stderr.write(f"trading: tca: {error}\n")
        return 1
    if changed:
        # A log that was cut off between two lines is a chain as well.
        sys.stderr.write(f"trading: tca: {folder}: changed since the run: {', '.join(changed)}; run it again\n")
        return 1
    rows = tca.table(found)
    if args.picture:
        Path(args.picture).write_text(report.costs_page(folder.name, rows, found), encoding="utf-8")
    if args.output == "json":
        denied = sum(order.is_denied for order in found)
        told = {"run": folder.name, "denied": denied, "rows": [asdict(each) for each in rows]}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return 0
    names = ("orders", "filled_pct", *_PARTS, "total", "against_vwap", "expected", "realised")
    heads = ("orders", "filled %", *_PARTS, "total", "vs VWAP", "expected", "realised")
    sys.stdout.write(f"{'basis points':<18}" + "".join(f"{head:>12}" for head in heads) + "\n")
    for each in rows:
        values = (getattr(each, name) for name in names)
        cells = (f"{value:>12}" if isinstance(value, int) else f"{value:>12.2f}" for value in values)
        sys.stdout.write(f"{each.name:<18}" + "".join(cells) + "\n")
    return 0


_PARTS = ("fees", "delay", "trading", "opportunity")


def parts_of(args: argparse.Namespace, *, with_features: bool = True) -> Parts:
    """Return what a run file names, with the words of the command line; raise `Misuse` with everything wrong.

    Without features for who makes them of other bars: a strategy then has seen nothing of these.
    """
    from trading.data.catalog import Catalog, CatalogError

    path = Path(args.file)
    overrides = {name: value for name in ("profile", "costs") if (value := getattr(args, name))}
    strategy = bars = limits = None
    try:
        file, notes = runfile.understood(path, overrides)
        if file.strategy:
            try:
                strategy = strategies.make(file.strategy, file.name, file.parameters)
            except strategies.UnknownStrategy as error:
                for keys, words in error.problems:
                    notes.add(keys, words)
        if file.dataset:
            try:
                bars = Catalog(Path(args.catalog)).load(file.dataset)
            except CatalogError as error:
                notes.add(("dataset",), str(error))
        limits = _limits(path, file.limits, notes)
        if bars is not None:
            for keys, words in runner.unfit(file, bars, limits or limits_module.defaults()):
                notes.add(keys, words)
        notes.refuse()
    except runfile.Refused as error:
        raise Misuse(str(error)) from error
    assert strategy is not None and bars is not None and limits is not None
    made = columns(strategy, bars) if with_features else ()
    return Parts(file, strategy, bars, limits, made)


def columns(strategy: Strategy, bars: Bars) -> tuple[Sequence[float | None], ...]:
    """Return a strategy's features of a dataset; polars is imported for one that has some."""
    if strategy.features is None:
        return ()
    from trading.data.features import evaluate

    return evaluate(bars, strategy.features())


def _limits(path: Path, name: str, notes: Notes) -> Limits | None:
    if not name:
        return limits_module.defaults()
    try:
        found, failures = limits_module.read((path.parent / name).read_bytes())
    except OSError as error:
        words = "name a file beside the run, as `trading gate limits -o json` prints one"
        notes.add(("limits",), f"limits: {name}: {error.strerror}; {words}")
        return None
    for failure in failures if found is None else ():
        notes.add(("limits",), f"limits: {name}: {failure.message}")
    return found


def _folder(args: argparse.Namespace) -> Path:
    folder = Path(args.runs) / str(args.run_id)
    if not (folder / artifacts.MANIFEST).is_file():
        there = sorted(path.parent.name for path in Path(args.runs).glob(f"*/{artifacts.MANIFEST}"))
        raise Misuse(f"there is no finished run {args.run_id} in {args.runs} (there: {', '.join(there) or 'none'})")
    return folder


def _is_asked_for(event: AnyEvent, args: argparse.Namespace, orders: dict[str, str]) -> bool:
    if args.errors_only and type(event).__name__ not in ERRORS:
        return False
    if args.symbol:
        symbol = getattr(event, "symbol", None) or orders.get(getattr(event, "client_id", ""))
        if str(symbol) != args.symbol:
            return False
    return not args.date or calendar.day_of(event.at) == date.fromisoformat(args.date)


def words(event: AnyEvent) -> str:
    """Return an event as a person reads it."""
    plain = json.loads(events.encode(event))
    name, at = plain.pop("event"), plain.pop("at")
    # The limits are the run's: their digest is in the manifest, and in every line of the log itself.
    plain.pop("limits_digest", None)
    values = " ".join(f"{key}={_value(key, value)}" for key, value in plain.items() if value not in ("", None))
    return f"{moment(at)} {name:<11} {values}"


def moment(at: int) -> str:
    """Return the day it is in New York and the time of day in UTC."""
    seconds = at // 1_000_000_000 % 86_400
    return f"{calendar.day_of(at)} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def _value(key: str, value: object) -> str:
    if isinstance(value, dict):
        return ".".join(str(part) for part in value.values())
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, int) and key in _MONEY:
        return decimal(value)
    return f"{value} ticks" if key in _TICKS else str(value)


_MONEY = frozenset(
    ("amount", "arrival", "cash", "decision_price", "fee", "impact", "last", "notional", "slippage", "spread", "vwap")
)
_TICKS = frozenset(("limit", "price"))


def _rows(folder: Path, summary: dict[str, object]) -> Iterator[tuple[str, object]]:
    yield "run", folder.name
    yield "sessions", f"{summary['sessions']} ({summary['from']} to {summary['until']}), {summary['bars']} bars"
    yield "profile, costs", f"{summary['profile']}, {summary['costs']}"
    for name in ("cash_start", "equity_end", "cost_estimated", "cost_realised"):
        yield name.replace("_", " "), f"{int(str(summary[name])) / UNIT:,.2f}"
    for name in ("return", "drawdown_max"):
        yield name.replace("_", " "), f"{float(str(summary[name])):.4%}"
    yield "sharpe", summary["sharpe"]
    counts = summary["events"]
    assert isinstance(counts, dict)
    yield "orders", ", ".join(f"{counts.get(n, 0)} {n.lower()}" for n in ("Intent", "Allowed", "Denied", "Fill"))
    yield "folder", folder
