"""The log of a run on paper: what a loop that was ended wrote is decided again by the next one, then goes on.

Nothing of what a run holds is kept but its log and its bars. Whoever starts it again plays them: what comes from
outside is taken from the log, what follows from it is decided anew and has to be the same to the byte. So a run cannot
go on as something else than it was, and no state can differ from its log.
"""

from __future__ import annotations

import os
from collections import deque
from hashlib import sha256
from pathlib import Path

import msgspec

from trading import chain, events
from trading.engine import artifacts
from trading.engine.artifacts import Damaged
from trading.engine.orders import Trade
from trading.events import AnyEvent
from trading.service.feed import Row


class Diverged(RuntimeError):
    """What is decided again is not what the log says."""


class Diary:
    """A run's folder, open for going on with it. One writer; the caller sees to that."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # What is written from now on belongs to no finished run.
        (folder / artifacts.MANIFEST).unlink(missing_ok=True)
        self.head, self.count = chain.GENESIS, 0
        self._past: deque[bytes] = deque()
        self._decisions = _opened(folder / artifacts.DECISIONS)
        os.ftruncate(self._decisions, self._read())
        self._bars = _opened(folder / artifacts.BARS)
        self.rows: list[Row] = []
        self._read_bars()
        self._trades = (folder / artifacts.TRADES).open("wb")
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._is_dirty = False
        os.lseek(self._decisions, 0, os.SEEK_END)

    def next(self) -> AnyEvent | None:
        """Return the event that was logged and has not been decided again yet; None if all have been."""
        return events.decode(self._past[0]) if self._past else None

    def record(self, event: AnyEvent) -> None:
        """Write an event behind the others; raise `Diverged` where another one stands there already."""
        payload = events.encode(event)
        if self._past:
            logged = self._past.popleft()
            self.count += 1
            self.head = chain.link(self.head, payload)
            if logged != payload:
                raise Diverged(
                    f"{self.folder / artifacts.DECISIONS}:{self.count}: the log says {logged.decode()[:300]}, decided "
                    f"again it is {payload.decode()[:300]}; the run cannot go on: take another folder (--runs)"
                )
            return
        head = chain.link(self.head, payload)
        _write(self._decisions, artifacts.spelled(head, payload))
        self.head, self.count, self._is_dirty = head, self.count + 1, True

    def traded(self, trade: Trade) -> None:
        """Write a trade behind the others. They follow from the log and are written anew each time."""
        self._trades.write(self._encoder.encode(trade) + b"\n")

    def sync(self) -> None:
        """Have everything that was recorded on the disk when this returns. Raises OSError where it takes no more."""
        if self._is_dirty:
            os.fdatasync(self._decisions)
            self._is_dirty = False

    def keep_bars(self, rows: tuple[Row, ...]) -> tuple[int, str]:
        """Keep the bars of a moment on the disk; return the first one's number and the digest of all of them."""
        first = len(self.rows)
        text = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        _write(self._bars, text)
        os.fdatasync(self._bars)
        self.rows += rows
        return first, _digest(rows)

    def bars_kept(self, first: int, last: int, digest: str) -> tuple[Row, ...]:
        """Return bars that the log names; raise `Damaged` if they are not those."""
        rows = tuple(self.rows[first : last + 1])
        if len(rows) != last + 1 - first or _digest(rows) != digest:
            raise Damaged(
                f"{self.folder / artifacts.BARS}: rows {first} to {last} are not those of the log; restore a copy of it"
            )
        return rows

    def _read_bars(self) -> None:
        """Read the bars that came before, up to the last one that the log names; what is behind it never counted."""
        named = [event for event in map(events.decode, self._past) if isinstance(event, events.DataRead)][1:]
        count = named[-1].last + 1 if named else 0
        path, position = self.folder / artifacts.BARS, 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if len(self.rows) == count:
                    break
                try:
                    self.rows.append(msgspec.json.decode(line, type=Row))
                except msgspec.MsgspecError as error:
                    raise Damaged(f"{path}:{number}: {error}; restore a copy of it") from error
                position += len(line)
        os.ftruncate(self._bars, position)
        os.lseek(self._bars, 0, os.SEEK_END)

    def close(self) -> None:
        """Let the files go."""
        os.close(self._decisions)
        os.close(self._bars)
        self._trades.close()

    def _read(self) -> int:
        """Take over what is logged; return where its last whole line ends. A line without its end never counted."""
        path, head, position = self.folder / artifacts.DECISIONS, chain.GENESIS, 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                payload = artifacts.payload_of(line)
                head = chain.link(head, payload)
                if line != artifacts.spelled(head, payload):
                    raise Damaged(f"{path}:{number}: does not follow from the lines before it; restore a copy of it")
                self._past.append(payload)
                position += len(line)
        return position


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _write(handle: int, text: bytes) -> None:
    while text:
        text = text[os.write(handle, text) :]


def _digest(rows: tuple[Row, ...]) -> str:
    return "sha256:" + sha256(b"".join(msgspec.json.encode(row) + b"\n" for row in rows)).hexdigest()
