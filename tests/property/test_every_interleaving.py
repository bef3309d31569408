"""Every way a small queue can go, held against what must come of it: no sampling, each state visited once.

The world is the simulation's, the decisions are the leader's own. What is left open is taken in every order: which of
the validations under way ends next, and whether a stranger gets to the base before that. What a tree's verdict is, its
entries say: a bad one fails in every tree, a broken one cannot be run in any, and one that quarrels fails in every tree
that holds the entry ahead of it. So the end is known beforehand, and it is the same whatever came first.
"""

from __future__ import annotations

from itertools import permutations, product

import pytest

from orchestrator.model.condition import RunPhase
from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.play import come_to_rest
from orchestrator.simulate.result import result_of
from orchestrator.simulate.rules import violations
from orchestrator.simulate.tree import Element
from orchestrator.simulate.world import World

NAMES = "abcd"
GOOD, BAD, BROKEN, QUARRELS = "good", "bad", "broken", "quarrels"
STRANGER = "stranger"
STEPS_MAX = 60
"""More than this without an end is none: four entries take some twenty at most."""

State = tuple[object, ...]


class Queue:
    """One queue at one moment, reached by a list of choices."""

    def __init__(self, kinds: tuple[str, ...], train: dict[str, object]) -> None:
        self.kinds = dict(zip(NAMES, kinds, strict=False))
        entries = [{"name": name} for name in self.kinds]
        self.spec = SimulationSpec.model_validate({"train": train, "entries": entries})
        self.world = World(self.spec)
        self.world.runners.complaint = lambda sha, run: ", ".join(self._bad(run.members))
        self.has_met_stranger = False
        for name in self.kinds:
            self.world.open(name)
        come_to_rest(self.world)

    def choices(self) -> list[str]:
        """Return what may happen next."""
        running = sorted(self.world.runners._running)
        return running + ([] if self.has_met_stranger or not running else [STRANGER])

    def choose(self, choice: str) -> None:
        """Let it happen, and the leader react."""
        world = self.world
        world.minute += 1
        if choice == STRANGER:
            self.has_met_stranger = True
            world.intrude(None)
        else:
            _, run = world.runners._running[choice]
            held = [member.name for member in (*self._base(), *run.members)]
            is_broken = any(self.kinds.get(name) == BROKEN for name in held)
            world.runners.outage_until = world.minute + 1 if is_broken else -1.0
            world.runners._end(choice, world.minute)
            world.runners.outage_until = -1.0
        come_to_rest(world)

    def state(self) -> State:
        """Return all that what happens next may depend on."""
        verdicts = {
            (each.name, each.status.phase, tuple(one.result for one in each.status.tries))
            for each in self.world.validations.list()
        }
        phases = {run.name: run.status.phase for run in self.world.runs.list() if run.status.phase is RunPhase.FAILED}
        return (
            tuple(member.name for member in self._base()),
            frozenset(verdicts),
            frozenset(phases),
            frozenset(self.world.runners._running),
            self.has_met_stranger,
        )

    def ends(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return who landed, in order, and why the others did not."""
        result = result_of("queue", self.spec, self.world)
        return result.landed, {
            name: fate.reason if fate.outcome == "rejected" else fate.outcome
            for name, fate in result.entries.items()
            if fate.outcome != "landed"
        }

    def _base(self) -> list[Element]:
        return [commit.element for commit in self.world.commits.on_base() if commit.element is not None]

    def _bad(self, members: tuple[Element, ...]) -> list[str]:
        held = {member.name for member in (*self._base(), *members)}
        return [member.name for member in members if fails(member.name, self.kinds, held)]


def fails(name: str, kinds: dict[str, str], held: set[str]) -> bool:
    """Return whether the entry fails in a tree that holds these."""
    kind = kinds.get(name)
    return kind == BAD or (kind == QUARRELS and NAMES[NAMES.index(name) - 1] in held)


def expected(kinds: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return what has to come of it, found one by one in order, as if there were all the time in the world."""
    named = dict(zip(NAMES, kinds, strict=False))
    landed: list[str] = []
    rejected: dict[str, str] = {}
    for name, kind in named.items():
        if kind == BROKEN:
            rejected[name] = "GateCouldNotRun"
        elif fails(name, named, {*landed}):
            rejected[name] = "GateFailed"
        else:
            landed.append(name)
    return tuple(landed), rejected


def explore(kinds: tuple[str, ...], train: dict[str, object]) -> int:
    """Go every way from every state there is; return how many states there are."""
    seen: set[State] = set()
    ways: list[tuple[Queue | None, list[str]]] = [(Queue(kinds, train), [])]
    while ways:
        queue, path = ways.pop()
        if queue is None:
            queue = Queue(kinds, train)
            for choice in path[:-1]:
                queue.choose(choice)
        if path:
            queue.choose(path[-1])
        where = f"{kinds} with {train} after {len(path)} steps"
        wrong = violations(queue.spec, queue.world.trail)
        assert wrong == (), f"{where}: {wrong}"
        assert len(path) < STEPS_MAX, f"{where}: no end"
        state = queue.state()
        if state in seen:
            continue
        seen.add(state)
        choices = queue.choices()
        if not choices:
            assert queue.ends() == expected(kinds), where
        # The world cannot be copied: the last way goes on in this one, the others are gone again from the start.
        ways.extend((None, [*path, choice]) for choice in choices[:-1])
        ways.extend((queue, [*path, choice]) for choice in choices[-1:])
    return len(seen)


TRAINS = [
    {"runs": runs, "batch": {"max": most}, "speculation": ahead, "retries": {"flaky": 0, "infra": 3}}
    for runs, most, ahead in product((1, 2), (1, 4), ("off", "bestFirst"))
]


def called(train: dict[str, object]) -> str:
    return f"{train['runs']} runs, batch {train['batch']}, speculation {train['speculation']}"


@pytest.mark.parametrize("train", TRAINS, ids=called)
def test_every_interleaving_of_a_few_entries_ends_as_it_must_and_breaks_no_rule(train: dict[str, object]) -> None:
    for kinds in (*product((GOOD, BAD, BROKEN), repeat=2), *permutations((GOOD, BAD, BROKEN))):
        assert explore(kinds, train) > len(kinds)


@pytest.mark.parametrize("train", TRAINS, ids=called)
def test_so_does_every_interleaving_of_entries_that_quarrel_with_who_is_ahead(train: dict[str, object]) -> None:
    for kinds in ((GOOD, QUARRELS, GOOD), (BAD, QUARRELS, QUARRELS)):
        explore(kinds, train)


@pytest.mark.soak
@pytest.mark.parametrize("kinds", list(product((GOOD, BAD, BROKEN, QUARRELS), repeat=4)), ids="-".join)
def test_every_interleaving_of_four_entries_ends_as_it_must_and_breaks_no_rule(kinds: tuple[str, ...]) -> None:
    for train in TRAINS:
        explore(kinds, train)
