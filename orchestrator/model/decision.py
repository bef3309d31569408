"""A Decision: the word of a named person, append-only. Whether it took effect stands in its status."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Count, Line, Resource, Timestamp, Value
from orchestrator.model.condition import _Described
from orchestrator.model.rule import PRIORITY, SAID_FOR_GOOD, Rule


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

    RULES: ClassVar[tuple[Rule, ...]] = (PRIORITY, SAID_FOR_GOOD)

    verb: Verb
    """What the person says."""
    subject: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    """A spec, or a train for `release` and `hold`."""
    head: Line = ""
    """The commit it is bound to, where it matters: an approval's head, a release's tip."""
    reason: Line = ""
    """Why, in the person's words; kept and shown."""
    actor: Line = ""
    """The authenticated one; whatever a file says is replaced."""
    value: Line = ""
    """The number, for `priority`; for a train's `release` the freeze it answers, such as `RedBase#3`."""


class DecisionStatus(Value):
    """Whether and when it took effect."""

    observed_generation: Count = 0
    """The generation of the spec the leader took in."""
    effective: bool | None = None
    """Absent until the leader has looked; false if it was refused."""
    at: Timestamp | None = None
    """When the leader took it in."""
    sequence: Count = 0
    """The order in which the leader took words in; creation times may tie or jump."""
    after_run: Count = 0
    """How many starts the subject had by then: a retry gives back what those spent."""
    message: Line = ""
    """What came of it, or why it was refused."""


class Decision(Resource):
    """A named person's word."""

    KIND: ClassVar[str] = "Decision"
    PLURAL: ClassVar[str] = "decisions"
    SHORT: ClassVar[tuple[str, ...]] = ("dec",)

    kind: Annotated[str, StringConstraints(pattern="^Decision$")] = "Decision"
    spec: DecisionSpec
    """Who says what about whom, and why. Never changed."""
    status: DecisionStatus = Field(default_factory=DecisionStatus)
    """Whether and when it took effect. Written by the leader alone."""
