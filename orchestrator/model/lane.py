"""A lane: the part of the repository one stream of work may write."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Count, Glob, GlobText, Line, Name, Resource, Value
from orchestrator.model.condition import Conditions
from orchestrator.model.gate import GATES_BY_NAME, Gate


class Generated(Value):
    """Files a command makes: never merged as text, regenerated on the new base instead."""

    paths: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=48)]
    """Globs of the generated files."""
    regenerate: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    """The command, given to `sh -c` at the repository's root."""


class LaneSpec(Value):
    """Which files the lane owns and how it works on them."""

    own: Annotated[tuple[Glob, ...], Field(max_length=1024)] = ()
    """Globs only this lane may write."""
    shared: Annotated[tuple[Glob, ...], Field(max_length=1024)] = ()
    """Hot files any lane may claim, one claim at a time."""
    generated: Annotated[tuple[Generated, ...], Field(max_length=32)] = ()
    """Files a command makes; they need no claim."""
    protected: Annotated[tuple[Glob, ...], Field(max_length=1024)] = ()
    """Files a swarm never lands a change of without a named person."""
    max_runs: Annotated[int, Field(ge=1, le=1000)] = 4
    """Agents of this lane at one time."""
    agent: Name | None = None
    """The provider that runs this lane's items unless the spec names one."""
    reviewers: Annotated[tuple[Line, ...], Field(max_length=64)] = ()
    """Who reviews this lane's pull requests."""
    gates: Annotated[tuple[Gate, ...], Field(max_length=32), *GATES_BY_NAME] = ()
    """Gates on top of the train's, for candidates with an item of this lane."""


class ClaimHolder(Value):
    """One live claim as the lane's status shows it."""

    spec: Line
    """The item that holds the claim."""
    run: Line = ""
    """Its run at that time; empty before the first."""
    paths: tuple[GlobText, ...] = ()
    """What the claim covers."""
    epoch: Count = 0
    """The claim's fencing token."""


class LaneStatus(Value):
    """Who holds which claim in this lane."""

    conditions: Conditions = ()
    """Nothing is written here yet."""
    observed_generation: Count = 0
    """Nothing is written here yet."""
    claims: tuple[ClaimHolder, ...] = ()
    """Who holds which claim. Nothing is written here yet: the train's `claims` have them."""


class Lane(Resource):
    """A set of globs with one owner."""

    KIND: ClassVar[str] = "Lane"
    PLURAL: ClassVar[str] = "lanes"
    SHORT: ClassVar[tuple[str, ...]] = ("lane",)

    kind: Annotated[str, StringConstraints(pattern="^Lane$")] = "Lane"
    spec: LaneSpec
    """Which files the lane owns and how it works on them."""
    status: LaneStatus = Field(default_factory=LaneStatus)
    """Not written yet."""
