"""Keeps a shelf true: one thread that lists a kind once and then hears of every change.

First one stream that begins with everything there is (WatchList); where the server cannot do that, pages of a list and
a watch from there. A watch that ends is taken up where it was; one whose place the server has forgotten (410) begins
anew. While the server is away the shelf says what was last heard, and `age_s` how long ago that was.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

import urllib3

from orchestrator.adapters.kubernetes.connection import (
    Answer,
    Connection,
    Json,
    Untrusted,
    decoded,
    now_s,
    path_of,
    trouble,
)
from orchestrator.adapters.kubernetes.listing import pages
from orchestrator.adapters.kubernetes.shelf import Shelf, version_of
from orchestrator.errors import InterlockError, Transient
from orchestrator.model.base import Resource

R = TypeVar("R", bound=Resource)

log = logging.getLogger("interlock.kubernetes")

WATCH_S = 240
"""How long the server keeps one watch open; it sends a bookmark every minute or so, and one before the end."""
SILENCE_S = 90.0
"""A watch that says nothing for longer, not even a bookmark, is a connection nobody holds any more."""
AGAIN_MAX_S = 5.0
BELIEVED_AFTER_S = 2.0
"""A refusal that lasts so long is one."""
INITIAL_END = "k8s.io/initial-events-end"
_UNKNOWN_TO_SERVER = frozenset({400, 422})


class _Forgotten(Exception):
    """The server no longer knows the version to go on from."""


class Outage:
    """Which kinds are not heard of. Said once for all of them, for a server that goes away takes every watch along, and
    again where the reason is another: who could not be reached and is not believed now needs somebody else's hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: set[str] = set()
        self._told: set[type[InterlockError]] = set()

    def begin(self, kind: str, why: InterlockError) -> None:
        """Note that a kind is not heard of any more."""
        with self._lock:
            if type(why) not in self._told:
                log.warning("the cluster is not heard", extra={"why": str(why)})
            self._told.add(type(why))
            self._kinds.add(kind)

    def end(self, kind: str) -> None:
        """Note that a kind is heard of again."""
        with self._lock:
            if kind not in self._kinds:
                return
            self._kinds.remove(kind)
            if not self._kinds:
                self._told.clear()
                log.warning("the cluster is heard again")


