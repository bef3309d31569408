"""The made-up store: the objects of one kind by name, with compare-and-swap, listed as the snapshot wants them.

Listing costs nothing while nothing was written, so a tick over thousands of entries is spent in `decide`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import datetime
from typing import Generic, TypeVar

from orchestrator.model.base import Resource

R = TypeVar("R", bound=Resource)


class Shelf(Generic[R]):
    """All objects of one kind."""

    def __init__(self) -> None:
        self._objects: dict[str, R] = {}
        self._names: list[str] = []
        self._listed: tuple[R, ...] | None = ()
        self._writes = 0

    def get(self, name: str) -> R | None:
        """Return the object of this name, None if there is none."""
        return self._objects.get(name)

    def list(self) -> tuple[R, ...]:
        """Return every object in name order."""
        if self._listed is None:
            self._listed = tuple(map(self._objects.__getitem__, self._names))
        return self._listed

    def create(self, wanted: R, now: datetime) -> R | None:
        """Store a new object and return it; None if its name is taken."""
        if wanted.name in self._objects:
            return None
        known = {"uid": f"uid-{wanted.name}", "generation": 1, "creation_timestamp": now}
        insort(self._names, wanted.name)
        return self._put(wanted, known)

    def update(self, wanted: R) -> R | None:
        """Store the object if its version is still the stored one; None if somebody wrote first or it is gone."""
        stored = self._objects.get(wanted.name)
        if stored is None or stored.version != wanted.version:
            return None
        return self._put(wanted, {})

    def remove(self, name: str) -> None:
        """Forget an object; nothing happens where there is none."""
        if self._objects.pop(name, None) is not None:
            del self._names[bisect_left(self._names, name)]
            self._listed = None

    def _put(self, wanted: R, known: dict[str, object]) -> R:
        self._writes += 1
        metadata = wanted.metadata.model_copy(update=known | {"resource_version": str(self._writes)})
        stored = wanted.model_copy(update={"metadata": metadata})
        self._objects[stored.name] = stored
        self._listed = None
        return stored
