"""What a simulation document may hold (CONTRACT §4), as models: the same strictness and the same messages as every
other document. Time is in minutes. What no single field can say is in `check`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from orchestrator.model.base import Count, Line, Resource, SpecName, Value
from orchestrator.model.spec import Tier
from orchestrator.model.train import MergeTrainSpec

MINUTES_MAX = 10_000_000
"""Nineteen years: beyond it nobody plans, and times keep their microseconds."""

STEP = 1e-6
"""The world's clock goes in steps of this: an event between two of them would lie before its own consequences."""


def _on_the_clock(minutes: float) -> float:
    return round(minutes, 6)


Minutes = Annotated[float, Field(ge=0, le=MINUTES_MAX, allow_inf_nan=False), AfterValidator(_on_the_clock)]
Span = Annotated[
    float, Field(gt=0, le=MINUTES_MAX, allow_inf_nan=False), AfterValidator(lambda span: max(STEP, _on_the_clock(span)))
]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Members = Annotated[tuple[SpecName, ...], Field(min_length=1, max_length=1000)]
# A list: behind a validator that saw the value first, strictness takes no list for a tuple.
_Names = Annotated[list[SpecName], Field(max_length=1000)]

BASE = "base"
"""What a push or a fix of the base branch itself is called; no entry may be."""


class Base(StrEnum):
    """The one thing that can be fixed."""

    BASE = "base"


class Leader(StrEnum):
    """The one thing that can crash."""

    LEADER = "leader"


class Runner(StrEnum):
    """The one thing that can be lost."""

    RUNNER = "runner"


class Policy(StrEnum):
    """How validations are chosen, for comparison."""

    OURS = "ours"
    ORACLE = "oracle"
    SINGLE = "single"
    PREFIX = "prefix"


class Fails(Value):
    """When a member fails. `true` is always; nothing said is never."""

    always: bool = False
    """In every tree."""
    with_: _Names = Field(default_factory=list, alias="with")
    """When all of these are in the tree, landed ones included."""
    without: _Names = Field(default_factory=list)
    """Unless all of these are in the tree."""
    first: Count = 0
    """So many finished validations; later ones pass."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, said: Any) -> Any:
        return {"always": said} if isinstance(said, bool) else said


class Entry(Value):
    """One pull request."""

    name: SpecName
    """What it is called."""
    at: Minutes = 0
    """When it is opened."""
    run: Span = 10
    """How long its validation takes."""
    tier: Tier = Tier.EXECUTION
    """How early it has to land."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Higher lands first inside a tier."""
    needs: Annotated[tuple[SpecName, ...], Field(max_length=256)] = ()
    """Entries that land before it."""
    fails: Fails = Field(default_factory=Fails)
    """When it fails."""
    conflicts: Annotated[tuple[SpecName, ...], Field(max_length=1000)] = ()
    """Entries or base pushes that cannot be merged into one tree with it."""
    touches: Annotated[tuple[Line, ...], Field(max_length=1000)] | None = None
    """Declared gate inputs it changes; absent means all of them."""
    approved: bool = True
    """Whether people have approved its first head."""


class Event(Value):
    """Something that happens at a minute. One word says what; the others belong to it."""

    at: Minutes
    """When."""
    push: SpecName | None = None
    """A new head of this entry; `base`: a stranger lands on the base."""
    fails: Fails | None = None
    """With `push: ENTRY`: when the new head fails; absent means never."""
    name: SpecName | None = None
    """With `push: base`: what the stranger's commit is called."""
    red: bool = False
    """With `push: base`: whether the gates fail from then on."""
    race: SpecName | None = None
    """A stranger lands in the instant in which this entry's landing is attempted next."""
    cancel: SpecName | None = None
    """A person drops the entry."""
    approve: SpecName | None = None
    """People approve the entry's head."""
    hold: SpecName | None = None
    """A person holds the entry."""
    release: SpecName | None = None
    """The hold is over."""
    waive: SpecName | None = None
    """A person lets the train pass over the entry."""
    priority: (
        Annotated[dict[SpecName, Annotated[int, Field(ge=-1_000_000, le=1_000_000)]], Field(min_length=1)] | None
    ) = None
    """Entries' priorities from now on."""
    lose: Runner | None = None
    """The oldest running validation dies by infrastructure."""
    outage: Span | None = None
    """For so many minutes no validation can run."""
    crash: Leader | None = None
    """The leader restarts with stored facts only."""
    fix: Base | None = None
    """A red base turns green."""

    @property
    def words(self) -> tuple[str, ...]:
        """Return what happens: one word in a good document."""
        return tuple(word for word in WORDS if getattr(self, word) is not None)


