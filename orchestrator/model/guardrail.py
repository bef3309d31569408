"""A guardrail: what no change of a swarm may bring into some files, take out of them, or set looser. Used by trains."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Glob, Name, Value
from orchestrator.model.rule import GUARDRAIL_NAMES, MATCH_OR_IMPORTS, Keyed, Rule

Expression = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""A regular expression as Python reads it, looked for in each line."""


class Refuses(StrEnum):
    """Which way of changing what was found is refused."""

    ADDED = "added"
    """More of it than there was. A line that moves is not added."""
    REMOVED = "removed"
    """Something of it is gone from all the watched files of the change."""
    CHANGED = "changed"
    """Added or removed."""
    FEWER = "fewer"
    """Less of it than there was, whatever it says."""
    RAISED = "raised"
    """The number in the group `value` grew, for the same `key`."""
    LOWERED = "lowered"
    """The number in the group `value` fell, for the same `key`."""


class Guardrail(Value):
    """One rule over what a change adds to files, removes from them, or changes in them, with the reason for it."""

    RULES: ClassVar[tuple[Rule, ...]] = (MATCH_OR_IMPORTS,)

    name: Name
    """Short name, unique in its train; a refusal bears it."""
    why: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """The reason, and what to do instead: the end of every refusal's sentence."""
    paths: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=16)]
    """Globs of the files it watches."""
    except_paths: Annotated[tuple[Glob, ...], Field(max_length=16)] = ()
    """Globs of files among them that it does not watch."""
    refuse: Refuses = Refuses.ADDED
    """Which way of changing what was found is refused."""
    match: Annotated[tuple[Expression, ...], Field(max_length=16)] = ()
    """What it looks for: in each line and, in Python files, in each string constant that no single line shows."""
    imports: Annotated[tuple[Expression, ...], Field(max_length=64)] = ()
    """What it looks for instead: modules that Python files import, and what lies below those."""


GUARDRAILS_BY_NAME = (Keyed("name"), GUARDRAIL_NAMES)
"""No two guardrails of a train have one name."""
