"""What a write stands on beside its own object: whether the server has the same now, asked of the server itself.

Used after a conditional write (ADR 0025). Several writers may ask at once; a reading that begins after all of them
asked answers them all.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.adapters.kubernetes.reader import Reader
from orchestrator.adapters.kubernetes.shelf import revision
from orchestrator.model.base import Resource


@dataclass(frozen=True, slots=True)
class Standing:
    """What the server had of one kind: its revision, and the version of each object by name."""

    revision: str
    versions: Mapping[str, str]


class Footing:
    """Compares what was decided on with what there is."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._kinds: dict[type[Resource], _Kind] = {}

    def holds(self, only_if: Mapping[type[Resource], str], beside: Resource | None) -> bool:
        """Return whether these revisions, and that version of the object, are the server's now."""
        if any(self._now(kind).revision != wanted for kind, wanted in only_if.items()):
            return False
        return beside is None or self._now(type(beside)).versions.get(beside.name) == beside.version

    def _now(self, kind: type[Resource]) -> Standing:
        """Return a reading that began after this call."""
        with self._lock:
            known = self._kinds.setdefault(kind, _Kind())
        begun_before = known.begun
        with known.lock:
            if known.last is None or known.begun <= begun_before:
                known.last = None
                known.begun += 1
                known.last = self._read(kind)
            return known.last

    def _read(self, kind: type[Resource]) -> Standing:
        found = [*self._reader.metadata(kind)]
        versions = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found}
        return Standing(revision(found), versions)


class _Kind:
    """The readings of one kind. Under `lock` there is one at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun = 0
        self.last: Standing | None = None
