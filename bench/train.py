"""Speculation against an oracle, a single queue, prefix speculation and plain best-first, in one run.

Usage: python bench/train.py [--quick] [--count 2000] [--seeds 1,2,3,4,5] [--jobs 2] [--row NAME] [--policy NAME]

The world: changes arrive at random times (Poisson), run for a lognormal time, some are bad by themselves; a pair shares
an input with some probability, and a share of those breaks together (the later one is then at fault). A run tests one
change on an assumption of which of the open changes ahead it shares an input with will land. A change is decided when
the run on what really landed has ended. The oracle knows every outcome; `prefix` assumes that everything ahead lands
that has not failed yet (Zuul's way); `best-first` ranks assumptions by the estimates alone and flips up to three
outcomes; `ours` is `orchestrator.core.speculation`. Ours and best-first look at one feature of the future, the same
for both: an estimate of each change's outcome that is right as often as `foresight` says. Ours takes it for what became
of those that said the same before, as the train learns from its own record (`orchestrator.core.chances`).

Turnaround counts the last four fifths of the changes. `wrong` counts landings whose tree would have failed, `unfair`
rejections of changes that would have passed: both must be 0. The last row, one runner with batches, is no model: it is
`orchestrator.simulate` playing the leader's own decisions, as in bench/batch.py.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush, nsmallest
from itertools import chain
from random import Random

from batch import day, played

from orchestrator.core.chances import BELIEF
from orchestrator.core.speculation import Entrant, forecast, settled, wishes

Ground = frozenset[int]


@dataclass(frozen=True)
class Load:
    """One row of the table."""

    name: str
    per_hour: float
    runners: int
    foresight: float = 0.97
    median: float = 30.0
    sigma: float = 0.5
    cap: float = 120.0
    bad: float = 0.08
    shares: float = 0.02
    breaks: float = 0.04
    flake: float = 0.0
    """How often a run that should pass fails."""
    retry: int = 0
    """How often a run that failed is run again."""
    count: int = 2000
    seed: int = 1


ROWS = (
    Load("300/h", 300, 300),
    Load("500/h", 500, 500),
    Load("300/h, foresight 0.9", 300, 300, foresight=0.9),
    Load("500/h, foresight 0.9", 500, 500, foresight=0.9),
    Load("no declared inputs", 100, 100, shares=1.0, breaks=0.0008),
    Load("swarm", 24, 4, median=10.0, sigma=0.0, bad=0.05, shares=0.15, breaks=0.1),
)
FLAKY = (
    Load("swarm, 3 % flaky", 20, 4, median=10.0, sigma=0.0, bad=0.05, shares=0.15, breaks=0.1, flake=0.03),
    Load("the same, one retry", 20, 4, median=10.0, sigma=0.0, bad=0.05, shares=0.15, breaks=0.1, flake=0.03, retry=1),
)
"""What false rejections come to. Played by ours alone, and no fault of it."""
ONE_RUNNER = "one runner, 8/h"
"""A row without a model of the train: the leader's own decisions, by how many share a validation (bench/batch.py)."""
MOST = (1, 4, 16)
FEATURES = (
    "foresight (an estimate of each outcome, right as often as the load says) and what became of earlier estimates, "
    "nothing else of the future"
)


class Changes:
    """What is true of every change, decided by the seed and asked for as needed."""

    def __init__(self, load: Load) -> None:
        rng = Random(load.seed)
        self.load = load
        self.at: list[float] = []
        self.takes: list[float] = []
        self.good: list[bool] = []
        now = 0.0
        for _ in range(load.count):
            now += rng.expovariate(load.per_hour / 60.0)
            self.at.append(now)
            self.takes.append(min(load.cap, load.median * math.exp(rng.gauss(0, load.sigma))))
            self.good.append(rng.random() >= load.bad)
        self._pairs: dict[tuple[int, int], tuple[bool, bool]] = {}

    def pair(self, first: int, second: int) -> tuple[bool, bool]:
        """Return whether two changes share an input, and whether they break together."""
        found = self._pairs.get((first, second))
        if found is None:
            rng = Random((self.load.seed * 1000003 + first) * 1000003 + second)
            shares = self.load.shares >= 1.0 or rng.random() < self.load.shares
            found = self._pairs[(first, second)] = (shares, shares and rng.random() < self.load.breaks)
        return found

    def passes(self, change: int, ground: Ground | list[int]) -> bool:
        """Return whether a change passes on these."""
        return self.good[change] and not any(self.pair(other, change)[1] for other in ground)


