"""The cluster's own Events: what `kubectl describe` and `kubectl events` show, for about an hour.

A person's word is written as one, because its author may write nothing else. What the leader does stands in the trail
(`pages`); of that it shows here what people look for, an item's or a train's news, as long as there is not too much of
it. What is said again within a while is counted and not written anew.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.adapters.kubernetes.connection import MERGE, Connection, Json, now_s, path_of, trouble
from orchestrator.adapters.kubernetes.listing import pages
from orchestrator.core.record import recordable
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Event

CORE = "api/v1"
LABEL = "app.kubernetes.io/managed-by"
KEPT = "interlock.dev/kept"
"""Set on what stands in the trail, too."""
OURS = "interlock"
AT = "interlock.dev/at"
ACTOR = "interlock.dev/actor"
KIND = "interlock.dev/kind"
NAME = "interlock.dev/name"
MESSAGE = "interlock.dev/message"
"""The whole of it, where it is longer than an Event may be."""
TEXT_MAX = 1_024
"""What Events may say; newer servers refuse more."""
SAME_FOR_S = 600.0
SAME_MAX = 4_096
SHOWN = frozenset({ImplementationSpec.KIND, MergeTrain.KIND})
RATE_PER_S = 0.2
BURST = 30.0
"""A leader in a hurry writes its records, and people read where they are kept."""

Involved = Callable[[str, str], "tuple[str, str, str] | None"]
"""Return kind, name and uid of the object that an event of a kind and name is shown at; None where there is none."""


@dataclass(slots=True)
class _Said:
    """An Event that was written, and how often the same was said since."""

    name: str
    count: int
    at_s: float


class Notices:
    """Writes Events and reads back those that stand nowhere else."""

    def __init__(self, connection: Connection, involved: Involved) -> None:
        self._connection = connection
        self._involved = involved
        self._said: OrderedDict[tuple[str, ...], _Said] = OrderedDict()
        self._allowed, self._at_s = BURST, now_s()

    def write(self, event: Event) -> None:
        """Write an event that stands nowhere else. Raises what a failure means."""
        self._say(event, is_kept=False)

    def show(self, event: Event) -> None:
        """Write an event that stands in the trail, if people look for it and there is not too much; else nothing."""
        now = now_s()
        self._allowed, self._at_s = min(BURST, self._allowed + (now - self._at_s) * RATE_PER_S), now
        if event.kind in SHOWN and self._allowed >= 1:
            self._allowed -= 1
            self._say(event, is_kept=True)

    def read(self, name: str | None) -> Iterator[Event]:
        """Yield what stands nowhere else, of one object name or of all."""
        path = path_of("events", self._connection.namespace, group=CORE)
        for page in pages(self._connection, path, query={"labelSelector": f"{LABEL}={OURS},{KEPT}!=true"}):
            for document in page.documents:
                event = _event(document)
                if event is not None and name in (None, event.name):
                    yield event

    def _say(self, event: Event, *, is_kept: bool) -> None:
        now = now_s()
        key = (event.kind, event.name, event.reason, event.message, event.actor)
        before = self._said.pop(key, None)
        # What stands nowhere else is written each time: a count has no times.
        if is_kept and before is not None and now - before.at_s < SAME_FOR_S and self._again(event, before):
            self._said[key] = before
            return
        document = self._document(event, is_kept=is_kept)
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

    def _document(self, event: Event, *, is_kept: bool) -> Json:
        namespace = self._connection.namespace
        kind, name, uid = self._involved(event.kind, event.name) or (event.kind, event.name, "")
        message = recordable(event.message)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name[:200] or 'interlock'}.{uuid.uuid4().hex[:16]}",
                "labels": {LABEL: OURS, **({KEPT: "true"} if is_kept else {})},
                "annotations": {
                    AT: event.at.isoformat(),
                    ACTOR: recordable(event.actor),
                    KIND: event.kind,
                    NAME: event.name,
                    **({MESSAGE: message} if len(message) > TEXT_MAX else {}),
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
        message=noted.get(MESSAGE) or document.get("message", ""),
        actor=noted.get(ACTOR, ""),
        sequence=int(metadata["resourceVersion"]),
    )


def _second(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
