"""`trading gate example`: a desk to try the processes on, in the form that `--desk` reads.

One user is everything in it, so `trading status` says `isolation: same user`; returns are made up, by a seed. Whoever
runs a desk in earnest gives each part its own uid and puts measured returns in their place.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from typing import Any

from trading.clock import SystemClock
from trading.data import calendar
from trading.gate import limits as limits_module
from trading.gate.settings import BEAT_EVERY_S, SILENCE_S

SYMBOLS = {"AAPL.NASDAQ": "technology", "XOM.NYSE": "energy"}
DAYS = 300
_SEED, _DEVIATION, _SHOCK = 1, 0.01, -0.25


def example(args: argparse.Namespace) -> int:
    """Print the desk."""
    sys.stdout.write(json.dumps(document(os.geteuid()), indent=1) + "\n")
    return 0


def document(uid: int) -> dict[str, Any]:
    """Return a desk where one user is everything, as of today."""
    rng = random.Random(_SEED)
    today = calendar.day_of(SystemClock().now())
    listing = {"tick": "0.01", "lot": 1, "tradable": True, "shortable": False, "kind": "equity"}
    volumes = {"average_daily_volume": 20_000_000, "volume_5m": 300_000}
    return {
        "account": {"id": "PA-0001", "endpoint": "paper://simulator", "cash": "100000.00"},
        "strategies": {"cross": {"uid": uid, "budget": "50000.00"}},
        "operators": [uid],
        "feeds": [uid],
        "watchdogs": [uid],
        "gates": [uid],
        "beat_every_ms": int(BEAT_EVERY_S * 1000),
        "silence_ms": int(SILENCE_S * 1000),
        "instruments": {name: listing | volumes | {"sector": sector} for name, sector in SYMBOLS.items()},
        "restricted": {"as_of": str(today), "symbols": []},
        "risk": {
            "daily_returns": {name: [round(rng.gauss(0.0, _DEVIATION), 6) for _ in range(DAYS)] for name in SYMBOLS},
            "stress": {
                scenario: dict.fromkeys(SYMBOLS, _SHOCK)
                for scenario in sorted(limits_module.defaults().stress_scenarios)
            },
        },
    }
