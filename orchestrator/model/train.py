"""A MergeTrain: one per repository and base branch. Its status is the one record that claims and landings contend
for."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import (
    COUNT_MAX,
    Count,
    Glob,
    GlobText,
    Line,
    Resource,
    Sha,
    SpecName,
    Timestamp,
    TreeId,
    Value,
)
from orchestrator.model.condition import Conditions, Reason
from orchestrator.model.gate import GATES_BY_NAME, Gate
from orchestrator.model.guardrail import GUARDRAILS_BY_NAME, Guardrail
from orchestrator.model.rule import WINDOW, Rule
from orchestrator.model.spec import Tier, Wait

Branch = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=200)]


class Speculation(StrEnum):
    """How candidates beyond the front are chosen."""

    BEST_FIRST = "bestFirst"
    PREFIX = "prefix"
    OFF = "off"


class Barrier(StrEnum):
    """How strictly an earlier tier holds a later one."""

    STRICT = "strict"
    READY = "ready"
    OFF = "off"


class Window(Value):
    """How many entries are looked at together."""

    RULES: ClassVar[tuple[Rule, ...]] = (WINDOW,)

    start: Annotated[int, Field(ge=1, le=1000)] = 4
    """How many at first."""
    min: Annotated[int, Field(ge=1, le=1000)] = 1
    """Never fewer than this."""
    max: Annotated[int, Field(ge=1, le=1000)] = 16
    """Never more than this."""


class Batch(Value):
    """How many entries one validation may hold; 1 means no batching."""

    max: Annotated[int, Field(ge=1, le=1000)] = 1
    """Entries in one validation, at most; how many it is, is learnt from what became of earlier ones."""


class Retries(Value):
    """How often something is tried again."""

    flaky: Annotated[int, Field(ge=0, le=10)] = 1
    """Further tries of a gate that failed, on the same tree."""
    infra: Annotated[int, Field(ge=1, le=100)] = 3
    """Infrastructure failures in a row before one item is stalled."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """Attempts one spec may spend."""
    conflicts: Annotated[int, Field(ge=0, le=100)] = 5
    """Conflicts with the base before one item is stalled."""


class Approvals(Value):
    """How many people must approve a head, by tier."""

    safety: Annotated[int, Field(ge=0, le=100)] = 0
    """People for a `safety` item."""
    validity: Annotated[int, Field(ge=0, le=100)] = 0
    """People for a `validity` item."""
    execution: Annotated[int, Field(ge=0, le=100)] = 0
    """People for an `execution` item."""
    strategy: Annotated[int, Field(ge=0, le=100)] = 0
    """People for a `strategy` item."""

    def needed(self, tier: Tier) -> int:
        """Return how many approvals an item of `tier` needs."""
        return {
            Tier.SAFETY: self.safety,
            Tier.VALIDITY: self.validity,
            Tier.EXECUTION: self.execution,
            Tier.STRATEGY: self.strategy,
        }[tier]


class Floor(Value):
    """Touching these paths makes an item at least this early a tier, whatever its spec says."""

    paths: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=48)]
    """Globs of the paths."""
    tier: Tier
    """The latest tier an item that touches them can have."""


class PatchLimits(Value):
    """How large one change may be."""

    max_files: Annotated[int, Field(ge=1, le=COUNT_MAX)] = 300
    """Changed files."""
    max_lines: Annotated[int, Field(ge=1, le=COUNT_MAX)] = 10_000
    """Added and deleted lines together."""
    max_bytes: Annotated[int, Field(ge=1, le=COUNT_MAX)] = 50 << 20
    """Bytes of new file content."""


class MergeTrainSpec(Value):
    """What lands where, proved how, in which order."""

    repository: Line = "."
    """A path, or https://github.com/OWNER/NAME."""
    base: Branch = "main"
    """The branch that items land on."""
    gates: Annotated[tuple[Gate, ...], Field(max_length=64), *GATES_BY_NAME] = ()
    """Run on every candidate. No gates is a refusal to start."""
    runs: Annotated[int, Field(ge=1, le=10_000)] = 2
    """Validations running at once."""
    window: Window = Field(default_factory=Window)
    """How many entries are looked at together."""
    batch: Batch = Field(default_factory=Batch)
    """How many entries one validation may hold where runs are scarce."""
    speculation: Speculation = Speculation.BEST_FIRST
    """How candidates beyond the front are chosen. Write "off" in quotes: a bare word is false to kubectl."""
    tier_barrier: Barrier = Barrier.STRICT
    """How strictly an earlier tier holds a later one. Write "off" in quotes: a bare word is false to kubectl."""
    retries: Retries = Field(default_factory=Retries)
    """How often something is tried again."""
    approvals: Approvals = Field(default_factory=Approvals)
    """How many people must approve a head, by tier."""
    floors: Annotated[tuple[Floor, ...], Field(max_length=32)] = ()
    """Paths that make an item at least this early a tier."""
    guardrails: Annotated[tuple[Guardrail, ...], Field(max_length=32), *GUARDRAILS_BY_NAME] = ()
    """What no change may bring into files, take out of them, or set looser, whatever its scope and its gates say."""
    patch: PatchLimits = Field(default_factory=PatchLimits)
    """How large one change may be."""
    paused: bool = False
    """Desired state: land nothing."""


