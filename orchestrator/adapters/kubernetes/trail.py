"""The audit trail of a namespace, whoever wrote it: the leader's pages, people's words, and how both are read as one.

The leader's lines are written beside its work, some at a time, and kept back while the server is away. Nothing is
decided on them, so losing one is no failure: it is counted and said in the log.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from orchestrator.adapters.kubernetes.connection import now_s
from orchestrator.adapters.kubernetes.notices import Notices
from orchestrator.adapters.kubernetes.pages import BATCH_MAX, TrailPages
from orchestrator.core.voice import line_of
from orchestrator.errors import InterlockError, Transient
from orchestrator.model.decision import Decision
from orchestrator.ports import Event

log = logging.getLogger("interlock.kubernetes")

WAITING_MAX = 20_000
SOON_S = 0.1
GATHER_S = 1.0
"""How far apart writes are while there is much to tell: what a leader that is killed takes along at most. A line that
comes alone waits for `SOON_S`."""
AGAIN_S = 1.0
CLOSE_S = 5.0
"""How long a leader that ends tries to write what is left."""

Words = Callable[[], Iterable[Decision]]
"""Return the people's words that were given here."""


class Trail:
    """Writes lines and reads them back. With `is_beside` they are written by a thread of its own, to the pages."""

    def __init__(self, pages: TrailPages, notices: Notices, words: Words, *, is_beside: bool) -> None:
        self._pages = pages
        self._notices = notices
        self._words = words
        self._is_beside = is_beside
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._is_hurried = 0
        self._is_closing = False
        self._written_s = 0.0
        self._thread: threading.Thread | None = None
        self.lost = 0
        """Lines nobody will ever see."""

    def record(self, event: Event) -> None:
        """Write the event, or have it written."""
        if not self._is_beside:
            try:
                self._notices.write(event)
            except InterlockError as error:
                self._lose([event], error)
            return
        with self._changed:
            if len(self._waiting) >= WAITING_MAX:
                self.lost += 1
                return
            self._waiting.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="trail", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def require(self) -> None:
        """Raise what it means where the trail cannot be kept: before anything is done, not with the first line."""
        self._pages.look()

    def restore(self, events: Sequence[Event]) -> None:
        """Write a whole trail. Raises what a failure means."""
        for start in range(0, len(events), BATCH_MAX):
            self._pages.append(events[start : start + BATCH_MAX])

    def read(self, name: str | None, limit: int) -> Sequence[Event]:
        """Return the newest events, oldest first, of one object or of all."""
        if limit <= 0:
            return ()
        self.flush()
        found = self._pages.read(name, limit)
        known = set(map(_same, found))
        words = (line_of(word) for word in self._words() if name in (None, word.spec.subject))
        # An Event goes after an hour, the Decision stays; while both are there the Event has the exact time.
        for event in (*self._notices.read(name), *words):
            if _same(event) not in known or event.kind != Decision.KIND:
                known.add(_same(event))
                found.append(event)
        found.sort(key=lambda event: (event.at, event.sequence))
        return tuple(found[-limit:])

    def flush(self, within_s: float = CLOSE_S) -> None:
        """Return when what waits is written, or the time is over."""
        with self._changed:
            self._is_hurried += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting, within_s)
            self._is_hurried -= 1

    def close(self) -> None:
        """Write what is waiting; twice is once."""
        if self._thread is None:
            return
        self.flush()
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(CLOSE_S)
        self._thread = None

    def _run(self) -> None:
        is_failing = False
        while batch := self._gathered():
            try:
                self._pages.append(batch)
                is_failing, self._written_s = False, now_s()
            except Transient as error:
                if not is_failing:
                    log.warning("the audit trail is written later", extra={"why": str(error)})
                is_failing = True
                with self._changed:
                    if self._changed.wait_for(lambda: self._is_closing, min(AGAIN_S, error.retry_after_s)):
                        self._lose(self._waiting, error)
                        return
                continue
            except InterlockError as error:
                self._lose(batch, error)
            else:
                self._show(batch)
            self._is_written(batch)

    def _gathered(self) -> list[Event]:
        """Return what is to be written together, left where it is until it is; nothing once this is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            until_s = max(now_s() + SOON_S, self._written_s + GATHER_S)
            self._changed.wait_for(
                lambda: len(self._waiting) >= BATCH_MAX or self._is_hurried or self._is_closing,
                max(0.0, until_s - now_s()),
            )
            return [self._waiting[at] for at in range(min(BATCH_MAX, len(self._waiting)))]

    def _is_written(self, batch: Sequence[Event]) -> None:
        with self._changed:
            for _ in batch:
                self._waiting.popleft()
            self._changed.notify_all()

    def _show(self, batch: Sequence[Event]) -> None:
        for event in batch:
            try:
                self._notices.show(event)
            except InterlockError as error:
                # It stands in the pages: nothing is lost, there is one line less for kubectl to show.
                log.info("an event is not shown", extra={"of": f"{event.kind}/{event.name}", "why": str(error)})

    def _lose(self, events: Iterable[Event], error: InterlockError) -> None:
        lost = list(events)
        self.lost += len(lost)
        if lost:
            of = f"{lost[0].kind}/{lost[0].name}"
            log.warning("lines of the trail are lost", extra={"lines": len(lost), "first": of, "why": str(error)})


def _same(event: Event) -> tuple[str, str, str, str]:
    return (event.kind, event.name, event.reason, event.message)
