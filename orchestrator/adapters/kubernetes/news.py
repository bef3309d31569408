"""That something changed, for a loop that sleeps: a file descriptor that is readable until somebody looks."""

from __future__ import annotations

import os
from contextlib import suppress


class News:
    """Told by any thread, taken by the one that looks."""

    def __init__(self) -> None:
        self._read, self._tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def tell(self) -> None:
        """Say that something changed."""
        # Full means that whoever waits has been told already; closed, that nobody waits any more.
        with suppress(OSError):
            os.write(self._tell, b".")

    def take(self) -> None:
        """Forget what was told: whatever is told from now on is news for the next look."""
        with suppress(BlockingIOError):
            os.read(self._read, 65536)

    def fd(self) -> int:
        """Return the file descriptor."""
        return self._read

    def close(self) -> None:
        """Let go of it."""
        os.close(self._read)
        os.close(self._tell)
