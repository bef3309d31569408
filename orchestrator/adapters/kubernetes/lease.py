"""One leader per namespace: a Lease, taken and kept by compare-and-swap, and a clock that knows when it is over.

A leader may act only while nobody else can have taken the Lease: until so long after the *beginning* of its last
successful renewal. Others take it so long after they *saw* the last renewal, which is later. The clock goes on while a
process is stopped, so one that wakes up finds its right over before it does anything, and asks. While nobody answers it
waits: what it runs goes on, and if nobody took the Lease meanwhile it goes on too. Where somebody did, it ends.

Every term of office has a number that grows (`leaseTransitions`). The leader writes it into the records it decides on,
so that also a leader whose clock stood still finds out that there is a later one.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.adapters.kubernetes.connection import (
    Answer,
    Connection,
    Json,
    NoNamespace,
    Unanswered,
    now_s,
    path_of,
    trouble,
)
from orchestrator.errors import InterlockError, Refused, Transient, Unusable

log = logging.getLogger("interlock.leader")

NAME = "interlock-leader"
GROUP = "apis/coordination.k8s.io/v1"
DURATION_S = 15
LOOK_S = 1.0
"""How often a candidate looks; failover takes the duration and this."""
SKEW_SHARE = 0.1
"""How much of the duration is given up for clocks that run at different speeds."""
FAILED_AGAIN_S = 0.5
BELIEVED_AFTER_S = 2.0


class Deposed(Unusable):
    """Somebody else leads, or there is nothing to lead: this process has no right to act any more and ends."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who leads, as the Lease says."""

    identity: str
    term: int
    duration_s: float
    renewed: str
    version: str

    @classmethod
    def of(cls, document: Json) -> Holder:
        """Read a Lease."""
        spec = document.get("spec") or {}
        return cls(
            identity=spec.get("holderIdentity") or "",
            term=int(spec.get("leaseTransitions") or 0),
            duration_s=float(spec.get("leaseDurationSeconds") or DURATION_S),
            renewed=spec.get("renewTime") or "",
            version=document["metadata"]["resourceVersion"],
        )

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it was renewed a moment ago by the wall clock. For messages: only taking it decides."""
        try:
            renewed = datetime.fromisoformat(self.renewed)
        except ValueError:
            return False
        return bool(self.identity) and (now - renewed).total_seconds() < self.duration_s


def holder(connection: Connection) -> Holder | None:
    """Return who leads in the namespace; None if nobody ever did."""
    answer = connection.read(path_of("leases", connection.namespace, NAME, group=GROUP))
    if answer.status == 404:
        return None
    if not answer.is_good:
        raise trouble(answer, "read the leader's lease")
    return Holder.of(answer.json())


class Election:
    """This process's candidacy. `terms` returns the highest term any record shows, for a Lease that was removed."""

    def __init__(
        self,
        connection: Connection,
        identity: str,
        *,
        terms: Callable[[], int],
        duration_s: int = DURATION_S,
    ) -> None:
        self._connection = connection
        self._path = path_of("leases", connection.namespace, group=GROUP)
        self._identity = identity
        self._terms = terms
        self._duration_s = duration_s
        self._held: Holder | None = None
        self._valid_until_s = 0.0
        self._over = ""
        self._refused_s: float | None = None
        self._seen: tuple[str, float] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.seen: Holder | None = None
        """Who led when this candidate looked last."""

    @property
    def term(self) -> int:
        """Return the number of this leader's term; 0 while it does not lead."""
        return self._held.term if self._held is not None else 0

    @property
    def is_leading(self) -> bool:
        """Return whether this process may act now."""
        return self._held is not None and not self._over and now_s() < self._valid_until_s

    def check(self) -> None:
        """Return if this process may act now. Raises Deposed if somebody else leads, Transient while that is open."""
        if self._over:
            raise Deposed(f"{self._over}; its agents are ended, their work is kept")
        if now_s() >= self._valid_until_s:
            raise Transient("the leader's lease could not be renewed; nothing is done until it is", retry_after_s=1.0)

    def try_acquire(self) -> bool:
        """Return whether this process leads now. Raises what a failure to ask means."""
        asked_s = now_s()
        answer = self._connection.request("GET", f"{self._path}/{NAME}", timeout_s=self._duration_s / 3)
        if answer.status == 404:
            return self._first(answer, asked_s)
        if not answer.is_good:
            raise trouble(answer, "read the leader's lease")
        document = answer.json()
        found = self.seen = Holder.of(document)
        if self._seen is None or self._seen[0] != found.version:
            self._seen = (found.version, now_s())
        if found.identity and now_s() - self._seen[1] < found.duration_s:
            return False
        return self._take(document, max(found.term, self._terms()) + 1)

    def keep(self) -> None:
        """Renew from now on, in a thread of its own, until `release`."""
        self._thread = threading.Thread(target=self._renew_until_stopped, name="lease", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let another process lead at once; twice is once. Nothing may be done under the lease after it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._duration_s)
        held, self._held = self._held, None
        self._valid_until_s = 0.0
        if held is None or self._over:
            return
        try:
            spec = {**self._spec(held.term), "holderIdentity": "", "leaseDurationSeconds": 1}
            self._put(held.version, spec)
        except InterlockError as error:
            log.warning("the lease was not given back", extra={"why": str(error)})

    def _first(self, answer: Answer, asked_s: float) -> bool:
        """Make the Lease where there is none; if there was one, after the time its holder may still believe in it."""
        if (answer.json().get("details") or {}).get("kind") == "namespaces":
            raise trouble(answer, "read the leader's lease")
        terms = self._terms()
        if terms:
            if self._seen is None or self._seen[0]:
                self._seen = ("", asked_s)
            if now_s() - self._seen[1] < self._duration_s:
                return False
        sent_s = now_s()
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME},
            "spec": self._spec(terms + 1, is_new=True),
        }
        made = self._connection.request("POST", self._path, body=document, timeout_s=self._duration_s / 3)
        if made.status == 409:
            return False
        if not made.is_good:
            raise trouble(made, "make the leader's lease")
        return self._won(made.json(), sent_s)

    def _take(self, document: Json, term: int) -> bool:
        sent_s = now_s()
        answer = self._put(document["metadata"]["resourceVersion"], self._spec(term, is_new=True))
        return answer is not None and self._won(answer, sent_s)

    def _won(self, document: Json, sent_s: float) -> bool:
        self._held = self.seen = Holder.of(document)
        self._valid(sent_s)
        log.info("leading", extra={"identity": self._identity, "term": self._held.term})
        return True

    def _valid(self, sent_s: float) -> None:
        self._valid_until_s = sent_s + self._duration_s * (1 - SKEW_SHARE)

    def _put(self, version: str, spec: Json) -> Json | None:
        """Replace the Lease as of a version; None where somebody else wrote it. Raises what a failure means."""
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "resourceVersion": version},
            "spec": spec,
        }
        answer = self._connection.request("PUT", f"{self._path}/{NAME}", body=document, timeout_s=self._duration_s / 3)
        if answer.status in (404, 409):
            return None
        if not answer.is_good:
            raise trouble(answer, "write the leader's lease")
        return answer.json()

    def _spec(self, term: int, *, is_new: bool = False) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: Json = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._duration_s,
            "leaseTransitions": term,
            "renewTime": now,
        }
        if is_new:
            self._acquired = now
        return {**spec, "acquireTime": self._acquired}

    def _renew_until_stopped(self) -> None:
        pause_s = self._duration_s / 5
        told: set[type[InterlockError]] = set()
        while not self._stop.wait(pause_s * random.uniform(0.9, 1.0)):
            try:
                self._renew()
            except NoNamespace as error:
                self._over = str(error)
            except InterlockError as error:
                if self._is_refused_for_good(error):
                    self._over = str(error)
                    break
                if type(error) not in told:
                    log.warning("the lease is not renewed", extra={"why": str(error)})
                    told.add(type(error))
                pause_s = FAILED_AGAIN_S
                continue
            pause_s, self._refused_s = self._duration_s / 5, None
            told.clear()
            if self._over:
                break
        if self._over:
            log.error("this leader's term is over", extra={"why": self._over})

    def _is_refused_for_good(self, error: InterlockError) -> bool:
        """Return whether this account may not lead any more: so it is told for a while, and its time is over.

        A role goes with its namespace. A server that has just started may say no of what it will allow in a moment.
        """
        if not isinstance(error, Refused):
            self._refused_s = None
            return False
        if self._refused_s is None:
            self._refused_s = now_s()
        return now_s() - self._refused_s >= BELIEVED_AFTER_S and now_s() >= self._valid_until_s

    def _renew(self) -> None:
        """Keep the lease for another while, or note that somebody else has it. Raises where nobody answers."""
        assert self._held is not None
        sent_s = now_s()
        try:
            document = self._put(self._held.version, self._spec(self._held.term))
        except Unanswered:
            # It may have been written: the next try is then on an old version, and looks.
            document = None
        if document is None:
            document = self._looked()
        if document is not None:
            self._held = self.seen = Holder.of(document)
            self._valid(sent_s)

    def _looked(self) -> Json | None:
        """Return the Lease, renewed, if it is still this leader's; None if it is another's."""
        assert self._held is not None
        answer = self._connection.request("GET", f"{self._path}/{NAME}", timeout_s=self._duration_s / 3)
        if answer.status == 404:
            made = self._connection.request(
                "POST",
                self._path,
                body={
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": NAME},
                    "spec": self._spec(self._held.term),
                },
                timeout_s=self._duration_s / 3,
            )
            if made.is_good:
                return made.json()
            raise trouble(made, "make the leader's lease again, which somebody removed")
        if not answer.is_good:
            raise trouble(answer, "read the leader's lease")
        found = Holder.of(answer.json())
        if (found.identity, found.term) != (self._identity, self._held.term):
            who = found.identity or "somebody else for a while, and now nobody"
            self._over = f"{who} leads now: this leader could not renew its lease in time"
            return None
        self._held = found
        renewed = self._put(found.version, self._spec(found.term))
        if renewed is None:
            raise Transient("the lease was written by somebody while it was renewed; looking again")
        return renewed
