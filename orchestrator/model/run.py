"""An AgentRun: one attempt at one spec. Its spec is pinned when it is created; its status holds facts, written once
each."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import (
    COUNT_MAX,
    Count,
    Duration,
    GlobText,
    Line,
    Money,
    Name,
    Resource,
    Sha,
    SpecName,
    Text,
    Timestamp,
    Value,
)
from orchestrator.model.condition import Conditions, FailureClass, Reason, RunPhase
from orchestrator.model.gate import Evidence


class SpecRef(Value):
    """The item this run is an attempt at."""

    name: SpecName
    """The name of an ImplementationSpec."""
    uid: Line = ""
    """Which object of that name: one applied anew after it was deleted is another item."""


class AgentRef(Value):
    """The provider that runs it."""

    name: Name
    """The name of an AgentProvider."""


class Budget(Value):
    """What the run may use; 0 means no limit of its own."""

    tokens: Count = 0
    """Tokens, input and output together."""
    cost_usd: Money = Decimal(0)
    """US dollars, as a decimal number in quotes."""


class RunScope(Value):
    """What the run may write, as run.json tells the agent."""

    paths: tuple[GlobText, ...] = ()
    """Globs it may write."""
    shared: tuple[GlobText, ...] = ()
    """Those of its globs that are shared files of some lane."""
    generated: tuple[GlobText, ...] = ()
    """Globs of generated files, which it may write without a claim."""


class AgentRunSpec(Value):
    """Everything the run was decided on. Changing it makes no difference: the digest is pinned in status."""

    implementation_spec_ref: SpecRef
    """The item it is an attempt at."""
    agent_ref: AgentRef
    """The provider that runs it."""
    parameters: Annotated[dict[str, Text], Field(max_length=64)] = Field(default_factory=dict)
    """`repository`, `base` (the commit started from), `head` (the branch), `stage`, and the spec's own."""
    timeout: Duration = "30m"
    """How long the agent may take, in wall-clock time."""
    budget: Budget = Field(default_factory=Budget)
    """What it may use, as the agent is told. Not enforced yet."""
    suspend: bool = False
    """Desired state: do not start."""
    cancel: bool = False
    """Desired state: end it."""
    idempotency_key: Line = ""
    """The item's uid and the number of the start: the same start is never made twice."""
    number: Annotated[int, Field(ge=1, le=COUNT_MAX)] = 1
    """Counts starts of the spec; never reused."""
    attempt: Annotated[int, Field(ge=1, le=COUNT_MAX)] = 1
    """Counts attempts spent before this one, plus one."""
    scope: RunScope = Field(default_factory=RunScope)
    """What it may write."""
    claim_epoch: Count = 0
    """The fencing token of the claim it works under."""
    base: Sha = Sha("")
    """The base branch's tip the work is measured against."""
    start: Sha = Sha("")
    """The commit the workspace starts from: `base`, or the last head (then merged with `base` before the agent sees
    it)."""
    spec_digest: Line = ""
    """`sha256:` over the item's spec as it was when the run was decided."""
    spec_generation: Count = 0
    """The item's generation at that time."""
    prompt: Text = ""
    """The rendered prompt."""
    regenerate: Text = ""
    """The lanes' own command that makes generated files anew, run instead of the agent; empty for an agent's run."""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=32)] = ()
    """What failed in earlier attempts."""


class AgentExit(Value):
    """How the agent's process ended."""

    code: int | None = None
    """The exit code; absent where a signal ended it."""
    signal: int | None = None
    """The signal's number; absent where it exited."""
    timed_out: bool = False
    """Whether it was ended for running over its time."""


class Usage(Value):
    """What the agent says it used."""

    input_tokens: Count = 0
    """Tokens read."""
    output_tokens: Count = 0
    """Tokens written."""
    cost_usd: Money = Decimal(0)
    """US dollars, as a decimal number in quotes."""


class AgentResult(Value):
    """The agent's own word (result.json): a hint, never proof."""

    summary: Text = ""
    """What it says it did."""
    usage: Usage = Field(default_factory=Usage)
    """What it says it used."""
    model: Line = ""
    """The model it says it was."""


