"""An ImplementationSpec: one item of work, small enough for one pull request."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Count, Glob, Line, Name, Resource, Sha, SpecName, Text, Timestamp, Value
from orchestrator.model.condition import Conditions, Phase, Reason
from orchestrator.model.gate import GATES_BY_NAME, Gate
from orchestrator.model.rule import LANE_AND_LANES, NO_OWN_NEED, SOME_LANE, SUMMARY, Rule


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
    """Where it was filed: `github`, `linear`, …"""
    external_id: Line = ""
    """What it is called there."""
    url: Line = ""
    """A link to it."""
    path: Line = ""
    """The roadmap file it was planned from."""
    line: Count = 0
    """The line of that file, from 1; 0 where there is none."""


class Finops(Value):
    """Whom the work is charged to."""

    project: Line = ""
    """The project. Kept with the item, not used yet."""
    cost_center: Line = ""
    """The cost centre. Kept with the item, not used yet."""
    owner: Line = ""
    """Who answers for the cost. Kept with the item, not used yet."""
    data_classification: Line = ""
    """How confidential what it works on is. Kept with the item, not used yet."""


class ImplementationSpecSpec(Value):
    """What to do, where, how it is proved and when it may land."""

    RULES: ClassVar[tuple[Rule, ...]] = (LANE_AND_LANES, SOME_LANE)

    summary: Annotated[Line, SUMMARY]
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
    """What the change must not do; part of the prompt."""
    acceptance_criteria: Annotated[tuple[Line, ...], Field(max_length=256)] = ()
    """What has to be true for a reader to accept it; part of the prompt."""
    validation: Annotated[tuple[Gate, ...], Field(max_length=32), *GATES_BY_NAME] = ()
    """Its own gates, run on its head and on every candidate that holds it."""
    tier: Tier = Tier.EXECUTION
    """How early it has to land; what depends on it and the paths it touches may make it earlier."""
    roadmap: Name = "default"
    """The tier barrier holds inside one roadmap."""
    train: Name = "main"
    """The train it lands through."""
    depends_on: Annotated[tuple[SpecName, ...], Field(max_length=256)] = ()
    """Items that must have landed before this one starts."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Higher lands first inside a tier."""
    agent: Name | None = None
    """The provider that runs it; default the lane's."""
    parameters: Annotated[dict[str, Text], Field(max_length=64)] = Field(default_factory=dict)
    """Copied to every run, which adds repository, base and head. `stage` defaults to `implementation`."""
    safety_gates: SafetyGates = Field(default_factory=SafetyGates)
    """The guardrails the change has to keep. Kept with the item, not enforced yet."""
    contract: Contract = Field(default_factory=Contract)
    """What a run must be told before it may start."""
    source: Source = Field(default_factory=Source)
    """Where the item comes from."""
    finops: Finops = Field(default_factory=Finops)
    """Whom the work is charged to. Not used yet."""

    @property
    def lane_names(self) -> tuple[str, ...]:
        """Return the lanes it works in, in name order."""
        if not self.lanes:
            return (self.lane,) if self.lane else ()
        return tuple(sorted({*self.lanes, *([self.lane] if self.lane else [])}))


class PullRequestRef(Value):
    """The item's pull request, as the forge knows it."""

    number: Count
    """Its number at the forge."""
    url: Line
    """A link, or the path of its page."""
    head: Sha
    """The commit it proposes."""
    draft: bool = False
    """Whether it is a draft: rejected, or waiting for the next attempt."""


class Wait(Value):
    """One thing an item waits for."""

    kind: Line
    """What it is: `ImplementationSpec`, `MergeTrain`, `Lane`, `Gate`, `Person`, `Time`, …"""
    name: Line
    """What it is called."""
    reason: Line = ""
    """Why that holds it up."""


class ImplementationSpecStatus(Value):
    """Where the item stands. Written by the leader alone; derived anew each tick except what git and runs say."""

    conditions: Conditions = ()
    """`Planned`, `Dispatched`, `Proposed`, `Landed` and the summary conditions."""
    observed_generation: Count = 0
    """The generation of the spec the status was concluded from."""
    phase: Phase = Phase.WAITING
    """Where the item stands, in one word."""
    reason: Reason = Reason.NEW
    """Why it is there, in one word that scripts may rely on."""
    message: Line = ""
    """Why, in a sentence for people."""
    tier: Tier | None = None
    """The effective tier: the earliest of its own, of floors over its paths, of what depends on it."""
    attempts: Count = 0
    """Attempts spent, of the limit."""
    current_run: Line | None = None
    """The run under way, or the last one."""
    branch: Line | None = None
    """The branch of its pull request."""
    pull_request: PullRequestRef | None = None
    """Its pull request, as the forge knows it."""
    landed: Sha | None = None
    """The merge commit on the base branch."""
    landed_run: Line | None = None
    """The run whose work landed."""
    tested: Line = ""
    """Of what landed: `tested` on exactly the tree that is in the base, or `equivalent-tested`, with the gates that
    went by a verdict on another tree with the same inputs."""
    waiting_for: tuple[Wait, ...] = ()
    """Everything it waits for."""
    since: Timestamp | None = None
    """When phase or reason last changed."""
    until: Timestamp | None = None
    """When the wait ends by itself, where that is known."""


class ImplementationSpec(Resource):
    """One item of work."""

    KIND: ClassVar[str] = "ImplementationSpec"
    PLURAL: ClassVar[str] = "implementationspecs"
    SHORT: ClassVar[tuple[str, ...]] = ("spec", "specs")
    RULES: ClassVar[tuple[Rule, ...]] = (NO_OWN_NEED,)

    kind: Annotated[str, StringConstraints(pattern="^ImplementationSpec$")] = "ImplementationSpec"
    spec: ImplementationSpecSpec
    """What to do, where, how it is proved and when it may land."""
    status: ImplementationSpecStatus = Field(default_factory=ImplementationSpecStatus)
    """Where the item stands. Written by the leader alone."""
