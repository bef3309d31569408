"""What every kind shares: the frozen document base, metadata, names, durations. Pydantic because bytes become
values here.

Fields are kept to what a structural CRD schema can say: no unions, no tuples of fixed length, absent instead of null,
durations as strings in Go syntax. The docstring below a field is its description in `kubectl explain`.
"""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

API_VERSION = "interlock.dev/v1alpha1"
NAME_MAX = 63
"""RFC 1123 label: the name is also a git ref component, a label value and a folder."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=NAME_MAX)]
SpecName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=56)]
"""Shorter than `Name`: a run is `<spec>-<n>` and must be a name too."""
Glob = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Text = Annotated[str, StringConstraints(max_length=262_144)]
Line = Annotated[str, StringConstraints(max_length=4_096)]
Duration = Annotated[
    str,
    StringConstraints(pattern=r"^(([0-9]+(\.[0-9]+)?)(ms|s|m|h))+$", max_length=32),
]
"""A span of time in Go syntax: `90s`, `5m`, `1h30m`, `250ms`."""
Timestamp = AwareDatetime
Sha = NewType("Sha", str)
"""A commit id, full length. Opaque to everything but the git adapters."""
TreeId = NewType("TreeId", str)
"""A tree id, full length. Two commits with one tree id hold the same files."""

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """Return the length of a `Duration` in seconds."""
    return sum(
        float(number) * _UNIT_S[unit] for number, unit in re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", duration)
    )


class Value(BaseModel):
    """The base of everything that is read from or written as a document: frozen, closed, camelCase outside."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    def document(self) -> dict[str, Any]:
        """Return the value as a JSON-ready document: camelCase names, absent instead of null, defaults that were
        not set left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


class OwnerReference(Value):
    """The object this one is a child of; deleting that one deletes this."""

    api_version: str = API_VERSION
    kind: Line
    name: Line
    uid: Line = ""
    controller: bool = True


class ObjectMeta(Value):
    """What every object carries beside spec and status. The store fills the lower half; files give the upper."""

    name: Annotated[str, StringConstraints(max_length=253)] = ""
    generate_name: Annotated[str, StringConstraints(max_length=57)] | None = None
    namespace: Annotated[str, StringConstraints(max_length=63)] = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    uid: str | None = None
    resource_version: str | None = None
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()


class Resource(Value):
    """One object of a kind: apiVersion, kind, metadata, spec and, where the kind has one, status.

    Subclasses name their `spec` and `status` models and say how they are called on the command line.
    """

    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    SHORT: ClassVar[tuple[str, ...]] = ()

    api_version: Annotated[str, StringConstraints(pattern=r"^interlock\.dev/v1alpha1$")] = API_VERSION
    kind: str
    metadata: ObjectMeta

    @property
    def name(self) -> str:
        """Return the object's name."""
        return self.metadata.name

    @property
    def version(self) -> str:
        """Return the opaque version compare-and-swap goes by; empty before the store has seen the object."""
        return self.metadata.resource_version or ""

    @property
    def created(self) -> datetime:
        """Return when the store first saw the object; the object must come from a store."""
        assert self.metadata.creation_timestamp is not None
        return self.metadata.creation_timestamp
