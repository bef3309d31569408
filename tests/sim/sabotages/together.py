"""Decisions about entries that share validations, and about verdicts of other trees, each made wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.core import (
    batch,
    blame,
    candidates,
    front,
    gatehouse,
    line,
    train,
)
from orchestrator.core.trial import Rejected, Waiting
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.facts import Built
from tests.sim.sabotages.sabotage import Patch, batches, breaks, declares, looks_bad, looks_checked


@breaks(
    "gates_blame_only_on_settled_ground",
    fits=lambda world: batches(world) and looks_bad(world),
)
def blames_the_last_of_a_batch_that_fails() -> Sequence[Patch]:
    right = batch.batch

    def wrong(where: Any, gatehouse: Any, made: Any, ready: Any) -> Any:
        found = right(where, gatehouse, made, ready)
        if not found.split:
            return found
        blamed = blame.rejection(ready[found.split - 1].run, Rejected(FailureClass.GATE_FAILED, "", ()), where.now)
        return batch.Batch(tuple(ready[: found.split]), Waiting(Reason.VALIDATING, "", wants=(blamed,)))

    return [(train, "batch", wrong)]


@breaks("what_is_held_does_not_land", fits=lambda world: batches(world) and "hold" in world.profile.calls)
def lands_a_batch_with_a_member_that_is_held() -> Sequence[Patch]:
    right = train.standing

    def wrong(where: Any, *rest: Any) -> Any:
        found = right(where, *rest)
        is_held = found is not None and found.reason is Reason.HELD and where.train.spec.batch.max > 1
        return None if is_held else found

    return [(train, "standing", wrong)]


@breaks("nothing_lands_untested", fits=lambda world: batches(world) and looks_checked(world))
def asks_a_batch_for_its_last_members_gates_only() -> Sequence[Patch]:
    right = batch.wishes_of

    def wrong(where: Any, entries: Any, made: Any) -> Any:
        own = {wish.gate for wish in right(where, entries[-1:], made)}
        return [wish for wish in right(where, entries, made) if wish.gate in own]

    return [(batch, "wishes_of", wrong)]


@breaks("nothing_lands_untested", fits=batches)
def lands_a_batch_on_the_verdict_of_its_first() -> Sequence[Patch]:
    right = batch._look

    def wrong(where: Any, gatehouse: Any, entries: Any, made: Any) -> Any:
        found = right(where, gatehouse, entries, made)
        first = on_tip_of(where).get((entries[0].head,))
        if not isinstance(made, Built) or not isinstance(first, Built):
            return found
        alone = right(where, gatehouse, entries[:1], first)
        return replace(found, passed=made) if alone.passed is not None else found

    def on_tip_of(where: Any) -> Any:
        return candidates.on_tip(where.facts)

    return [(batch, "_look", wrong)]


@breaks("each_merge_says_whose_it_is_and_with_whom_it_was_tested", fits=batches)
def keeps_silent_about_who_was_tested_together() -> Sequence[Patch]:
    return [(line, "as_batch", lambda names, tested="": tested)]


@breaks("nothing_lands_untested", fits=declares)
def keeps_silent_about_verdicts_on_other_trees() -> Sequence[Patch]:
    return [(front, "elsewhere", lambda answers, tree: "")]


@breaks("nothing_lands_untested", fits=declares)
def takes_any_verdict_of_a_gate_that_declares_inputs() -> Sequence[Patch]:
    return [(gatehouse, "inputs_of", lambda facts, commit, gate: "inputs:any" if gate.inputs else "")]
