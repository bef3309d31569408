"""The audit trail in objects of our own: pages of lines, the last of which grows until it is full.

One writes, the leader; whoever takes over goes on where the server says the last page ends. A cluster forgets its own
Events after an hour and keeps no order among them; pages stay until there are `PAGES_MAX`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from orchestrator.adapters.kubernetes.connection import (
    MERGE,
    METADATA_LIST,
    Connection,
    Json,
    Unanswered,
    path_of,
    trouble,
)
from orchestrator.adapters.kubernetes.listing import pages
from orchestrator.adapters.kubernetes.writer import Writer
from orchestrator.core.record import recordable
from orchestrator.errors import Transient
from orchestrator.model.base import API_VERSION
from orchestrator.model.trail import LINES_MAX, TrailPage
from orchestrator.ports import Event

PAGE_BYTES = 64 << 10
"""A page that holds more gets no further line: each line more writes all of it again."""
PAGES_MAX = 500
"""Some hundred thousand lines, as many as the embedded store keeps; then the oldest page goes."""
BATCH_MAX = 100
AT_ONCE = 20
"""Pages read in one answer."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The page that is written now, as the server has it."""

    name: str
    version: str
    lines: tuple[str, ...]

    def has_room(self, lines: Sequence[str]) -> bool:
        """Return whether these lines go on it, too."""
        is_full = sum(map(len, self.lines)) > PAGE_BYTES
        return not is_full and len(self.lines) + len(lines) <= LINES_MAX


class TrailPages:
    """The pages of one namespace. May be read by anybody; written by one thread of one process at a time."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._connection = connection
        self._writer = writer
        self._path = path_of(TrailPage.PLURAL, connection.namespace)
        self._names: deque[str] | None = None
        self._page: _Page | None = None
        self._doubtful: tuple[str, ...] = ()

    def look(self) -> None:
        """Find out where the last page ends. Raises what it means where pages cannot be read."""
        names = self._listed()
        self._page = None
        if names:
            answer = self._connection.read(f"{self._path}/{names[-1]}")
            if not answer.is_good:
                raise trouble(answer, f"read the trail's last page {names[-1]}")
            self._page = _page(answer.json())
        self._names = deque(names)

    def append(self, events: Sequence[Event]) -> None:
        """Write at most `BATCH_MAX` events behind all others. Raises what a failure means; then call it again.

        A write whose answer is lost may have been carried out: it is looked for when the same is written again.
        """
        assert len(events) <= BATCH_MAX, "a batch goes on one page"
        lines = tuple(map(_line, events))
        if self._names is None:
            self.look()
        if self._doubtful == lines and self._page is not None and self._page.lines[-len(lines) :] == lines:
            self._doubtful = ()
            return
        try:
            self._write(lines)
        except Unanswered:
            self._names, self._doubtful = None, lines
            raise
        self._doubtful = ()
        self._prune()

    def read(self, name: str | None, limit: int) -> list[Event]:
        """Return the newest events, oldest first, of one object name or of all."""
        if name is None:
            return self._newest(limit)
        found = deque(
            (event for document in self._documents() for event in _events(document) if event.name == name), limit
        )
        return list(found)

    def _newest(self, limit: int) -> list[Event]:
        """Return the last events of all, without reading pages nobody needs."""
        names = self._listed()
        if limit > len(names) * LINES_MAX / 2:
            return [event for document in self._documents() for event in _events(document)][-limit:]
        found: list[Event] = []
        for name in reversed(names):
            if len(found) >= limit:
                break
            answer = self._connection.read(f"{self._path}/{name}")
            if answer.is_good:
                found = [*_events(answer.json()), *found]
        return found[-limit:]

    def _documents(self) -> Iterator[Json]:
        for page in pages(self._connection, self._path, query={"limit": str(AT_ONCE)}):
            yield from page.documents

    def _listed(self) -> list[str]:
        found = pages(self._connection, self._path, accept=METADATA_LIST)
        return sorted(document["metadata"]["name"] for page in found for document in page.documents)

    def _write(self, lines: tuple[str, ...]) -> None:
        page = self._page
        if page is not None and page.has_room(lines):
            body: Json = {"metadata": {"resourceVersion": page.version}, "spec": {"lines": [*page.lines, *lines]}}
            answer = self._writer.send("PATCH", f"{self._path}/{page.name}", body, MERGE)
        else:
            name = f"trail-{_first(page) + len(page.lines) if page is not None else 0:010d}"
            body = {
                "apiVersion": API_VERSION,
                "kind": TrailPage.KIND,
                "metadata": {"name": name},
                "spec": {"lines": list(lines)},
            }
            answer = self._writer.send("POST", self._path, body)
        if answer.status == 409 or (answer.status == 404 and page is not None):
            self._names = None
            raise Transient("somebody else wrote the trail; looking where it ends now", retry_after_s=0.1)
        if not answer.is_good:
            raise trouble(answer, "write the audit trail")
        self._page = _page(answer.json())
        assert self._names is not None
        if not self._names or self._names[-1] != self._page.name:
            self._names.append(self._page.name)

    def _prune(self) -> None:
        assert self._names is not None
        while len(self._names) > PAGES_MAX:
            answer = self._writer.send("DELETE", f"{self._path}/{self._names[0]}", {})
            if not answer.is_good and answer.status != 404:
                raise trouble(answer, "remove the oldest page of the trail")
            self._names.popleft()


def _page(document: Json) -> _Page:
    metadata, spec = document["metadata"], document.get("spec") or {}
    return _Page(metadata["name"], metadata["resourceVersion"], tuple(spec.get("lines") or ()))


def _first(page: _Page) -> int:
    """Return how many lines are before the page."""
    return int(page.name.rpartition("-")[2])


def _line(event: Event) -> str:
    texts = {key: recordable(text) for key, text in asdict(event).items() if key not in ("at", "sequence")}
    return json.dumps({"at": event.at.isoformat(), **texts}, ensure_ascii=False)


def _events(document: Json) -> Iterator[Event]:
    page = _page(document)
    for sequence, line in enumerate(page.lines, _first(page) + 1):
        try:
            said = json.loads(line)
            at = datetime.fromisoformat(said.pop("at"))
            yield Event(at, sequence=sequence, **said)
        except (ValueError, TypeError, KeyError):
            continue  # A line that a later version spells otherwise.
