"""Tables for people: columns without borders, aligned by what characters really take, cut to the width of a terminal.

On a terminal the widest free column gives way; piped, nothing is cut, no colour is written and no line ends in spaces.
Colours carry meaning only: green is done, blue is moving, yellow waits for a person, red is stuck, dim is detail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.output import Output, is_terminal, printable

WIDTH_UNBOUNDED = 100_000
STYLES = {
    "Landed": "green",
    "Running": "blue",
    "Proposed": "cyan",
    "Waiting": "default",
    "Stalled": "red",
    "Cancelled": "dim",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, whether it may be cut, how it looks."""

    title: str
    gives_way: bool = False
    style: str = ""
    right: bool = False


Cell = str | Text


def styled(word: str) -> Text:
    """Return a phase or state in its colour."""
    return Text(word, style=STYLES.get(word, ""))


def console_for(output: Output, *, width: int | None = None) -> Console:
    """Return a console that writes to the command's stdout: coloured and bounded only where a person looks at it."""
    terminal = is_terminal(output.stdout)
    bound = shutil.get_terminal_size().columns if terminal else WIDTH_UNBOUNDED
    return Console(
        file=output.stdout,
        width=width or bound,
        force_terminal=terminal,
        no_color=True if not terminal or "NO_COLOR" in os.environ else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def write_table(
    output: Output, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, width: int | None = None
) -> None:
    """Write the rows below their headings."""
    table = grid(columns)
    for row in rows:
        table.add_row(*(printable(cell) if isinstance(cell, str) else cell for cell in row))
    write(output, table, width=width)


def grid(columns: Sequence[Column]) -> Table:
    """Return an empty table in our look."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(
            column.title,
            no_wrap=True,
            overflow="ellipsis",
            style=column.style,
            justify="right" if column.right else "left",
            # Without a floor rich shrinks every column alike; the ones that identify a row must stay whole.
            min_width=None if column.gives_way else len(column.title),
            ratio=None,
        )
    return table


def write(output: Output, thing: Table | Text, *, width: int | None = None) -> None:
    """Write a table or a text, without spaces at the ends of lines."""
    console = console_for(output, width=width)
    with console.capture() as captured:
        console.print(thing)
    for line in captured.get().splitlines():
        output.line(line.rstrip())


def age(seconds: float) -> str:
    """Return a span of time as people read it at a glance: 42s, 7m03s, 3h12m, 5d04h."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 item` or `3 items`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
