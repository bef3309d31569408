"""`trading paper`: a strategy's own loop before a running gate, on paper."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from trading.cli import backtest as runs
from trading.cli.main import Misuse
from trading.cli.places import places
from trading.clock import SystemClock
from trading.engine import artifacts, runner
from trading.engine.artifacts import Damaged
from trading.gate.client import GateClient
from trading.gate.settings import Desk, Unusable, read
from trading.model import UNIT
from trading.service import paper_run
from trading.service.dealings import Disagreed, Seat
from trading.service.diary import Diverged
from trading.service.paper_run import Held, Lines, World

DISAGREED = 3
_ANSWER_S = 5.0


def paper(args: argparse.Namespace) -> int:
    """Go on with a run on paper until it is told to end."""
    stopped = _stopping()
    parts, desk = runs.parts_of(args), _desk(args)
    strategy = args.strategy or parts.file.name
    if strategy not in desk.strategies:
        known = ", ".join(sorted(desk.strategies)) or "none"
        raise Misuse(f"{args.desk}: knows no strategy {strategy} (there: {known}); name one with --strategy")
    try:
        parts.setup()
        source = Lines.of(args.bars)
    except runner.Unfit as error:
        raise Misuse(f"{args.file}: {error}") from error
    except OSError as error:
        raise Misuse(f"--bars {args.bars}: {error.strerror}; name a file or a pipe, or - for standard input") from error
    folder = Path(args.runs) / paper_run.run_id(parts, strategy, desk.account_id)
    where = places(args)
    _say(f"{folder.name} as {strategy}, gate {where.gate_socket}")
    with closing(GateClient(where.gate_socket, _ANSWER_S)) as gate:
        world = World(gate, source, SystemClock(), where, desk.beat_every_s, _say, stopped)
        seat = Seat(strategy, parts.file.name, parts.file.cash, args.adopt)
        try:
            paper_run.carry_on(
                parts,
                seat,
                folder,
                world,
                lambda bars: runs.columns(parts.strategy, bars),
                _source(parts.file.strategy),
            )
        except Disagreed as error:
            sys.stderr.write(f"trading: paper: {folder.name}: {error}\n")
            return DISAGREED
        except (Held, Diverged, Damaged) as error:
            sys.stderr.write(f"trading: paper: {error}\n")
            return 1
        except OSError as error:
            sys.stderr.write(
                f"trading: paper: {folder}: {error}; nothing is sent that cannot be written down: make room, then "
                "start it again\n"
            )
            return 1
    return _told(folder, args.output)


def _told(folder: Path, output: str) -> int:
    """Print what came of it so far."""
    summary, manifest = artifacts.read_json(folder, artifacts.SUMMARY), artifacts.read_json(folder, artifacts.MANIFEST)
    if output == "json":
        told: dict[str, Any] = {"run": folder.name, "folder": str(folder), "summary": summary}
        told |= {name: manifest[name] for name in ("desk", "bars", "refused", "open", "unanswered")}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return 0
    counts = summary["events"]
    rows = {
        "run": folder.name,
        "bars": f"{manifest['bars']} taken, {manifest['refused']} refused",
        "orders": ", ".join(f"{counts.get(n, 0)} {n.lower()}" for n in ("Intent", "Allowed", "Denied", "Fill")),
        "holds": ", ".join(f"{lots} {symbol}" for symbol, lots in summary["positions"].items()) or "nothing",
        "equity": f"{summary['equity_end'] / UNIT:,.2f} of {summary['cash_start'] / UNIT:,.2f}",
        "left open": ", ".join([*manifest["open"], *manifest["unanswered"]]) or "nothing",
        "folder": folder,
    }
    for name, value in rows.items():
        sys.stdout.write(f"{name:<16} {value}\n")
    return 0


def _source(strategy: str) -> str:
    """Return the digest of a strategy's files; empty where they cannot be read, which the ledger will not take."""
    from trading.research.evidence import here

    return here(strategy)[0]


def _desk(args: argparse.Namespace) -> Desk:
    try:
        return read(Path(args.desk))
    except Unusable as error:
        raise Misuse(str(error)) from error


def _say(what: str) -> None:
    sys.stderr.write(f"paper: {what}\n")
    sys.stderr.flush()


def _stopping() -> Callable[[], bool]:
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopped.append(number))
    return lambda: bool(stopped)
