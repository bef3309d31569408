"""A Validation: one gate on one tree in one environment. Its name is its key, so the same tree is never tested twice.

The leader's own record, not something people apply: creating it is the intent, and a second create is refused.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Count, Line, Resource, Sha, SpecName, Text, Timestamp, TreeId, Value
from orchestrator.model.gate import Gate, GateResult


class ValidationPhase(StrEnum):
    """Where it stands."""

    PENDING = "Pending"
    """It waits for a runner; or it was wanted ahead of time, was overtaken, and nothing waits for it any more."""
    RUNNING = "Running"
    DONE = "Done"


class Purpose(StrEnum):
    """Why it was asked for first; the verdict serves whoever has the same key."""

    ITEM = "item"
    CANDIDATE = "candidate"
    CONTROL = "control"


class ValidationSpec(Value):
    """The key (tree, gate digest, environment digest) and how to reach the tree."""

    tree: TreeId
    """The tree the gate was first wanted on."""
    commit: Sha
    """A commit with that tree."""
    gate: Gate
    """What is run."""
    gate_digest: Line
    """`sha256:` over what the gate does."""
    environment: Line
    """The digest of what a verdict depends on beside tree and gate."""
    inputs: Line = ""
    """The digest of what the gate reads, where it declares that: then the key has it in the tree's place."""
    purpose: Purpose
    """Why it was asked for first."""
    subject: SpecName | None = None
    """The item that would be blamed; absent for a control run. Of a batch the last one: nobody is blamed."""
    batch: tuple[SpecName, ...] = ()
    """Everybody whose verdict it is, in landing order, where that is more than one."""
    ahead: tuple[SpecName, ...] = ()
    """The entries it stands on that were open when it was asked for, from the base; of many the nearest."""
    train: Line = "main"
    """The train it was asked for."""


class Try(Value):
    """One execution: a result, or none where the machine was at fault."""

    result: GateResult | None = None
    """Absent: the harness was lost, which is no verdict."""
    signature: Line = ""
    """For lost or could-not-run: what the trouble looks like, in one line."""
    output: Text = ""
    """The bounded tail of the output."""
    started_at: Timestamp | None = None
    """When it started."""
    ended_at: Timestamp | None = None
    """When it ended."""
    tree: TreeId | None = None
    """The tree it ran on, where that is another one than the spec's, with the same inputs."""


class ValidationStatus(Value):
    """What came out, try by try."""

    observed_generation: Count = 0
    """Nothing is written here yet: a key does not change."""
    phase: ValidationPhase = ValidationPhase.PENDING
    """Where it stands."""
    leader: Line = ""
    """The incarnation of the leader that started the last try."""
    started_at: Timestamp | None = None
    """When the last try was started."""
    tree: TreeId | None = None
    """The tree of the last try that was started, where that is another one than the spec's, with the same inputs."""
    commit: Sha | None = None
    """A commit with that tree."""
    tries: tuple[Try, ...] = ()
    """Every execution so far, oldest first."""


class Validation(Resource):
    """One gate on one tree in one environment."""

    KIND: ClassVar[str] = "Validation"
    PLURAL: ClassVar[str] = "validations"
    SHORT: ClassVar[tuple[str, ...]] = ("val",)

    kind: Annotated[str, StringConstraints(pattern="^Validation$")] = "Validation"
    spec: ValidationSpec
    """The key (tree, gate digest, environment digest) and how to reach the tree."""
    status: ValidationStatus = Field(default_factory=ValidationStatus)
    """What came out. Written by the leader alone."""

    @property
    def commit(self) -> Sha:
        """Return the commit that the last try started on, or the next one will."""
        return self.status.commit or self.spec.commit

    @property
    def tested_tree(self) -> TreeId:
        """Return the tree that the last verdict is of."""
        decided = next((one for one in reversed(self.status.tries) if one.result is not None), None)
        return (decided.tree if decided is not None else None) or self.spec.tree