WORDS = ("push", "race", "cancel", "approve", "hold", "release", "waive", "priority", "lose", "outage", "crash", "fix")


class Expect(Value):
    """What has to come of it. What is not said may be anything."""

    landed: tuple[SpecName, ...] | None = None
    """Everything that lands, in this order."""
    rejected: dict[SpecName, Line] | None = None
    """Everything that is rejected, and why."""
    cancelled: tuple[SpecName, ...] | None = None
    """Everything that is cancelled."""
    held: tuple[SpecName, ...] | None = None
    """Everything that is held at the end."""
    waiting: tuple[SpecName, ...] | None = None
    """Everything that waits at the end."""
    started: tuple[Members, ...] = ()
    """Validations that must have been started, by their members."""
    not_started: tuple[Members, ...] = ()
    """Validations that must not have been started."""
    runs_at_most: Count | None = None
    """How many validations may be started in all."""
    landed_by: dict[SpecName, Minutes] = Field(default_factory=dict)
    """The minute by which an entry has landed."""
    frozen: Line | None = None
    """Why the train is frozen at the end; nothing: it is not."""


class RunTimes(Value):
    """How long validations take: lognormal, cut."""

    median_minutes: Span = 10
    """Half of them take less."""
    sigma: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.5
    """The spread: the standard deviation of the logarithm."""
    cap_minutes: Span = 60
    """None takes longer."""


class Workload(Value):
    """A made-up day of work, the same for the same seed."""

    arrivals_per_hour: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
    """How many pull requests are opened in an hour, on average."""
    count: Annotated[int, Field(ge=1, le=100_000)] = 400
    """How many in all."""
    seed: int = 1
    """Another seed, another day of the same kind."""
    run: RunTimes = Field(default_factory=RunTimes)
    """How long validations take."""
    fails: Share = 0.0
    """How many fail by themselves."""
    conflicts_maybe: Share = 0.0
    """How many pairs share an input."""
    conflicts_really: Share = 0.0
    """How many of those break together."""
    foresight: Share = 0.9
    """How often the estimate of an outcome, that a policy may look at, is right."""


class SimulationSpec(Value):
    """The train, what it meets, and what is expected to come of it."""

    train: MergeTrainSpec = Field(default_factory=MergeTrainSpec)
    """The train's settings, as in a MergeTrain."""
    entries: Annotated[tuple[Entry, ...], Field(max_length=100_000)] = ()
    """The pull requests."""
    events: Annotated[tuple[Event, ...], Field(max_length=100_000)] = ()
    """What happens beside them."""
    expect: Expect | None = None
    """What has to come of it."""
    workload: Workload | None = None
    """Instead of entries: how much work comes, and of what kind."""
    compare: Annotated[tuple[Policy, ...], Field(min_length=1, max_length=4)] = tuple(Policy)
    """With a workload: the policies to compare."""


class Simulation(Resource):
    """A made-up world for the merge train. Read by `interlock simulate`; no store holds it."""

    KIND: ClassVar[str] = "Simulation"
    PLURAL: ClassVar[str] = "simulations"

    kind: Annotated[str, StringConstraints(pattern="^Simulation$")] = "Simulation"
    spec: SimulationSpec
    """The train, what it meets, and what is expected to come of it."""


KINDS: dict[str, type[Resource]] = {Simulation.KIND: Simulation}
"""The kinds a simulation file may hold, by name."""
