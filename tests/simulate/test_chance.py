"""Small worlds made up by chance, with every kind of event: the leader comes to rest in each, and no rule is broken."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.play import play
from orchestrator.simulate.result import Result, result_of
from orchestrator.simulate.rules import violations

SEEDS = 60
TIERS = ("safety", "validity", "execution", "execution", "execution", "strategy")
FOUND = (3, 402, 603, 726)
"""Each once found a mistake: approvals before arrival, a release that freed the train of a freeze yet to come."""


MIXED = 40
MIXED_FOUND = (92, 209, 795, 1518, 1616, 3145, 3831, 5821, 8079, 8494)
"""Each once found a mistake: an outage held against who stood behind, a crash that cost a test under way, a base that
was compared too late, a clock between minutes, arrivals named out of order, a lent tier that was over, a window."""


def world_of(seed: int) -> SimulationSpec:
    rng = Random(seed)
    names = [f"e{number}" for number in range(rng.randint(2, 7))]
    entries = [_entry(rng, number, names) for number in range(len(names))]
    events = [_event(rng, names) for _ in range(rng.randint(0, 5))]
    train = {
        "runs": rng.randint(1, 4),
        "window": {"start": 3, "min": 1, "max": 4},
        "speculation": rng.choice(["prefix", "bestFirst", "off"]),
        "retries": {"flaky": rng.choice([0, 1]), "infra": 3},
        "approvals": {"safety": rng.choice([0, 0, 1])},
    }
    return SimulationSpec.model_validate({"train": train, "entries": entries, "events": events})


def _entry(rng: Random, number: int, names: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": names[number],
        "at": rng.choice([0, 0, 0, 3, 10]),
        "run": rng.choice([2, 5, 10]),
        "tier": rng.choice(["safety", "execution", "execution", "strategy"]),
        "priority": rng.choice([0, 0, 1]),
        "approved": rng.random() < 0.85,
    }
    others = [name for name in names if name != names[number]]
    luck = rng.random()
    if luck < 0.15:
        entry["fails"] = {"always": True}
    elif luck < 0.25:
        entry["fails"] = {"with": [rng.choice(others)]}
    elif luck < 0.3:
        entry["fails"] = {"first": 1}
    elif luck < 0.35:
        entry["fails"] = {"without": [rng.choice(others)]}
    if rng.random() < 0.15 and number:
        entry["needs"] = [rng.choice(names[:number])]
    if rng.random() < 0.1:
        entry["conflicts"] = [rng.choice(others)]
    return entry


def _event(rng: Random, names: list[str]) -> dict[str, Any]:
    at = rng.choice([1, 2, 5, 10, 12, 20, 30])
    name = rng.choice(names)
    words: list[dict[str, Any]] = [
        {"push": name}, {"push": name, "fails": {"always": True}}, {"push": "base"}, {"push": "base", "red": True},
        {"fix": "base"}, {"race": name}, {"cancel": name}, {"approve": name}, {"hold": name}, {"release": name},
        {"waive": name}, {"priority": {name: 3}}, {"lose": "runner"}, {"outage": 7}, {"crash": "leader"},
    ]  # fmt: skip
    return {"at": at, **rng.choice(words)}


@pytest.mark.parametrize("seed", [*range(SEEDS), *(seed for seed in FOUND if seed >= SEEDS)])
def test_a_world_of_chance_comes_to_rest_without_a_broken_rule(seed: int) -> None:
    spec = world_of(seed)
    world = play(spec)
    assert violations(spec, world.trail) == ()
    assert set(result_of("chance", spec, world).entries) == {entry.name for entry in spec.entries}


def mixed_of(seed: int) -> dict[str, Any]:
    """Return a document in which everything may happen at once: batches, inputs, outages, barriers, strangers."""
    rng = Random(f"mixed {seed}")
    names = [f"e{number}" for number in range(rng.randint(2, 8))]
    inputs = rng.random() < 0.5
    theirs = [f"t{number}" for number in range(rng.choice([0, 0, 1, 2]))]
    entries = [_mixed_entry(rng, number, names, theirs, inputs=inputs) for number in range(len(names))]
    events: list[dict[str, Any]] = [{"at": rng.choice([1, 5, 10, 15, 20]), "push": "base", "name": t} for t in theirs]
    for _ in range(rng.randint(0, 7)):
        name = rng.choice(names)
        words: list[dict[str, Any]] = [
            {"push": name}, {"push": name, "fails": {"always": True}}, {"push": name, "fails": {"first": 1}},
            {"push": "base"}, {"push": "base", "red": True}, {"fix": "base"}, {"race": name}, {"cancel": name},
            {"approve": name}, {"hold": name}, {"release": name}, {"release": name}, {"waive": name},
            {"priority": {name: rng.randint(-2, 4)}}, {"lose": "runner"}, {"lose": "runner"},
            {"outage": rng.choice([3, 7, 12])}, {"crash": "leader"},
        ]  # fmt: skip
        at = rng.choice([0, 1, 2, 4, 5, 6, 8, 10, 10, 12, 15, 20, 20, 22, 27, 30, 40])
        events.append({"at": at, **rng.choice(words)})
    window = {"start": rng.randint(2, 4), "min": rng.randint(1, 2), "max": rng.randint(4, 8)}
    train = {
        "runs": rng.choice([1, 1, 1, 2, 2, 3, 4, 6, 8]),
        "window": window,
        "speculation": rng.choice(["prefix", "bestFirst", "bestFirst", "off"]),
        "batch": {"max": rng.choice([1, 1, 2, 4, 4, 6])},
        "retries": {"flaky": rng.choice([0, 1, 2]), "infra": rng.choice([2, 3])},
        "approvals": {"safety": rng.choice([0, 0, 1])},
        "tierBarrier": rng.choice(["strict", "strict", "ready", "off"]),
    }
    return {"train": train, "entries": entries, "events": sorted(events, key=lambda event: event["at"])}


def _mixed_entry(rng: Random, number: int, names: list[str], theirs: list[str], *, inputs: bool) -> dict[str, Any]:
    others = [name for name in names if name != names[number]]
    entry: dict[str, Any] = {
        "name": names[number],
        "at": rng.choice([0, 0, 0, 0, 3, 5, 10, 11]),
        "run": rng.choice([2, 5, 10, 10, 17]),
        "tier": rng.choice(TIERS) if rng.random() < 0.5 else "execution",
        "priority": rng.choice([0, 0, 0, 1, 2]),
        "approved": rng.random() < 0.9,
    }
    luck = rng.random()
    if luck < 0.15:
        entry["fails"] = {"always": True}
    elif luck < 0.25:
        entry["fails"] = {"with": [rng.choice(others + theirs)]}
    elif luck < 0.35:
        entry["fails"] = {"first": rng.randint(1, 3)}
    elif luck < 0.4:
        entry["fails"] = {"without": [rng.choice(others + theirs)]}
    if rng.random() < 0.15 and number:
        entry["needs"] = [rng.choice(names[:number])]
    if rng.random() < 0.12:
        entry["conflicts"] = [rng.choice(others + theirs)]
    if inputs and rng.random() < 0.85:
        entry["touches"] = [word for word in "xyz" if rng.random() < 0.4]
    return entry


def _played(document: dict[str, Any]) -> Result:
    spec = SimulationSpec.model_validate(document)
    world = play(spec)
    assert violations(spec, world.trail) == ()
    return result_of("chance", spec, world)


@pytest.mark.parametrize("seed", [*range(MIXED), *MIXED_FOUND])
def test_where_all_happens_at_once_no_rule_is_broken_and_a_crash_at_any_minute_changes_nothing(seed: int) -> None:
    document = mixed_of(seed)
    result = _played(document)
    rng = Random(seed)
    minutes = {run.start for run in result.runs} | {run.end for run in result.runs} | {rng.uniform(0, 30), 13.0000005}
    crashes = [{"at": minute, "crash": "leader"} for minute in minutes]
    again = _played({**document, "events": sorted([*document["events"], *crashes], key=lambda event: event["at"])})
    assert (again.entries, again.landed, again.runs) == (result.entries, result.landed, result.runs)
    # No change here keeps a gate from running: whoever could not be tested was in an outage.
    assert [name for name, fate in result.entries.items() if fate.reason == "GateCouldNotRun"] == []
