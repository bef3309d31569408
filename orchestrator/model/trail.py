"""A page of the audit trail, as a cluster keeps it. The leader's own record: nobody applies one or decides on it.

Not one of the kinds people work with (`model.kinds`): the embedded store keeps the same lines in a table.
"""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Resource, Value

LINES_MAX = 250
LINE_MAX = 32_768
"""A message has 4,096 characters at most; spelled as JSON some need more than one."""


class TrailPageSpec(Value):
    """What happened, in order."""

    lines: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=LINE_MAX)], ...], Field(max_length=LINES_MAX)
    ] = ()
    """One event each, as JSON: what `interlock export` writes into its events.jsonl."""


class TrailPage(Resource):
    """Some lines of the audit trail. Its name says how many lines are before it."""

    KIND: ClassVar[str] = "TrailPage"
    PLURAL: ClassVar[str] = "trailpages"
    SHORT: ClassVar[tuple[str, ...]] = ()

    kind: Annotated[str, StringConstraints(pattern="^TrailPage$")] = "TrailPage"
    spec: TrailPageSpec = Field(default_factory=TrailPageSpec)
    """What happened. Written by the leader alone."""
