"""The `Cluster` port over custom resources.

Two ways to look: a command asks the server every time; the leader hears of every change (`is_watching`) and lists what
it heard, its own writes included. Writing is the same in both: always against the version the caller decided on, so
that an old look loses. A write whose answer was lost is looked for before anything is said about it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import tenacity

from orchestrator.adapters.kubernetes import wire
from orchestrator.adapters.kubernetes.connection import (
    APPLY,
    Answer,
    Connection,
    Json,
    Unanswered,
    now_s,
    trouble,
)
from orchestrator.adapters.kubernetes.footing import Footing
from orchestrator.adapters.kubernetes.involved import Involved
from orchestrator.adapters.kubernetes.listing import pages
from orchestrator.adapters.kubernetes.news import News
from orchestrator.adapters.kubernetes.notices import Notices
from orchestrator.adapters.kubernetes.pages import TrailPages
from orchestrator.adapters.kubernetes.reader import Reader, require_kind
from orchestrator.adapters.kubernetes.reflector import Outage, Reflector
from orchestrator.adapters.kubernetes.shelf import Known, Shelf, mark, revision
from orchestrator.adapters.kubernetes.trail import Trail
from orchestrator.adapters.kubernetes.writer import Writer
from orchestrator.core.record import SUFFIXES, given_name, respecified, restated, suffix
from orchestrator.errors import InterlockError, Invalid, Transient, Unusable
from orchestrator.model.base import Resource
from orchestrator.model.decision import Decision
from orchestrator.model.kinds import KINDS
from orchestrator.ports import Event

R = TypeVar("R", bound=Resource)

SYNC_S = 30.0
"""How long the first look at every kind may take: ten thousand objects take about ten seconds."""
LOOK_S = 0.1
WITHDRAW_TRIES = 5


class KubernetesCluster:
    """The store of objects of one namespace. `writer` is the field manager; `guard` is asked before every write."""

    def __init__(
        self,
        connection: Connection,
        *,
        writer: str,
        is_watching: bool = False,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self.connection = connection
        self._reader = Reader(connection)
        self._footing = Footing(self._reader)
        self._writer = Writer(connection, writer, guard)
        self._is_watching = is_watching
        self._shelves: dict[type[Resource], Shelf[Any]] = {kind: Shelf(kind) for kind in KINDS}
        self._news = News()
        self._is_closed = False
        outage = Outage()
        self.reflectors = tuple(
            Reflector(connection, shelf, self._news.tell, outage) for shelf in self._shelves.values()
        )
        notices = Notices(connection, Involved(self._reader, self._shelves if is_watching else {}))
        self.trail = Trail(TrailPages(connection, self._writer), notices, self._words, is_beside=is_watching)

    def start(self) -> None:
        """Begin to watch and return when everything has been heard once. Raises Unusable where that does not work.

        Where the server refuses, that is after a moment; where it does not answer, after a while.
        """
        for reflector in self.reflectors:
            reflector.start()
        until_s = now_s() + SYNC_S
        while waiting := [each for each in self.reflectors if not each.is_synced]:
            refused = [each for each in waiting if each.is_refused()]
            if refused or now_s() >= until_s:
                why = next((each.why for each in [*refused, *waiting] if each.why), "no answer yet")
                raise Unusable(f"the cluster at {self.connection.host} cannot be watched: {why}")
            waiting[0].wait(LOOK_S)

    def close(self) -> None:
        """Let go of watches and connections; twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        for reflector in self.reflectors:
            reflector.stop()
        self.trail.close()
        for reflector in self.reflectors:
            reflector.join(5.0)
        self.connection.close()
        self._news.close()

    def __enter__(self) -> KubernetesCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- looking ----------------------------------------------------------------------------------------------------

    def get(self, kind: type[R], name: str) -> R | None:
        """Return the object as the server has it now, or None."""
        document = self._reader.document(kind, name)
        return None if document is None else self._take(kind, document)

    def list(self, kind: type[R]) -> Sequence[R]:
        """Return all objects of the kind in name order: as heard, or as the server has them now."""
        shelf = self._shelf(kind)
        if not self._is_watching:
            names: set[str] = set()
            version = "0"
            for page in pages(self.connection, self._reader.path(kind)):
                names.update(document["metadata"]["name"] for document in page.documents)
                for document in page.documents:
                    shelf.keep(document)
                version = page.version
            shelf.retain(names, int(version))
        return shelf.all()

    def revision(self, kind: type[Resource]) -> str:
        """Return the sum over what is known of the kind but its statuses."""
        if not self._is_watching:
            return self._reader.revision(kind)
        # Before anything is looked at.
        self._news.take()
        return self._shelf(kind).revision()

    def changed_since(self, mark: str) -> bool:
        """Return whether any object was written since `mark`, by anybody this store has heard of."""
        return self.mark() != mark

    def mark(self) -> str:
        """Return the sums over what is known of every kind."""
        if self._is_watching:
            return " ".join(shelf.mark() for shelf in self._shelves.values())
        return " ".join(mark(self._reader.metadata(kind)) for kind in KINDS)

    def news_fd(self) -> int:
        """Return the file descriptor that is readable once something changed since the last look."""
        return self._news.fd()

    def silence_s(self) -> float:
        """Return how long the watch that has been silent longest has been so."""
        return max(reflector.age_s() for reflector in self.reflectors)

    # -- writing ----------------------------------------------------------------------------------------------------

    def create(self, obj: R) -> R | None:
        """Store a new object and return it as stored, without a status; None if the name is taken."""
        self._require_here(obj)
        name = given_name(obj)
        if name is not None:
            return self._create(obj, wire.creation(obj, name))
        while True:
            # Completed here and not by the server: only a name one knows can be looked for when an answer is lost.
            completed = f"{obj.metadata.generate_name or ''}{suffix(random.randrange(SUFFIXES))}"
            if (made := self._create(obj, wire.creation(obj, completed))) is not None:
                return made

    def update(self, obj: R) -> R | None:
        """Replace spec, labels and annotations if the version is still the server's; None if it is not."""
        kind = type(obj)
        self._require_here(obj)
        document = self._reader.document(kind, obj.name)
        if document is None or document["metadata"]["resourceVersion"] != obj.version:
            return None
        stored = self._take(kind, document)
        if respecified(stored, obj, 0) is None:
            return stored
        try:
            answer = self._writer.send("PUT", self._reader.path(kind, obj.name), wire.replacement(document, obj))
        except Unanswered as lost:
            return self._found_out(obj, lost, lambda there: respecified(there, obj, 0) is None)
        return self._taken(kind, answer, f"change {_named(obj)}")

    def update_status(
        self, obj: R, *, only_if: Mapping[type[Resource], str] | None = None, beside: Resource | None = None
    ) -> R | None:
        """Replace the status if its version, that of `beside` and the revisions in `only_if` are the server's; else
        None.

        No write spans two objects there. So what it stands on is compared before the write and once more after it, on
        what the server has then: what was written before the write is seen, and the status is taken back.
        """
        kind = type(obj)
        known = self._known(kind, obj)
        if known is None or known.obj is None or str(known.version) != obj.version:
            return None
        if any(self.revision(each) != wanted for each, wanted in (only_if or {}).items()):
            return None
        if restated(known.obj, obj, 0) is None:
            return known.obj if beside is None or self._footing.holds({}, beside) else None
        if beside is not None and not self._is_known(beside):
            return None
        written = self._state(obj, known.ahead)
        if written is None or (not only_if and beside is None):
            return written
        return self._confirmed(known, written, only_if or {}, beside)

    def delete(self, kind: type[R], name: str, version: str | None = None) -> bool:
        """Remove the object (if it still has that version); return whether it is gone by this call."""
        body: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if version is not None:
            body["preconditions"] = {"resourceVersion": version}
        try:
            answer = self._writer.send("DELETE", self._reader.path(kind, name), body)
        except Unanswered as lost:
            if self._reader.document(kind, name) is not None:
                raise Transient(str(lost)) from lost
            return True
        if answer.status in (404, 409):
            require_kind(answer, f"delete {kind.KIND} `{name}`")
            return False
        if not answer.is_good:
            raise trouble(answer, f"delete {kind.KIND} `{name}`")
        said = answer.json()
        if said.get("kind") != "Status":
            # Somebody's finalizer keeps it; it goes when that is done.
            self._shelf(kind).keep(said)
            return False
        if uid := (said.get("details") or {}).get("uid"):
            self._shelf(kind).drop(name, uid, is_told=False)
        return True

    def restore(self, objects: Sequence[Resource], events: Sequence[Event] = ()) -> bool:
        """Fill the empty namespace with objects as they were, and their audit trail; return whether it was empty.

        What was made is removed again when something is refused halfway.
        """
        if any(self._reader.revision(kind) != revision(()) for kind in KINDS):
            return False
        ordered = sorted(objects, key=_age)
        plans = [(obj, wire.creation(obj, obj.name, wire.origin_of(obj))) for obj in ordered]
        done: list[Resource] = []
        try:
            for obj, document in plans:
                made = self._create(obj, document)
                if made is None or not self._restate(made, obj):
                    raise Transient(f"{_named(obj)} was written by somebody else meanwhile; look, then import again")
                done.append(made)
        except InterlockError:
            for made in reversed(done):
                self.delete(type(made), made.name)
            raise
        self.trail.restore(events)
        return True

    # -- the audit trail --------------------------------------------------------------------------------------------

    def record(self, event: Event) -> None:
        """Append to the audit trail."""
        self.trail.record(event)

    def events(self, name: str | None = None, limit: int = 1000) -> Sequence[Event]:
        """Return the newest `limit` events, oldest first, of one object name or of all."""
        return self.trail.read(name, limit)

    # -- how --------------------------------------------------------------------------------------------------------

    def _shelf(self, kind: type[R]) -> Shelf[R]:
        return self._shelves[kind]

    def _require_here(self, obj: Resource) -> None:
        """Raise Invalid for an object that says it belongs into another namespace."""
        said = obj.metadata.namespace
        if "namespace" in obj.metadata.model_fields_set and said not in (self.connection.namespace, "default"):
            raise Invalid(
                f"{_named(obj)}: its file says namespace {said}, but this works on {self.connection.namespace}; "
                f"name it with --namespace {said}, or leave it out of the file"
            )

    def _take(self, kind: type[R], document: Json) -> R:
        obj, changed = self._shelf(kind).keep(document)
        if changed:
            self._news.tell()
        if obj is None:
            name = document["metadata"]["name"]
            raise Unusable(f"{kind.KIND} `{name}` cannot be read by this version; upgrade, or remove it with kubectl")
        return obj

    def _known(self, kind: type[R], obj: R) -> Known[R] | None:
        """Return what is known of the object, looked up where that may be older than the caller's."""
        known = self._shelf(kind).known(obj.name) if self._is_watching else None
        if known is None or known.version < _number(obj.version):
            document = self._reader.document(kind, obj.name)
            if document is None:
                return None
            self._take(kind, document)
            known = self._shelf(kind).known(obj.name)
        return known

    def _create(self, obj: R, document: Json) -> R | None:
        kind, doing = type(obj), f"make {obj.kind} `{document['metadata']['name']}`"
        try:
            answer = self._writer.send("POST", self._reader.path(kind), document)
        except Unanswered as lost:
            there = self._reader.document(kind, document["metadata"]["name"])
            # The same words under the same name: whoever made it, it is what was asked for.
            if there is not None and respecified(made := self._take(kind, there), obj, 0) is None:
                return made
            raise Transient(str(lost)) from lost
        if answer.status == 409:
            return None
        return self._taken(kind, answer, doing)

    def _state(self, obj: R, ahead: int) -> R | None:
        """Write the status, as of the object's version."""
        kind = type(obj)
        try:
            answer = self._writer.send(
                "PATCH", f"{self._reader.path(kind, obj.name)}/status", wire.statement(obj, ahead), APPLY
            )
        except Unanswered as lost:
            return self._found_out(obj, lost, lambda there: restated(there, obj, 0) is None)
        return self._taken(kind, answer, f"write the status of {_named(obj)}")

    def _restate(self, made: R, obj: Resource) -> bool:
        """Write the status an object had elsewhere, as the first one here; return whether that worked."""
        status = getattr(obj, "status", None)
        if status is None or restated(made, wanted := made.model_copy(update={"status": status}), 0) is None:
            return True
        return self._state(wanted, wire.origin_of(obj).generation) is not None

    def _is_known(self, beside: Resource) -> bool:
        """Return whether nothing else is known of the object than the caller knows."""
        known = self._known(type(beside), beside)
        return known is not None and str(known.version) == beside.version

    def _confirmed(
        self, before: Known[R], written: R, only_if: Mapping[type[Resource], str], beside: Resource | None
    ) -> R | None:
        """Return what was written if what it stands on still holds; else take it back and return None."""
        try:
            if self._footing.holds(only_if, beside):
                return written
        except InterlockError:
            self._withdraw(before, written)
            raise
        self._withdraw(before, written)
        return None

    def _withdraw(self, before: Known[R], written: R) -> None:
        """Put the former status back, unless somebody else wrote meanwhile: then what stands is theirs."""
        assert before.obj is not None
        old = written.model_copy(update={"status": getattr(before.obj, "status", None)})
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=2.0),
            stop=tenacity.stop_after_attempt(WITHDRAW_TRIES),
            reraise=True,
        )
        retrying(lambda: self._state(old, before.ahead))

    def _found_out(self, obj: R, lost: Unanswered, is_done: Callable[[R], bool]) -> R | None:
        """Return what became of a write without an answer: the object if it was carried out, None if it lost.

        Raises Transient where it was not carried out yet: it still may be, and then the next write loses to it.
        """
        document = self._reader.document(type(obj), obj.name)
        if document is None:
            return None
        there = self._take(type(obj), document)
        if there.version == obj.version:
            raise Transient(str(lost)) from lost
        return there if is_done(there) else None

    def _taken(self, kind: type[R], answer: Answer, doing: str) -> R | None:
        """Return the object the server answered a write with; None where somebody else was first."""
        if answer.status in (404, 409):
            require_kind(answer, doing)
            return None
        if not answer.is_good:
            raise trouble(answer, doing)
        return self._take(kind, answer.json())

    def _words(self) -> Sequence[Decision]:
        """Return the people's words that were given here, not those of another store: their lines came with them."""
        return [word for word in self.list(Decision) if self._is_made_here(word)]

    def _is_made_here(self, word: Decision) -> bool:
        known = self._shelf(Decision).known(word.name)
        return known is None or known.uid == word.metadata.uid


def _named(obj: Resource) -> str:
    return f"{obj.kind} `{obj.name}`"


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def _age(obj: Resource) -> tuple[int, str, str]:
    return (_number(obj.version), obj.kind, obj.name)
