"""What every kind shares: the frozen document base, metadata, names, durations. Pydantic because bytes become
values here.

Fields are kept to what a structural CRD schema can say: no unions, no tuples of fixed length, absent instead of null,
durations as strings in Go syntax. The docstring below a field is its description in `kubectl explain`.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NewType

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from orchestrator.model.rule import GLOB, SPAN, JsonSchema, Rule, with_rules

API_VERSION = "interlock.dev/v1alpha1"
NAME_MAX = 63
"""RFC 1123 label: the name is also a git ref component, a label value and a folder."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=NAME_MAX)]
SpecName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=56)]
"""Shorter than `Name`: a run is `<spec>-<n>` and must be a name too."""
GLOB_MAX = 512
"""Short enough for a server to check a thousand of them by regular expression within its budget."""
GlobText = Annotated[str, StringConstraints(min_length=1, max_length=GLOB_MAX)]
"""A glob that was read before, in what the leader writes."""
Glob = Annotated[GlobText, *GLOB]
Text = Annotated[str, StringConstraints(max_length=262_144)]
Line = Annotated[str, StringConstraints(max_length=4_096)]
Duration = Annotated[
    str,
    StringConstraints(pattern=r"^(([0-9]+(\.[0-9]+)?)(ms|s|m|h))+$", max_length=32),
    SPAN,
]
"""A span of time in Go syntax: `90s`, `5m`, `1h30m`, `250ms`."""
COUNT_MAX = (1 << 53) - 1
"""The largest whole number that every reader of JSON keeps exactly."""
Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
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


class _AsText:
    """How amounts of money are spelled in documents: as text, because a number with a fraction is not exact in JSON."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=r"^[0-9]{1,15}(\.[0-9]{1,9})?$", strict=True)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(Decimal, text),
            python_schema=handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda amount: f"{amount:.9f}".rstrip("0").rstrip("."), when_used="json"
            ),
        )


Money = Annotated[Decimal, _AsText()]
"""An amount, to nine places."""


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
    RULES: ClassVar[tuple[Rule, ...]] = ()
    """What no single field's type can say."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        found = handler(schema)
        if cls.RULES:
            own = handler.resolve_ref_schema(found)
            own |= with_rules(own, cls.RULES)
        return found

    def document(self) -> dict[str, Any]:
        """Return the value as a JSON-ready document: camelCase names, absent instead of null, defaults that were
        not set left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


class OwnerReference(Value):
    """The object this one is a child of. In a cluster the garbage collector deletes it with its owner; the embedded
    store keeps it, so that the numbers of an item's runs are never used twice."""

    api_version: str = API_VERSION
    """The owner's API version."""
    kind: Line
    """The owner's kind."""
    name: Line
    """The owner's name."""
    uid: Line = ""
    """The owner's uid, so that a namesake made later is not taken for it; empty where it is not known."""
    controller: bool = True
    """Whether the owner is the one that acts on this object."""


class ObjectMeta(Value):
    """What every object carries beside spec and status. The store fills the lower half; files give the upper."""

    name: Annotated[str, StringConstraints(max_length=253)] = ""
    """Unique among objects of the kind: lowercase letters, digits and `-`."""
    generate_name: Annotated[str, StringConstraints(max_length=57)] | None = None
    """What a name begins with that the store completes; instead of `name`."""
    namespace: Annotated[str, StringConstraints(max_length=63)] = "default"
    """The namespace in a cluster; the embedded store has one."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Keys and values to select by."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Remarks of tools and people; nothing is selected by them."""
    uid: str | None = None
    """Set by the store: what tells this object from a later one of the same name."""
    resource_version: str | None = None
    """Set by the store: opaque, another one after every write."""
    generation: Count = 0
    """Set by the store: counts changes of `spec`, from 1."""
    creation_timestamp: Timestamp | None = None
    """Set by the store: when it first saw the object."""
    deletion_timestamp: Timestamp | None = None
    """Set by a cluster: when deletion was asked for."""
    owner_references: tuple[OwnerReference, ...] = ()
    """The objects this one is a child of."""
    finalizers: tuple[str, ...] = ()
    """Who has to clean up before a cluster removes the object."""


class Resource(Value):
    """One object of a kind: apiVersion, kind, metadata, spec and, where the kind has one, status.

    Subclasses name their `spec` and `status` models and say how they are called on the command line.
    """

    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    SHORT: ClassVar[tuple[str, ...]] = ()

    api_version: Annotated[str, StringConstraints(pattern=r"^interlock\.dev/v1alpha1$")] = API_VERSION
    """The version of these documents."""
    kind: str
    """The kind of this document."""
    metadata: ObjectMeta
    """What the object is called, and what the store knows of it."""

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
