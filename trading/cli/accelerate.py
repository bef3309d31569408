"""`trading accelerate`, and what every verb that plays runs does first: choose between a build and the source."""

from __future__ import annotations

import argparse
import os
import sys
import time

from trading.compiled import cache, finder


def accelerate(args: argparse.Namespace) -> int:
    """Compile the engine for this Python, unless that was done for these very sources."""
    from trading.cli import trial
    from trading.compiled import build

    found = None if args.again else cache.fitting()
    if found is not None:
        sys.stdout.write(f"{found.folder}: there already\n")
        return 0
    began = time.monotonic()
    try:
        made = build.make(
            trial.difference, lambda step: sys.stderr.write(f"trading: accelerate: {step}\n"), again=args.again
        )
    except (build.NotBuilt, OSError) as error:
        sys.stderr.write(f"trading: accelerate: {error}\n")
        return 1
    sys.stdout.write(f"{made.folder}: made in {time.monotonic() - began:.0f} s\n")
    return 0


def chosen(args: argparse.Namespace) -> str:
    """Use a build if there is one that fits and nobody said otherwise; return what runs are played on."""
    found = finder.used()
    if found is not None:
        return f"compiled ({found.name})"
    if args.plain or os.environ.get("TRADING_PLAIN"):
        return "plain Python, as asked for"
    found = cache.fitting()
    if found is None:
        return "plain Python (`trading accelerate` compiles it)"
    try:
        finder.use(found)
    except finder.NotUsable as error:
        return f"plain Python ({error})"
    return f"compiled ({found.name})"
