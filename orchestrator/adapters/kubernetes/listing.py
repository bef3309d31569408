"""Lists of a kind, page by page: whole documents, or their metadata alone.

Of metadata most is who manages which field: several kilobytes an object that nobody here asks about. They are passed
over, not taken in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from orchestrator.adapters.kubernetes.connection import JSON, METADATA_LIST, Answer, Connection, Json, trouble
from orchestrator.errors import Transient

PAGE = 500
METADATA_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and the version the whole list is of."""

    documents: list[Json]
    version: str
    more: str
    """How the server is asked for the next part; empty for the last."""


class _ListMeta(msgspec.Struct):
    resource_version: str = msgspec.field(name="resourceVersion", default="0")
    more: str = msgspec.field(name="continue", default="")


class _Metadata(msgspec.Struct, omit_defaults=True):
    name: str
    uid: str
    resource_version: str = msgspec.field(name="resourceVersion")
    generation: int = 0
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Object(msgspec.Struct):
    metadata: _Metadata


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[_Object] | None = None


_METADATA = msgspec.json.Decoder(_List)


def pages(
    connection: Connection, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None
) -> Iterator[Page]:
    """Yield a kind's documents, page by page. Raises what a failure means, also after some pages."""
    asked = {"limit": str(METADATA_PAGE if accept == METADATA_LIST else PAGE), **(query or {})}
    while True:
        answer = connection.read(path, query=asked, accept=accept, may_be_absent=False)
        if answer.status == 410:
            # The pages were read more slowly than the server forgets; whoever asked begins again.
            raise Transient(f"read {path}: the server no longer knows the beginning of the list; again in a moment")
        if not answer.is_good:
            raise trouble(answer, f"read {path}")
        page = _metadata(answer) if accept == METADATA_LIST else _whole(answer)
        yield page
        if not page.more:
            return
        asked["continue"] = page.more


def _whole(answer: Answer) -> Page:
    said = answer.json()
    metadata = said["metadata"]
    return Page(said["items"] or [], str(metadata["resourceVersion"]), metadata.get("continue") or "")


def _metadata(answer: Answer) -> Page:
    try:
        said = _METADATA.decode(answer.body)
    except msgspec.DecodeError as error:
        raise Transient(f"the server's list cannot be read: {error}") from error
    documents = [{"metadata": msgspec.to_builtins(each.metadata)} for each in said.items or ()]
    return Page(documents, said.metadata.resource_version, said.metadata.more)
