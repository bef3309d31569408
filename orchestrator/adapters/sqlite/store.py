"""The `Cluster` port over one SQLite file that several processes and threads use at once.

Every write is one transaction that holds the file's write lock from its first read on, so what it compared is what it
replaced. Readers never wait. One connection a process, under a lock: writes are a fraction of a millisecond.
"""

import random
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from orchestrator.adapters.sqlite.parsed import Parsed
from orchestrator.adapters.sqlite.schema import FILE, opened
from orchestrator.adapters.sqlite.trail import read_events, read_history, write_event, write_history
from orchestrator.adapters.sqlite.trouble import explained
from orchestrator.core.record import SUFFIXES, born, decode, encode, given_name, respecified, restated, restored, suffix
from orchestrator.model.base import Resource
from orchestrator.ports import Clock, Event, Write

R = TypeVar("R", bound=Resource)


class SqliteCluster:
    """The store of objects in a state directory. `actor` is who writes, for the history."""

    def __init__(self, state_dir: Path, clock: Clock, *, actor: str = "leader") -> None:
        self.path = state_dir / FILE
        self._clock = clock
        self._actor = actor
        self._lock = threading.RLock()
        self._parsed: dict[type[Resource], Parsed[Any]] = {}
        self._written: deque[Resource] = deque()
        self._db = opened(state_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Nothing is lost by not calling it."""
        with self._lock:
            self._db.close()

    def get(self, kind: type[R], name: str) -> R | None:
        """Return the object or None."""
        with self._reading():
            return self._kind(kind).get(self._db, name)

    def list(self, kind: type[R]) -> Sequence[R]:
        """Return all objects of the kind in name order; the same tuple again while nothing changes."""
        with self._reading():
            try:
                self._db.execute("BEGIN")
                return self._kind(kind).all(self._db)
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def create(self, obj: R) -> R | None:
        """Store a new object and return it as stored, without a status; None if the name is taken."""
        name, kind = given_name(obj), type(obj)
        with self._writing():
            if name is None:
                name = self._complete(kind, obj.metadata.generate_name or "")
            elif self._kind(kind).get(self._db, name) is not None:
                return None
            version = self._version() + 1
            uid = str(uuid.uuid4())
            return self._keep(born(obj, name=name, uid=uid, at=self._clock.now(), version=version), "create", version)

    def update(self, obj: R) -> R | None:
        """Replace spec, labels and annotations if the version is still the stored one; None if it is not."""
        with self._writing():
            stored = self._still(obj)
            if stored is None:
                return None
            version = self._version() + 1
            changed = respecified(stored, obj, version)
            return stored if changed is None else self._keep(changed, "update", version)

    def update_status(
        self, obj: R, *, only_if: Mapping[type[Resource], str] | None = None, beside: Resource | None = None
    ) -> R | None:
        """Replace the status if its version, that of `beside` and the revisions in `only_if` still hold; else None."""
        with self._writing():
            stored = self._still(obj)
            # Read again here, under the write lock: until this transaction is over nobody can change them.
            if stored is None or any(self.revision(kind) != wanted for kind, wanted in (only_if or {}).items()):
                return None
            if beside is not None and self._still(beside) is None:
                return None
            version = self._version() + 1
            changed = restated(stored, obj, version)
            return stored if changed is None else self._keep(changed, "status", version)

    def delete(self, kind: type[R], name: str, version: str | None = None) -> bool:
        """Remove the object (if it still has that version); return whether it is gone by this call."""
        with self._writing():
            # Not parsed: what this version cannot read must still be removable.
            row = self._db.execute(
                "SELECT version, body FROM objects WHERE kind = ? AND name = ?", (kind.KIND, name)
            ).fetchone()
            if row is None or (version is not None and version != str(row[0])):
                return False
            self._db.execute("DELETE FROM objects WHERE kind = ? AND name = ?", (kind.KIND, name))
            self._advance(kind, name, "delete", self._version() + 1, row[1])
            return True

    def restore(self, objects: Sequence[Resource], events: Sequence[Event] = ()) -> bool:
        """Fill the empty store with objects as they were, and their audit trail; return whether it was empty."""
        with self._writing():
            if self._db.execute("SELECT 1 FROM objects LIMIT 1").fetchone() is not None:
                return False
            for version, obj in restored(objects, self._version()):
                self._keep(obj, "restore", version)
            for event in events:
                write_event(self._db, event)
            return True

    def revision(self, kind: type[Resource]) -> str:
        """Return the version of the last write to the kind that was not of a status."""
        with self._reading():
            row = self._db.execute("SELECT revision FROM heads WHERE kind = ?", (kind.KIND,)).fetchone()
            return "0" if row is None else str(row[0])

    def record(self, event: Event) -> None:
        """Append to the audit trail. Survives the process; a power loss may take what no object was written after."""
        with self._reading():
            # Nothing is decided from events, so they need no fsync of their own: the next object's covers them.
            self._db.execute("PRAGMA synchronous = NORMAL")
            try:
                with self._writing():
                    write_event(self._db, event)
            finally:
                self._db.execute("PRAGMA synchronous = FULL")

    def events(self, name: str | None = None, limit: int = 1000) -> Sequence[Event]:
        """Return the newest `limit` events, oldest first, of one object name or of all."""
        with self._reading():
            return read_events(self._db, name, limit)

    def history(self, name: str | None = None, limit: int = 1000) -> Sequence[Write]:
        """Return the newest `limit` writes, oldest first, of one object name or of all; no part of the port."""
        with self._reading():
            return read_history(self._db, name, limit)

    def changed_since(self, mark: str) -> bool:
        """Return whether any object was written since `mark`, by any process."""
        return self.mark() != mark

    def mark(self) -> str:
        """Return the present point in the store's history: its version."""
        with self._reading():
            return str(self._version())

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, explained(self.path):
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the file's write lock; everything inside is kept, or nothing."""
        with self._reading():
            self._written.clear()
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            finally:
                # Still open only if something went wrong, a failed COMMIT included.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            # Only now: the version of a write that failed is given to another one.
            for obj in self._written:
                self._kind(type(obj)).keep(obj)

    def _kind(self, kind: type[R]) -> Parsed[R]:
        if kind not in self._parsed:
            self._parsed[kind] = Parsed(kind, self.path)
        return self._parsed[kind]

    def _version(self) -> int:
        (version,) = self._db.execute("SELECT coalesce(max(version), 0) FROM heads").fetchone()
        return int(version)

    def _still(self, obj: R) -> R | None:
        stored = self._kind(type(obj)).get(self._db, obj.name)
        return stored if stored is not None and stored.version == obj.version else None

    def _complete(self, kind: type[Resource], prefix: str) -> str:
        while True:
            name = f"{prefix}{suffix(random.randrange(SUFFIXES))}"
            if self._kind(kind).get(self._db, name) is None:
                return name

    def _keep(self, obj: R, verb: str, version: int) -> R:
        """Write the object and return it as a reader gets it."""
        kind, body = type(obj), encode(obj)
        stored = decode(kind, body)
        self._db.execute(
            "INSERT INTO objects (kind, name, version, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET version = excluded.version, body = excluded.body",
            (kind.KIND, obj.name, version, body),
        )
        self._advance(kind, obj.name, verb, version, body)
        self._written.append(stored)
        return stored

    def _advance(self, kind: type[Resource], name: str, verb: str, version: int, body: str) -> None:
        """Move the kind's head to the version and append to the history."""
        self._db.execute(
            "INSERT INTO heads (kind, version, revision, deleted) VALUES (?1, ?2, ?2, 0) ON CONFLICT (kind) DO UPDATE"
            " SET version = ?2, revision = iif(?3 = 'status', revision, ?2), deleted = iif(?3 = 'delete', ?2, deleted)",
            (kind.KIND, version, verb),
        )
        write_history(self._db, Write(version, self._clock.now(), self._actor, verb, kind.KIND, name, body))
