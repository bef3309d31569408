"""Decisions about agents, claims, needs and the work of attempts, each made wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.core import (
    attempts,
    board,
    claims,
    conclude,
    decide,
    settle,
)
from orchestrator.model.action import DiscardWorkspace
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import AgentState
from orchestrator.reconcile import act
from tests.sim.sabotages.sabotage import Patch, breaks


@breaks("nothing_starts_before_its_needs_landed", "nothing_lands_before_its_needs")
def forgets_needs() -> Sequence[Patch]:
    return [(board.Board, "open_needs", lambda self, item: [])]


@breaks("live_claims_that_are_not_lent_are_disjoint")
def grants_overlapping_claims() -> Sequence[Patch]:
    return [(claims._Step, "_obstacle", lambda self, claimant, index: None)]


@breaks("no_published_head_leaves_its_claim", "nothing_lands_without_a_claim_or_while_it_is_lent")
def ignores_lent_claims() -> Sequence[Patch]:
    return [(board.Item, "is_lent", property(lambda self: False))]


@breaks(
    "what_changed_nothing_is_not_tried_again",
    fits=lambda world: any("nothing" in item.temper.odds for item in world.items),
)
def retries_what_changed_nothing() -> Sequence[Patch]:
    return [(attempts, "FINAL", attempts.FINAL - {FailureClass.NO_CHANGE})]


@breaks("no_attempt_is_blamed_for_what_it_did_not_do")
def counts_a_leaders_death_as_an_attempt() -> Sequence[Patch]:
    right = conclude._ending

    def wrong(fact: Any, *rest: Any) -> Any:
        ending = right(fact, *rest)
        if ending.reason is Reason.LEADER_DIED:
            return replace(ending, failure=FailureClass.AGENT_ERROR)
        return ending

    return [(conclude, "_ending", wrong)]


@breaks("no_workspace_is_removed_before_its_work_is_kept")
def discards_workspaces_before_collecting() -> Sequence[Patch]:
    right = decide.decide

    def wrong(snapshot: Any, now: Any) -> Any:
        ended = [run for run in snapshot.runs if run.status.phase is RunPhase.RUNNING and run.name in snapshot.agents]
        early = [DiscardWorkspace(run) for run in ended if snapshot.agents[run.name].state is not AgentState.RUNNING]
        return (*early, *right(snapshot, now))

    from orchestrator.reconcile import leader

    return [(leader, "decide", wrong)]


@breaks("no_commit_becomes_unreachable")
def overwrites_what_somebody_else_pushed() -> Sequence[Patch]:
    from orchestrator.core import dispatch

    return [(settle, "foreign_head", lambda item: None), (dispatch, "foreign_head", lambda item: None)]


@breaks("one_live_agent_per_spec")
def starts_a_second_agent_beside_the_first() -> Sequence[Patch]:
    return [(attempts, "LIVE", attempts.LIVE - {RunPhase.RUNNING})]


@breaks("attempts_stay_within_the_limit", "attempts_count_only_what_was_spent")
def grants_attempts_for_ever() -> Sequence[Patch]:
    return [(attempts, "spent_attempts", lambda counted: 0)]


@breaks("no_workspace_is_removed_before_its_work_is_kept", fits=lambda world: "delete_spec" in world.profile.calls)
def forgets_the_agents_of_deleted_specs() -> Sequence[Patch]:
    def wrong(snapshot: Any) -> Any:
        known = {spec.name for spec in snapshot.specs}
        for run in snapshot.runs:
            if run.spec.implementation_spec_ref.name not in known and run.status.phase is RunPhase.RUNNING:
                yield decide.StopAgent(run.name)
                status = run.status.model_copy(update={"phase": RunPhase.SUPERSEDED})
                yield act.WriteStatus(run.model_copy(update={"status": status}))

    return [(decide, "_orphans", wrong)]


@breaks("a_spec_applied_anew_starts_afresh", fits=lambda world: "recreate_spec" in world.profile.calls)
def takes_a_spec_of_the_same_name_for_the_same() -> Sequence[Patch]:
    return [(where, "is_of", lambda spec, run: True) for where in (attempts, board)]


@breaks("no_attempt_is_blamed_for_what_it_did_not_do", fits=lambda world: "kill_agent" in world.profile.calls)
def forgets_the_work_of_earlier_attempts() -> Sequence[Patch]:
    right = conclude._protocol_ending

    def wrong(run: Any, *rest: Any) -> Any:
        base = run.spec.model_copy(update={"start": run.spec.base})
        return right(run.model_copy(update={"spec": base}), *rest)

    return [(conclude, "_protocol_ending", wrong)]
