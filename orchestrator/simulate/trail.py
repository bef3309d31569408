"""What happened in a simulation, minute by minute, as plain facts: for the result, and for the rules that judge it.

Written by the world while it happens. Nothing in it is a conclusion of the train.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.decision import Verb
from orchestrator.simulate.tree import Element


class Said(StrEnum):
    """How a validation ended."""

    PASS = "pass"
    FAIL = "fail"
    COULD_NOT_RUN = "could-not-run"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Run:
    """One validation of a candidate. The base's own control runs take no time here and are none."""

    validation: str
    members: tuple[Element, ...]
    """Everything its tree adds to the base it was built on, in order."""
    tested: tuple[str, ...]
    """Those whose verdict it is: the last member, or all of a batch."""
    base: int
    """How much the base it was built on had gained."""
    tree: TreeId
    is_red: bool
    """Whether its base was red."""
    start: float
    end: float
    """When it ends, or was ended."""
    verdict: Said | None = None
    """None while it runs."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return its members' names."""
        return tuple(member.name for member in self.members)

    @property
    def is_moot(self) -> bool:
        """Return whether it was ended in the minute it started in: a step on the way to rest, no validation."""
        return self.verdict is Said.CANCELLED and self.end == self.start


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry arrived, or got a new head."""

    at: float
    name: str
    head: Sha


@dataclass(frozen=True, slots=True)
class Spoken:
    """A person said a word about an entry."""

    at: float
    verb: Verb
    name: str
    head: Sha
    """The entry's head at that time."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """The base gained commits: of entries by a landing, of strangers by a push."""

    at: float
    gained: tuple[Element, ...]
    tree: TreeId
    is_red: bool
    """Whether the base is red with them."""
    spec: str | None
    """The entry whose landing it was; None for a stranger."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry left the line for a fault of its own, or of the machine."""

    at: float
    name: str
    head: Sha
    reason: str


Fact = Opened | Spoken | Advanced | Rejected | Run


@dataclass(slots=True)
class Trail:
    """Everything that happened, in order; a run stands where it started."""

    facts: list[Fact] = field(default_factory=list)

    def runs(self) -> list[Run]:
        """Return every validation in the order in which they started."""
        return [fact for fact in self.facts if isinstance(fact, Run) and not fact.is_moot]