class Reflector(Generic[R]):
    """One kind, kept true until it is stopped. `changed` is called, in the reflector's thread, whenever it was not."""

    def __init__(
        self, connection: Connection, shelf: Shelf[R], changed: Callable[[], None], outage: Outage | None = None
    ) -> None:
        self._connection = connection
        self._shelf = shelf
        self._changed = changed
        self._outage = outage or Outage()
        self._path = path_of(shelf.kind.PLURAL, connection.namespace)
        self._can_stream_lists = True
        self._version = ""
        self._stop = threading.Event()
        self._synced = threading.Event()
        self._heard_s = self._began_s = 0.0
        self._response: urllib3.BaseHTTPResponse | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch-{shelf.kind.PLURAL}", daemon=True)
        self._refused_s: float | None = None
        self.why = ""
        """What is wrong, while something is."""
        self.restarts = 0

    def start(self) -> None:
        """Begin."""
        self._began_s = now_s()
        self._thread.start()

    def stop(self) -> None:
        """End; twice is once."""
        self._stop.set()
        response = self._response
        if response is not None:
            _shut(response)

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def wait(self, timeout_s: float) -> bool:
        """Return whether everything there is has been heard once, waiting for it."""
        return self._synced.wait(timeout_s)

    @property
    def is_synced(self) -> bool:
        """Return whether everything there is has been heard once."""
        return self._synced.is_set()

    def is_refused(self) -> bool:
        """Return whether the server keeps saying no, so that waiting will not mend it.

        One that has just started says so of kinds and roles that it does not know yet.
        """
        since_s = self._refused_s
        return since_s is not None and now_s() - since_s >= BELIEVED_AFTER_S

    def age_s(self) -> float:
        """Return how long nothing has been heard, bookmarks included."""
        return now_s() - self._heard_s

    def _run(self) -> None:
        tries = 0
        while not self._stop.is_set():
            before = self._heard_s
            try:
                self._once()
                self._mended()
            except _Forgotten:
                self._version = ""
                self.restarts += 1
            except InterlockError as error:
                self._note(error)
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                # A stream that was cut, or a line cut in half: what was heard so far stands.
                self._note(Transient(f"watch {self._path}: {type(error).__name__}: {error}"))
            tries = 0 if self._heard_s > before else tries + 1
            if tries:
                self._stop.wait(min(AGAIN_MAX_S, 0.05 * 2.0 ** min(tries, 10)))

    def _note(self, error: InterlockError) -> None:
        # A server that has just started, or was just told of a kind, needs a moment; nothing was heard that is missed.
        is_young = not self.is_synced and now_s() - self._began_s < BELIEVED_AFTER_S
        if not self._stop.is_set() and not is_young:
            self._outage.begin(self._shelf.kind.KIND, error)
        self.why = str(error)
        if isinstance(error, Transient) and not isinstance(error, Untrusted):
            self._refused_s = None
        elif self._refused_s is None:
            self._refused_s = now_s()
        self.restarts += 1

    def _once(self) -> None:
        """Hear one watch to its end, after a list where there is nothing to go on from."""
        if self._version:
            self._watch({"resourceVersion": self._version})
        elif self._can_stream_lists:
            self._watch({"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"})
        else:
            self._list()
            self._watch({"resourceVersion": self._version})

    def _list(self) -> None:
        names: set[str] = set()
        version = "0"
        # Taken in page by page: all documents at once are several times what is made of them.
        for page in pages(self._connection, self._path):
            for document in page.documents:
                self._take(document, names)
            version = page.version
        self._is_whole(names, version)

    def _take(self, document: Json, names: set[str]) -> None:
        names.add(document["metadata"]["name"])
        if self._shelf.keep(document)[1]:
            self._changed()

    def _is_whole(self, names: set[str], version: str) -> None:
        """Note that these are all there are, as of that version."""
        if self._shelf.retain(names, int(version)):
            self._changed()
        self._version = version
        self._heard()
        self._synced.set()

    def _heard(self) -> None:
        self._heard_s = now_s()
        self._mended()

    def _mended(self) -> None:
        self._refused_s = None
        if self.why:
            self.why = ""
            self._outage.end(self._shelf.kind.KIND)

    def _watch(self, begin: dict[str, str]) -> None:
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_S), **begin}
        with self._connection.stream(self._path, query, silence_s=SILENCE_S) as (status, response):
            self._response = response
            try:
                if self._stop.is_set():
                    return  # Asked between the two: nobody else would end this read.
                if status == 200:
                    return self._hear(_lines(response), is_first="sendInitialEvents" in begin)
                answer = self._connection.refusal(Answer(status, response.read()), self._path)
            finally:
                self._response = None
        if status == 410:
            raise _Forgotten
        if status in _UNKNOWN_TO_SERVER and "sendInitialEvents" in begin:
            self._can_stream_lists = False
            return
        raise trouble(answer, f"watch {self._shelf.kind.PLURAL}")

    def _hear(self, events: Iterator[Json], *, is_first: bool) -> None:
        names: set[str] | None = set() if is_first else None
        for event in events:
            document: Json = event["object"]
            match event["type"]:
                case "BOOKMARK":
                    version = str(version_of(document))
                    if names is None:
                        self._version = version
                        self._heard()
                    elif INITIAL_END in (document["metadata"].get("annotations") or {}):
                        self._is_whole(names, version)
                        names = None
                case "ADDED" | "MODIFIED" if names is not None:
                    self._take(document, names)
                case "ADDED" | "MODIFIED":
                    self._advance(document, self._shelf.keep(document)[1])
                case "DELETED":
                    metadata = document["metadata"]
                    changed = self._shelf.drop(metadata["name"], metadata["uid"], is_told=True)
                    if names is None:
                        self._advance(document, changed)
                    else:
                        names.discard(metadata["name"])
                case "ERROR":
                    self._refused(document)
                case _:
                    pass  # A newer server may say what nobody here has asked for.
            if self._stop.is_set():
                return

    def _advance(self, document: Json, changed: bool) -> None:
        self._version = str(version_of(document))
        self._heard()
        if changed:
            self._changed()

    def _refused(self, status: Json) -> None:
        if status.get("code") == 410:
            raise _Forgotten
        raise Transient(f"watch {self._path}: {status.get('message') or status}")


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[Json]:
    """Yield the documents of a stream, one a line, each as soon as it is there."""
    rest = bytearray()
    while True:
        chunk = response.read1(1 << 16)
        if not chunk:
            return
        rest += chunk
        if b"\n" not in chunk:
            continue
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if line.strip():
                yield decoded(line)


def _shut(response: urllib3.BaseHTTPResponse) -> None:
    """End a read that another thread is in."""
    # It may have come to its end meanwhile, and then there is nothing to shut.
    with suppress(ValueError, RuntimeError, OSError):
        response.shutdown()
