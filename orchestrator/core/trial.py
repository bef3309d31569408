"""What is known of one candidate: it waits, it passed, its item is at fault, or the base is. Nothing decides here.

`front` finds them out, `blame` says who is at fault, `train` acts on them, `report` tells people what is waited for.
"""

from dataclasses import dataclass

from orchestrator.core.verdicts import Answer
from orchestrator.model.action import Action
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.facts import Built
from orchestrator.model.gate import Evidence
from orchestrator.model.spec import Wait


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why an entry does not move, and what it waits for."""

    reason: Reason
    message: str
    on: tuple[Wait, ...] = ()
    wants: tuple[Action, ...] = ()
    """What has to be done before more is known."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Every gate passed on exactly this merge commit."""

    built: Built


@dataclass(frozen=True, slots=True)
class Rejected:
    """The item is at fault, on settled ground."""

    failure: FailureClass
    message: str
    evidence: tuple[Evidence, ...]
    conflicts: tuple[str, ...] = ()
    base: "BaseAtFault | None" = None
    """That the base is red as well, where it is."""
    forget: tuple[Answer, ...] = ()
    """Answers that were no verdict on the change: whoever asks again, after a person, gets a new try."""


@dataclass(frozen=True, slots=True)
class BaseAtFault:
    """The same gate says the same on the base itself."""

    reason: Reason
    message: str
    answer: Answer


Trial = Waiting | Passed | Rejected | BaseAtFault
