"""One piece of work as the document has it, before it is an item: its words by part, and what is above it."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.core.roadmap.item import Said
from orchestrator.core.roadmap.words import Part
from orchestrator.model.spec import Tier


@dataclass(frozen=True, slots=True)
class Group:
    """What a heading, or a line above a list, says for all that stands below it."""

    title: str = ""
    line: int = 0
    above: Group | None = None
    done: bool | None = None
    by: str = ""
    lanes: tuple[Said, ...] = ()
    lane_said: str = ""
    tier: tuple[Tier, Said] | None = None
    acceptance: tuple[Said, ...] = ()
    needs: tuple[Said, ...] = ()
    out_of_scope: tuple[Said, ...] = ()


@dataclass(slots=True)
class Draft:
    """One piece of work as the document has it."""

    title: str
    line: int
    end: int
    group: Group | None
    done: bool | None = None
    by: str = ""
    said: dict[Part, list[Said]] = field(default_factory=dict)
    commands: list[Said] = field(default_factory=list)
    number: str = ""
    key: str = ""
    notes: tuple[str, ...] = ()
    anchor_text: str = ""
    is_section: bool = False
    is_row: bool = False
    is_checkpoint: bool = False
    origins: dict[str, str] = field(default_factory=dict)
    name: str = ""
    bare: tuple[str, str] = ("", "")
    """Its title without what only places it, and its key; known once it has a name."""