class Claim(Value):
    """A live exclusive right to write some paths. Two claims that are not lent never overlap."""

    spec: SpecName
    """The item that holds it."""
    paths: tuple[GlobText, ...]
    """What nobody else may write while it is live."""
    epoch: Count
    """Fencing token: grows with every grant in this train."""
    lent_to: SpecName | None = None
    """The earlier item this claim yielded to; while set, the claim excludes nobody and its run is not published."""


class WorkTree(Value):
    """The user's own checkout of the base, as the landing intent found it."""

    path: Line
    """The folder it is checked out in."""
    index_tree: TreeId
    """The tree its index held then."""


class Member(Value):
    """One item of a landing, and the merge commit that brings it."""

    spec: SpecName
    """The item."""
    run: Line
    """The run whose work it is."""
    head: Sha
    """The head of its pull request that was tested."""
    commit: Sha
    """The merge commit that brings it, on top of the member before it."""


class Landing(Value):
    """The intent to land: written before the base moves, finished or decided anew after a crash."""

    spec: SpecName
    """The item that lands."""
    run: Line
    """The run whose work it is."""
    head: Sha
    """The head of its pull request that was tested."""
    commit: Sha
    """The tested merge commit."""
    tree: TreeId
    """The tree of that commit: what the base must hold afterwards."""
    base: Sha
    """The tip the commit was tested on; the only one it may replace."""
    work_tree: WorkTree | None = None
    """The checkout that moves along, where there is one."""
    members: Annotated[tuple[Member, ...], Field(max_length=1000)] = ()
    """What lands together, in merge order and this item last; empty where it lands alone."""
    at: Timestamp
    """When the intent was written."""

    @property
    def steps(self) -> tuple[Member, ...]:
        """Return every merge commit the base gains, in order: one for each item."""
        alone = Member(spec=self.spec, run=self.run, head=self.head, commit=self.commit)
        return self.members or (alone,)

    @property
    def names(self) -> tuple[SpecName, ...]:
        """Return the items that land, in order."""
        return tuple(step.spec for step in self.steps)


class Landed(Value):
    """The last landing."""

    spec: SpecName
    """The item that landed."""
    run: Line = ""
    """The run whose work it was; empty where the trailer names none."""
    commit: Sha
    """The merge commit on the base."""
    members: Annotated[tuple[Member, ...], Field(max_length=1000)] = ()
    """All that landed with it in one batch, in order; empty where it landed alone."""
    at: Timestamp
    """When it landed."""

    def step_of(self, run: str) -> Sha | None:
        """Return the merge commit that brought this run's work; None where it was not among them."""
        if run == self.run:
            return self.commit
        return next((member.commit for member in self.members if member.run == run), None)


class Frozen(Value):
    """Why the train lands nothing, until when."""

    reason: Reason
    """Why, in one word that scripts may rely on."""
    message: Line = ""
    """Why, in a sentence for people."""
    tip: Sha = Sha("")
    """The base tip it was frozen on; a release names it."""
    since: Timestamp
    """When it froze."""
    number: Count = 0
    """Which freeze of the train it is, counted from 1; 0 in records older than the count."""

    @property
    def mark(self) -> str:
        """Return what a release names that answers this very freeze."""
        return f"{self.reason.value}#{self.number}"


class TrainEntry(Value):
    """One open pull request in landing order."""

    name: SpecName
    """The item."""
    waiting_for: tuple[Wait, ...] = ()
    """What keeps it from landing."""


class MergeTrainStatus(Value):
    """The record everything contends for: claims, the front of the train, the landing under way."""

    conditions: Conditions = ()
    """`Frozen`: whether the train lands nothing."""
    observed_generation: Count = 0
    """The generation of the spec the status was concluded from."""
    leader: Line = ""
    """The incarnation of the leader that wrote it last."""
    term: Count = 0
    """The highest term of office a leader ever wrote here; one that reads a higher one than its own acts no more."""
    epoch: Count = 0
    """The last claim epoch handed out."""
    claims: tuple[Claim, ...] = ()
    """All live claims of this base."""
    entries: tuple[TrainEntry, ...] = ()
    """Open pull requests in landing order."""
    tip: Sha | None = None
    """The base tip last seen; the next one must contain it."""
    landing: Landing | None = None
    """The landing under way, if there is one."""
    last_landing: Landed | None = None
    """The last landing seen."""
    frozen: Frozen | None = None
    """Why the train lands nothing; absent while it does."""
    freezes: Count = 0
    """How many freezes there have been."""

    def freeze(self, frozen: Frozen | None) -> "MergeTrainStatus":
        """Return the record with this freeze, or none. What is seen again with a later time is another freeze."""
        before = self.frozen
        if frozen is None:
            return self.model_copy(update={"frozen": None})
        is_same = before is not None and (before.reason, before.tip, before.since) == (
            frozen.reason,
            frozen.tip,
            frozen.since,
        )
        number = before.number if before is not None and is_same else self.freezes + 1
        numbered = frozen.model_copy(update={"number": number})
        return self.model_copy(update={"frozen": numbered, "freezes": max(self.freezes, number)})


class MergeTrain(Resource):
    """One base branch and what lands on it."""

    KIND: ClassVar[str] = "MergeTrain"
    PLURAL: ClassVar[str] = "mergetrains"
    SHORT: ClassVar[tuple[str, ...]] = ("mt", "train")

    kind: Annotated[str, StringConstraints(pattern="^MergeTrain$")] = "MergeTrain"
    spec: MergeTrainSpec
    """What lands where, proved how, in which order."""
    status: MergeTrainStatus = Field(default_factory=MergeTrainStatus)
    """The record everything contends for. Written by the leader alone."""
