"""Ways to break the leader on purpose. Each must be caught by the seeds of `make test`, or the world is blind there.

A sabotage replaces one small decision by a wrong one that somebody could really write. It is applied for the length of
a `with` block; nothing else of the leader changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core import attempts, barrier, board, claims, conclude, decide, settle, train, voice
from orchestrator.model.action import DiscardWorkspace
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import AgentState, Built
from orchestrator.reconcile import act

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break the leader: what is replaced, and by what."""

    name: str
    patches: Callable[[], Sequence[Patch]]

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

    def apply_for_good(self) -> None:
        """Break the leader of this process."""
        for where, name, wrong in self.patches():
            setattr(where, name, wrong)


SABOTAGES: dict[str, Sabotage] = {}


def sabotage(patches: Callable[[], Sequence[Patch]]) -> Callable[[], Sequence[Patch]]:
    """Register a sabotage under its function's name."""
    SABOTAGES[patches.__name__] = Sabotage(patches.__name__, patches)
    return patches


@sabotage
def ignores_the_barrier() -> Sequence[Patch]:
    return [(barrier.Barriers, "holds", lambda self, item: None)]


@sabotage
def lands_an_untested_tree() -> Sequence[Patch]:
    right = train.trial

    def wrong(*args: Any) -> Any:
        where, _, _, _, run = args
        candidate = where.facts.candidates.get(train.CandidateKey(where.facts.tip, (run.status.published,)))
        return train.Passed(candidate) if isinstance(candidate, Built) else right(*args)

    return [(train, "trial", wrong)]


@sabotage
def forgets_needs() -> Sequence[Patch]:
    return [(board.Board, "open_needs", lambda self, item: [])]


@sabotage
def grants_overlapping_claims() -> Sequence[Patch]:
    return [(claims._Step, "_obstacle", lambda self, claimant, index: None)]


@sabotage
def ignores_lent_claims() -> Sequence[Patch]:
    return [(board.Item, "is_lent", property(lambda self: False))]


@sabotage
def blames_the_item_for_the_machine() -> Sequence[Patch]:
    def wrong(answer: Any) -> Any:
        return train.Rejected(FailureClass.GATE_FAILED, "it did not pass", ())

    return [(train, "lost_gate", wrong), (settle, "lost_gate", wrong)]


@sabotage
def retries_what_changed_nothing() -> Sequence[Patch]:
    return [(attempts, "FINAL", attempts.FINAL - {FailureClass.NO_CHANGE})]


@sabotage
def lands_again_after_a_lost_answer() -> Sequence[Patch]:
    """It believes its own record instead of re-reading the base: what nobody told it landed is landed again."""

    def wrong(self: Any, action: Any) -> bool:
        status = action.train.status.model_copy(update={"landing": None})
        outcome = self._ports.forge.land(action.train.spec.base, action.landing)
        if outcome.result is act.LandResult.LANDED:
            return bool(self._prove(action))
        return bool(self._write(act.WriteStatus(action.train.model_copy(update={"status": status}))))

    right = board._board

    def forgetful(snapshot: Any, the_train: Any, facts: Any, *rest: Any) -> Any:
        last = the_train.status.last_landing
        known = {last.spec: facts.landed[last.spec]} if last is not None and last.spec in facts.landed else {}
        return right(snapshot, the_train, replace(facts, landed=known), *rest)

    return [(act.Executor, "_land", wrong), (board, "_board", forgetful)]


@sabotage
def drops_the_check_that_the_base_moved() -> Sequence[Patch]:
    """A verdict on any base will do: the candidate of an older tip is landed as if it were the present one's."""
    right = train.trial

    def wrong(*args: Any) -> Any:
        where, _, _, _, run = args
        for key, candidate in where.facts.candidates.items():
            old = key.heads == (run.status.published,) and key.base != where.facts.tip
            if old and isinstance(candidate, Built):
                return train.Passed(candidate)
        return right(*args)

    return [(train, "trial", wrong), (decide, "_forget", lambda *args: ())]


@sabotage
def counts_a_leaders_death_as_an_attempt() -> Sequence[Patch]:
    right = conclude._ending

    def wrong(fact: Any, *rest: Any) -> Any:
        ending = right(fact, *rest)
        if ending.reason is Reason.LEADER_DIED:
            return replace(ending, failure=FailureClass.AGENT_ERROR)
        return ending

    return [(conclude, "_ending", wrong)]


@sabotage
def discards_workspaces_before_collecting() -> Sequence[Patch]:
    right = decide.decide

    def wrong(snapshot: Any, now: Any) -> Any:
        ended = [run for run in snapshot.runs if run.status.phase is RunPhase.RUNNING and run.name in snapshot.agents]
        early = [DiscardWorkspace(run) for run in ended if snapshot.agents[run.name].state is not AgentState.RUNNING]
        return (*early, *right(snapshot, now))

    from orchestrator.reconcile import leader

    return [(leader, "decide", wrong)]


@sabotage
def ignores_hold() -> Sequence[Patch]:
    right = voice.voices

    def wrong(*args: Any) -> Any:
        return {name: replace(one, held=False) for name, one in right(*args).items()}

    return [(board, "voices", wrong)]


@sabotage
def keeps_approvals_after_a_push() -> Sequence[Patch]:
    def wrong(self: Any, head: str) -> frozenset[str]:
        return frozenset(actor for actor, _ in self.approvals)

    return [(voice.Voice, "approvers", wrong)]


@sabotage
def overwrites_what_somebody_else_pushed() -> Sequence[Patch]:
    from orchestrator.core import dispatch

    return [(settle, "foreign_head", lambda item: None), (dispatch, "foreign_head", lambda item: None)]


@sabotage
def starts_a_second_agent_beside_the_first() -> Sequence[Patch]:
    return [(attempts, "LIVE", attempts.LIVE - {RunPhase.RUNNING})]


@sabotage
def blames_without_a_control_run() -> Sequence[Patch]:
    return [(train, "_controlled", lambda where, gatehouse, answer: train.judged(answer))]


@sabotage
def grants_attempts_for_ever() -> Sequence[Patch]:
    return [(attempts, "spent_attempts", lambda counted: 0)]
