"""A gate: a command with four results. Used by trains, lanes and, as `validation`, by specs."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from orchestrator.model.base import Duration, Glob, Line, Name, Text, Value
from orchestrator.model.rule import GATE_COMMAND, GATE_NAMES, Keyed


class GateResult(StrEnum):
    """What a gate can say. `flaky` passed after failing on the same tree; only `pass` and `flaky` land."""

    PASS = "pass"
    FAIL = "fail"
    COULD_NOT_RUN = "could-not-run"
    FLAKY = "flaky"


class CouldNotRun(Value):
    """How to tell that a gate had no verdict, beside the documented defaults for known runners."""

    exit: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(max_length=256)] = ()
    """Exit codes that mean the gate could not run; 126 and 127 always do."""
    output: Annotated[tuple[Line, ...], Field(max_length=256)] = ()
    """Words that mean it, found anywhere in the output."""


class Gate(Value):
    """A command run on exactly the tree that may land, in a workspace of its own."""

    name: Name
    """Short name, unique among the gates of its owner."""
    run: Annotated[str, StringConstraints(min_length=1, max_length=8192), GATE_COMMAND]
    """The command, given to `sh -c` at the root of the tree."""
    timeout: Duration = "10m"
    """Over this time the gate has failed."""
    could_not_run: CouldNotRun = Field(default_factory=CouldNotRun)
    """What else means that the gate had no verdict."""
    # 64 gates of 24 patterns: with more, an API server's estimate for the rules on each exceeds what it allows.
    inputs: Annotated[tuple[Glob, ...], Field(max_length=24)] = ()
    """Globs of all it reads, so that its verdict on one tree counts on others that are the same there. Without them
    it counts on exactly the tree it was given."""


GATES_BY_NAME = (Keyed("name"), GATE_NAMES)
"""No two gates of a list have one name."""


class Evidence(Value):
    """What a gate or the merge said about an attempt; the next attempt reads it in its prompt."""

    gate: Line
    """The gate that spoke, or what else did: `merge`, `scope`, …"""
    result: Line
    """What it said: a gate's result, or a failure class."""
    output: Text = ""
    """The bounded tail of what it printed."""
