"""The append-only event log: one line an event, each with the digest of everything up to it.

A line is `DIGEST EVENT`. A last line without its end is what a crash left: it never counted and is dropped when the
log is opened for writing. Any other line that does not follow is damage, and nothing is read past it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from trading import chain, events
from trading.events import AnyEvent


class LogDamaged(ValueError):
    """A log's line does not follow from the lines before it."""


class EventLog:
    """A log open for appending. One writer."""

    def __init__(self, path: Path) -> None:
        self.head = chain.GENESIS
        kept = 0
        if path.exists():
            for _, head, end in _lines(path):
                self.head, kept = head, end
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(kept)
        self._file.seek(kept)

    def append(self, event: AnyEvent) -> str:
        """Write an event behind the others and return the new head. Durable after `sync`."""
        payload = events.encode(event)
        self.head = chain.link(self.head, payload)
        self._file.write(self.head.encode() + b" " + payload + b"\n")
        return self.head

    def sync(self) -> None:
        """Have everything appended on the disk when this returns."""
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Write what is buffered and let the file go."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read(path: Path) -> Iterator[AnyEvent]:
    """Yield the events of a log in order; raise `LogDamaged` at the first line that does not follow."""
    for payload, _, _ in _lines(path):
        yield events.decode(payload)


def _lines(path: Path) -> Iterator[tuple[bytes, str, int]]:
    """Yield payload, head and end position of every complete line."""
    head, position = chain.GENESIS, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            digest, _, payload = line[:-1].partition(b" ")
            head = chain.link(head, payload)
            if digest != head.encode():
                raise LogDamaged(
                    f"{path}:{number}: does not follow from the lines before it; restore a copy of the log"
                )
            position += len(line)
            yield payload, head, position
