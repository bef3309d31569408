"""How a run tells what happens: plain lines, one per change, where nobody can watch; `live` where somebody can.

For `run` both write to stderr: stdout keeps the result. `status --watch` has nothing else for stdout. Nothing here
decides anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from orchestrator.cli.board import Board, Row
from orchestrator.cli.cars import train_lines
from orchestrator.cli.output import printable

LOGGER = "interlock"
_KNOWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime"}


class Progress(Protocol):
    """Shows boards while a run goes on."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, board: Board, at: datetime) -> None:
        """Show the board as it is at a time."""
        ...

    def say(self, text: str) -> None:
        """Write a line that stays."""
        ...


class Lines:
    """Plain lines, one per change, each with its time."""

    def __init__(self, write: Callable[[str], None], *, flush: Callable[[], None] | None = None) -> None:
        self._write = write
        self._flush = flush
        self._rows: dict[str, tuple[object, ...]] = {}
        self._frozen: dict[str, object] = {}
        self._formed: dict[str, object] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, board: Board, at: datetime) -> None:
        """Write what changed since the last board."""
        clock = at.astimezone().strftime("%H:%M:%S")
        width = max((len(row.name) for row in board.rows), default=0)
        for row in board.rows:
            said = (row.phase, row.reason, row.run)
            if self._rows.get(row.name) != said:
                self._rows[row.name] = said
                self.say(f"{clock}  {row.name:<{width}}  {_words(row)}")
        for train in board.trains:
            frozen = train.status.frozen
            said_of_train = (frozen.reason, frozen.message) if frozen else None
            if self._frozen.get(train.name) != said_of_train:
                text = f"frozen: {frozen.reason.value}: {frozen.message}" if frozen else "lands again"
                self._frozen[train.name] = said_of_train
                self.say(f"{clock}  train {train.name}  {' '.join(text.split())}")

        for formed in board.formations:
            shape = tuple((car.name, car.place, car.tested) for car in formed.cars)
            if self._formed.get(formed.train.name) != shape and formed.frozen is None:
                self._formed[formed.train.name] = shape
                for line in train_lines(formed, at):
                    self.say(f"{clock}  {line.plain}")

    def say(self, text: str) -> None:
        """Write a line."""
        self._write(printable(text))
        if self._flush is not None:
            self._flush()


def _words(row: Row) -> str:
    state = row.phase.value if row.state == row.phase.value else f"{row.phase.value}  {row.state}"
    return f"{state}  {row.message}" if row.message else state


class Warnings(logging.Handler):
    """The leader's warnings as lines of the run: the event, then its keys."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._progress.say(f"{record.levelname.lower()}: {event_line(record)}")
        if record.exc_info:
            self._progress.say(logging.Formatter().formatException(record.exc_info))


class EventLines(logging.Formatter):
    """The leader's log as text: time, level, event, keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, its traceback below."""
        line = f"{self.formatTime(record)} {record.levelname} {event_line(record)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def event_line(record: logging.LogRecord) -> str:
    """Return `event key=value …`."""
    keys = [f"{key}={value}" for key, value in vars(record).items() if key not in _KNOWN]
    return " ".join([record.getMessage(), *keys])
