"""`trading drill`: things that have to work, tried in earnest on a throw-away desk, at any hour.

`trading drill paper`: a strategy's loop before a real gate, played through the last minutes of a made-up session on a
clock of the drill's own, and compared with a backtest of the same bars.

`trading drill kill`: a throw-away desk with real processes, killed again and again, and both times measured.

Latch to blocked: from the moment the kill is asked for to the first denial that names it. Latch to all cancelled: until
the broker says that nothing is open. The clock is the machine's, moved to a session, so that it works at night.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from trading.cli.main import Misuse
from trading.cli.progress import counting
from trading.compiled import plain
from trading.model import SECOND
from trading.service.drill import KillDrill, Round

BLOCKED_P99_MS, CANCELLED_MAX_S = 100.0, 5.0


def paper(args: argparse.Namespace) -> int:
    """Rehearse the paper loop; return 0 if it did what a backtest of the same bars does."""
    from trading.service.rehearsal import MINUTES, NAME, Rehearsal
    from trading.strategies import sma_cross

    plain.insist("trading drill paper")
    if not 2 <= args.minutes <= MINUTES:
        raise Misuse(f"--minutes {args.minutes}: a session has {MINUTES}, and two are needed at least")
    strategy = sma_cross.make(NAME, sma_cross.Parameters(fast=3, slow=8, lots=10))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trading-drill-") as folder, counting(NAME, args.minutes) as progress:
        found = Rehearsal(Path(folder), strategy, args.minutes).run(progress)
    answer = {
        "minutes": found.bars,
        "restarts": found.restarts,
        "orders": found.counts.get("Intent", 0),
        "denied": found.counts.get("Denied", 0),
        "fills": found.counts.get("Fill", 0),
        "positions": found.positions,
        "differing": [{"paper": paper, "backtest": backtest} for paper, backtest in found.differing],
        "seconds": round(time.monotonic() - started, 1),
    }
    kept = not found.differing and bool(answer["fills"])
    if args.output == "json":
        sys.stdout.write(json.dumps(answer | {"kept": kept}, indent=1) + "\n")
        return 0 if kept else 1
    for name, value in answer.items():
        if name != "differing":
            sys.stdout.write(f"{name:<18} {value}\n")
    for paper, backtest in found.differing:
        sys.stdout.write(f"differs:\n  on paper    {paper}\n  backtest    {backtest}\n")
    sys.stdout.write(f"{'as a backtest':<18} {'yes' if kept else 'no'}\n")
    return 0 if kept else 1


def kill(args: argparse.Namespace) -> int:
    """Run the drill; return 0 if both bounds were kept."""
    plain.insist("trading drill kill")
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="trading-drill-") as folder:
        for number in range(max(args.rounds, 1)):
            started = time.monotonic()
            rounds.append(KillDrill(Path(folder) / str(number), args.orders).run())
            if sys.stderr.isatty():
                sys.stderr.write(f"\rround {number + 1}/{args.rounds} {time.monotonic() - started:.1f} s")
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    blocked = sorted(one.blocked_ns / SECOND * 1000 for one in rounds)
    cancelled = sorted(one.cancelled_ns / SECOND for one in rounds)
    p99 = blocked[min(len(blocked) - 1, int(len(blocked) * 0.99))]
    blocks = {"p50": round(blocked[len(blocked) // 2], 3), "p99": round(p99, 3), "bound": BLOCKED_P99_MS}
    cancels = {
        "p50": round(cancelled[len(cancelled) // 2], 4),
        "max": round(cancelled[-1], 4),
        "bound": CANCELLED_MAX_S,
    }
    answer = {
        "rounds": len(rounds),
        "orders": args.orders,
        "latchToBlockedMs": blocks,
        "latchToCancelledS": cancels,
        "openLeft": sum(one.open_left for one in rounds),
        "openedAfterKill": sum(one.opened_after for one in rounds),
    }
    kept = p99 <= BLOCKED_P99_MS and cancelled[-1] <= CANCELLED_MAX_S
    kept = kept and not answer["openLeft"] and not answer["openedAfterKill"]
    if args.output == "json":
        sys.stdout.write(json.dumps(answer | {"kept": kept}, indent=1) + "\n")
    else:
        for name, value in (answer | {"kept": kept}).items():
            sys.stdout.write(f"{name:<18} {value}\n")
    return 0 if kept else 1
