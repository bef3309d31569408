"""The bounded, masked log of one job: the head is kept, the tail is kept, what was between is counted.

Called by the keeper only. The file reads head, one line saying how much is missing, tail; while the job runs the tail
is brought up to date every now and then, so that a reader always finds recent output without the log ever growing.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = b"***"


class Masker:
    """Replaces secrets in a stream of bytes, also where a secret arrives in pieces.

    Of two secrets that start at the same place the longer one is replaced, so that no rest of it is shown. Bytes that
    may be the beginning of a secret, and no others, are held back until more arrives or `finish` is called.
    """

    __slots__ = ("_held", "_secrets")

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what can be shown now."""
        if not self._secrets:
            return chunk
        text = self._held + chunk
        return self._mask(text, len(text) - max(_begun(text, secret) for secret in self._secrets))

    def finish(self) -> bytes:
        """Return what was held back."""
        return self._mask(self._held, len(self._held))

    def _mask(self, text: bytes, limit: int) -> bytes:
        """Return the text up to `limit`, and through the end of a secret that starts before it, without secrets."""
        places = [text.find(secret) for secret in self._secrets]
        shown: list[bytes] = []
        at = 0
        while True:
            first = -1
            for index, place in enumerate(places):
                if -1 < place < at:
                    place = places[index] = text.find(self._secrets[index], at)
                if -1 < place < limit and (first == -1 or place < places[first]):
                    first = index
            if first == -1:
                break
            shown += (text[at : places[first]], MASK)
            at = places[first] + len(self._secrets[first])
        rest = max(at, limit)
        shown.append(text[at:rest])
        self._held = text[rest:]
        return b"".join(shown)


def _begun(text: bytes, secret: bytes) -> int:
    """Return how many bytes at the end of the text are the beginning of the secret."""
    for size in range(min(len(text), len(secret) - 1), 0, -1):
        if text.endswith(secret[:size]):
            return size
    return 0


class BoundedLog:
    """Keeps the first and the last bytes of a stream in an open file, never more than `bytes_max` plus one line."""

    __slots__ = ("_fd", "_head_left", "_head_size", "_ring", "_ring_size", "_stale", "_tail_max", "dropped", "seen")

    def __init__(self, fd: int, bytes_max: int) -> None:
        self._fd = fd
        self._head_left = bytes_max // 2
        self._tail_max = bytes_max - self._head_left
        self._head_size = 0
        self._ring: list[bytes] = []
        self._ring_size = 0
        self._stale = False
        self.seen = 0
        self.dropped = 0

    def write(self, chunk: bytes) -> None:
        """Take more output. The head reaches the file at once, the tail with `refresh`."""
        self.seen += len(chunk)
        if self._head_left:
            head = chunk[: self._head_left]
            self._put(head, self._head_size)
            self._head_left -= len(head)
            self._head_size += len(head)
            chunk = chunk[len(head) :]
        if chunk:
            self._ring.append(chunk)
            self._ring_size += len(chunk)
            self._stale = True
            # Cut rarely: once per as many bytes as are kept, so a gigabyte costs a few hundred joins.
            if self._ring_size > 2 * self._tail_max + 65536:
                self._cut()

    def _cut(self) -> None:
        tail = b"".join(self._ring)
        extra = max(0, len(tail) - self._tail_max)
        self.dropped += extra
        self._ring = [tail[extra:]]
        self._ring_size = len(tail) - extra

    @property
    def is_stale(self) -> bool:
        """Whether the file lacks output that `refresh` would bring."""
        return self._stale

    def refresh(self) -> None:
        """Bring the tail in the file up to date."""
        if not self._stale:
            return
        self._cut()
        gap = b"\n[... %d bytes of output dropped here ...]\n" % self.dropped if self.dropped else b""
        end = self._put(gap + self._ring[0], self._head_size)
        try:
            os.ftruncate(self._fd, end)
        except OSError:
            pass
        self._stale = False

    def _put(self, data: bytes, offset: int) -> int:
        """Write all of it if the disk lets us: a full disk costs the log, never the job."""
        view = memoryview(data)
        while view:
            try:
                written = os.pwrite(self._fd, view, offset)
            except OSError:
                break
            view = view[written:]
            offset += written
        return offset
