"""Conditions and reasons: the contract with whoever reads a status. One enum, one generated reference page.

Summary conditions follow kstatus: `Ready` when nothing more will happen and all is well, `Reconciling` while work goes
on, `Stalled` when only a person can change anything.
"""

from enum import StrEnum
from typing import Annotated, Self

from orchestrator.model.base import Count, Line, Timestamp, Value
from orchestrator.model.rule import Keyed


class _Described(StrEnum):
    """A string enum whose members carry one sentence for the reference page."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class Phase(_Described):
    """Where an item stands, in one word."""

    WAITING = "Waiting", "Nothing of it runs now; `reason` says what it waits for."
    RUNNING = "Running", "An agent works on it, or its work is being checked before it is proposed."
    PROPOSED = "Proposed", "Its pull request is open and in the train, or held beside it."
    LANDED = "Landed", "Its change is in the base branch. Final."
    STALLED = "Stalled", "Only a person can change anything."
    CANCELLED = "Cancelled", "A person dropped it."


class RunPhase(_Described):
    """Where one attempt stands."""

    PENDING = "Pending", "The run is decided and pinned; no process exists yet."
    RUNNING = (
        "Running",
        "The leader said it starts the agent, written before the process exists; then the process is alive.",
    )
    COLLECTED = "Collected", "The agent ended and its work is kept under the run's ref; checks are under way."
    PROPOSED = "Proposed", "The work is on the branch and in a pull request."
    LANDED = "Landed", "The work is in the base branch."
    FAILED = "Failed", "The attempt is over with a failure class."
    SUPERSEDED = (
        "Superseded",
        "The spec changed, yielded or was cancelled, or the base was rewritten: the attempt is over and counts against "
        "nobody.",
    )


class FailureClass(_Described):
    """Why an attempt failed; each class has one retry policy (CONTRACT §2)."""

    AGENT_ERROR = "AgentError", "The agent exited with an error, ran over its time, or broke the runner protocol."
    GATE_FAILED = "GateFailed", "A gate or the item's own validation said no to the change."
    GATE_COULD_NOT_RUN = (
        "GateCouldNotRun",
        "A gate had no verdict although it works on the base, or the item's own validation had none.",
    )
    SCOPE_VIOLATION = "ScopeViolation", "The change touches a path outside the item's scope."
    CONFLICT = "Conflict", "The change and the base cannot be merged without choosing a side."
    QUOTA_EXHAUSTED = "QuotaExhausted", "The provider's quota is used up."
    BUDGET_EXHAUSTED = "BudgetExhausted", "The item's own budget is used up."
    INTERRUPTED = "Interrupted", "The agent was ended by a signal or died with the leader."
    INFRA = "Infra", "The machine is at fault, not the change."
    POLICY_DENIED = (
        "PolicyDenied",
        "The change breaks a policy that no retry can satisfy: protected paths, patch limits, a broken repository.",
    )
    NO_CHANGE = "NoChange", "The agent finished without leaving a change."


class Reason(_Described):
    """Why a condition or phase is as it is. Scripts may rely on these words."""

    # waiting
    NEW = "New", "The leader has not looked at it yet."
    WAITING_FOR_NEED = "WaitingForNeed", "An item it depends on has not landed."
    WAITING_FOR_CLAIM = "WaitingForClaim", "An earlier item holds or will need files of its scope."
    WAITING_FOR_CAPACITY = "WaitingForCapacity", "Every agent of its lane, provider or pool is busy."
    WAITING_FOR_TIER = "WaitingForTier", "An earlier tier of its roadmap has an open item."
    WAITING_FOR_TRAIN = "WaitingForTrain", "Entries ahead of it in the merge train come first."
    WAITING_FOR_APPROVAL = "WaitingForApproval", "A person has to approve the head."
    WAITING_FOR_SCOPE = "WaitingForScope", "The agent asked for more files; a person has to answer."
    BACKING_OFF = "BackingOff", "The last attempt failed by infrastructure; the next one starts later."
    HELD = "Held", "A person holds it."
    YIELDED = "Yielded", "It lent its claim to an earlier item and resumes, rebased, when that one is done."
    TRAIN_FROZEN = (
        "TrainFrozen",
        "The train lands nothing until the cause is gone or a person releases it.",
    )
    # running
    AGENT_RUNNING = "AgentRunning", "The agent's process is alive."
    COLLECTING = "Collecting", "The agent's work is being fetched and checked."
    VALIDATING = "Validating", "Gates run on its tree."
    PUBLISHING = "Publishing", "Its branch and pull request are being written."
    LANDING = "Landing", "The base branch is being advanced to the tested commit."
    # done
    LANDED = "Landed", "The base contains the tested merge commit."
    CANCELLED = "Cancelled", "A person cancelled it, or its file was removed."
    # stalled: the failure classes
    AGENT_ERROR = "AgentError", FailureClass.AGENT_ERROR.description
    GATE_FAILED = "GateFailed", FailureClass.GATE_FAILED.description
    GATE_COULD_NOT_RUN = "GateCouldNotRun", FailureClass.GATE_COULD_NOT_RUN.description
    SCOPE_VIOLATION = "ScopeViolation", FailureClass.SCOPE_VIOLATION.description
    CONFLICT = "Conflict", FailureClass.CONFLICT.description
    QUOTA_EXHAUSTED = "QuotaExhausted", FailureClass.QUOTA_EXHAUSTED.description
    BUDGET_EXHAUSTED = "BudgetExhausted", FailureClass.BUDGET_EXHAUSTED.description
    INTERRUPTED = "Interrupted", FailureClass.INTERRUPTED.description
    INFRA = "Infra", FailureClass.INFRA.description
    POLICY_DENIED = "PolicyDenied", FailureClass.POLICY_DENIED.description
    NO_CHANGE = "NoChange", FailureClass.NO_CHANGE.description
    # stalled: other
    INVALID = "Invalid", "The object cannot be acted on as written; change it."
    NEED_FAILED = "NeedFailed", "An item it depends on is stalled or cancelled."
    # why an attempt ended, beside its class
    LEADER_DIED = "LeaderDied", "The leader ended while the agent ran; counts against nobody, and the next one goes on."
    SPEC_CHANGED = "SpecChanged", "The spec changed after the run was pinned."
    BASE_REWRITTEN = (
        "BaseRewritten",
        "The base was rewritten and lacks the commit this began on; the next attempt starts on the tip.",
    )
    TIMED_OUT = "TimedOut", "The agent ran over its time limit."
    HISTORY_REWRITTEN = "HistoryRewritten", "The agent's head does not descend from the commit it started from."
    WORKSPACE_BROKEN = "WorkspaceBroken", "The agent destroyed its workspace's repository; nothing could be fetched."
    SCOPE_GRANTED = "ScopeGranted", "The agent asked for more files and got them; the next start has them."
    PROTOCOL_BROKEN = "ProtocolBroken", "The agent broke the runner protocol."
    SIGNALLED = "Signalled", "The agent was ended by a signal."
    FOREIGN_HEAD = "ForeignHead", "Somebody else pushed to the item's branch; the next attempt starts from there."
    SCOPE_DENIED = "ScopeDenied", "A person denied the agent's request for more files; the next attempt is told."
    LOST = "Lost", "The agent's process vanished without a trace of its end."
    TRY_AGAIN_LATER = "TryAgainLater", "The agent asked to be started again later."
    # train
    RED_BASE = "RedBase", "A gate fails on the base itself."
    BASE_CANNOT_RUN = "BaseCannotRun", "A gate cannot run on the base either."
    BASE_MOVED_BACK = "BaseMovedBack", "The base branch was rewritten: its new tip does not contain the old one."
    BASE_NOT_CLEAN = "BaseNotClean", "The base branch is checked out with changes that landing would overwrite."
    LANDING_UNPROVED = "LandingUnproved", "After a landing the base did not hold what was tested."
    BREAKER_OPEN = "BreakerOpen", "Two different items failed by infrastructure in the same way."
    NO_GATES = "NoGates", "The train has no gates: nothing could be proved."


class ConditionType(_Described):
    """The conditions an object can carry."""

    PLANNED = "Planned", "Lane, scope, tier and order are known."
    DISPATCHED = "Dispatched", "A run has been started for it."
    PROPOSED = "Proposed", "Its pull request is open."
    LANDED = "Landed", "It is in the base branch."
    READY = "Ready", "Nothing more will happen and all is well (kstatus)."
    RECONCILING = "Reconciling", "Work goes on (kstatus)."
    STALLED = "Stalled", "Only a person can change anything (kstatus)."
    PROMPT_OVERRIDDEN = "PromptOverridden", "The run's parameters replaced the spec's text; a person must approve."
    FROZEN = "Frozen", "The train lands nothing."


class Condition(Value):
    """One condition in Kubernetes style."""

    type: Line
    """What the condition is about: one of the condition types, each at most once."""
    status: Line
    """`True`, `False` or `Unknown`."""
    reason: Line = ""
    """Why, in one word that scripts may rely on."""
    message: Line = ""
    """Why, in a sentence for people."""
    last_transition_time: Timestamp
    """When `status` last changed."""
    observed_generation: Count = 0
    """The generation of the spec it was concluded from."""


Conditions = Annotated[tuple[Condition, ...], Keyed("type")]
"""An object's conditions, each type at most once."""
