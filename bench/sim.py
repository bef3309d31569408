"""How many seeds of the simulation one core plays, and what share of a tick the leader itself takes.

Both figures come from one run. Deciding is timed inside it; a quarter of the ticks decide twice, to compare.
Prints a table; `--seeds N` for a longer look.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from orchestrator.reconcile import leader as loop
from tests.sim.runner import Outcome, play


def main() -> None:
    """Print seeds, ticks, calls and effects a second, and where the time goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    chosen = parser.parse_args()
    for seed in range(3):
        play(seed)
    spent = {"decide": 0.0}
    right = loop.decide
    loop.decide = _timed(right, spent)
    try:
        began = time.perf_counter()
        outcomes = [play(seed) for seed in range(chosen.seeds)]
        seconds = time.perf_counter() - began
    finally:
        loop.decide = right
    _print(outcomes, seconds, spent["decide"])


def _timed(decide: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*args: Any) -> Any:
        began = time.perf_counter()
        try:
            return decide(*args)
        finally:
            spent["decide"] += time.perf_counter() - began

    return timed


def _print(outcomes: list[Outcome], seconds: float, deciding: float) -> None:
    ticks, calls = sum(one.ticks for one in outcomes), sum(one.calls for one in outcomes)
    effects = sum(one.effects for one in outcomes)
    rows = (
        ("seeds a minute on one core", f"{60 * len(outcomes) / seconds:,.0f}"),
        ("ticks a second", f"{ticks / seconds:,.0f}"),
        ("port calls a second", f"{calls / seconds:,.0f}"),
        ("effects checked a second", f"{effects / seconds:,.0f}"),
        ("share of the time in decide", f"{deciding / seconds:.0%}"),
        ("sentences violated", str(sum(one.sentence is not None for one in outcomes))),
    )
    for name, figure in rows:
        print(f"{name:32} {figure:>10}")


if __name__ == "__main__":
    main()
