"""Objects as the server keeps them, and back.

Three things an API server decides itself that another store may have decided before: uid, generation and creation. What
an imported object brought along is kept in an annotation, and both ways are translated here, so that nobody else knows.
Owners are kept in another one: a native owner reference would have the garbage collector delete the record of work
with the item it was done for. Neither annotation is shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

import msgspec

from orchestrator.adapters.kubernetes.connection import Json
from orchestrator.core.record import decode, encode
from orchestrator.model.base import API_VERSION, Resource

R = TypeVar("R", bound=Resource)

OWNERS = "interlock.dev/owners"
ORIGIN = "interlock.dev/origin"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's copy of what it applied: as large as the object, and nobody's business here."""
_HIDDEN = (OWNERS, ORIGIN, LAST_APPLIED)
_SHOWN = (
    "name",
    "generateName",
    "labels",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
)
_OWNER = ("apiVersion", "kind", "name", "uid", "controller")


@dataclass(frozen=True, slots=True)
class Origin:
    """What an object was called where it came from. `generation` is how far it was ahead of the server's count."""

    uid: str
    generation: int
    created: str

    @classmethod
    def of(cls, document: Json) -> Origin | None:
        """Return what an object brought along; None for one that was made here."""
        text = (document["metadata"].get("annotations") or {}).get(ORIGIN)
        if text is None:
            return None
        try:
            said = json.loads(text)
            return cls(str(said["uid"]), int(said["generation"]), str(said["created"]))
        except (ValueError, TypeError, KeyError):
            return None

    def text(self) -> str:
        """Return the annotation's value."""
        return json.dumps({"uid": self.uid, "generation": self.generation, "created": self.created})


def read(kind: type[R], document: Json) -> R:
    """Return the server's document as an object. Raises Invalid if this version cannot read it."""
    metadata = document["metadata"]
    shown = {key: metadata[key] for key in _SHOWN if key in metadata}
    annotations = metadata.get("annotations") or {}
    if rest := {key: value for key, value in annotations.items() if key not in _HIDDEN}:
        shown["annotations"] = rest
    if owners := _owners(metadata, annotations):
        shown["ownerReferences"] = owners
    origin = Origin.of(document)
    if origin is not None:
        shown |= {"uid": origin.uid, "creationTimestamp": origin.created}
        shown["generation"] = shown.get("generation", 1) + origin.generation
    made: Json = {"apiVersion": API_VERSION, "kind": kind.KIND, "metadata": shown}
    if "spec" in document:
        made["spec"] = document["spec"]
    if status := document.get("status"):
        made["status"] = _counted(status, origin.generation) if origin is not None else status
    return decode(kind, msgspec.json.encode(made))


def _owners(metadata: Json, annotations: Json) -> list[Json]:
    if text := annotations.get(OWNERS):
        try:
            found = json.loads(text)
        except ValueError:
            found = []
        return found if isinstance(found, list) else []
    references = metadata.get("ownerReferences") or ()
    return [{key: each[key] for key in _OWNER if key in each} for each in references]


def creation(obj: Resource, name: str, origin: Origin | None = None) -> Json:
    """Return what is sent to make a new object. Raises Invalid for what cannot be stored."""
    document: Json = json.loads(encode(obj))
    document.pop("status", None)
    given = document.get("metadata", {})
    metadata = {key: given[key] for key in ("generateName", "labels", "finalizers") if given.get(key)}
    annotations = {key: value for key, value in (given.get("annotations") or {}).items() if key not in _HIDDEN}
    if given.get("ownerReferences"):
        annotations[OWNERS] = json.dumps(given["ownerReferences"])
    if origin is not None:
        annotations[ORIGIN] = origin.text()
    if annotations:
        metadata["annotations"] = annotations
    return {**document, "apiVersion": API_VERSION, "kind": obj.KIND, "metadata": {**metadata, "name": name}}


def replacement(stored: Json, obj: Resource) -> Json:
    """Return the server's own document with the object's spec, labels and annotations. Raises Invalid as `creation`."""
    wanted: Json = json.loads(encode(obj))
    given = wanted.get("metadata", {})
    before = stored["metadata"].get("annotations") or {}
    hidden = {key: before[key] for key in _HIDDEN if key in before}
    annotations = {key: value for key, value in (given.get("annotations") or {}).items() if key not in _HIDDEN}
    metadata = {**stored["metadata"], "labels": given.get("labels") or {}, "annotations": {**annotations, **hidden}}
    # Who manages which field is the server's to find out from what changed.
    metadata.pop("managedFields", None)
    return {**stored, "metadata": metadata, "spec": wanted.get("spec", {})}


def statement(obj: Resource, ahead: int = 0) -> Json:
    """Return what is sent to say the object's status: all of it, as of this version. Raises Invalid as `creation`."""
    status = json.loads(encode(obj)).get("status") or _spelled(obj)
    return {
        "apiVersion": API_VERSION,
        "kind": obj.KIND,
        "metadata": {"name": obj.name, "resourceVersion": obj.version},
        "status": _counted(status, -ahead) if ahead else status,
    }


def _spelled(obj: Resource) -> Json:
    """Return a status that says nothing, spelled out: an apply that takes back every field leaves null, not {}."""
    status = getattr(obj, "status", None)
    return {} if status is None else dict(status.model_dump(mode="json", by_alias=True, exclude_none=True))


def ahead_of(document: Json) -> int:
    """Return how far an object's generation is ahead of the server's count."""
    origin = Origin.of(document)
    return 0 if origin is None else origin.generation


def origin_of(obj: Resource) -> Origin:
    """Return what an object of another store brings along."""
    metadata = obj.metadata
    created = metadata.creation_timestamp or datetime.fromtimestamp(0, UTC)
    return Origin(metadata.uid or "", max(0, metadata.generation - 1), created.isoformat())


def _counted(status: Json, by: int) -> Json:
    """Return the status with its generations counted on by so many."""

    def moved(each: Json) -> Json:
        known = each.get("observedGeneration")
        return {**each, "observedGeneration": max(0, known + by)} if known else each

    counted = moved(status)
    if conditions := counted.get("conditions"):
        counted = {**counted, "conditions": [moved(each) for each in conditions]}
    return counted


DIGEST_BYTES = 16


def shape(document: Json) -> int:
    """Return a number that differs for objects that differ in anything but their status.

    The sum over all objects of a kind is its revision: whoever has the same objects has the same sum, in any order, and
    one change costs one subtraction and one addition.
    """
    metadata = document["metadata"]
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _HIDDEN}
    said = [metadata["name"], metadata["uid"], metadata.get("generation", 0), metadata.get("labels") or {}, annotations]
    return _number(json.dumps(said, sort_keys=True))


def state(document: Json) -> int:
    """Return a number that differs for every write of every object."""
    metadata = document["metadata"]
    return _number(f"{metadata['uid']} {metadata['resourceVersion']}")


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=DIGEST_BYTES).digest(), "big")
