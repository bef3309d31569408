"""What a write makes of an object, whichever store keeps it: first version, next version, or no change at all.

The embedded stores call this inside their transactions; it holds the rules of the `Cluster` port that are about values
(generation, what counts as equal, what may be stored), never those about order or exclusion.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, Never, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from orchestrator.errors import Invalid
from orchestrator.model.base import NAME_MAX, Resource

R = TypeVar("R", bound=Resource)

BYTES_MAX = 1 << 20
"""The largest object as JSON. An API server's own limit is 1.5 MiB, etcd's request included."""
EVENT_TEXT_MAX = 4_096
"""Characters of an event's message; what is longer belongs into a log."""
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and nothing that looks like another character, as in Kubernetes: no words, no misreadings."""
SUFFIX_LENGTH = 5
SUFFIXES = len(SUFFIX_ALPHABET) ** SUFFIX_LENGTH

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_STORES_OWN = frozenset({"deletion_timestamp"})


class Frozen(dict[str, Any]):
    """A dictionary that refuses to be changed: stored objects are shared by everybody who read them."""

    def _refuse(self, *args: object, **kwargs: object) -> Never:
        raise TypeError("a stored object is frozen; make a changed copy with model_copy(update=…)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def born(obj: R, *, name: str, uid: str, at: datetime, version: int) -> R:
    """Return the object as its first version: the store's metadata set, no status yet.

    As behind a status subresource, a status that comes with a new object is ignored: only status writes set it.
    """
    given = obj.metadata
    metadata = given.model_copy(
        update={
            "name": name,
            "uid": uid,
            "resource_version": str(version),
            "generation": 1,
            "creation_timestamp": at,
        }
    )
    return _without_status(obj).model_copy(update={"metadata": _without(metadata, _STORES_OWN)})


def respecified(stored: R, wanted: R, version: int) -> R | None:
    """Return the stored object with the wanted spec, labels and annotations; None if it has them already."""
    old, new = stored.metadata, wanted.metadata
    same_spec = _spec(stored) == _spec(wanted)
    if same_spec and old.labels == new.labels and old.annotations == new.annotations:
        return None
    metadata = old.model_copy(
        update={
            "labels": new.labels,
            "annotations": new.annotations,
            "resource_version": str(version),
            "generation": old.generation if same_spec else old.generation + 1,
        }
    )
    return stored.model_copy(update={"metadata": metadata, "spec": _spec(wanted)})


def restated(stored: R, wanted: R, version: int) -> R | None:
    """Return the stored object with the wanted status; None if it has it already."""
    if _status(stored) == _status(wanted):
        return None
    metadata = stored.metadata.model_copy(update={"resource_version": str(version)})
    return stored.model_copy(update={"metadata": metadata, "status": _status(wanted)})


def restored(objects: Iterable[Resource], version: int) -> Iterator[tuple[int, Resource]]:
    """Yield the objects of another store as this one keeps them, each with its version, counted on from `version`.

    In the order in which they were written last, as far as their old versions tell."""

    def age(obj: Resource) -> tuple[int, str, str]:
        return (int(obj.version) if obj.version.isdecimal() else 0, obj.kind, obj.name)

    for number, obj in enumerate(sorted(objects, key=age), version + 1):
        metadata = obj.metadata.model_copy(update={"resource_version": str(number)})
        yield number, obj.model_copy(update={"metadata": metadata})


def given_name(obj: Resource) -> str | None:
    """Return the name the object asks for; None if `generateName` has to be completed. Raises Invalid for neither."""
    name, prefix = obj.metadata.name, obj.metadata.generate_name
    if not name and prefix is not None:
        # Completed with a consonant or digit, so that only the prefix can spoil the name.
        if len(prefix) + SUFFIX_LENGTH > NAME_MAX or not _NAME.fullmatch(f"{prefix}0"):
            raise Invalid(f"{obj.kind}: generateName {prefix!r} cannot be completed to a name; {_NAME_RULE}")
        return None
    if len(name) > NAME_MAX or not _NAME.fullmatch(name):
        raise Invalid(f"{obj.kind}: {name!r} is not a name; {_NAME_RULE}")
    return name


_NAME_RULE = f"use at most {NAME_MAX} of a-z, 0-9 and '-', with a letter or digit at both ends"


def suffix(number: int) -> str:
    """Return the five characters that complete a generated name; distinct for numbers below `SUFFIXES`."""
    base = len(SUFFIX_ALPHABET)
    return "".join(SUFFIX_ALPHABET[number // base**place % base] for place in reversed(range(SUFFIX_LENGTH)))


def recordable(text: str) -> str:
    """Return a text that any store can keep: what is no Unicode written as an escape, cut at `EVENT_TEXT_MAX`."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= EVENT_TEXT_MAX else f"{text[: EVENT_TEXT_MAX - 1]}…"


def encode(obj: Resource) -> str:
    """Return the object as the JSON that is stored. Raises Invalid for what cannot be stored or is too large."""
    try:
        body = obj.model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True, warnings="error")
    except (PydanticSerializationError, UnicodeError, ValueError) as error:
        raise Invalid(f"{obj.kind} `{obj.name}` cannot be stored: {error}") from error
    size = len(body) if body.isascii() else len(body.encode())
    if size > BYTES_MAX:
        raise Invalid(
            f"{obj.kind} `{obj.name}` is {size:,} bytes, over the limit of {BYTES_MAX:,}; shorten its text or split it"
        )
    return body


def decode(kind: type[R], body: str | bytes) -> R:
    """Return the stored object, frozen throughout. Raises Invalid if the JSON is not one of this kind."""
    try:
        obj = kind.model_validate_json(body)
    except ValidationError as error:
        where = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        )
        raise Invalid(f"{kind.KIND} cannot be stored or read as one: {where}") from error
    _freeze(obj)
    return obj


def _spec(obj: Resource) -> Any:
    return getattr(obj, "spec", None)


def _status(obj: Resource) -> Any:
    return getattr(obj, "status", None)


def _without_status(obj: R) -> R:
    field = type(obj).model_fields.get("status")
    if field is None:
        return obj
    # The default itself, not "unset": `encode` leaves out what is unset, and both must mean the same.
    return _without(obj.model_copy(update={"status": field.get_default(call_default_factory=True)}), {"status"})


M = TypeVar("M", bound=BaseModel)


def _without(model: M, fields: Iterable[str]) -> M:
    """Return a copy whose `fields` are as if nobody had ever set them."""
    copy = model.model_copy()
    for name in fields:
        copy.__dict__[name] = type(model).model_fields[name].get_default(call_default_factory=True)
        copy.__pydantic_fields_set__.discard(name)
    return copy


def _freeze(model: BaseModel) -> None:
    """Replace every dictionary inside by one that cannot be changed. Only for a model nobody else has seen."""
    for name in _with_dictionaries(type(model)):
        model.__dict__[name] = _frozen(model.__dict__[name])


def _frozen(value: Any) -> Any:
    if isinstance(value, BaseModel):
        _freeze(value)
    elif isinstance(value, dict):
        return Frozen({key: _frozen(item) for key, item in value.items()})
    elif isinstance(value, tuple):
        return tuple(_frozen(item) for item in value)
    return value


@cache
def _with_dictionaries(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the fields in which a dictionary can hide: freezing walks these alone."""
    return tuple(name for name, field in model.model_fields.items() if _may_hold_dictionary(field.annotation))


def _may_hold_dictionary(annotation: Any) -> bool:
    if get_origin(annotation) is dict or annotation is dict:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return bool(_with_dictionaries(annotation))
    return any(_may_hold_dictionary(inner) for inner in get_args(annotation))
