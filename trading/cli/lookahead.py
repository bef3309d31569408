"""`trading lookahead`: a run with all its data in one process, and without what comes after each cut in another.

A strategy can remember what it was shown: in a module, in a closure, in somebody else's module. What was played on less
data must not have been near the rest, so the whole is played elsewhere and the cuts from the earliest on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import trading.strategies
from trading import events
from trading.cli.backtest import columns, moment, parts_of, words
from trading.cli.main import Misuse
from trading.compiled import finder
from trading.engine import lookahead as ahead
from trading.engine import runner
from trading.engine.lookahead import Leak, Play
from trading.engine.runner import Parts
from trading.research import evidence, reach

T = TypeVar("T")
_SHOWN = 3


class Examined(NamedTuple):
    """What came of looking for a look ahead."""

    parts: Parts
    reaches: tuple[str, ...]
    """What the strategy is made of and may not name; then nothing was played."""
    cuts: int
    leaks: tuple[Leak, ...]
    fills: int


def lookahead(args: argparse.Namespace) -> int:
    """Play a run again on less and less data, and print where it did something else."""
    if args.cuts < 1:
        raise Misuse(f"--cuts {args.cuts}: at least one is meant")
    found = examined(args)
    if args.output == "json":
        told = [
            {"cut": leak.cut, "at": leak.at, "whole": leak.whole, "truncated": leak.truncated} for leak in found.leaks
        ]
        answer = {"cuts": found.cuts, "leaks": told, "reaches": list(found.reaches)}
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    else:
        _show(found)
    return 1 if found.leaks or found.reaches else 0


def examined(args: argparse.Namespace) -> Examined:
    """Return what becomes of a run where less is known; raise `Misuse` for one that cannot be played."""
    parts = parts_of(args, with_features=False)
    reaches = reach.problems(parts.file.strategy, evidence.files(Path(trading.strategies.__file__).parent))
    if reaches:
        return Examined(parts, reaches, 0, (), 0)
    try:
        setup = parts.setup()
    except runner.Unfit as error:
        raise Misuse(f"{args.file}: {error}") from error
    whole = elsewhere(_whole, args)
    cuts = sorted({*ahead.spread(parts.bars, args.cuts), *ahead.decided(whole, args.cuts)})
    leaks = ahead.differences(whole, setup, lambda bars: columns(parts.strategy, bars), cuts)
    return Examined(parts, (), len(cuts), leaks, sum(isinstance(event, events.Fill) for event in whole.events))


def elsewhere(function: Callable[..., T], *words: Any) -> T:
    """Return what a function returns in a process of its own, which begins with nothing that is remembered here."""
    build = finder.used()
    follows = (None, ()) if build is None else (finder.use, (build,))
    with ProcessPoolExecutor(1, get_context("spawn"), *follows) as pool:
        try:
            return pool.submit(function, *words).result()
        except BrokenProcessPool as error:
            raise Misuse(
                "the process that played the whole run was ended; run it again, on less data or more memory"
            ) from error


def _whole(args: argparse.Namespace) -> Play:
    parts = parts_of(args, with_features=False)
    return ahead.played(parts.setup(), lambda bars: columns(parts.strategy, bars))


def _show(found: Examined) -> None:
    name = found.parts.file.name
    for problem in found.reaches:
        sys.stdout.write(f"{problem}\n")
    if found.reaches:
        sys.stdout.write(f"{name}: not played: what reaches beyond its stages can know anything; take these out\n")
        return
    expressions = found.parts.strategy.features() if found.parts.strategy.features else ()
    for leak in found.leaks[:_SHOWN]:
        sys.stdout.write(f"cut at {moment(leak.cut)}: at {moment(leak.at)}\n")
        sys.stdout.write(
            f"  with what comes after:  {_said(leak.whole)}\n  without:                {_said(leak.truncated)}\n"
        )
        if leak.feature is not None:
            sys.stdout.write(f"  feature {leak.feature} is          {str(expressions[leak.feature])[:160]}\n")
    if len(found.leaks) > _SHOWN:
        sys.stdout.write(f"and {len(found.leaks) - _SHOWN} more; -o json has all\n")
    sys.stdout.write(f"{name}: {len(found.leaks)} of {found.cuts} cuts change what was before them\n")


def _said(text: str) -> str:
    """Return an event as a person reads it; anything else as it is."""
    return words(events.decode(text.encode())) if text.startswith("{") else text