class ScopeRequest(Value):
    """The agent's request for more files (scope-request.json)."""

    paths: Annotated[tuple[GlobText, ...], Field(max_length=256)]
    """The globs it asks for, beyond its scope."""
    reason: Line = ""
    """Why, in the agent's words."""


class ChangedFile(Value):
    """One changed path of the run's diff against its base."""

    path: Line
    """The path, from the repository's root."""
    status: Line
    """Git's letter: A added, M modified, D deleted, T type changed."""


class Denied(Value):
    """A path the run may not write, and why."""

    path: Line
    """The path, from the repository's root."""
    reason: Line
    """The rule it breaks, in plain words."""


class ScopeVerdict(Value):
    """What the publisher's check of the real diff said."""

    allowed: bool
    """Whether the whole diff may be proposed."""
    denied: tuple[Denied, ...] = ()
    """What may not be written; at most 100, `denied_total` counts all."""
    denied_total: Count = 0
    """How many paths were denied."""
    protected: tuple[Line, ...] = ()
    """Protected paths that the spec names itself: allowed, but the head lands only with a person's approval."""


class GateOutcome(Value):
    """One gate's result on the run's tree or on a candidate with it."""

    gate: Line
    """The gate's name."""
    result: Line
    """What it said."""
    tree: Line = ""
    """The tree it ran on."""
    validation: Line = ""
    """The Validation that holds its output."""


class AgentRunStatus(Value):
    """Facts about the attempt."""

    conditions: Conditions = ()
    """`PromptOverridden`, where it holds."""
    observed_generation: Count = 0
    """Nothing is written here yet: what a run is decided on does not change."""
    phase: RunPhase = RunPhase.PENDING
    """Where the attempt stands."""
    reason: Reason | None = None
    """Why it is there."""
    message: Line = ""
    """Why, in a sentence for people."""
    failure_class: FailureClass | None = None
    """Why the attempt failed; absent while it has not."""
    leader: Line = ""
    """The incarnation of the leader that started it; local agents die with it."""
    started_at: Timestamp | None = None
    """When the leader said that it starts the agent."""
    ended_at: Timestamp | None = None
    """When the agent's process had ended."""
    workspace: Line = ""
    """The folder it worked in."""
    containment: Line = ""
    """What is contained and what is not, in plain words."""
    exit: AgentExit | None = None
    """How the agent's process ended."""
    result: AgentResult | None = None
    """The agent's own word: a hint, never proof."""
    scope_request: ScopeRequest | None = None
    """The agent's request for more files."""
    scope_granted: bool | None = None
    """The answer to `scope_request`: absent until it is given."""
    head: Sha | None = None
    """The collected work, kept under `refs/interlock/runs/<run>`."""
    tree: Line = ""
    """The tree of `head`."""
    changed_files: tuple[ChangedFile, ...] = ()
    """At most 300; `changed_total` counts all."""
    changed_total: Count = 0
    """How many paths its diff changes."""
    scope: ScopeVerdict | None = None
    """What the check of its real diff said."""
    gates: tuple[GateOutcome, ...] = ()
    """What the item's own validation said about its tree."""
    evidence: tuple[Evidence, ...] = ()
    """What failed, for the next attempt."""
    conflicts: tuple[Line, ...] = ()
    """Paths that its merge with the base could not decide."""
    prompt_digest: Line = ""
    """`sha256:` over the rendered prompt."""
    provenance: Line = ""
    """`sha256:` over everything that went in (DESIGN §4)."""
    published: Sha | None = None
    """The head the branch was moved to; equal to `head` unless the world said otherwise."""
    pull_request: Count | None = None
    """The number of the pull request it is in."""
    landed: Sha | None = None
    """The merge commit on the base that brought its work in."""
    landed_at: Timestamp | None = None
    """When that became the base, which is later than the commit was made."""


class AgentRun(Resource):
    """One attempt."""

    KIND: ClassVar[str] = "AgentRun"
    PLURAL: ClassVar[str] = "agentruns"
    SHORT: ClassVar[tuple[str, ...]] = ("ar", "run", "runs")

    kind: Annotated[str, StringConstraints(pattern="^AgentRun$")] = "AgentRun"
    spec: AgentRunSpec
    """Everything the run was decided on."""
    status: AgentRunStatus = Field(default_factory=AgentRunStatus)
    """Facts about the attempt. Written by the leader alone."""
