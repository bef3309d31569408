"""Messages between the processes of the desk: JSON objects over Unix sockets that keep their bounds, and who sent them.

The kernel says who is at the other end (`SO_PEERCRED`, taken when the connection was made); nothing in a message does.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trading.gate.strict import Unreadable, parse

MESSAGE_BYTES_MAX = 64 * 1024
Message = dict[str, Any]
"""A message as it was read. It is taken apart where it arrives and travels no further."""


class Peer(NamedTuple):
    """Who is at the other end of a connection, by the kernel's word."""

    pid: int
    uid: int


class Unanswered(Exception):
    """The other side was not there, hung up, or did not answer in time: what became of the request is not known."""


class NotSent(Unanswered):
    """The request certainly did not arrive."""


def listen(path: Path, mode: int = 0o666) -> socket.socket:
    """Return a socket that waits at a path. Whoever may not speak is told so after connecting, by its uid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    found.bind(str(path))
    path.chmod(mode)
    found.listen(128)
    return found


def peer_of(connection: socket.socket) -> Peer:
    """Return who made a connection."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    # A uid is unsigned; the overflow uid of another user namespace stays what it is: nobody we know.
    return Peer(pid, uid & 0xFFFFFFFF)


def receive(connection: socket.socket) -> bytes:
    """Return one message, empty when the other side is gone. One that is too long comes cut, still too long."""
    try:
        return connection.recv(MESSAGE_BYTES_MAX + 1)
    except ConnectionError:
        return b""


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one message."""
    connection.sendall(json.dumps(message, separators=(",", ":")).encode())


class Caller:
    """A connection that asks and waits for the answer; made on first use and again after a failure."""

    def __init__(self, path: Path, timeout_s: float = 2.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._connection: socket.socket | None = None

    def ask(self, message: Mapping[str, Any]) -> Message:
        """Return the answer; raise `NotSent` or `Unanswered`."""
        connection = self._connected()
        try:
            try:
                send(connection, message)
            except OSError as error:
                # A message goes whole or not at all.
                raise NotSent(f"{self._path}: {error.strerror or error}") from error
            answer = receive(connection)
            if not answer:
                raise Unanswered(f"{self._path}: the other side hung up")
            document, duplicates = parse(answer)
        except Unanswered:
            self.close()
            raise
        except (OSError, Unreadable) as error:
            self.close()
            raise Unanswered(f"{self._path}: {error}") from error
        if not isinstance(document, dict) or duplicates:
            self.close()
            raise Unanswered(f"{self._path}: no answer that can be read")
        return document

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> socket.socket:
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
            # A queue that is full makes a caller that does not block give up at once: the kernel is to wait, and lets
            # those who wait in by turns, also while somebody floods the queue.
            whole, part = divmod(round(self._timeout_s * 1_000_000), 1_000_000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", whole, part))
            try:
                connection.connect(str(self._path))
            except OSError as error:
                connection.close()
                raise NotSent(f"{self._path}: {error.strerror or error}") from error
            connection.settimeout(self._timeout_s)
            self._connection = connection
        return self._connection


def process_start(pid: int) -> int | None:
    """Return when a process started, in ticks since boot; None if there is none. With the pid it names one process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def write_whole(path: Path, text: str) -> None:
    """Replace a file so that whoever reads it sees the old or the new one, also after a crash."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o660)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
