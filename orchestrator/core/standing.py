"""Whether an open pull request may pass at all, whatever its verdicts say: holds, claims, needs, approvals, tiers.

`train.steer` asks for every entry of the line. What is said here is what people read while an entry waits for something
other than its own tests.
"""

from collections.abc import Collection

from orchestrator.core.barrier import Barriers
from orchestrator.core.board import Board, Item
from orchestrator.core.trial import Waiting
from orchestrator.model.condition import Reason
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import Wait
from orchestrator.model.train import Frozen


def standing(
    board: Board, barriers: Barriers, item: Item, run: AgentRun, *, ahead: Collection[str] = ()
) -> Waiting | None:
    """Return why an open pull request may not pass now, whatever its verdicts; None if it may.

    `ahead` are items that land before it or with it: what it needs of them is met.
    """
    if item.voice.held:
        return Waiting(Reason.HELD, f"held by {item.voice.held_why}", (Wait(kind="Person", name="release"),))
    if item.stall is not None:
        return Waiting(item.stall.reason, item.stall.message)
    earlier = board.yields_to(item.claim)
    if earlier is not None:
        return Waiting(
            Reason.YIELDED,
            f"its claim is lent to {earlier}, which comes earlier",
            (Wait(kind="ImplementationSpec", name=earlier, reason="holds the claim"),),
        )
    if item.claim is None:
        return Waiting(Reason.WAITING_FOR_CLAIM, "its claim is being taken again")
    needs = [need for need in board.open_needs(item) if need not in ahead]
    if needs:
        return Waiting(
            Reason.WAITING_FOR_NEED,
            f"needs {', '.join(needs)}",
            tuple(Wait(kind="ImplementationSpec", name=need, reason="not landed") for need in needs),
        )
    unapproved = approval_wait(board, item, run, is_protected=_is_protected(run))
    if unapproved is not None:
        return unapproved
    holder = barriers.holds(item)
    if holder is not None:
        return Waiting(
            Reason.WAITING_FOR_TIER,
            f"{holder.name} ({holder.tier.value}) is an earlier tier and still open",
            (Wait(kind="ImplementationSpec", name=holder.name, reason=f"tier {holder.tier.value}"),),
        )
    return None


def needs_person(run: AgentRun) -> bool:
    """Return whether a person has to agree to the run's head whatever the tier asks for."""
    return _is_protected(run) or is_prompt_overridden(run)


def _is_protected(run: AgentRun) -> bool:
    return run.status.scope is not None and bool(run.status.scope.protected)


def approval_wait(board: Board, item: Item, run: AgentRun, *, is_protected: bool) -> Waiting | None:
    """Return how many people still have to approve exactly this head; None if enough have."""
    needed = board.train.spec.approvals.needed(item.tier)
    if is_protected or is_prompt_overridden(run):
        needed = max(needed, 1)
    given = item.voice.approvers(run.status.published or "")
    if len(given) >= needed:
        return None
    return Waiting(
        Reason.WAITING_FOR_APPROVAL,
        f"{len(given)} of {needed} approvals of head {(run.status.published or '')[:12]}",
        (Wait(kind="Person", name="approve", reason=f"{needed - len(given)} more"),),
    )


def is_prompt_overridden(run: AgentRun) -> bool:
    """Return whether the run's parameters replaced the spec's text: then a person has to approve the head."""
    return bool(run.spec.parameters.get("prompt"))


def frozen_wait(board: Board, stop: Frozen | None) -> Waiting | None:
    """Return that everything waits for the train to be freed; None where it is not, or where the repair may pass."""
    if stop is None or stop.reason is Reason.RED_BASE:
        return None
    return Waiting(
        Reason.TRAIN_FROZEN, stop.message, (Wait(kind="MergeTrain", name=board.train.name, reason=stop.reason.value),)
    )
