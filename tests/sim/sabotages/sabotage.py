"""What a sabotage is, how one is registered, and which worlds have what it takes to notice it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.sim.scenario import Scenario, scenario

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break the leader: what is replaced, and by what."""

    name: str
    sentences: tuple[str, ...]
    """What it breaks: being caught for something else by accident does not count."""
    patches: Callable[[], Sequence[Patch]]
    fits: Callable[[Scenario], bool]
    """Which worlds have what it takes to notice: they are played first."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Break the leader for the length of the block."""
        patches = self.patches()
        kept = [getattr(where, name) for where, name, _ in patches]
        try:
            for where, name, wrong in patches:
                setattr(where, name, wrong)
            yield
        finally:
            for (where, name, _), right in zip(patches, kept, strict=True):
                setattr(where, name, right)

    def order(self, count: int) -> list[int]:
        """Return the first seeds: the one that caught it before, those whose world fits, the others."""
        before = NOTICED.get(self.name)
        return sorted(range(count), key=lambda seed: (seed != before, not self.fits(scenario(seed)), seed))

    def apply_for_good(self) -> None:
        """Break the leader of this process."""
        for where, name, wrong in self.patches():
            setattr(where, name, wrong)


SABOTAGES: dict[str, Sabotage] = {}


NOTICED = {
    "blames_the_item_for_the_machine": 164,
    "blames_without_a_control_run": 44,
    "counts_a_leaders_death_as_an_attempt": 11,
    "decides_one_entry_a_tick": 335,
    "forgets_the_agents_of_deleted_specs": 46,
    "forgets_the_work_of_earlier_attempts": 681,
    "forgets_what_a_rewrite_took_out_of_the_base": 78,
    "goes_on_with_what_is_refuted": 818,
    "goes_on_with_what_was_taken_out_of_the_base": 116,
    "ignores_lent_claims": 16,
    "ignores_the_barrier": 5,
    "lands_again_after_a_lost_answer": 46,
    "lands_whatever_the_merge_brings": 539,
    "rejects_who_conflicts_with_an_entry_ahead": 802,
    "stops_what_has_to_be_merged_anew": 470,
    "stops_what_runs_for_what_is_likelier": 896,
    "takes_a_candidate_of_several_for_that_of_its_last": 770,
    "takes_a_spec_of_the_same_name_for_the_same": 191,
    "takes_nothing_for_refuted": 442,
    "tests_on_top_of_who_was_rejected": 335,
}
"""The seed that caught what few of them do. Only where to look first: a leader that acts otherwise moves it, and then
all seeds are played as before."""


Patches = Callable[[], Sequence[Patch]]


def breaks(*sentences: str, fits: Callable[[Scenario], bool] = lambda world: True) -> Callable[[Patches], Patches]:
    """Register a sabotage under its function's name, with the sentences that have to notice it."""

    def register(patches: Patches) -> Patches:
        SABOTAGES[patches.__name__] = Sabotage(patches.__name__, sentences, patches, fits)
        return patches

    return register


def looks_far(world: Scenario, *odds: str) -> bool:
    """Return whether several entries are tested ahead there, with items that are one of these."""
    is_wide = world.train.spec.runs > 1 and world.train.spec.window.max > 1 and len(world.items) > 4
    tempers = [{*item.temper.odds, *(("validation",) if item.spec.spec.validation else ())} for item in world.items]
    return is_wide and world.agents_max > 1 and (not odds or any(temper.intersection(odds) for temper in tempers))


def batches(world: Scenario) -> bool:
    """Return whether entries share validations there: a short line does not where all gates declare their inputs."""
    spec = world.train.spec
    return spec.batch.max > 1 and spec.window.max > 1 and not all(gate.inputs for gate in spec.gates)


def declares(world: Scenario) -> bool:
    """Return whether every gate of the train says there what it reads."""
    return all(gate.inputs for gate in world.train.spec.gates)


def looks_bad(world: Scenario) -> bool:
    """Return whether somebody is likely to fail there."""
    return any({"bad", "ugly", "breaking"}.intersection(item.temper.odds) for item in world.items)


def looks_checked(world: Scenario) -> bool:
    """Return whether several have a validation of their own there."""
    return sum(bool(item.spec.spec.validation) for item in world.items) > 1
