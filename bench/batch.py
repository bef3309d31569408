"""One runner and more changes than it could test one by one: the train with batches and without, in one run.

Usage: python bench/batch.py [--count 200] [--seeds 1] [--max 1,4,16]

No model of the train: every row is `orchestrator.simulate` playing the leader's own decisions over the same arrivals
(8 an hour, 10-minute runs, 5 % fail by themselves, speculation off, one runner). Turnaround counts the last four
fifths. The published numbers are of 2000 changes and seeds 1-5. No rule of the train may be broken on the way.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from random import Random

from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.play import play
from orchestrator.simulate.result import result_of
from orchestrator.simulate.rules import violations

PER_HOUR, MINUTES, BAD = 8.0, 10.0, 0.05
FIGURES = ("p50", "p95", "p99", "runs", "seconds")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one day."""

    p50: float
    p95: float
    p99: float
    runs: float
    """Validations for each change."""
    broken: int
    seconds: float


def day(count: int, seed: int, most: int) -> SimulationSpec:
    """Return the day of this seed for a train whose batches hold so many at most."""
    rng = Random(seed)
    at = 0.0
    entries = []
    for number in range(count):
        at += rng.expovariate(PER_HOUR / 60.0)
        fails = rng.random() < BAD
        entries.append({"name": f"e{number:05}", "at": round(at, 4), "run": MINUTES, "fails": fails})
    train = {"runs": 1, "batch": {"max": most}, "speculation": "off", "retries": {"flaky": 0}}
    return SimulationSpec.model_validate({"train": train, "entries": entries})


def played(spec: SimulationSpec) -> Outcome:
    """Return what comes of it."""
    begin = time.perf_counter()
    world = play(spec)
    result = result_of("day", spec, world)
    counted = spec.entries[len(spec.entries) // 5 :]
    ends = [(result.entries[entry.name].at, entry.at) for entry in counted]
    took = sorted(end - came for end, came in ends if end is not None)
    p50, p95, p99 = (took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.95, 0.99))
    broken = len(violations(spec, world.trail)) + len(counted) - len(took)
    return Outcome(p50, p95, p99, len(result.runs) / len(spec.entries), broken, time.perf_counter() - begin)


def main() -> None:
    """Play what is asked for and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="changes a day (default 200; the published 2000)")
    parser.add_argument("--seeds", default="1", help="comma-separated (default 1; the published 1,2,3,4,5)")
    parser.add_argument("--max", default="1,4,16", help="batch.max, comma-separated (default 1,4,16)")
    asked = parser.parse_args()
    broken = 0
    print(f"{'batch.max':>9} {'P50':>13} {'P95':>8} {'P99':>8} {'runs a change':>14} {'seconds':>8}")
    for most in (int(word) for word in asked.max.split(",")):
        found = [played(day(asked.count, int(seed), most)) for seed in asked.seeds.split(",")]
        broken += sum(one.broken for one in found)
        mean = {name: statistics.fmean(getattr(one, name) for one in found) for name in FIGURES}
        spread = statistics.pstdev(one.p50 for one in found)
        print(
            f"{most:9} {mean['p50']:7.1f} ±{spread:4.1f} {mean['p95']:8.1f} {mean['p99']:8.1f} {mean['runs']:14.2f}"
            f" {mean['seconds']:8.1f}",
            flush=True,
        )
    print(f"broken rules and changes without an end: {broken}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
