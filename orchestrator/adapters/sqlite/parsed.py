"""The objects of one kind, parsed once per version.

A list that did not change is the same tuple again; of a list that did, only the changed objects are read and parsed.
Not thread-safe: the store calls it under its lock.
"""

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from orchestrator.core.record import decode
from orchestrator.errors import Invalid, Unusable
from orchestrator.model.base import Resource

R = TypeVar("R", bound=Resource)

_ONE_BY_ONE_MAX = 100
"""Up to this many objects are read by name; more in one sweep, which also reads what is known already."""


class Parsed(Generic[R]):
    """What this process knows of a kind. `_seen` is the store's version up to which `_ordered` is complete."""

    def __init__(self, kind: type[R], path: Path) -> None:
        self._kind = kind
        self._path = path
        self._objects: dict[str, R] = {}
        self._ordered: tuple[R, ...] = ()
        self._names: tuple[str, ...] = ()
        self._names_known: frozenset[str] = frozenset()
        self._seen = 0

    def keep(self, obj: R) -> None:
        """Remember an object of the store, so that it is not parsed again."""
        self._objects[obj.name] = obj

    def get(self, db: sqlite3.Connection, name: str) -> R | None:
        """Return the object as it is in the store now, or None."""
        row = db.execute("SELECT version FROM objects WHERE kind = ? AND name = ?", (self._kind.KIND, name)).fetchone()
        if row is None:
            return None
        if self._has(name, row[0]):
            return self._objects[name]
        row = db.execute("SELECT body FROM objects WHERE kind = ? AND name = ?", (self._kind.KIND, name)).fetchone()
        return None if row is None else self._parse(name, row[0])

    def all(self, db: sqlite3.Connection) -> tuple[R, ...]:
        """Return every object in name order. Inside a read transaction, so that head and objects belong together."""
        kind = self._kind.KIND
        head = db.execute("SELECT version, deleted FROM heads WHERE kind = ?", (kind,)).fetchone()
        if head is None or head[0] == self._seen:
            return self._ordered
        version, deleted = head
        self._read_changed(db)
        if deleted > self._seen:
            names = {name for (name,) in db.execute("SELECT name FROM objects WHERE kind = ?", (kind,))}
            self._objects = {name: obj for name, obj in self._objects.items() if name in names}
        if self._objects.keys() != self._names_known:
            self._names_known = frozenset(self._objects)
            self._names = tuple(sorted(self._objects))
        self._ordered = tuple([self._objects[name] for name in self._names])
        self._seen = version
        return self._ordered

    def _read_changed(self, db: sqlite3.Connection) -> None:
        kind = self._kind.KIND
        # The index alone answers this; what this process wrote itself is here already and needs no reading.
        changed = db.execute("SELECT name, version FROM objects WHERE kind = ? AND version > ?", (kind, self._seen))
        missing = [name for name, version in changed if not self._has(name, version)]
        if len(missing) <= _ONE_BY_ONE_MAX:
            for name in missing:
                self.get(db, name)
            return
        bodies = db.execute("SELECT name, body FROM objects WHERE kind = ? AND version > ?", (kind, self._seen))
        with _no_collection():
            for name, body in bodies:
                self._parse(name, body)

    def _has(self, name: str, version: int) -> bool:
        known = self._objects.get(name)
        return known is not None and known.version == str(version)

    def _parse(self, name: str, body: str) -> R:
        try:
            obj = decode(self._kind, body)
        except Invalid as error:
            raise Unusable(
                f"state {self._path}: {self._kind.KIND} `{name}` cannot be read by this version ({error}); "
                f"upgrade, or remove it with `interlock delete {self._kind.PLURAL} {name}`"
            ) from error
        self._objects[name] = obj
        return obj


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector back: what a sweep makes stays alive, and looking through it takes 3/4 of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
