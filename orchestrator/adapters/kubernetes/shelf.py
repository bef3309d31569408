"""What is known of one kind: parsed objects by name, and two sums that say whether anything changed.

A watch fills it, and so do this process's own writes, so that it never shows less than what it was told itself. Newer
wins, by the server's versions, which are comparable within a kind. Thread-safe.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.adapters.kubernetes import wire
from orchestrator.adapters.kubernetes.connection import Json
from orchestrator.errors import Invalid
from orchestrator.model.base import Resource

R = TypeVar("R", bound=Resource)

log = logging.getLogger("interlock.kubernetes")

SUM = 1 << (8 * wire.DIGEST_BYTES)
GONE_MAX = 4_096
"""Deleted objects that are remembered until the watch says so too."""


@dataclass(frozen=True, slots=True)
class Known(Generic[R]):
    """One object, and what has to be known of its document. `obj` is None where this version cannot read it."""

    obj: R | None
    uid: str
    version: int
    shape: int
    state: int
    ahead: int


class Shelf(Generic[R]):
    """All objects of one kind, as far as they are known."""

    def __init__(self, kind: type[R]) -> None:
        self.kind = kind
        self._lock = threading.Lock()
        self._known: dict[str, Known[R]] = {}
        self._gone: dict[str, None] = {}
        self._ordered: tuple[R, ...] | None = ()
        self._shape = 0
        self._state = 0

    def keep(self, document: Json) -> tuple[R | None, bool]:
        """Take in a document unless a newer one is known; return its object, and whether anything changed."""
        metadata = document["metadata"]
        name, version = metadata["name"], version_of(document)
        with self._lock:
            before = self._known.get(name)
            if before is not None and before.version == version and before.uid == metadata["uid"]:
                return before.obj, False
            known = self._read(document, version)
            if metadata["uid"] in self._gone or (before is not None and before.version > version):
                return known.obj, False
            self._put(name, known)
            return known.obj, True

    def drop(self, name: str, uid: str, *, is_told: bool) -> bool:
        """Take an object out; return whether it was there. `is_told`: the watch said so, nothing older can follow."""
        with self._lock:
            if is_told:
                self._gone.pop(uid, None)
            else:
                self._gone[uid] = None
                while len(self._gone) > GONE_MAX:
                    del self._gone[next(iter(self._gone))]
            before = self._known.get(name)
            if before is None or before.uid != uid:
                return False
            self._take_out(name)
            return True

    def retain(self, names: Collection[str], version: int) -> bool:
        """Take out what a list of that version did not show, unless it is newer; return whether that was anything."""
        with self._lock:
            left = [name for name, each in self._known.items() if name not in names and each.version <= version]
            for name in left:
                self._take_out(name)
        return bool(left)

    def all(self) -> tuple[R, ...]:
        """Return every object in name order; the same tuple again while nothing changes."""
        with self._lock:
            if self._ordered is None:
                known = (self._known[name].obj for name in sorted(self._known))
                self._ordered = tuple(obj for obj in known if obj is not None)
            return self._ordered

    def known(self, name: str) -> Known[R] | None:
        """Return what is known of an object."""
        with self._lock:
            return self._known.get(name)

    def revision(self) -> str:
        """Return the sum over everything but status."""
        with self._lock:
            return f"{self._shape:x}"

    def mark(self) -> str:
        """Return the sum over everything."""
        with self._lock:
            return f"{self._state:x}"

    def __len__(self) -> int:
        return len(self._known)

    def _read(self, document: Json, version: int) -> Known[R]:
        obj = None
        try:
            obj = wire.read(self.kind, document)
        except Invalid as error:
            # One object that a newer version wrote must not stop every other one.
            name = document["metadata"]["name"]
            log.error("an object cannot be read and is left out", extra={"name_": name, "why": str(error)[:1000]})
        return Known(
            obj,
            document["metadata"]["uid"],
            version,
            wire.shape(document),
            wire.state(document),
            wire.ahead_of(document),
        )

    def _put(self, name: str, known: Known[R]) -> None:
        self._take_out(name)
        self._known[name] = known
        self._shape = (self._shape + known.shape) % SUM
        self._state = (self._state + known.state) % SUM

    def _take_out(self, name: str) -> None:
        before = self._known.pop(name, None)
        self._ordered = None
        if before is not None:
            self._shape = (self._shape - before.shape) % SUM
            self._state = (self._state - before.state) % SUM


def version_of(document: Json) -> int:
    """Return the version of an object or a list: versions of one kind are whole numbers that grow."""
    return int(document["metadata"].get("resourceVersion") or 0)


def revision(documents: Iterable[Json]) -> str:
    """Return what `Shelf.revision` says of just these objects."""
    return f"{sum(map(wire.shape, documents)) % SUM:x}"


def mark(documents: Iterable[Json]) -> str:
    """Return what `Shelf.mark` says of just these objects."""
    return f"{sum(map(wire.state, documents)) % SUM:x}"
