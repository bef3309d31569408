"""Which object an Event is shown at. Used by the trail's notices; asks the server only where nothing is watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.adapters.kubernetes.reader import Reader
from orchestrator.adapters.kubernetes.shelf import Shelf
from orchestrator.model.base import Resource
from orchestrator.model.kinds import BY_KIND
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain


class Involved:
    """Finds objects by kind and name. `shelves` are those that a watch fills, or none."""

    def __init__(self, reader: Reader, shelves: Mapping[type[Resource], Shelf[Any]]) -> None:
        self._reader = reader
        self._shelves = shelves

    def __call__(self, kind: str, name: str) -> tuple[str, str, str] | None:
        """Return kind, name and uid of the object it names, else of the item or train of that name."""
        named = BY_KIND.get(kind, ImplementationSpec)
        each: type[Resource]
        for each in (named, ImplementationSpec, MergeTrain):
            if (uid := self._uid(each, name)) is not None:
                return each.KIND, name, uid
        return None

    def _uid(self, kind: type[Resource], name: str) -> str | None:
        if kind in self._shelves:
            known = self._shelves[kind].known(name)
            return known.uid if known is not None else None
        document = self._reader.document(kind, name)
        return str(document["metadata"]["uid"]) if document is not None else None
