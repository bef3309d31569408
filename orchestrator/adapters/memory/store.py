"""A `Cluster` in dictionaries: deterministic names and uids, no disk, no copies.

Used by the simulator and by tests in place of the real one; both pass the same contract suite. Objects pass through
JSON like everywhere else, so what would not survive a real store does not survive this one.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from orchestrator.core.record import (
    born,
    decode,
    encode,
    given_name,
    recordable,
    respecified,
    restated,
    restored,
    suffix,
)
from orchestrator.model.base import Resource
from orchestrator.ports import Clock, Event

R = TypeVar("R", bound=Resource)

EVENTS_MAX = 100_000


class MemoryCluster:
    """The store of objects of one process. Equal calls on equal stores give equal objects, uids and names included."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._version = 0
        self._generated = 0
        self._sequence = 0
        self._objects: dict[type[Resource], dict[str, Resource]] = {}
        self._sorted: dict[type[Resource], tuple[Resource, ...]] = {}
        self._revisions: dict[type[Resource], int] = {}
        self._events: list[Event] = []

    def get(self, kind: type[R], name: str) -> R | None:
        """Return the object or None."""
        found = self._objects.get(kind, {}).get(name)
        assert found is None or isinstance(found, kind)
        return found

    def list(self, kind: type[R]) -> Sequence[R]:
        """Return all objects of the kind in name order."""
        with self._lock:
            if kind not in self._sorted:
                self._sorted[kind] = tuple(obj for _, obj in sorted(self._objects.get(kind, {}).items()))
            # No type says that a dictionary's value is of its own key's kind; `_keep` sees to it.
            return cast(tuple[R, ...], self._sorted[kind])

    def create(self, obj: R) -> R | None:
        """Store a new object and return it as stored, without a status; None if the name is taken."""
        with self._lock:
            name = given_name(obj) or self._complete(type(obj), obj.metadata.generate_name or "")
            if self.get(type(obj), name) is not None:
                return None
            version = self._version + 1
            uid = f"00000000-0000-4000-8000-{version:012d}"
            stored = self._keep(born(obj, name=name, uid=uid, at=self._clock.now(), version=version))
            self._revisions[type(obj)] = version
            return stored

    def update(self, obj: R) -> R | None:
        """Replace spec, labels and annotations if the version is still the stored one; None if it is not."""
        with self._lock:
            stored = self._still(obj)
            if stored is None:
                return None
            changed = respecified(stored, obj, self._version + 1)
            if changed is None:
                return stored
            kept = self._keep(changed)
            self._revisions[type(obj)] = self._version
            return kept

    def update_status(
        self, obj: R, *, only_if: Mapping[type[Resource], str] | None = None, beside: Resource | None = None
    ) -> R | None:
        """Replace the status if its version, that of `beside` and the revisions in `only_if` still hold; else None."""
        with self._lock:
            stored = self._still(obj)
            if stored is None or any(self.revision(kind) != wanted for kind, wanted in (only_if or {}).items()):
                return None
            if beside is not None and self._still(beside) is None:
                return None
            changed = restated(stored, obj, self._version + 1)
            return stored if changed is None else self._keep(changed)

    def delete(self, kind: type[R], name: str, version: str | None = None) -> bool:
        """Remove the object (if it still has that version); return whether it is gone by this call."""
        with self._lock:
            stored = self.get(kind, name)
            if stored is None or (version is not None and stored.version != version):
                return False
            del self._objects[kind][name]
            self._sorted.pop(kind, None)
            self._version += 1
            self._revisions[kind] = self._version
            return True

    def restore(self, objects: Sequence[Resource], events: Sequence[Event] = ()) -> bool:
        """Fill the empty store with objects as they were, and their audit trail; return whether it was empty."""
        with self._lock:
            if any(self._objects.values()):
                return False
            for version, obj in restored([decode(type(obj), encode(obj)) for obj in objects], self._version):
                self._keep(obj)
                self._revisions[type(obj)] = version
            for event in events:
                self.record(event)
            return True

    def revision(self, kind: type[Resource]) -> str:
        """Return a value that changes with every write to the kind but those of status."""
        return str(self._revisions.get(kind, 0))

    def record(self, event: Event) -> None:
        """Append to the audit trail."""
        with self._lock:
            self._sequence += 1
            self._events.append(replace(event, message=recordable(event.message), sequence=self._sequence))
            if len(self._events) > 2 * EVENTS_MAX:
                del self._events[:EVENTS_MAX]

    def events(self, name: str | None = None, limit: int = 1000) -> Sequence[Event]:
        """Return the newest `limit` events, oldest first, of one object name or of all."""
        with self._lock:
            chosen = tuple(event for event in self._events if name is None or event.name == name)
            return chosen[max(0, len(chosen) - limit) :]

    def changed_since(self, mark: str) -> bool:
        """Return whether any object was written since `mark`."""
        return mark != self.mark()

    def mark(self) -> str:
        """Return the present point in the store's history."""
        return str(self._version)

    def close(self) -> None:
        """Let go of the store, of which there is nothing to let go of."""

    def put(self, obj: R) -> R:
        """Store the object with its status as given, whatever was there. For setting a stage; no part of the port."""
        self.delete(type(obj), obj.name)
        created = self.create(obj)
        assert created is not None
        status = {"status": obj.status} if hasattr(obj, "status") else {}
        stored = self.update_status(created.model_copy(update=status))
        assert stored is not None
        return stored

    def _complete(self, kind: type[Resource], prefix: str) -> str:
        while True:
            self._generated += 1
            name = f"{prefix}{suffix(self._generated)}"
            if self.get(kind, name) is None:
                return name

    def _still(self, obj: R) -> R | None:
        stored = self.get(type(obj), obj.name)
        return stored if stored is not None and stored.version == obj.version else None

    def _keep(self, obj: R) -> R:
        stored = decode(type(obj), encode(obj))
        self._objects.setdefault(type(obj), {})[obj.name] = stored
        self._sorted.pop(type(obj), None)
        self._version += 1
        return stored
