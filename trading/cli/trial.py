"""A short made-up run, played on a build and on the source before the build is put in place: both must say the same.

A compiler can be wrong, and so can a new version of one. The whole comparison is `make test-accelerated`; this is what
is asked on every machine that compiles.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256

from trading import chain, events
from trading.compiled import modules
from trading.compiled.cache import Build
from trading.costs import fees, profile
from trading.data import generate
from trading.engine.backtest import Backtest, Setup
from trading.events import AnyEvent, Fill
from trading.gate import limits as limits_module
from trading.model import UNIT, Instrument, Money, Symbol
from trading.stages import risk
from trading.strategies import sma_cross

_SOURCE = "from trading.cli import trial; print(trial.played())"
_BUILD = f"""import sys; from pathlib import Path; from trading.compiled import cache, finder
finder.use(cache.read(Path(sys.argv[1]))); {_SOURCE}"""


def difference(build: Build) -> str:
    """Return in words how a build differs from the source; empty if both say the same."""
    python = [sys.executable, "-c"]
    return between([*python, _SOURCE], [*python, _BUILD, str(build.folder)])


def between(source: Sequence[str], build: Sequence[str]) -> str:
    """Return in words how what two programs print differs; empty if it does not."""
    environment = os.environ | {"PYTHONPATH": str(modules.PACKAGE.parent)}
    said = []
    for words in (source, build):
        ran = subprocess.run(words, env=environment, capture_output=True, text=True, errors="replace")
        if ran.returncode:
            return f"a trial run ended with exit {ran.returncode}:\n{ran.stderr[-2000:]}"
        said.append(ran.stdout.strip())
    one, other = said
    return "" if one == other else f"a trial run says {one} on the source and {other} compiled"


def played() -> str:
    """Return a digest of everything a made-up run leaves, both ways it can be played, and how much that was."""
    symbols = [Symbol("AAPL", "NASDAQ"), Symbol("KO", "NYSE"), Symbol("XOM", "NYSE")]
    bars = generate.minutes(symbols, date(2020, 1, 2), 4000, 7)
    document = limits_module.document(limits_module.defaults()) | {"returns_min": 3, "tvar_bps_max": 1000}
    limits, failures = limits_module.read(json.dumps(document).encode())
    assert limits is not None, failures
    made = sma_cross.make("trial", sma_cross.Parameters(fast=3, slow=9, lots=20))
    setup = Setup(
        replace(made, risk=(risk.trailing_stop(300), risk.weight_cap(1500))),
        bars,
        {each: Instrument(each, tick, sector=each.venue) for each, tick in zip(symbols, bars.ticks, strict=True)},
        profile.load("stressed")[0],
        fees.load("us-per-share")[0],
        limits,
        Money(100_000 * UNIT),
        {name: dict.fromkeys(symbols, -0.1) for name in sorted(limits.stress_scenarios)},
    )
    head, fills, trades = chain.GENESIS, 0, sha256()

    def record(event: AnyEvent) -> None:
        nonlocal head, fills
        head = chain.link(head, events.encode(event))
        fills += isinstance(event, Fill)

    for scans_from in (0, len(bars) + 1):
        outcome = Backtest(setup, record, lambda trade: trades.update(repr(trade).encode())).run(scans_from=scans_from)
        trades.update(repr(outcome).encode())
    return f"{head[:16]}/{trades.hexdigest()[:16]} of {fills} fills"
