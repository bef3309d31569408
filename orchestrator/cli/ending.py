"""What would have to happen for an item's wait to end: one sentence for every reason an item can wait for.

`explain` prints it beside what is waited for. Derived from the status alone, so that it is the same with and without a
leader at work.
"""

from __future__ import annotations

from orchestrator.cli.advice import train_demand
from orchestrator.core.suggest import listed
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain

_BY_ITSELF = {
    Reason.NEW: "when the leader looks at it: interlock run",
    Reason.BACKING_OFF: "by itself, when the time is over; the machine failed it, so no attempt is spent",
    Reason.AGENT_RUNNING: "when its agent ends, at the latest at its time limit",
    Reason.COLLECTING: "when its agent's work is fetched and checked against its scope",
    Reason.PUBLISHING: "when its branch and pull request are written",
    Reason.LANDING: "in a moment: the base is being moved to the commit that was tested",
    Reason.LEADER_DIED: "when a leader goes on: interlock run",
}
_FREEZES = {
    Reason.RED_BASE: "when the base is green again: the repair run lands, or somebody commits a fix",
    Reason.BASE_CANNOT_RUN: "when the gate can run on the base: the machine or the gate is corrected and a person "
    "releases the train",
    Reason.BASE_MOVED_BACK: "when a person has looked at what was taken out of the base and releases the train",
    Reason.LANDING_UNPROVED: "when a person has looked at the base and releases the train",
    Reason.BASE_NOT_CLEAN: "when the checkout of the base is clean",
    Reason.BREAKER_OPEN: "when the one item that probes has left work: the machine failed two different ones",
    Reason.HELD: "when whoever holds the train releases it",
    Reason.NO_GATES: "when the train has gates: without any nothing can be proved",
}


def ending(spec: ImplementationSpec, train: MergeTrain | None) -> str:
    """Return what ends the item's wait; empty where it waits for nothing."""
    status = spec.status
    if status.phase in (Phase.LANDED, Phase.CANCELLED):
        return ""
    if status.phase is Phase.STALLED:
        return "when a person acts: change the spec, retry it or cancel it"
    names = [wait.name for wait in status.waiting_for]
    on = listed(names, "and") if names else ""
    match status.reason:
        case Reason.WAITING_FOR_NEED:
            return f"when {on} {_has(names)} landed; if one is cancelled or stalls for good, this item does, too"
        case Reason.WAITING_FOR_CLAIM | Reason.YIELDED:
            back = "; its own work is kept and comes back rebased" if status.reason is Reason.YIELDED else ""
            return f"when {on or 'the earlier item'} has landed, is cancelled or stalls{back}"
        case Reason.WAITING_FOR_CAPACITY:
            return f"when an agent of {on or 'the pool'} has ended: they start in landing order"
        case Reason.WAITING_FOR_TIER:
            return f"when {on or 'the earlier tier'} has landed or is cancelled, or a person waives it"
        case Reason.WAITING_FOR_TRAIN:
            return f"when {on or 'what is ahead'} has landed or left the line; nothing later of its rank gets ahead"
        case Reason.WAITING_FOR_APPROVAL:
            missing = next((wait.reason for wait in status.waiting_for if wait.kind == "Person"), "") or "some more"
            return f"when people have approved exactly this head ({missing}); a push voids what was given"
        case Reason.WAITING_FOR_SCOPE:
            return "when a person grants or denies the files its agent asks for"
        case Reason.HELD:
            return "when somebody releases it; others of its tier pass it meanwhile"
        case Reason.VALIDATING:
            which = f"{on} {_has(names)}" if names else "its gates have"
            return f"when {which} a verdict; what fails is compared with the base before anybody is blamed"
        case Reason.TRAIN_FROZEN:
            return _thaw(train)
        case Reason.QUOTA_EXHAUSTED | Reason.BUDGET_EXHAUSTED:
            return "when the quota is there again and a person retries it"
        case _:
            return _BY_ITSELF.get(status.reason, "")


def _has(names: list[str]) -> str:
    return "have" if len(names) > 1 else "has"


def _thaw(train: MergeTrain | None) -> str:
    frozen = train.status.frozen if train is not None else None
    if train is None or frozen is None:
        return "when the cause is gone or a person releases the train"
    return _FREEZES.get(frozen.reason) or train_demand(train) or ""
