"""The run on a terminal: a calm board that redraws itself in place, gone when the run is over.

Rows keep their place, in landing order; only what changes changes. Between ticks the clock and the last words of the
agents move on. Where there are more items than lines, what moves is shown and the rest is counted.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from orchestrator.cli.board import Board, Row, last_line, visible
from orchestrator.cli.output import printable
from orchestrator.cli.standings import train_line
from orchestrator.cli.table import STYLES, age
from orchestrator.model.condition import Phase

REDRAWS_PER_S = 4
NAME_MAX = 26
STATE_WIDTH = 19
TIME_WIDTH = 6
OTHER_LINES = 5
"""Lines beside the rows: head, rule, counted rest, trains, and one to keep the terminal from scrolling."""
MARKS = {
    Phase.WAITING: ("·", "dim"),
    Phase.RUNNING: ("▸", "blue"),
    Phase.PROPOSED: ("◆", "cyan"),
    Phase.LANDED: ("✓", "green"),
    Phase.STALLED: ("✗", "red"),
    Phase.CANCELLED: ("–", "dim"),
}
FRAME_BEGINS, FRAME_ENDS = "\x1b[?2026h", "\x1b[?2026l"
ASCII_MARKS = {"·": ".", "▸": ">", "◆": "*", "✓": "+", "✗": "x", "–": "-", "‹": "<", "…": "~", "→": "->"}


class Synchronized:
    """A stream whose every write is shown at once: terminals that know the marks do not draw half a frame."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write one frame."""
        return self._stream.write(f"{FRAME_BEGINS}{text}{FRAME_ENDS}" if "\x1b[" in text else text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class Drawing(Protocol):
    """How a board becomes lines for a terminal of this size."""

    def __call__(
        self, board: Board, /, *, now: datetime, began: datetime, width: int, height: int, plain: bool
    ) -> Group: ...


class LiveProgress:
    """Shows boards in place on a terminal."""

    def __init__(self, stream: TextIO, now: Callable[[], datetime], *, drawing: Drawing | None = None) -> None:
        self._console = Console(file=cast(TextIO, Synchronized(stream)), highlight=False, markup=False, emoji=False)
        self._drawing = drawing or draw
        self._now = now
        self._began = now()
        self._board = Board((), ())
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=REDRAWS_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, board: Board, at: datetime) -> None:
        """Show this board from the next redraw on."""
        self._board = board

    def say(self, text: str) -> None:
        """Write a line above the board, where it stays."""
        style = "yellow" if text.startswith(("warning", "error")) else "dim"
        self._console.print(Text(printable(text), style=style))

    def _draw(self) -> Group:
        size = shutil.get_terminal_size()
        return self._drawing(
            self._board,
            now=self._now(),
            began=self._began,
            width=min(size.columns, self._console.width),
            height=size.lines,
            plain=not _speaks_unicode(self._console),
        )


def draw(
    board: Board,
    *,
    now: datetime,
    began: datetime,
    width: int,
    height: int,
    plain: bool = False,
    hint: Text | None = None,
) -> Group:
    """Return the board as lines no longer than the width, no more than the height. `hint` ends the first line."""
    room = max(3, height - OTHER_LINES - len(board.trains))
    shown, counted = visible(board.rows, room)
    name_width = min(NAME_MAX, max((len(row.name) for row in shown), default=4), max(8, width // 3))
    head = _head(board, now, began)
    if hint is not None:
        head.append("  ").append_text(hint)
    lines = [head, *(_line(row, now, name_width, width) for row in shown)]
    if counted:
        phases = Counter(row.phase for row in counted)
        said = ", ".join(f"{phases[phase]} {phase.value.lower()}" for phase in Phase if phases[phase])
        lines.append(Text(f"  and {len(counted)} more: {said}", style="dim"))
    lines += [train_line(train, width=width) for train in board.trains]
    return Group(*finished(lines, width, plain=plain))


def finished(lines: Sequence[Text], width: int, *, plain: bool) -> list[Text]:
    """Return the lines cut to the width, in ASCII where the terminal knows no more."""
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return [_in_ascii(line) for line in lines] if plain else list(lines)


def _head(board: Board, now: datetime, began: datetime) -> Text:
    line = Text().append(age((now - began).total_seconds()), style="bold")
    for phase in (Phase.RUNNING, Phase.PROPOSED, Phase.WAITING, Phase.LANDED, Phase.STALLED, Phase.CANCELLED):
        number = board.count(phase)
        if number:
            line.append("  ").append(f"{number} {phase.value.lower()}", style=STYLES[phase.value])
    return line


def _line(row: Row, now: datetime, name_width: int, width: int) -> Text:
    mark, style = MARKS[row.phase]
    line = Text().append(f"{mark} ", style=style)
    name = Text(row.name)
    name.truncate(name_width, overflow="ellipsis", pad=True)
    line.append_text(name if row.phase not in (Phase.LANDED, Phase.CANCELLED) else Text(name.plain, style="dim"))
    line.append(f"  {row.state:<{STATE_WIDTH}.{STATE_WIDTH}}", style=STYLES[row.phase.value])
    moving = row.phase in (Phase.RUNNING, Phase.PROPOSED, Phase.WAITING) and row.since is not None
    spent = age((now - row.since).total_seconds()) if moving and row.since else ""
    line.append(f" {spent:>{TIME_WIDTH}}  ", style="dim")
    detail = Text(printable(_detail(row, now)), style="default" if row.phase is Phase.STALLED else "dim")
    detail.truncate(max(0, width - line.cell_len), overflow="ellipsis")
    return line.append_text(detail)


def _detail(row: Row, now: datetime) -> str:
    if row.gates:
        return ", ".join(f"{name} {age((now - since).total_seconds())}" if since else name for name, since in row.gates)
    return last_line(row.log) or row.message


def _speaks_unicode(console: Console) -> bool:
    return console.encoding.lower().replace("-", "").startswith("utf")


def _in_ascii(line: Text) -> Text:
    plain = line.plain
    for char, instead in ASCII_MARKS.items():
        plain = plain.replace(char, instead[0])
    line.plain = plain
    return line
