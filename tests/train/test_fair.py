"""Nobody waits for ever: the bound of docs/concepts.md ("Waiting is bounded"), in small worlds of chance."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.play import play
from orchestrator.simulate.rules import violations
from orchestrator.simulate.trail import Advanced, Rejected
from orchestrator.simulate.world import World

SEEDS = 40
GOOD = "good"


def world_of(seed: int, *, urgent: int = 0) -> tuple[SimulationSpec, int]:
    """Return a world with one good entry in the middle of others, and how often those ahead of it are pushed anew."""
    rng = Random(seed)
    ahead = [f"ahead-{n}" for n in range(rng.randint(0, 4))]
    behind = [f"behind-{n}" for n in range(rng.randint(1, 4))]
    entries: list[dict[str, Any]] = [_entry(rng, name, 0) for name in ahead]
    entries.append({"name": GOOD, "at": 1, "run": rng.choice([2, 5, 30])})
    entries += [_entry(rng, name, 1 + rng.randint(1, 20)) for name in behind]
    entries += [{"name": f"urgent-{n}", "at": 2 + 3 * n, "run": 5, "priority": 5} for n in range(urgent)]
    events: list[dict[str, Any]] = []
    pushes = 0
    for _ in range(rng.randint(0, 4)):
        at = rng.choice([1, 3, 7, 12, 25])
        name = rng.choice([*ahead, *behind])
        pushes += name in ahead
        events.append(rng.choice([{"push": name}, {"push": name, "fails": {"always": True}}]) | {"at": at})
    for word in ({"push": "base"}, {"lose": "runner"}, {"crash": "leader"}, {"hold": "behind-0"}):
        if rng.random() < 0.3:
            events.append({"at": rng.choice([2, 6, 11, 18]), **word})
    train = {
        "runs": rng.randint(1, 4),
        "window": {"start": rng.randint(1, 4), "min": 1, "max": 4},
        "speculation": rng.choice(["prefix", "bestFirst", "off"]),
        "retries": {"flaky": rng.choice([0, 1]), "infra": 5},
        "batch": {"max": rng.choice([1, 1, 3])},
    }
    return SimulationSpec.model_validate({"train": train, "entries": entries, "events": events}), pushes


def _entry(rng: Random, name: str, at: float) -> dict[str, Any]:
    fails = rng.choice([{}, {}, {"fails": {"always": True}}, {"fails": {"first": 1}}])
    return {"name": name, "at": at, "run": rng.choice([1, 5, 20]), **fails}


def before_it_landed(world: World) -> list[str]:
    """Return who left the line before the good entry landed: landed or rejected, in order."""
    left: list[str] = []
    for fact in world.trail.facts:
        match fact:
            case Rejected(name=name):
                left.append(name)
            case Advanced(gained=gained):
                names = [element.name for element in gained if element.is_entry]
                if GOOD in names:
                    return [*left, *names[: names.index(GOOD)]]
                left += names
    raise AssertionError("the good entry never landed")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_good_entry_lands_after_one_leaving_of_each_ahead_and_of_nobody_behind(seed: int) -> None:
    spec, pushes = world_of(seed)
    world = play(spec)
    assert violations(spec, world.trail) == ()
    left = [name for name in before_it_landed(world) if name.startswith("ahead")]
    ahead = sum(entry.name.startswith("ahead") for entry in spec.entries)
    assert len(left) <= ahead + pushes
    landed = [name for name in world.landed_at if name.startswith("behind")]
    assert all(world.landed_at[name] >= world.landed_at[GOOD] for name in landed)


@pytest.mark.parametrize("seed", range(10))
def test_a_stream_of_the_more_urgent_delays_it_by_no_more_than_themselves(seed: int) -> None:
    spec, pushes = world_of(seed, urgent=5)
    left = before_it_landed(play(spec))
    allowed = [name for name in left if not name.startswith("behind")]
    ahead = sum(entry.name.startswith(("ahead", "urgent")) for entry in spec.entries)
    assert len(allowed) <= ahead + pushes
