"""An AgentRun: one attempt at one spec. Its spec is pinned when it is created; its status holds facts, written once
each."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Duration, Glob, Line, Name, Resource, Sha, SpecName, Text, Timestamp, Value
from orchestrator.model.condition import Condition, FailureClass, Reason, RunPhase
from orchestrator.model.gate import Evidence


class SpecRef(Value):
    """The item this run is an attempt at."""

    name: SpecName
    uid: Line = ""
    """Which object of that name: one applied anew after it was deleted is another item."""


class AgentRef(Value):
    """The provider that runs it."""

    name: Name


class Budget(Value):
    """What the run may use; 0 means no limit of its own."""

    tokens: Annotated[int, Field(ge=0)] = 0
    cost_usd: Annotated[Decimal, Field(ge=0)] = Decimal(0)


class RunScope(Value):
    """What the run may write, as run.json tells the agent."""

    paths: tuple[Glob, ...] = ()
    shared: tuple[Glob, ...] = ()
    generated: tuple[Glob, ...] = ()


class AgentRunSpec(Value):
    """Everything the run was decided on. Changing it makes no difference: the digest is pinned in status."""

    implementation_spec_ref: SpecRef
    agent_ref: AgentRef
    parameters: Annotated[dict[str, Text], Field(max_length=64)] = Field(default_factory=dict)
    """`repository`, `base` (the commit started from), `head` (the branch), `stage`, and the spec's own."""
    timeout: Duration = "30m"
    budget: Budget = Field(default_factory=Budget)
    suspend: bool = False
    """Desired state: do not start."""
    cancel: bool = False
    """Desired state: end it."""
    idempotency_key: Line = ""
    number: Annotated[int, Field(ge=1)] = 1
    """Counts starts of the spec; never reused."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """Counts attempts spent before this one, plus one."""
    scope: RunScope = Field(default_factory=RunScope)
    claim_epoch: int = 0
    """The fencing token of the claim it works under."""
    base: Sha = Sha("")
    """The base branch's tip the work is measured against."""
    start: Sha = Sha("")
    """The commit the workspace starts from: `base`, or the last head (then merged with `base` before the agent sees
    it)."""
    spec_digest: Line = ""
    spec_generation: int = 0
    prompt: Text = ""
    """The rendered prompt."""
    regenerate: Text = ""
    """The lanes' own command that makes generated files anew, run instead of the agent; empty for an agent's run."""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=32)] = ()
    """What failed in earlier attempts."""


class AgentExit(Value):
    """How the agent's process ended."""

    code: int | None = None
    signal: int | None = None
    timed_out: bool = False


class Usage(Value):
    """What the agent says it used."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


class AgentResult(Value):
    """The agent's own word (result.json): a hint, never proof."""

    summary: Text = ""
    usage: Usage = Field(default_factory=Usage)
    model: Line = ""


class ScopeRequest(Value):
    """The agent's request for more files (scope-request.json)."""

    paths: Annotated[tuple[Glob, ...], Field(max_length=256)]
    reason: Line = ""


class ChangedFile(Value):
    """One changed path of the run's diff against its base."""

    path: Line
    status: Line
    """git's letter: A added, M modified, D deleted, T type changed."""


class Denied(Value):
    """A path the run may not write, and why."""

    path: Line
    reason: Line


class ScopeVerdict(Value):
    """What the publisher's check of the real diff said."""

    allowed: bool
    denied: tuple[Denied, ...] = ()
    denied_total: int = 0
    protected: tuple[Line, ...] = ()
    """Protected paths that the spec names itself: allowed, but the head lands only with a person's approval."""


class GateOutcome(Value):
    """One gate's result on the run's tree or on a candidate with it."""

    gate: Line
    result: Line
    tree: Line = ""
    validation: Line = ""


class AgentRunStatus(Value):
    """Facts about the attempt."""

    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    phase: RunPhase = RunPhase.PENDING
    reason: Reason | None = None
    message: Line = ""
    failure_class: FailureClass | None = None
    leader: Line = ""
    """The incarnation of the leader that started it; local agents die with it."""
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    workspace: Line = ""
    containment: Line = ""
    """What is contained and what is not, in plain words."""
    exit: AgentExit | None = None
    result: AgentResult | None = None
    scope_request: ScopeRequest | None = None
    scope_granted: bool | None = None
    """The answer to `scope_request`: absent until it is given."""
    head: Sha | None = None
    """The collected work, kept under `refs/interlock/runs/<run>`."""
    tree: Line = ""
    changed_files: tuple[ChangedFile, ...] = ()
    """At most 300; `changed_total` counts all."""
    changed_total: int = 0
    scope: ScopeVerdict | None = None
    gates: tuple[GateOutcome, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    """What failed, for the next attempt."""
    conflicts: tuple[Line, ...] = ()
    """Paths that its merge with the base could not decide."""
    prompt_digest: Line = ""
    provenance: Line = ""
    """`sha256:` over everything that went in (DESIGN §4)."""
    published: Sha | None = None
    """The head the branch was moved to; equal to `head` unless the world said otherwise."""
    pull_request: int | None = None
    landed: Sha | None = None


class AgentRun(Resource):
    """One attempt."""

    KIND: ClassVar[str] = "AgentRun"
    PLURAL: ClassVar[str] = "agentruns"
    SHORT: ClassVar[tuple[str, ...]] = ("ar", "run", "runs")

    kind: Annotated[str, StringConstraints(pattern="^AgentRun$")] = "AgentRun"
    spec: AgentRunSpec
    status: AgentRunStatus = Field(default_factory=AgentRunStatus)
