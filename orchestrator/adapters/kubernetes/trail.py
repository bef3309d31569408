"""The audit trail as the cluster's own Events: what `kubectl describe` and `kubectl events` show.

Bounded three ways: what is said again of the same object within a while is counted and not written anew, one object
has a budget, and the cluster forgets Events by itself (after an hour, unless its administrator says otherwise). Nothing
is decided on them, so losing one is no failure: it is counted and said in the log.
"""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.adapters.kubernetes.connection import MERGE, Connection, Json, now_s, path_of, trouble
from orchestrator.adapters.kubernetes.reflector import pages
from orchestrator.core.record import recordable
from orchestrator.errors import InterlockError
from orchestrator.ports import Event

log = logging.getLogger("interlock.kubernetes")

CORE = "api/v1"
LABEL = "app.kubernetes.io/managed-by"
OURS = "interlock"
AT = "interlock.dev/at"
ACTOR = "interlock.dev/actor"
KIND = "interlock.dev/kind"
NAME = "interlock.dev/name"
TEXT_MAX = 1_024
"""What Events may say; newer servers refuse more."""
SAME_FOR_S = 600.0
SAME_MAX = 4_096
BUDGET = 100
"""Events of one object in so long a time; enough for an item with many attempts."""
QUEUE_MAX = 10_000
RATE_PER_S = 20.0
"""What a leader writes beside its work; its own writes have the server first."""
BURST = 40.0

Involved = Callable[[str, str], "tuple[str, str, str] | None"]
"""Return kind, name and uid of the object that an event of a kind and name is shown at; None where there is none."""


@dataclass(slots=True)
class _Said:
    """An Event that was written, and how often the same was said since."""

    name: str
    count: int
    at_s: float


class Trail:
    """Writes Events and reads them back. With `is_beside` they are written by a thread of its own."""

    def __init__(self, connection: Connection, involved: Involved, *, is_beside: bool) -> None:
        self._connection = connection
        self._involved = involved
        self._said: OrderedDict[tuple[str, ...], _Said] = OrderedDict()
        self._spent: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._queue: queue.Queue[Event | None] | None = queue.Queue(QUEUE_MAX) if is_beside else None
        self._thread: threading.Thread | None = None
        self._is_closing = threading.Event()
        self.lost = 0
        """Events nobody will ever see."""

    def record(self, event: Event) -> None:
        """Write the event, or have it written. That an object was made is seen at the object itself."""
        if event.reason == "Created" and not event.message:
            return
        if self._queue is None:
            self._write(event)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="events", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.lost += 1

    def read(self, name: str | None, limit: int) -> Sequence[Event]:
        """Return the newest events, oldest first, of one object or of all."""
        if self._queue is not None:
            with self._hurry():
                self._queue.join()
        if limit <= 0:
            return ()
        path = path_of("events", self._connection.namespace, group=CORE)
        found = [
            event
            for page in pages(self._connection, path, query={"labelSelector": f"{LABEL}={OURS}"})
            for document in page.documents
            if name is None or _name(document) == name
            if (event := _event(document)) is not None
        ]
        found.sort(key=lambda event: (event.at, event.sequence))
        return tuple(found[-limit:])

    def close(self) -> None:
        """Write what is waiting; twice is once."""
        if self._queue is not None and self._thread is not None:
            self._is_closing.set()
            self._queue.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    @contextmanager
    def _hurry(self) -> Iterator[None]:
        """Keep nobody waiting while the block runs."""
        before = self._is_closing.is_set()
        self._is_closing.set()
        try:
            yield
        finally:
            if not before:
                self._is_closing.clear()

    def _run(self) -> None:
        assert self._queue is not None
        allowed, at_s = BURST, now_s()
        while True:
            event = self._queue.get()
            try:
                if event is None:
                    return
                allowed, at_s = min(BURST, allowed + (now_s() - at_s) * RATE_PER_S), now_s()
                if allowed < 1:
                    self._is_closing.wait((1 - allowed) / RATE_PER_S)
                allowed -= 1
                self._write(event)
            finally:
                self._queue.task_done()

    def _write(self, event: Event) -> None:
        try:
            self._say(event)
        except InterlockError as error:
            self.lost += 1
            log.warning("an event is lost", extra={"of": f"{event.kind}/{event.name}", "why": str(error)})

    def _say(self, event: Event) -> None:
        now = now_s()
        key = (event.kind, event.name, event.reason, event.message, event.actor)
        before = self._said.pop(key, None)
        if before is not None and now - before.at_s < SAME_FOR_S and self._again(event, before):
            self._said[key] = before
            return
        if not self._may(event, now):
            self.lost += 1
            return
        document = self._document(event)
        path = path_of("events", self._connection.namespace, group=CORE)
        answer = self._connection.request("POST", path, body=document)
        if not answer.is_good:
            raise trouble(answer, f"record {event.reason} of {event.kind} `{event.name}`")
        self._said[key] = _Said(document["metadata"]["name"], 1, now)
        while len(self._said) > SAME_MAX:
            self._said.popitem(last=False)

    def _again(self, event: Event, before: _Said) -> bool:
        """Count the same event once more; return whether it was still there to count."""
        path = path_of("events", self._connection.namespace, before.name, group=CORE)
        body = {"count": before.count + 1, "lastTimestamp": _second(event.at)}
        if not self._connection.request("PATCH", path, body=body, content=MERGE).is_good:
            return False
        before.count += 1
        return True

    def _may(self, event: Event, now: float) -> bool:
        spent = self._spent.setdefault((event.kind, event.name), [])
        self._spent.move_to_end((event.kind, event.name))
        while len(self._spent) > SAME_MAX:
            self._spent.popitem(last=False)
        spent[:] = [at for at in spent if now - at < SAME_FOR_S]
        if len(spent) >= BUDGET:
            return False
        spent.append(now)
        return True

    def _document(self, event: Event) -> Json:
        namespace = self._connection.namespace
        kind, name, uid = self._involved(event.kind, event.name) or (event.kind, event.name, "")
        message = recordable(event.message)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name[:200] or 'interlock'}.{uuid.uuid4().hex[:16]}",
                "labels": {LABEL: OURS},
                "annotations": {
                    AT: event.at.isoformat(),
                    ACTOR: recordable(event.actor),
                    KIND: event.kind,
                    NAME: event.name,
                },
            },
            "involvedObject": {
                "apiVersion": "interlock.dev/v1alpha1",
                "kind": kind,
                "name": name,
                "namespace": namespace,
                "uid": uid,
            },
            "reason": event.reason,
            "message": message if len(message) <= TEXT_MAX else f"{message[: TEXT_MAX - 1]}…",
            "type": "Normal",
            "source": {"component": OURS},
            "reportingComponent": OURS,
            "firstTimestamp": _second(event.at),
            "lastTimestamp": _second(event.at),
            "count": 1,
        }


def _name(document: Json) -> str:
    return str((document["metadata"].get("annotations") or {}).get(NAME, ""))


def _event(document: Json) -> Event | None:
    metadata = document["metadata"]
    noted = metadata.get("annotations") or {}
    try:
        at = datetime.fromisoformat(noted[AT])
    except (KeyError, ValueError):
        return None
    return Event(
        at=at,
        kind=noted.get(KIND, ""),
        name=noted.get(NAME, ""),
        reason=document.get("reason", ""),
        message=document.get("message", ""),
        actor=noted.get(ACTOR, ""),
        sequence=int(metadata["resourceVersion"]),
    )


def _second(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
