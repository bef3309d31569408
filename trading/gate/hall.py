"""Everybody who is connected to one Unix socket, heard in turn, so that nobody keeps another from being heard.

Each uid has one message a round, however many connections it has; those who have no part in the desk share one turn.
Nobody is waited for: who does not read his answers is hung up on, and who opens more connections than he may loses his
oldest. Used by the gate, the gate without a store and the broker; what is said is theirs.
"""

from __future__ import annotations

import errno
import resource
import selectors
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trading.gate import wire

OF_ONE_MAX, OF_STRANGERS_MAX = 64, 16
"""Connections of one uid, and of all uids without a part in the desk."""
ACCEPTED_MAX = 256
"""In one round: those that wait to come in do not keep those inside from being heard."""
FILES_KEPT = 64
"""Descriptors that are left to everything else the process does."""
_STRANGERS = -1


class Heard(NamedTuple):
    """One message; without a text the connection is gone."""

    connection: socket.socket
    uid: int
    text: bytes


class Hall:
    """The connections of one socket."""

    def __init__(self, path: Path, is_known: Callable[[int], bool]) -> None:
        self._is_known = is_known
        self._uids: dict[socket.socket, int] = {}
        """Who is connected, by the kernel's word when they connected. Whoever was heard goes to the end."""
        self._evicted: list[Heard] = []
        self._selector = selectors.DefaultSelector()
        self._listener = wire.listen(path)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    @property
    def connected(self) -> int:
        """Return how many connections there are."""
        return len(self._uids)

    def round(self, timeout_s: float) -> list[Heard]:
        """Wait for somebody to speak; return at most one message of each uid, and who is gone."""
        ready = {key.fileobj for key, _ in self._selector.select(0.0 if self._evicted else timeout_s)}
        heard, self._evicted = self._evicted, []
        if self._listener in ready:
            self._accept()
        spoken: set[int] = set()
        for connection, uid in list(self._uids.items()):
            turn = self._turn_of(uid)
            if connection not in ready or turn in spoken:
                continue
            try:
                text = wire.receive(connection)
            except OSError:
                continue  # nothing was there after all
            spoken.add(turn)
            heard.append(Heard(connection, uid, text))
            if text:
                self._uids[connection] = self._uids.pop(connection)
            else:
                self.drop(connection)
        return heard

    def answer(self, connection: socket.socket, message: Mapping[str, Any]) -> bool:
        """Send a message; return False where nobody takes it. It is not waited for that somebody reads."""
        try:
            wire.send(connection, message)
        except OSError:
            return False
        return True

    def drop(self, connection: socket.socket) -> None:
        """Hang up."""
        if self._uids.pop(connection, None) is not None:
            self._selector.unregister(connection)
            connection.close()

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in list(self._uids):
            self.drop(connection)
        self._selector.close()
        self._listener.close()

    def _accept(self) -> None:
        """Let in who waits, as long as there is room."""
        for _ in range(ACCEPTED_MAX):
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    self._make_room()
                return
            connection.setblocking(False)
            uid = wire.peer_of(connection).uid
            self._uids[connection] = uid
            self._selector.register(connection, selectors.EVENT_READ)
            turn = self._turn_of(uid)
            if self._count(turn) > (OF_STRANGERS_MAX if turn == _STRANGERS else OF_ONE_MAX):
                self._evict(turn)
            elif len(self._uids) > resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FILES_KEPT:
                self._make_room()

    def _make_room(self) -> None:
        """Hang up on the oldest connection of whoever has most."""
        turns = {self._turn_of(uid) for uid in self._uids.values()}
        if turns:
            self._evict(max(turns, key=self._count))

    def _evict(self, turn: int) -> None:
        oldest = next(one for one, uid in self._uids.items() if self._turn_of(uid) == turn)
        self._evicted.append(Heard(oldest, self._uids[oldest], b""))
        self.drop(oldest)

    def _count(self, turn: int) -> int:
        return sum(self._turn_of(uid) == turn for uid in self._uids.values())

    def _turn_of(self, uid: int) -> int:
        return uid if self._is_known(uid) else _STRANGERS
