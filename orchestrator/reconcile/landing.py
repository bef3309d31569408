"""Advancing the base to what was tested, and proving it: what is on the base afterwards is read again, not remembered.

Called by `act` once the intent is in the store, and again by whoever finds an intent there. Says what to write into the
train's record; decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.errors import Refused
from orchestrator.model.action import WriteStatus
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import LandResult, RepositoryFacts
from orchestrator.model.train import Frozen, Landed, Landing, Member, MergeTrain
from orchestrator.ports import Forge, Git


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a landing. No `write` where that is not known: the next tick asks again."""

    write: WriteStatus | None
    remark: str = ""
    """What there is to say about the user's checkout."""


def ended(train: MergeTrain, landing: Landing, *, git: Git, forge: Forge, now: datetime) -> Ending:
    """Advance the base, or find that it was advanced, and return what the train's record says then."""
    try:
        outcome = forge.land(train.spec.base, landing)
    except Refused as error:
        # It will be refused again. Whoever made this intent or this commit is not to be trusted with the next one.
        return _unproved(train, f"landing {', '.join(landing.names)}: {error}", landing.base, now)
    match outcome.result:
        case LandResult.UNKNOWN:
            return Ending(None)
        case LandResult.LOST:
            return Ending(_written(train, None, "LostRace", outcome.message))
        case LandResult.OBSTRUCTED:
            frozen = Frozen(reason=Reason.BASE_NOT_CLEAN, message=outcome.message, tip=landing.base, since=now)
            return Ending(_written(train, frozen, frozen.reason.value, outcome.message))
        case LandResult.LANDED:
            return _proved(train, landing, git, outcome.message, now)


def _proved(train: MergeTrain, landing: Landing, git: Git, remark: str, now: datetime) -> Ending:
    """Re-read the base after a landing: it holds exactly what was tested, or the train is frozen."""
    facts = git.observe(train.spec.base, landing.base)
    wrong = next((said for step in landing.steps if (said := _missing(facts, git, step)) is not None), None)
    if wrong is None and git.tree_of(landing.commit) != landing.tree:
        wrong = f"{landing.commit[:12]} does not hold the tested tree {landing.tree[:12]}"
    if wrong is not None:
        message = f"after landing {', '.join(landing.names)} the base {facts.tip[:12]} is not what was tested: {wrong}"
        return _unproved(train, message, facts.tip, now, remark)
    landed = Landed(spec=landing.spec, run=landing.run, commit=landing.commit, members=landing.members, at=now)
    done = {"landing": None, "last_landing": landed, "tip": facts.tip}
    written = train.model_copy(update={"status": train.status.model_copy(update=done)})
    message = f"{', '.join(landing.names)} as {landing.commit[:12]}"
    return Ending(WriteStatus(written, "Landed", message[:1000]), remark)


def _missing(facts: RepositoryFacts, git: Git, step: Member) -> str | None:
    """Return what of one member the base does not hold as it was tested; None if it holds it all."""
    proof = facts.landed.get(step.spec)
    if proof is None or proof.commit != step.commit:
        found = "none is" if proof is None else f"{proof.commit[:12]} is"
        return f"{step.commit[:12]} is not its merge of {step.spec}, {found}"
    if proof.run != step.run:
        return f"{step.commit[:12]} says it is the work of {proof.run or 'no run'}, not of {step.run}"
    if not git.contains(facts.tip, step.head):
        return f"the head {step.head[:12]} of {step.spec} is not in it"
    return None


def _unproved(train: MergeTrain, message: str, tip: Sha, now: datetime, remark: str = "") -> Ending:
    """Freeze the train: what is on the base, or was about to be, is not what was tested."""
    frozen = Frozen(reason=Reason.LANDING_UNPROVED, message=message, tip=tip, since=now)
    return Ending(_written(train, frozen, frozen.reason.value, message[:1000]), remark)


def _written(train: MergeTrain, frozen: Frozen | None, event: str, message: str) -> WriteStatus:
    """Return the write that drops the intent; what froze the train before stays, unless this does."""
    status = train.status.freeze(frozen or train.status.frozen).model_copy(update={"landing": None})
    return WriteStatus(train.model_copy(update={"status": status}), event, message)
