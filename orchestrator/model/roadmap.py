"""A Roadmap: the document a breakdown comes from, as an object."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Count, Line, Name, Resource, Value
from orchestrator.model.condition import Conditions
from orchestrator.model.rule import ONE_SOURCE, Rule
from orchestrator.model.spec import Tier

Markdown = Annotated[str, StringConstraints(max_length=900_000)]


class RoadmapMode(StrEnum):
    """How the specs come to be: made at once, or proposed as a pull request."""

    APPLY = "Apply"
    PULL_REQUEST = "PullRequest"


class DocumentRef(Value):
    """A document in a repository."""

    path: Line
    """The file, from the repository's root."""
    ref: Line = "HEAD"
    """The branch, tag or commit it is read at."""


class ItemDefaults(Value):
    """What items get that do not say otherwise."""

    lane: Name | None = None
    """The lane of items that name none."""
    tier: Tier | None = None
    """The tier of items that name none."""
    train: Name = "main"
    """The train its items land through."""


class RoadmapSpec(Value):
    """The text, or where it is."""

    RULES: ClassVar[tuple[Rule, ...]] = (ONE_SOURCE,)

    markdown: Markdown = ""
    """The document itself; or `file`."""
    file: DocumentRef | None = None
    """Where the document is; or `markdown`."""
    defaults: ItemDefaults = Field(default_factory=ItemDefaults)
    """What items get that do not say otherwise."""
    mode: RoadmapMode = RoadmapMode.APPLY
    """How the specs come to be."""


class RoadmapProblem(Value):
    """One mistake in the document."""

    line: Count
    """The line of the document, from 1."""
    message: Line
    """What is wrong and what to do."""


class RoadmapStatus(Value):
    """What became of it."""

    conditions: Conditions = ()
    """Nothing is written here yet."""
    observed_generation: Count = 0
    """Nothing is written here yet."""
    items: Count = 0
    """Items found in the document. Nothing is written here yet."""
    specs: Count = 0
    """Specs made of them. Nothing is written here yet."""
    landed: Count = 0
    """Of those, how many have landed. Nothing is written here yet."""
    held: Count = 0
    """Of those, how many a person holds. Nothing is written here yet."""
    problems: tuple[RoadmapProblem, ...] = ()
    """Everything wrong in the document. Nothing is written here yet."""


class Roadmap(Resource):
    """A document that is broken down into specs."""

    KIND: ClassVar[str] = "Roadmap"
    PLURAL: ClassVar[str] = "roadmaps"
    SHORT: ClassVar[tuple[str, ...]] = ("rm",)

    kind: Annotated[str, StringConstraints(pattern="^Roadmap$")] = "Roadmap"
    spec: RoadmapSpec
    """The text, or where it is. The leader does not read it yet; `interlock plan` reads files."""
    status: RoadmapStatus = Field(default_factory=RoadmapStatus)
    """Not written yet."""
