"""A MergeTrain: one per repository and base branch. Its status is the one record that claims and landings contend
for."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Glob, Line, Resource, Sha, SpecName, Timestamp, TreeId, Value
from orchestrator.model.condition import Condition, Reason
from orchestrator.model.gate import Gate
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

    start: Annotated[int, Field(ge=1, le=1000)] = 4
    min: Annotated[int, Field(ge=1, le=1000)] = 1
    max: Annotated[int, Field(ge=1, le=1000)] = 16


class Batch(Value):
    """How many entries one validation may hold; 1 means no batching."""

    max: Annotated[int, Field(ge=1, le=1000)] = 1


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
    validity: Annotated[int, Field(ge=0, le=100)] = 0
    execution: Annotated[int, Field(ge=0, le=100)] = 0
    strategy: Annotated[int, Field(ge=0, le=100)] = 0

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

    paths: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=256)]
    tier: Tier


class PatchLimits(Value):
    """How large one change may be."""

    max_files: Annotated[int, Field(ge=1)] = 300
    max_lines: Annotated[int, Field(ge=1)] = 10_000
    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20


class MergeTrainSpec(Value):
    """What lands where, proved how, in which order."""

    repository: Line = "."
    """A path, or https://github.com/OWNER/NAME."""
    base: Branch = "main"
    gates: Annotated[tuple[Gate, ...], Field(max_length=64)] = ()
    """Run on every candidate. No gates is a refusal to start."""
    runs: Annotated[int, Field(ge=1, le=10_000)] = 2
    """Validations running at once."""
    window: Window = Field(default_factory=Window)
    batch: Batch = Field(default_factory=Batch)
    speculation: Speculation = Speculation.BEST_FIRST
    tier_barrier: Barrier = Barrier.STRICT
    retries: Retries = Field(default_factory=Retries)
    approvals: Approvals = Field(default_factory=Approvals)
    floors: Annotated[tuple[Floor, ...], Field(max_length=256)] = ()
    patch: PatchLimits = Field(default_factory=PatchLimits)
    paused: bool = False
    """Desired state: land nothing."""


class Claim(Value):
    """A live exclusive right to write some paths. Two claims that are not lent never overlap."""

    spec: SpecName
    paths: tuple[Glob, ...]
    epoch: int
    """Fencing token: grows with every grant in this train."""
    lent_to: SpecName | None = None
    """The earlier item this claim yielded to; while set, the claim excludes nobody and its run is not published."""


class WorkTree(Value):
    """The user's own checkout of the base, as the landing intent found it."""

    path: Line
    index_tree: TreeId


class Landing(Value):
    """The intent to land: written before the base moves, finished or decided anew after a crash."""

    spec: SpecName
    run: Line
    head: Sha
    commit: Sha
    """The tested merge commit."""
    tree: TreeId
    base: Sha
    """The tip the commit was tested on; the only one it may replace."""
    work_tree: WorkTree | None = None
    at: Timestamp


class Landed(Value):
    """The last landing."""

    spec: SpecName
    run: Line = ""
    commit: Sha
    at: Timestamp


class Frozen(Value):
    """Why the train lands nothing, until when."""

    reason: Reason
    message: Line = ""
    tip: Sha = Sha("")
    """The base tip it was frozen on; a release names it."""
    since: Timestamp


class TrainEntry(Value):
    """One open pull request in landing order."""

    name: SpecName
    waiting_for: tuple[Wait, ...] = ()


class MergeTrainStatus(Value):
    """The record everything contends for: claims, the front of the train, the landing under way."""

    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    leader: Line = ""
    epoch: int = 0
    """The last claim epoch handed out."""
    claims: tuple[Claim, ...] = ()
    entries: tuple[TrainEntry, ...] = ()
    tip: Sha | None = None
    """The base tip last seen; the next one must contain it."""
    landing: Landing | None = None
    last_landing: Landed | None = None
    frozen: Frozen | None = None


class MergeTrain(Resource):
    """One base branch and what lands on it."""

    KIND: ClassVar[str] = "MergeTrain"
    PLURAL: ClassVar[str] = "mergetrains"
    SHORT: ClassVar[tuple[str, ...]] = ("mt", "train")

    kind: Annotated[str, StringConstraints(pattern="^MergeTrain$")] = "MergeTrain"
    spec: MergeTrainSpec
    status: MergeTrainStatus = Field(default_factory=MergeTrainStatus)
