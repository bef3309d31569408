"""A roadmap's items as values, each field with its line.

Readers make these from text (`strict` from the form of the contract); `plan` turns them into specs. What a document
does not say stays empty: nothing is made up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.errors import Problem
from orchestrator.model.spec import Tier


@dataclass(frozen=True, slots=True)
class Said:
    """One value as the document says it, and where."""

    text: str
    line: int
    column: int = 1
    is_guess: bool = False
    """It was found among words that say something else, too."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command that proves an item, and what its gate is called."""

    name: str
    run: str
    line: int


@dataclass(frozen=True, slots=True)
class RoadmapItem:
    """One item of work as the document has it. `line` is its heading's."""

    name: str
    summary: str
    path: str
    line: int
    objective: str = ""
    text: str = ""
    """The free text: the prompt."""
    lanes: tuple[Said, ...] = ()
    paths: tuple[Said, ...] = ()
    needs: tuple[Said, ...] = ()
    no_needs: Said | None = None
    """The word that says it needs nothing, such as `nothing`. Where an item has that name, the item is meant."""
    out_of_scope: tuple[Said, ...] = ()
    acceptance: tuple[Said, ...] = ()
    validation: tuple[Command, ...] = ()
    tier: Tier | None = None
    priority: int = 0
    agent: str | None = None
    roadmap: str | None = None
    train: str | None = None
    done: bool = False
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each field that is there, by the field's name here."""
    candidates: tuple[Said, ...] = ()
    """Files that the text mentions. Nobody said that the item may write them."""
    safety_gates: tuple[tuple[str, Said], ...] = ()
    """Guardrails of the document that are gates of a spec, by the spec's field."""
    is_loose: bool = False
    """It comes from a document that was not written for a machine."""
    group: str = ""
    """The heading it stands under."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """What in the document says a field that has no label of its own, by the field's name here."""

    def line_of(self, name: str) -> int:
        """Return the field's line, or the item's where the document does not have the field."""
        return self.lines.get(name, self.line)


class Form(StrEnum):
    """How a document is written: as the contract has it, as people write, or both in one."""

    STRICT = "strict"
    LOOSE = "loose"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class DeclaredLane:
    """A lane that the document itself describes. `gaps` is what it says in words that are no path."""

    name: str
    title: str
    line: int
    paths: tuple[Said, ...] = ()
    gaps: tuple[Said, ...] = ()
    aliases: frozenset[str] = frozenset()
    """What the document, or a repository, may call it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A milestone that is checked and not worked on: its criteria are nobody's in particular."""

    title: str
    line: int
    criteria: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader found in one document: items in document order, and everything wrong."""

    items: tuple[RoadmapItem, ...]
    problems: tuple[Problem, ...]
    lanes: tuple[DeclaredLane, ...] = ()
    guardrails: tuple[Said, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    form: Form = Form.STRICT
