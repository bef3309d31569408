"""What a person can do about an item: the commands that could change it, and what only a person can settle.

`explain` prints the steps, `run` ends with the demands. Derived from status alone, so the words are the same whether
the leader is alive or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import MergeTrain


@dataclass(frozen=True, slots=True)
class Step:
    """A command a person may type next, and what it would do."""

    command: str
    effect: str


BY_ATTEMPTS = frozenset(Reason[failure.name] for failure in FailureClass)
"""Reasons that follow from what an attempt did: there is a log to read."""

DEMANDS: dict[Reason, str] = {
    Reason.WAITING_FOR_APPROVAL: "a person has to approve its head",
    Reason.HELD: "whoever holds it has to release it",
    Reason.WAITING_FOR_SCOPE: "a person has to answer the agent's request for more files",
    Reason.QUOTA_EXHAUSTED: "somebody has to see to the provider's quota",
    Reason.BUDGET_EXHAUSTED: "somebody has to raise its budget",
    Reason.INVALID: "its author has to change the spec",
    Reason.NEED_FAILED: "what it needs has to be settled first, or the need dropped",
    Reason.POLICY_DENIED: "its change breaks a policy: change the spec, or make the change by hand",
    Reason.GATE_COULD_NOT_RUN: "a gate has no verdict: install what it needs or change it, then retry",
    Reason.CONFLICT: "it and the base cannot be merged without choosing a side: do that on its branch",
    Reason.NO_CHANGE: "its agent found nothing to do: change the spec, or cancel it",
    Reason.INFRA: "the machine keeps failing it: look at the log, then retry",
    Reason.SCOPE_VIOLATION: "its agents keep leaving its scope: widen its paths or change the prompt",
    Reason.GATE_FAILED: "its change keeps failing a gate: read the evidence, change the spec or the gate",
    Reason.AGENT_ERROR: "its agents keep failing: read the log, change the spec or the provider",
}

TRAIN_DEMANDS: dict[Reason, str] = {
    Reason.RED_BASE: (
        "a gate fails on the base itself: commit a fix to the base, or correct the gate in its file; "
        "if neither is at fault: {release}"
    ),
    Reason.BASE_CANNOT_RUN: (
        "a gate cannot run on the base either: correct the gate in its file, or install what it needs; it is tried "
        "again now and then, and at once after: {release}"
    ),
    Reason.BASE_MOVED_BACK: "the base was rewritten: look at the commits, then release the train",
    Reason.BASE_NOT_CLEAN: "the base is checked out with changes that landing would overwrite: commit or remove them",
    Reason.LANDING_UNPROVED: "the base did not hold what was tested after a landing: look at it, then release",
    Reason.BREAKER_OPEN: "two failed in the same way by the machine: repair that; what probes it closes the breaker",
    Reason.HELD: "whoever holds the train has to release it",
}


def demand(spec: ImplementationSpec) -> str | None:
    """Return what a person has to do about the item before anything moves; None if it moves by itself or is done."""
    status = spec.status
    if status.phase is Phase.STALLED:
        return DEMANDS.get(status.reason, "a person has to look at it")
    if status.phase in (Phase.WAITING, Phase.PROPOSED, Phase.RUNNING):
        return DEMANDS.get(status.reason)
    return None


def train_demand(train: MergeTrain, typed: Callable[[str], str] = str) -> str | None:
    """Return what a person has to do about the train; None if it is not frozen."""
    frozen = train.status.frozen
    if frozen is None:
        return None
    return TRAIN_DEMANDS.get(frozen.reason, "look at it, then release the train").format(
        release=typed(f"interlock release {train.name} --reason '…'")
    )


def steps(spec: ImplementationSpec) -> list[Step]:
    """Return the commands that could change where the item stands, the most likely one first."""
    name, status = spec.name, spec.status
    found: list[Step] = []
    match status.reason:
        case Reason.WAITING_FOR_APPROVAL:
            found.append(Step(f"interlock approve {name} --reason '…'", "let its present head land"))
        case Reason.HELD:
            found.append(Step(f"interlock release {name}", "end the hold"))
        case Reason.WAITING_FOR_SCOPE:
            found.append(Step(f"interlock grant {name} --reason '…'", "let the agent have the files"))
            found.append(Step(f"interlock deny {name} --reason '…'", "refuse them"))
        case Reason.TRAIN_FROZEN:
            found.append(Step(f"interlock explain {spec.spec.train}", "see why the train is frozen"))
        case Reason.WAITING_FOR_CAPACITY:
            found.append(Step("interlock run --jobs N", "more agents at once, if the lane's maxRuns allows it"))
        case _:
            pass
    found += [
        Step(f"interlock explain {wait.name}", "see what that one waits for")
        for wait in status.waiting_for
        if wait.kind == ImplementationSpec.KIND and wait.name != name
    ][:3]
    if status.phase is Phase.STALLED or status.reason in (Reason.QUOTA_EXHAUSTED, Reason.BUDGET_EXHAUSTED):
        if status.current_run or status.attempts or status.reason in BY_ATTEMPTS:
            found.append(Step(f"interlock logs {name}", "what its last agent printed"))
        found.append(Step(f"interlock retry {name} --reason '…'", "give it fresh attempts"))
        found.append(Step(f"interlock cancel {name} --reason '…'", "drop it"))
        if (status.tier or spec.spec.tier) is Tier.SAFETY and status.phase is Phase.STALLED:
            found.append(Step(f"interlock waive {name} --reason '…'", "let later tiers pass it"))
    elif status.phase is Phase.RUNNING:
        found.append(Step(f"interlock logs {name} -f", "watch its agent"))
    elif status.phase is Phase.LANDED and status.landed:
        found.append(Step(f"git show {status.landed[:12]}", "see what landed"))
    elif status.phase is Phase.CANCELLED:
        found.append(Step(f"interlock retry {name} --reason '…'", "take it up again"))
    if status.reason is Reason.WAITING_FOR_TRAIN or status.reason is Reason.WAITING_FOR_CLAIM:
        found.append(Step(f"interlock priority {name} N", "move it forward inside its tier"))
    return found


def train_steps(train: MergeTrain) -> list[Step]:
    """Return the commands that could end the train's freeze."""
    if train.status.frozen is None:
        return [Step("interlock status", "see every item")]
    return [
        Step(f"interlock events {train.name}", "see how it came to this"),
        Step(f"interlock release {train.name} --reason '…'", "say that the base is fine as it is now"),
    ]
