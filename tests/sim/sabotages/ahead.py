"""Decisions about what is tested ahead of its turn, each made wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.core import (
    candidates,
    gatehouse,
    lookahead,
    prospects,
    train,
)
from orchestrator.model.facts import Built
from tests.sim.sabotages.sabotage import Patch, breaks, declares, looks_far


@breaks("what_is_tested_ahead_gets_the_gates_of_every_member", fits=lambda world: looks_far(world, "validation"))
def asks_only_the_last_members_gates() -> Sequence[Patch]:
    right = prospects.Prospects.wanted

    def wrong(self: Any, members: Any, tested: Any) -> Any:
        return [wish for wish in right(self, members, tested) if wish.gate in self._gates_of(members[-1:])]

    return [(prospects.Prospects, "wanted", wrong)]


@breaks("only_what_can_still_come_about_is_begun", fits=lambda world: looks_far(world, "bad", "ugly", "breaking"))
def tests_on_top_of_who_was_rejected() -> Sequence[Patch]:
    right = train._advance

    def wrong(where: Any, gatehouse: Any, barriers: Any, step: Any, entry: Any) -> Any:
        found = right(where, gatehouse, barriers, step, entry)
        if found is None and entry.name not in step.in_line:
            step.join(replace(entry, lands=True))
        return found

    return [(train, "_advance", wrong), (prospects.Prospects, "is_spent", lambda self, names: False)]


@breaks(
    "gates_blame_only_on_settled_ground",
    "each_landing_is_one_merge_commit_on_the_tested_base",
    fits=lambda world: looks_far(world, "bad", "ugly", "breaking"),
)
def takes_a_candidate_of_several_for_that_of_its_last() -> Sequence[Patch]:
    """It takes any merge in which the front comes last, whatever else is in it."""

    def wrong(facts: Any) -> Any:
        found = candidates.on_tip(facts)
        last = {heads[-1:]: made for heads, made in found.items() if isinstance(made, Built)}
        return {**found, **{heads: replace(made, brought=made.brought[-1:]) for heads, made in last.items()}}

    return [(train, "on_tip", wrong)]


@breaks("what_is_tested_and_can_still_come_about_is_never_stopped", fits=looks_far)
def stops_what_runs_for_what_is_likelier() -> Sequence[Patch]:
    return [(lookahead, "go_on", lambda *_: [])]


@breaks("what_cannot_come_about_any_more_is_stopped_in_that_tick", fits=lambda world: looks_far(world, "bad", "ugly"))
def goes_on_with_what_is_refuted() -> Sequence[Patch]:
    return [(gatehouse.Gatehouse, "_is_spared", lambda self, validation: True)]


@breaks("what_cannot_come_about_any_more_is_stopped_in_that_tick", fits=lambda world: looks_far(world, "bad", "ugly"))
def takes_nothing_for_refuted() -> Sequence[Patch]:
    return [(prospects.Prospects, "is_refuted", lambda self, members: False)]


@breaks("nothing_is_stopped_to_be_started_again", fits=lambda world: declares(world) and looks_far(world))
def stops_what_has_to_be_merged_anew() -> Sequence[Patch]:
    return [(gatehouse.Gatehouse, "_is_spared", lambda self, validation: False)]


@breaks("what_is_known_of_the_front_is_decided_in_one_tick", fits=lambda world: looks_far(world, "bad", "ugly", "poor"))
def decides_one_entry_a_tick() -> Sequence[Patch]:
    right = train._advance

    def wrong(where: Any, gatehouse: Any, barriers: Any, step: Any, entry: Any) -> Any:
        found = right(where, gatehouse, barriers, step, entry)
        return entry.name if found is None else found

    return [(train, "_advance", wrong)]


@breaks("a_conflict_is_only_said_of_a_merge_with_the_base", fits=looks_far)
def rejects_who_conflicts_with_an_entry_ahead() -> Sequence[Patch]:
    """It takes the conflict of a chain for one of its last member with the base."""

    def wrong(facts: Any) -> Any:
        found = candidates.on_tip(facts)
        clashes = {heads[-1:]: made for heads, made in found.items() if not isinstance(made, Built) and len(heads) > 1}
        return {**found, **clashes}

    return [(train, "on_tip", wrong)]


@breaks("no_candidate_has_more_members_than_the_window", fits=lambda world: world.train.spec.window.max < 2)
def looks_past_the_window() -> Sequence[Patch]:
    return [(lookahead, "window", lambda *_: 1000)]


@breaks("no_more_gates_run_than_the_train_has_runs", fits=lambda world: looks_far(world))
def starts_one_more_validation_than_there_are_runs() -> Sequence[Patch]:
    right = gatehouse.Gatehouse.actions

    def wrong(self: Any, **how: Any) -> Any:
        self._runs += 1
        return right(self, **how)

    return [(gatehouse.Gatehouse, "actions", wrong)]
