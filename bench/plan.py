"""Planning of roadmaps, 1,000 to 10,000 items in one run. Exit 1 if 10,000 take too long or more than their share.

Every third item has needs, lanes have many folders, floors and a few hot files that hundreds of items claim. A round
answers all sizes, so that a slow minute hits all of them; the best of the rounds counts. Beside it, ordering alone. The
same for roadmaps in loose form: phases of marked lists with a lane, a file name and a criterion for each item.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.core.order import Orderable, rank
from orchestrator.core.plan import Document, PlanResult, plan, plan_documents, specs_of
from orchestrator.core.roadmap import Form, Read, read, read_strict
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.spec import Tier
from orchestrator.model.train import Floor, MergeTrain, MergeTrainSpec

# CPU time throughout: other work on the machine is nobody's speed.
SIZES = (1_000, 2_000, 5_000, 10_000)
ROUNDS = 3
SECONDS_MAX = 3.0
# Per item, against the smallest size. Caches miss more often in more memory; a quadratic part would show as 10.
GROWTH_MAX = 1.6
RANK_S_MAX = 0.1

LANES = ("trading", "research", "ops", "web", "data")
TIERS = tuple(Tier)


@dataclass(frozen=True)
class Took:
    """CPU seconds."""

    read: float
    plan: float

    @property
    def total(self) -> float:
        return self.read + self.plan


def roadmap(items: int) -> str:
    """Return a roadmap in strict form, about 370 bytes an item."""
    return "\n".join(_item(at) for at in range(items))


def _item(at: int) -> str:
    lane = LANES[at % len(LANES)]
    needs = f"- Needs: item-{at // 2}, item-{at - 1}\n" if at % 3 == 2 else ""
    hot = f", {lane}/registry.py" if at % 50 == 0 else ""
    return (
        f"### item-{at}: Item number {at}\n\n"
        f"- Objective: Every order passes gate {at}, which can only deny.\n"
        f"- Lane: {lane}\n"
        f"- Paths: `{lane}/part{at % 97}/unit{at}/**`, `{lane}/tests/test_unit{at}_*.py`{hot}\n"
        "- Acceptance:\n"
        "  - An order without a fresh quote is denied\n"
        "  - A missing limit denies\n"
        f"- Validation: unit: `pytest -q {lane}/tests`\n"
        f"- Tier: {TIERS[at % len(TIERS)]}\n"
        f"{needs}\n"
        f"Write unit {at} as one pure function. Start from the denials.\n"
    )


def timed(work: Callable[[], object]) -> float:
    """Return what the work takes with the collector paused, as `interlock plan` does it."""
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        work()
        return time.process_time() - begin
    finally:
        gc.enable()


def took(text: str, lanes: list[Lane], train: MergeTrain) -> Took:
    """Return what one size takes, results checked."""
    reads: list[Read] = []
    read_s = timed(lambda: reads.append(read_strict(text, "roadmap.md")))
    plans = []
    plan_s = timed(lambda: plans.append(plan(reads[0].items, lanes=lanes, trains=[train], problems=reads[0].problems)))
    result = plans[0]
    assert len(specs_of(result)) == len(result.items) == text.count("### ")
    assert not result.has_errors and all(item.wave for item in result.items)
    return Took(read_s, plan_s)


def loose_roadmap(items: int) -> str:
    """Return a roadmap in loose form, about 110 bytes an item, ten to a phase."""
    phases = (f"## Phase {at}: Part {at} of it\n\n{_loose_phase(at)}\n" for at in range(items // 10))
    return "# Roadmap\n\n- Lane A: Core\n  - Owns: `src/**`\n\n" + "".join(phases)


def _loose_phase(phase: int) -> str:
    return "".join(
        f"- [{'x' if at % 3 == 0 else ' '}] Write unit {phase}-{at} of it in `src/part{phase}/unit{at}.py` (Lane A)\n"
        "  - Acceptance: an order without a fresh quote is denied\n"
        for at in range(10)
    )


def took_loose(text: str, items: int) -> Took:
    """Return what one size takes in loose form, results checked."""
    reads: list[Read] = []
    read_s = timed(lambda: reads.append(read(text, "roadmap.md")))
    plans: list[PlanResult] = []
    plan_s = timed(lambda: plans.append(plan_documents([Document("roadmap.md", reads[0])])))
    assert reads[0].form is Form.LOOSE and len(plans[0].items) == items and not plans[0].problems
    return Took(read_s, plan_s)


def ranked(items: int) -> float:
    orderables = [
        Orderable(f"item-{at}", TIERS[at % 4], at % 7, at, (f"item-{at // 2}", f"item-{at - 1}") if at % 3 == 2 else ())
        for at in range(items)
    ]
    return min(timed(lambda: rank(orderables)) for _ in range(5))


def main() -> int:
    """Print the table and return the exit code."""
    lanes = [Lane(metadata=ObjectMeta(name=name), spec=LaneSpec(own=(f"{name}/**",))) for name in LANES]
    floors = tuple(Floor(paths=(path,), tier=Tier.SAFETY) for path in ("trading/part7/**", "**/registry.py"))
    train = MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec(floors=floors))
    strict = _best({size: roadmap(size) for size in SIZES}, lambda text, _: took(text, lanes, train))
    loose = _best({size: loose_roadmap(size) for size in SIZES}, took_loose)
    results = [_told("strict", strict), _told("loose", loose)]
    order_s = ranked(SIZES[-1])
    print(f"ordered in {order_s * 1e3:.0f} ms (at most {RANK_S_MAX * 1e3:.0f})")
    return 0 if all(results) and order_s <= RANK_S_MAX else 1


def _best(texts: dict[int, str], measure: Callable[[str, int], Took]) -> dict[int, Took]:
    best: dict[int, Took] = {}
    for _ in range(ROUNDS):
        for size, text in texts.items():
            now = measure(text, size)
            best[size] = min(best.get(size, now), now, key=lambda each: each.total)
    return best


def _told(form: str, best: dict[int, Took]) -> bool:
    """Print one form's table; return whether it is quick enough."""
    print(f"{form} form")
    print("  items   read s   plan s  total s  µs an item  against first  order ms")
    first = best[SIZES[0]].total / SIZES[0]
    for size, took_ in best.items():
        each = took_.total / size
        order_ms = ranked(size) * 1e3
        print(
            f"{size:>7} {took_.read:>8.2f} {took_.plan:>8.2f} {took_.total:>8.2f} {each * 1e6:>11.0f} "
            f"{each / first:>13.2f}x {order_ms:>9.1f}"
        )
    last = best[SIZES[-1]].total
    growth = last / SIZES[-1] / first
    print(f"10,000 items: {last:.2f} s (at most {SECONDS_MAX}), an item {growth:.2f}x (at most {GROWTH_MAX})")
    return last <= SECONDS_MAX and growth <= GROWTH_MAX


if __name__ == "__main__":
    sys.exit(main())
