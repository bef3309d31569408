"""A Decision: the word of a named person, append-only. Whether it took effect stands in its status."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Line, Resource, Timestamp, Value
from orchestrator.model.condition import _Described


class Verb(_Described):
    """What a person can say."""

    APPROVE = "approve", "The head may land, as far as this person goes."
    WAIVE = "waive", "The train may pass over the item; its tier is held no longer by it."
    HOLD = "hold", "The item neither starts nor lands until released."
    RELEASE = "release", "The hold is over; of a train: the freeze is over for this tip."
    CANCEL = "cancel", "The item is dropped."
    RETRY = "retry", "A stalled or cancelled item starts afresh; its attempts are given back."
    GRANT_SCOPE = "grantScope", "The agent's scope request is granted."
    DENY_SCOPE = "denyScope", "The agent's scope request is denied."
    PRIORITY = "priority", "The item's priority is `value` from now on."


class DecisionSpec(Value):
    """Who says what about whom, and why."""

    verb: Verb
    subject: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    """A spec, or a train for `release` and `hold`."""
    head: Line = ""
    """The commit it is bound to, where it matters: an approval's head, a release's tip."""
    reason: Line = ""
    actor: Line = ""
    """The authenticated one; whatever a file says is replaced."""
    value: Line = ""
    """The number, for `priority`."""


class DecisionStatus(Value):
    """Whether and when it took effect."""

    observed_generation: int = 0
    effective: bool | None = None
    """Absent until the leader has looked; false if it was refused."""
    at: Timestamp | None = None
    sequence: int = 0
    """The order in which the leader took words in; creation times may tie or jump."""
    after_run: int = 0
    """How many starts the subject had by then: a retry gives back what those spent."""
    message: Line = ""


class Decision(Resource):
    """A named person's word."""

    KIND: ClassVar[str] = "Decision"
    PLURAL: ClassVar[str] = "decisions"
    SHORT: ClassVar[tuple[str, ...]] = ("dec",)

    kind: Annotated[str, StringConstraints(pattern="^Decision$")] = "Decision"
    spec: DecisionSpec
    status: DecisionStatus = Field(default_factory=DecisionStatus)
