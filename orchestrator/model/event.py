"""What a store remembers beside its objects: the audit trail of events and the history of writes. Nothing is decided
from either."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit trail."""

    at: datetime
    kind: str
    name: str
    reason: str
    message: str
    actor: str = "leader"
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Write:
    """One write as the history keeps it. `body` is the object's JSON after it; for a delete, the last before it."""

    version: int
    at: datetime
    actor: str
    verb: str
    kind: str
    name: str
    body: str
