"""Ways to break the leader on purpose. Each must be caught by the seeds of `make test`, or the world is blind there.

A sabotage replaces one small decision by a wrong one that somebody could really write. It is applied for the length of
a `with` block; nothing else of the leader changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core import (
    attempts,
    barrier,
    batch,
    blame,
    board,
    candidates,
    claims,
    conclude,
    decide,
    front,
    gatehouse,
    line,
    lookahead,
    prospects,
    scopecheck,
    settle,
    train,
    voice,
)
from orchestrator.core.trial import Rejected, Waiting
from orchestrator.model.action import DiscardWorkspace
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import AgentState, Built
from orchestrator.reconcile import act
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


@breaks("nothing_starts_before_its_needs_landed", "nothing_lands_before_its_needs")
def forgets_needs() -> Sequence[Patch]:
    return [(board.Board, "open_needs", lambda self, item: [])]


@breaks("live_claims_that_are_not_lent_are_disjoint")
def grants_overlapping_claims() -> Sequence[Patch]:
    return [(claims._Step, "_obstacle", lambda self, claimant, index: None)]


@breaks("no_published_head_leaves_its_claim", "nothing_lands_without_a_claim_or_while_it_is_lent")
def ignores_lent_claims() -> Sequence[Patch]:
    return [(board.Item, "is_lent", property(lambda self: False))]


@breaks("gates_blame_only_on_settled_ground", fits=lambda world: world.profile.gate_lost > 0.3)
def blames_the_item_for_the_machine() -> Sequence[Patch]:
    def wrong(answer: Any) -> Any:
        return train.Rejected(FailureClass.GATE_FAILED, "it did not pass", ())

    return [(front, "lost_gate", wrong), (settle, "lost_gate", wrong)]


@breaks(
    "what_changed_nothing_is_not_tried_again",
    fits=lambda world: any("nothing" in item.temper.odds for item in world.items),
)
def retries_what_changed_nothing() -> Sequence[Patch]:
    return [(attempts, "FINAL", attempts.FINAL - {FailureClass.NO_CHANGE})]


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


@breaks("no_commit_becomes_unreachable")
def overwrites_what_somebody_else_pushed() -> Sequence[Patch]:
    from orchestrator.core import dispatch

    return [(settle, "foreign_head", lambda item: None), (dispatch, "foreign_head", lambda item: None)]


@breaks("one_live_agent_per_spec")
def starts_a_second_agent_beside_the_first() -> Sequence[Patch]:
    return [(attempts, "LIVE", attempts.LIVE - {RunPhase.RUNNING})]


@breaks("gates_blame_only_on_settled_ground", fits=lambda world: "redden_base" in world.profile.calls)
def blames_without_a_control_run() -> Sequence[Patch]:
    return [(front, "controlled", lambda *args: front.judged(args[2]))]


@breaks("attempts_stay_within_the_limit", "attempts_count_only_what_was_spent")
def grants_attempts_for_ever() -> Sequence[Patch]:
    return [(attempts, "spent_attempts", lambda counted: 0)]


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


@breaks("a_spec_applied_anew_starts_afresh", fits=lambda world: "recreate_spec" in world.profile.calls)
def takes_a_spec_of_the_same_name_for_the_same() -> Sequence[Patch]:
    return [(where, "is_of", lambda spec, run: True) for where in (attempts, board)]


@breaks("nothing_that_landed_starts_again", fits=lambda world: "rewrite_base" in world.profile.calls)
def forgets_what_a_rewrite_took_out_of_the_base() -> Sequence[Patch]:
    return [(board, "landed_before", lambda *args: None)]


@breaks("no_attempt_is_blamed_for_what_it_did_not_do", fits=lambda world: "kill_agent" in world.profile.calls)
def forgets_the_work_of_earlier_attempts() -> Sequence[Patch]:
    right = conclude._protocol_ending

    def wrong(run: Any, *rest: Any) -> Any:
        base = run.spec.model_copy(update={"start": run.spec.base})
        return right(run.model_copy(update={"spec": base}), *rest)

    return [(conclude, "_protocol_ending", wrong)]


@breaks("what_is_tested_ahead_gets_the_gates_of_every_member", fits=lambda world: looks_far(world, "validation"))
def asks_only_the_last_members_gates() -> Sequence[Patch]:
    right = prospects.Prospects.wanted

    def wrong(self: Any, members: Any, tested: Any) -> Any:
        return [wish for wish in right(self, members, tested) if wish.gate in self._gates_of(members[-1:])]

    return [(prospects.Prospects, "wanted", wrong)]


@breaks("only_what_can_still_come_about_is_begun", fits=lambda world: looks_far(world, "bad", "ugly", "breaking"))
def tests_on_top_of_who_was_rejected() -> Sequence[Patch]:
    right = train._advance

    def wrong(where: Any, gatehouse: Any, step: Any, entry: Any) -> Any:
        found = right(where, gatehouse, step, entry)
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

    def wrong(where: Any, gatehouse: Any, step: Any, entry: Any) -> Any:
        found = right(where, gatehouse, step, entry)
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


def batches(world: Scenario) -> bool:
    """Return whether entries share validations there: a short line does not where all gates declare their inputs."""
    spec = world.train.spec
    return spec.batch.max > 1 and spec.window.max > 1 and not all(gate.inputs for gate in spec.gates)


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


def declares(world: Scenario) -> bool:
    """Return whether every gate of the train says there what it reads."""
    return all(gate.inputs for gate in world.train.spec.gates)


@breaks("nothing_lands_untested", fits=declares)
def keeps_silent_about_verdicts_on_other_trees() -> Sequence[Patch]:
    return [(front, "elsewhere", lambda answers, tree: "")]


@breaks("nothing_lands_untested", fits=declares)
def takes_any_verdict_of_a_gate_that_declares_inputs() -> Sequence[Patch]:
    return [(gatehouse, "inputs_of", lambda facts, commit, gate: "inputs:any" if gate.inputs else "")]


def looks_bad(world: Scenario) -> bool:
    """Return whether somebody is likely to fail there."""
    return any({"bad", "ugly", "breaking"}.intersection(item.temper.odds) for item in world.items)


def looks_checked(world: Scenario) -> bool:
    """Return whether several have a validation of their own there."""
    return sum(bool(item.spec.spec.validation) for item in world.items) > 1
