"""Decisions about landing, blame and what people said, each made wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.core import (
    barrier,
    board,
    decide,
    front,
    scopecheck,
    settle,
    train,
    voice,
)
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.facts import Built
from orchestrator.reconcile import act
from tests.sim.sabotages.sabotage import Patch, breaks


@breaks("nothing_lands_out_of_tier_order", "no_earlier_tier_was_open")
def ignores_the_barrier() -> Sequence[Patch]:
    return [(barrier.Barriers, "holds", lambda self, item: None)]


@breaks("nothing_lands_untested")
def lands_an_untested_tree() -> Sequence[Patch]:
    right = train.trial

    def wrong(*args: Any) -> Any:
        _, _, found, _, run = args
        candidate = found.get((run.status.published,))
        return train.Passed(candidate) if isinstance(candidate, Built) else right(*args)

    return [(train, "trial", wrong)]


@breaks("gates_blame_only_on_settled_ground", fits=lambda world: world.profile.gate_lost > 0.3)
def blames_the_item_for_the_machine() -> Sequence[Patch]:
    def wrong(answer: Any) -> Any:
        return train.Rejected(FailureClass.GATE_FAILED, "it did not pass", ())

    return [(front, "lost_gate", wrong), (settle, "lost_gate", wrong)]


@breaks(
    "nothing_that_landed_starts_again",
    "nothing_lands_twice",
    fits=lambda world: world.profile.landing_lost > 0,
)
def lands_again_after_a_lost_answer() -> Sequence[Patch]:
    """It believes its own record instead of re-reading the base: what nobody told it landed is landed again."""
    right_land, right_board = act.Executor._land, board._board

    def land(self: Any, action: Any) -> bool:
        if action.only_if is not None:
            return right_land(self, action)
        done = action.train.status.model_copy(update={"landing": None})
        return self._write(act.WriteStatus(action.train.model_copy(update={"status": done})))

    def forgetful(snapshot: Any, the_train: Any, facts: Any, *rest: Any) -> Any:
        told = {run.spec.implementation_spec_ref.name for run in snapshot.runs if run.status.phase is RunPhase.LANDED}
        last = the_train.status.last_landing
        told |= {last.spec} if last is not None else set()
        known = {name: fact for name, fact in facts.landed.items() if name in told}
        return right_board(snapshot, the_train, replace(facts, landed=known), *rest)

    return [(act.Executor, "_land", land), (board, "_board", forgetful)]


@breaks(
    "each_landing_is_one_merge_commit_on_the_tested_base",
    "nothing_lands_without_a_claim_or_while_it_is_lent",
    fits=lambda world: "push_base" in world.profile.calls,
)
def drops_the_check_that_the_base_moved() -> Sequence[Patch]:
    """A verdict on any base will do: what passed on an older tip is landed on the present one."""
    right = train.trial

    def wrong(where: Any, gatehouse: Any, made: Any, *rest: Any) -> Any:
        found = right(where, gatehouse, made, *rest)
        for key in where.facts.candidates:
            if key.base != where.facts.tip and key.heads == (rest[-1].status.published,):
                old = replace(where, facts=replace(where.facts, tip=key.base))
                earlier = right(old, gatehouse, train.on_tip(old.facts), *rest)
                found = earlier if isinstance(earlier, train.Passed) else found
        return found

    return [(train, "trial", wrong), (decide, "_forget", lambda *args, **more: ())]


@breaks(
    "what_is_held_does_not_start",
    "what_is_held_does_not_land",
    fits=lambda world: "hold" in world.profile.calls,
)
def ignores_hold() -> Sequence[Patch]:
    right = voice.voices

    def wrong(*args: Any) -> Any:
        return {name: replace(one, held=False) for name, one in right(*args).items()}

    return [(board, "voices", wrong)]


@breaks(
    "nothing_lands_without_the_approvals_of_exactly_its_head",
    fits=lambda world: world.train.spec.approvals.safety > 0 and "push_branch" in world.profile.calls,
)
def keeps_approvals_after_a_push() -> Sequence[Patch]:
    def wrong(self: Any, head: str) -> frozenset[str]:
        return frozenset(actor for actor, _ in self.approvals)

    return [(voice.Voice, "approvers", wrong)]


@breaks("gates_blame_only_on_settled_ground", fits=lambda world: "redden_base" in world.profile.calls)
def blames_without_a_control_run() -> Sequence[Patch]:
    return [(front, "controlled", lambda *args: front.judged(args[2]))]


@breaks(
    "nothing_lands_without_the_approvals_of_exactly_its_head",
    fits=lambda world: any("guarded" in path for item in world.items for path in item.files),
)
def lands_protected_files_like_any_other() -> Sequence[Patch]:
    right = act.judge

    def wrong(*args: Any) -> Any:
        return right(*args).model_copy(update={"protected": ()})

    # The publisher and the train both look: either alone would hold it.
    return [(act, "judge", wrong), (scopecheck, "judge", wrong)]


@breaks(
    "nothing_lands_without_a_claim_or_while_it_is_lent",
    fits=lambda world: "rewrite_base" in world.profile.calls,
)
def lands_whatever_the_merge_brings() -> Sequence[Patch]:
    """It trusts the publisher's check: what a head brings in besides, now that the base moved, lands with it."""
    from orchestrator.reconcile import leader

    # Work from before a rewrite is sent back before its merge is looked at: either alone would hold it.
    return [
        (front, "refused", lambda where, item, run, candidate: None),
        (leader, "began_on", lambda *args: (frozenset(), frozenset())),
    ]


@breaks(
    "no_attempt_is_blamed_for_what_it_did_not_do",
    "nothing_that_was_taken_out_of_the_base_comes_back_with_a_landing",
    fits=lambda world: "rewrite_base" in world.profile.calls,
)
def goes_on_with_what_was_taken_out_of_the_base() -> Sequence[Patch]:
    from orchestrator.reconcile import leader

    return [(leader, "began_on", lambda *args: (frozenset(), frozenset()))]


@breaks("nothing_that_landed_starts_again", fits=lambda world: "rewrite_base" in world.profile.calls)
def forgets_what_a_rewrite_took_out_of_the_base() -> Sequence[Patch]:
    return [(board, "landed_before", lambda *args: None)]
