"""A gate: a command with four results. Used by trains, lanes and, as `validation`, by specs."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from orchestrator.model.base import Duration, Line, Name, Text, Value


class GateResult(StrEnum):
    """What a gate can say. `flaky` passed after failing on the same tree; only `pass` and `flaky` land."""

    PASS = "pass"
    FAIL = "fail"
    COULD_NOT_RUN = "could-not-run"
    FLAKY = "flaky"


class CouldNotRun(Value):
    """How to tell that a gate had no verdict, beside the documented defaults for known runners."""

    exit: tuple[int, ...] = ()
    """Exit codes that mean the gate could not run; 126 and 127 always do."""
    output: tuple[Line, ...] = ()
    """Words that mean it, found anywhere in the output."""


class Gate(Value):
    """A command run on exactly the tree that may land, in a workspace of its own."""

    name: Name
    """Short name, unique among the gates of its owner."""
    run: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    """The command, given to `sh -c` at the root of the tree."""
    timeout: Duration = "10m"
    """Over this time the gate has failed."""
    could_not_run: CouldNotRun = Field(default_factory=CouldNotRun)
    """What else means that the gate had no verdict."""


class Evidence(Value):
    """What a gate or the merge said about an attempt; the next attempt reads it in its prompt."""

    gate: Line
    result: Line
    output: Text = ""
