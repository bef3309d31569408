"""An ImplementationSpec: one item of work, small enough for one pull request."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Glob, Line, Name, Resource, Sha, SpecName, Text, Timestamp, Value
from orchestrator.model.condition import Condition, Phase, Reason
from orchestrator.model.gate import Gate


class Tier(StrEnum):
    """The safety-first order of landing, earliest first."""

    SAFETY = "safety"
    VALIDITY = "validity"
    EXECUTION = "execution"
    STRATEGY = "strategy"

    @property
    def rank(self) -> int:
        """Return 0 for the tier that lands first."""
        return _TIER_RANK[self]


_TIER_RANK = {tier: rank for rank, tier in enumerate(Tier)}


class SafetyGates(Value):
    """The guardrails the change has to keep."""

    paper_only: bool = True
    """No live trading path is added."""
    credentials: Annotated[str, StringConstraints(pattern="^unchanged$")] = "unchanged"
    """Credentials and their names stay as they are."""


class Contract(Value):
    """What a run must be told before it may start."""

    required_keys: Annotated[tuple[Line, ...], Field(max_length=64)] = ()
    """Parameters a run is refused without."""


class Source(Value):
    """Where the item comes from."""

    provider: Line = ""
    external_id: Line = ""
    url: Line = ""
    path: Line = ""
    line: int = 0


class Finops(Value):
    """Whom the work is charged to."""

    project: Line = ""
    cost_center: Line = ""
    owner: Line = ""
    data_classification: Line = ""


class ImplementationSpecSpec(Value):
    """What to do, where, how it is proved and when it may land."""

    summary: Line
    """One line: the pull request's title."""
    objective: Text = ""
    """What is true when it is done."""
    text: Text = ""
    """The prompt, a jinja2 template that sees spec, run, attempt, parameters, lane, scope and evidence."""
    lane: Name | None = None
    """The lane whose files it writes."""
    lanes: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """The lanes, for work that crosses them; instead of `lane`."""
    paths: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=256)]
    """Globs it may write; they lie inside its lanes."""
    out_of_scope: Annotated[tuple[Line, ...], Field(max_length=256)] = ()
    acceptance_criteria: Annotated[tuple[Line, ...], Field(max_length=256)] = ()
    validation: Annotated[tuple[Gate, ...], Field(max_length=32)] = ()
    """Its own gates, run on its head and on every candidate that holds it."""
    tier: Tier = Tier.EXECUTION
    roadmap: Name = "default"
    """The tier barrier holds inside one roadmap."""
    train: Name = "main"
    depends_on: Annotated[tuple[SpecName, ...], Field(max_length=256)] = ()
    """Items that must have landed before this one starts."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Higher lands first inside a tier."""
    agent: Name | None = None
    """The provider that runs it; default the lane's."""
    parameters: Annotated[dict[str, Text], Field(max_length=64)] = Field(default_factory=dict)
    """Copied to every run, which adds repository, base and head. `stage` defaults to `implementation`."""
    safety_gates: SafetyGates = Field(default_factory=SafetyGates)
    contract: Contract = Field(default_factory=Contract)
    source: Source = Field(default_factory=Source)
    finops: Finops = Field(default_factory=Finops)

    @property
    def lane_names(self) -> tuple[str, ...]:
        """Return the lanes it works in, in name order."""
        if not self.lanes:
            return (self.lane,) if self.lane else ()
        return tuple(sorted({*self.lanes, *([self.lane] if self.lane else [])}))


class PullRequestRef(Value):
    """The item's pull request, as the forge knows it."""

    number: int
    url: Line
    head: Sha
    draft: bool = False


class Wait(Value):
    """One thing an item waits for."""

    kind: Line
    """What it is: `ImplementationSpec`, `MergeTrain`, `Lane`, `Gate`, `Person`, `Time`, …"""
    name: Line
    reason: Line = ""


class ImplementationSpecStatus(Value):
    """Where the item stands. Written by the leader alone; derived anew each tick except what git and runs say."""

    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    phase: Phase = Phase.WAITING
    reason: Reason = Reason.NEW
    message: Line = ""
    tier: Tier | None = None
    """The effective tier: the earliest of its own, of floors over its paths, of what depends on it."""
    attempts: int = 0
    """Attempts spent, of the limit."""
    current_run: Line | None = None
    branch: Line | None = None
    pull_request: PullRequestRef | None = None
    landed: Sha | None = None
    """The merge commit on the base branch."""
    landed_run: Line | None = None
    waiting_for: tuple[Wait, ...] = ()
    since: Timestamp | None = None
    """When phase or reason last changed."""
    until: Timestamp | None = None
    """When the wait ends by itself, where that is known."""


class ImplementationSpec(Resource):
    """One item of work."""

    KIND: ClassVar[str] = "ImplementationSpec"
    PLURAL: ClassVar[str] = "implementationspecs"
    SHORT: ClassVar[tuple[str, ...]] = ("spec", "specs")

    kind: Annotated[str, StringConstraints(pattern="^ImplementationSpec$")] = "ImplementationSpec"
    spec: ImplementationSpecSpec
    status: ImplementationSpecStatus = Field(default_factory=ImplementationSpecStatus)
