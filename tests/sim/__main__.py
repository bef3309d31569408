"""Play seeds by hand: `python -m tests.sim --seed 7 --trace`, `python -m tests.sim --first 0 --count 500`."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.sim.runner import Outcome, play
from tests.sim.sabotages import SABOTAGES


def main() -> int:
    """Print what the seeds come to; return 1 if a sentence was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one")
    parser.add_argument("--trace", action="store_true", help="print everything that happened")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="break the leader in this way first")
    chosen = parser.parse_args()
    if chosen.sabotage:
        SABOTAGES[chosen.sabotage].apply_for_good()
    if chosen.seed is not None:
        outcome = play(chosen.seed, trace=chosen.trace)
        print(outcome.report())
        return 1 if outcome.sentence else 0
    return _many(chosen.first, chosen.count, chosen.jobs)


def _many(first: int, count: int, jobs: int) -> int:
    began = time.perf_counter()
    seeds = range(first, first + count)
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            outcomes = list(pool.map(play, seeds, chunksize=10))
    else:
        outcomes = [play(seed) for seed in seeds]
    _summary(outcomes, time.perf_counter() - began)
    return 1 if any(outcome.sentence for outcome in outcomes) else 0


def _summary(outcomes: list[Outcome], seconds: float) -> None:
    wrong: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.sentence:
            wrong.setdefault(outcome.sentence, []).append(outcome)
    for sentence, found in sorted(wrong.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(found):5} {sentence}")
        for outcome in found[:4]:
            print(f"        seed={outcome.seed}: {outcome.detail[:300]}")
    met: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for outcome in outcomes:
        met.update(outcome.met)
        ends.update(outcome.ends.values())
    ticks, effects = sum(one.ticks for one in outcomes), sum(one.effects for one in outcomes)
    print(f"{len(outcomes)} seeds, {ticks} ticks, {effects} effects, {seconds:.1f} s; {len(wrong)} sentences violated")
    print("faults: " + ", ".join(f"{name} {count}" for name, count in met.most_common()))
    print("ends: " + ", ".join(f"{name} {count}" for name, count in ends.most_common()))


if __name__ == "__main__":
    sys.exit(main())