@dataclass
class World:
    """The state that a policy may look at."""

    changes: Changes
    open: list[int] = field(default_factory=list)
    ahead: dict[int, list[int]] = field(default_factory=dict)
    """Open changes ahead that share an input."""
    all_ahead: dict[int, list[int]] = field(default_factory=dict)
    """As it was when the change came."""
    landed_under: dict[int, Ground] = field(default_factory=dict)
    """Of those it came after, the ones that landed since."""
    landed: dict[int, bool] = field(default_factory=dict)
    known: dict[int, dict[Ground, bool]] = field(default_factory=dict)
    running: dict[int, dict[Ground, int]] = field(default_factory=dict)
    chance: dict[int, float] = field(default_factory=dict)
    told: dict[int, list[int]] = field(default_factory=lambda: {False: [0, 0], True: [0, 0]})
    """Of the estimates that said so, how many changes landed and how many were decided: what a record would show."""
    truth: dict[int, bool] = field(default_factory=dict)
    """What the oracle knows: filled as changes come."""
    estimates: Random = field(default_factory=Random)

    def come(self, change: int) -> None:
        """Let a change join the line."""
        ahead = [other for other in self.open if self.changes.pair(other, change)[0]]
        self.ahead[change], self.all_ahead[change] = ahead, list(ahead)
        self.landed_under[change] = frozenset()
        self.known[change], self.running[change] = {}, {}
        self.truth[change] = self.changes.passes(change, [other for other in ahead if self._will_land(other)])
        foresight = self.changes.load.foresight
        right = self.estimates.random() < foresight
        self.chance[change] = foresight if self.truth[change] == right else 1.0 - foresight
        self.open.append(change)

    def decide(self, change: int, verdict: bool) -> None:
        """Take a change out of the line."""
        self.landed[change] = verdict
        self.open.remove(change)
        record = self.told[self.chance[change] >= 0.5]
        record[0] += verdict
        record[1] += 1

    def learnt(self, change: int) -> float:
        """Return what its estimate is worth by what became of earlier ones, drawn to its word while they are few."""
        landed, decided = self.told[self.chance[change] >= 0.5]
        return (landed + BELIEF * self.chance[change]) / (decided + BELIEF)

    def _will_land(self, change: int) -> bool:
        return self.landed.get(change, self.truth[change])

    def settle(self) -> None:
        """Bring what stands under and ahead of every open change up to date."""
        for change in self.open:
            ahead = self.ahead[change]
            if any(other in self.landed for other in ahead):
                under = [other for other in ahead if self.landed.get(other)]
                self.landed_under[change] = self.landed_under[change].union(under)
                self.ahead[change] = [other for other in ahead if other not in self.landed]


Pick = tuple[int, Ground]
Policy = Callable[[World, int], Iterator[Pick]]


def own_ground(world: World, change: int) -> bool | None:
    """Return the verdict on what really landed, once that is known: everybody's rule but ours."""
    return None if world.ahead[change] else world.known[change].get(world.landed_under[change])


def entrant_of(world: World, change: int) -> Entrant[int]:
    """Return a change as speculation sees it."""
    under = world.landed_under[change]
    known = {
        ground - under: verdict
        for ground, verdict in world.known[change].items()
        if under <= ground and not any(world.landed.get(other) is False for other in ground)
    }
    return Entrant(change, world.ahead[change], world.learnt(change), known)


def indifferent(world: World, change: int) -> bool | None:
    """Return the verdict that is the same on every way those ahead can end."""
    return settled(entrant_of(world, change))


def ours(world: World, free: int) -> Iterator[Pick]:
    """Yield what the train's own speculation wants, the worthiest first."""
    line = [entrant_of(world, change) for change in world.open]
    may_pass = world.open if world.changes.load.shares < 1.0 else ()
    for wish in wishes(line, forecast(line), may_pass=may_pass):
        yield wish.name, world.landed_under[wish.name] | wish.ahead


def oracle(world: World, free: int) -> Iterator[Pick]:
    """Yield each change on exactly what will land."""
    for change in world.open:
        yield change, world.landed_under[change].union(o for o in world.ahead[change] if world.truth[o])


