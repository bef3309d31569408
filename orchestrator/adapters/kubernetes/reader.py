"""Asking the server itself: one object, or the metadata of a whole kind. Never what somebody heard before."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.adapters.kubernetes.connection import METADATA_LIST, Answer, Connection, Json, path_of, trouble
from orchestrator.adapters.kubernetes.listing import pages
from orchestrator.adapters.kubernetes.shelf import revision
from orchestrator.model.base import Resource


class Reader:
    """The objects of one namespace, as the server has them now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def path(self, kind: type[Resource], name: str = "") -> str:
        """Return where a kind, or one object of it, is found."""
        return path_of(kind.PLURAL, self._connection.namespace, name)

    def document(self, kind: type[Resource], name: str) -> Json | None:
        """Return the object's document; None where there is no such object."""
        answer = self._connection.read(self.path(kind, name))
        if answer.status == 404:
            require_kind(answer, f"read {kind.KIND} `{name}`")
            return None
        if not answer.is_good:
            raise trouble(answer, f"read {kind.KIND} `{name}`")
        return answer.json()

    def metadata(self, kind: type[Resource]) -> Iterator[Json]:
        """Yield documents with nothing but metadata, of every object of the kind."""
        for page in pages(self._connection, self.path(kind), accept=METADATA_LIST):
            yield from page.documents

    def revision(self, kind: type[Resource]) -> str:
        """Return the sum over everything but status, of every object of the kind."""
        return revision(self.metadata(kind))


def require_kind(answer: Answer, doing: str) -> None:
    """Raise Unusable where a 404 is about the kind or the namespace, not about one object."""
    if answer.status == 404 and not (answer.json().get("details") or {}).get("name"):
        raise trouble(answer, doing)
