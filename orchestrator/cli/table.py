"""Tables for people: columns without borders, aligned by what characters really take, cut to the width of a terminal.

On a terminal the widest free column gives way; piped, nothing is cut, no colour is written and no line ends in spaces.
Colours carry meaning only: green is done, blue is moving, yellow waits for a person, red is stuck, dim is detail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.output import Output, is_terminal, printable

WIDTH_UNBOUNDED = 100_000
GAP = 2
READABLE = 24
"""Characters of a column that gives way that are worth leaving others out for."""
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
    """One column: its heading, whether it may be cut or left out, how it looks."""

    title: str
    gives_way: bool = False
    style: str = ""
    right: bool = False
    drops: int = 0
    """Where a terminal is too narrow columns are left out, the highest number first; 0 stays."""


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
    console = console_for(output, width=width)
    cells = [
        [cell if isinstance(cell, Text) else Text(printable(cell.replace("\t", " "))) for cell in row] for row in rows
    ]
    widths = _widths(columns, cells, console.width)
    head = [Text(column.title, style="bold") for column in columns]
    styles = [column.style for column in columns]
    _print(output, console, [_line(columns, widths, head, [""] * len(columns))])
    _print(output, console, [_line(columns, widths, row, styles) for row in cells])


def write(output: Output, thing: Text | Table, *, width: int | None = None) -> None:
    """Write a text or a `grid`, folded where it is wider than the terminal."""
    _print(output, console_for(output, width=width), [thing])


def grid(columns: Sequence[Column]) -> Table:
    """Return an empty table in our look whose cells fold; for prose in columns, where `write_table` would cut."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for column in columns:
        table.add_column(
            column.title,
            no_wrap=not column.gives_way,
            overflow="fold",
            style=column.style,
            justify="right" if column.right else "left",
        )
    return table


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], limit: int) -> list[int]:
    """Return how wide each column is shown: 0 for one that is left out so that the rest can be read."""
    widths = [max([cell_len(column.title), *(row[at].cell_len for row in rows)]) for at, column in enumerate(columns)]
    shown = {at for at, column in enumerate(columns) if column.title}
    # A column nothing was ever put in says nothing.
    shown -= {at for at in shown if rows and columns[at].drops and not any(row[at].plain for row in rows)}
    free = [at for at, column in enumerate(columns) if column.gives_way]
    for at in sorted(shown, key=lambda at: -columns[at].drops):
        least = sum(min(widths[i], READABLE) if i in free else widths[i] for i in shown) + GAP * (len(shown) - 1)
        if least > limit and columns[at].drops:
            shown.discard(at)
    widths = [width if at in shown else 0 for at, width in enumerate(widths)]
    while sum(widths) + GAP * (len(shown) - 1) > limit:
        widest = max((at for at in free if at in shown), key=lambda at: widths[at], default=None)
        if widest is None or widths[widest] <= 4:
            break
        widths[widest] -= 1
    return widths


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Text], styles: Sequence[str]) -> Text:
    line = Text()
    shown = [at for at, width in enumerate(widths) if width]
    for at in shown:
        cell = cells[at].copy()
        cell.truncate(widths[at], overflow="ellipsis")
        space = " " * (widths[at] - cell.cell_len)
        if styles[at]:
            cell.stylize_before(styles[at])
        if at != shown[0]:
            line.append(" " * GAP)
        line.append_text(Text(space).append_text(cell) if columns[at].right else cell)
        if not columns[at].right and at != shown[-1]:
            line.append(space)
    line.rstrip()
    return line


def _print(output: Output, console: Console, lines: Iterable[Text | Table]) -> None:
    for line in lines:
        with console.capture() as captured:
            console.print(line)
        for part in captured.get().splitlines():
            output.line(part.rstrip())


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