def single(world: World, free: int) -> Iterator[Pick]:
    """Yield what nothing open stands before."""
    for change in world.open:
        if not world.ahead[change]:
            yield change, world.landed_under[change]


def prefix(world: World, free: int) -> Iterator[Pick]:
    """Yield each change on everything ahead that has not failed on its own present assumption."""
    failing: set[int] = set()
    for change in world.open:
        ground = world.landed_under[change].union(other for other in world.ahead[change] if other not in failing)
        if world.known[change].get(ground) is False:
            failing.add(change)
        yield change, ground


def best_first(world: World, free: int) -> Iterator[Pick]:
    """Yield assumptions by the product of the estimates, the likeliest and up to three flips of one outcome."""
    wants: list[list[tuple[float, int, Ground]]] = []
    for change in world.open:
        under, ahead = world.landed_under[change], world.ahead[change]
        chances = [(world.chance[other], other) for other in ahead]
        likely = under.union(other for chance, other in chances if chance >= 0.5)
        score = sum(math.log(max(chance, 1 - chance)) for chance, _ in chances)
        mine = [(-score, change, likely)]
        flips = sorted(((math.log(max(c, 1 - c) / min(c, 1 - c)), o) for c, o in chances))[:3]
        mine += [(-score + cost, change, likely ^ {other}) for cost, other in flips]
        wants.append(mine)
    room = free + sum(len(runs) for runs in world.running.values()) + sum(len(each) for each in world.known.values())
    for _, change, ground in nsmallest(room, chain.from_iterable(wants)):
        yield change, ground


POLICIES: dict[str, tuple[Policy, Callable[[World, int], bool | None]]] = {
    "ours": (ours, indifferent),
    "oracle": (oracle, own_ground),
    "single": (single, own_ground),
    "prefix": (prefix, own_ground),
    "best-first": (best_first, own_ground),
}


def refuted(world: World, change: int, ground: Ground) -> bool:
    """Return whether what landed is not what the run assumed."""
    return any(other in world.landed and world.landed[other] != (other in ground) for other in world.all_ahead[change])


@dataclass(frozen=True)
class Outcome:
    """What one policy made of one load."""

    p50: float
    p95: float
    p99: float
    runs: float
    used: float
    wrong: int
    unfair: int
    tick_ms: float


