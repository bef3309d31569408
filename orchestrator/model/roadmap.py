"""A Roadmap: the document a breakdown comes from, as an object."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Line, Name, Resource, Value
from orchestrator.model.condition import Condition
from orchestrator.model.spec import Tier

Markdown = Annotated[str, StringConstraints(max_length=900_000)]


class RoadmapMode(StrEnum):
    """How the specs come to be: made at once, or proposed as a pull request."""

    APPLY = "Apply"
    PULL_REQUEST = "PullRequest"


class DocumentRef(Value):
    """A document in a repository."""

    path: Line
    ref: Line = "HEAD"


class ItemDefaults(Value):
    """What items get that do not say otherwise."""

    lane: Name | None = None
    tier: Tier | None = None
    train: Name = "main"


class RoadmapSpec(Value):
    """The text, or where it is."""

    markdown: Markdown = ""
    file: DocumentRef | None = None
    defaults: ItemDefaults = Field(default_factory=ItemDefaults)
    mode: RoadmapMode = RoadmapMode.APPLY


class RoadmapProblem(Value):
    """One mistake in the document."""

    line: int
    message: Line


class RoadmapStatus(Value):
    """What became of it."""

    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    items: int = 0
    specs: int = 0
    landed: int = 0
    held: int = 0
    problems: tuple[RoadmapProblem, ...] = ()


class Roadmap(Resource):
    """A document that is broken down into specs."""

    KIND: ClassVar[str] = "Roadmap"
    PLURAL: ClassVar[str] = "roadmaps"
    SHORT: ClassVar[tuple[str, ...]] = ("rm",)

    kind: Annotated[str, StringConstraints(pattern="^Roadmap$")] = "Roadmap"
    spec: RoadmapSpec
    status: RoadmapStatus = Field(default_factory=RoadmapStatus)