def play(load: Load, policy: str) -> Outcome:
    """Return what came of it."""
    choose, rule = POLICIES[policy]
    changes = Changes(load)
    world = World(changes, estimates=Random(load.seed + 7))
    events: list[tuple[float, int, int, int, Ground]] = []
    for change, at in enumerate(changes.at):
        heappush(events, (at, 0, change, 0, frozenset()))
    alive: set[int] = set()
    token = runs = wrong = unfair = ticks = 0
    busy = last = spent = 0.0
    took: dict[int, float] = {}
    luck, failed = Random(load.seed + 99), dict[tuple[int, Ground], int]()
    while events:
        now, kind, change, which, ground = heappop(events)
        if kind and which not in alive:
            continue
        busy += len(alive) * (now - last)
        last = now
        if kind:
            alive.discard(which)
            world.running[change].pop(ground)
            passes = changes.passes(change, ground) and luck.random() >= load.flake
            if passes or failed.get((change, ground), 0) >= load.retry:
                world.known[change][ground] = passes
            else:
                failed[change, ground] = failed.get((change, ground), 0) + 1
        else:
            world.come(change)
        begin = time.perf_counter()
        moved = True
        while moved:
            moved = False
            world.settle()
            for one in list(world.open):
                verdict = rule(world, one)
                if verdict is not None:
                    world.decide(one, verdict)
                    took[one] = now - changes.at[one]
                    moved = True
        for one in list(world.running):
            dead = [each for each in world.running[one] if one in world.landed or refuted(world, one, each)]
            for each in dead:
                alive.discard(world.running[one].pop(each))
            if one in world.landed:
                del world.running[one]
        free = load.runners - len(alive)
        if free > 0:
            for one, each in choose(world, free):
                if each in world.known[one] or each in world.running[one]:
                    continue
                token += 1
                runs += 1
                alive.add(token)
                world.running[one][each] = token
                heappush(events, (now + changes.takes[one], 1, one, token, each))
                if len(alive) >= load.runners:
                    break
        spent += time.perf_counter() - begin
        ticks += 1
    for one, verdict in world.landed.items():
        truth = changes.passes(one, [other for other in world.all_ahead[one] if world.landed[other]])
        wrong += verdict and not truth
        unfair += truth and not verdict
    counted = sorted(took[one] for one in range(load.count // 5, load.count))
    p50, p95, p99 = (counted[min(len(counted) - 1, int(len(counted) * share))] for share in (0.5, 0.95, 0.99))
    used = busy / (last - changes.at[0]) / load.runners
    return Outcome(p50, p95, p99, runs / load.count, used, wrong, unfair, spent / ticks * 1000)


def mean(found: list[Outcome], name: str) -> float:
    """Return the mean of one figure over the seeds."""
    return statistics.fmean(getattr(one, name) for one in found)


def line(row: Load, policy: str, found: list[Outcome], base: float) -> str:
    """Return one line of the table."""
    spread = statistics.pstdev(one.p50 for one in found)
    p50, p95, p99 = (mean(found, name) for name in ("p50", "p95", "p99"))
    cost = f"{mean(found, 'runs'):6.2f} {mean(found, 'used'):5.2f} {mean(found, 'tick_ms'):8.2f}"
    ratio = f"{p50 / base:8.2f}" if base else " " * 8
    return f"{row.name:24} {policy:11} {p50:7.1f} ±{spread:4.1f} {p95:7.1f} {p99:7.1f} {ratio} {cost}"


def main() -> None:
    """Play what is asked for and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300 changes and one seed: a look, not a measurement")
    parser.add_argument("--count", type=int, default=2000, help="changes a play (default 2000)")
    parser.add_argument("--seeds", default="1,2,3,4,5", help="comma-separated (default 1,2,3,4,5)")
    parser.add_argument("--jobs", type=int, default=2, help="plays at once (default 2)")
    parser.add_argument("--row", action="append", help="only rows that contain this")
    parser.add_argument("--policy", action="append", choices=list(POLICIES), help="only these policies")
    asked = parser.parse_args()
    count = 300 if asked.quick else asked.count
    seeds = [1] if asked.quick else [int(seed) for seed in asked.seeds.split(",")]
    bad = 0
    head = f"{'load':24} {'policy':11} {'P50':>13} {'P95':>7} {'P99':>7} {'x oracle':>8}"
    print(f"{count} changes, seeds {', '.join(map(str, seeds))}")
    print(f"{head} {'runs':>6} {'used':>5} {'ms/tick':>8}")
    with ProcessPoolExecutor(asked.jobs) as pool:

        def outcomes(row: Load, policy: str) -> list[Outcome]:
            loads = [replace(row, seed=seed, count=count) for seed in seeds]
            return list(pool.map(play, loads, [policy] * len(loads)))

        for row in (each for each in ROWS if not asked.row or any(word in each.name for word in asked.row)):
            base = 0.0
            for policy in asked.policy or ("oracle", "ours", "best-first", "prefix", "single"):
                found = outcomes(row, policy)
                base = mean(found, "p50") if policy == "oracle" else base
                bad += sum(one.wrong + one.unfair for one in found)
                print(line(row, policy, found, base), flush=True)
        for row in (each for each in FLAKY if not asked.row or any(word in each.name for word in asked.row)):
            found = outcomes(row, "ours")
            bad += sum(one.wrong for one in found)
            share = 100 * sum(one.unfair for one in found) / (count * len(found))
            print(f"{line(row, 'ours', found, 0.0)}   {share:.2f} % rejected falsely", flush=True)
        if not asked.policy and (not asked.row or any(word in ONE_RUNNER for word in asked.row)):
            for most in MOST:
                days = list(pool.map(played, [day(count, seed, most) for seed in seeds]))
                bad += sum(one.broken for one in days)
                p50, p95, p99, runs = (
                    statistics.fmean(getattr(one, name) for one in days) for name in ("p50", "p95", "p99", "runs")
                )
                spread = statistics.pstdev(one.p50 for one in days)
                label = f"{ONE_RUNNER:24} {f'batch of {most}':11}"
                print(f"{label} {p50:7.1f} ±{spread:4.1f} {p95:7.1f} {p99:7.1f} {'':8} {runs:6.2f}", flush=True)
    print(f"what ours looks at: {FEATURES}")
    print(f"wrong landings, and false rejections where nothing is flaky: {bad}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
