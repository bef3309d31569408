"""`interlock status --watch`: the board of `run`, read from the store while another process leads.

On a terminal it redraws in place whenever the store changes, with the train's order, what each entry waits for, and
the live claims below; q or Ctrl-C ends it. Piped it prints a line per change. It writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from rich.console import Group
from rich.text import Text

from orchestrator.cli.board import Board, board_of
from orchestrator.cli.cars import train_lines
from orchestrator.cli.context import leads, log_of, settings_of, store_of
from orchestrator.cli.formations import formations
from orchestrator.cli.live import LiveProgress, draw, finished
from orchestrator.cli.output import Output, is_terminal, printable
from orchestrator.cli.progress import Lines, Progress
from orchestrator.cli.standings import OPEN, train_line
from orchestrator.cli.stopping import Cause, Stop
from orchestrator.errors import Invalid
from orchestrator.model.condition import Phase
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster
from orchestrator.settings import Settings

LOOK_S = 0.25
"""Between two looks at the store: one indexed read."""
LEADER_WAIT_S = 10.0
"""How long `--until-done` waits for a leader to come before it says that there is none."""
QUIT = frozenset(b"qQ\x04")
"""q, and Ctrl-D."""
BELOW_SHARE = 0.5
"""At most this share of a terminal's lines goes to trains and claims."""


def watch(args: argparse.Namespace, out: Output) -> int:
    """Show the swarm until asked to stop: 0. With --until-done until nothing moves any more: 0 only if all landed."""
    if out.is_machine:
        raise Invalid("status --watch: it shows what changes and -o prints one document; leave out one of them")
    settings, cluster = settings_of(args), store_of(args, is_watching=True)
    stop = Stop()
    stop.lead()
    with stop.on_signals(), _keys() as keys, _progress(out, settings) as progress:
        look = partial(_seen, args, cluster, settings)
        verdict = _look(cluster, settings, stop, keys, progress, look, until_done=args.until_done)
    if verdict is not None:
        out.remark(verdict)
    if not args.until_done:
        return 0
    rows = board_of(cluster, lambda _: None).rows
    return 0 if rows and all(row.phase is Phase.LANDED for row in rows) else 1


def _seen(args: argparse.Namespace, cluster: Cluster, settings: Settings) -> Board:
    """Return the store as a board, its trains car by car."""
    return board_of(cluster, partial(log_of, settings), formations(args, cluster, _now()))


def _look(
    cluster: Cluster,
    settings: Settings,
    stop: Stop,
    keys: tuple[int, ...],
    progress: Progress,
    look: Callable[[], Board],
    *,
    until_done: bool,
) -> str | None:
    """Show every state of the store until there is a reason to end; return it in words where it is not a person's."""
    seen, waited_s, had_leader, shown = None, 0.0, False, Board((), ())
    while True:
        # Asked first: a leader writes its last words before it lets go, so what is read now holds them.
        is_led = leads(settings)
        had_leader = had_leader or is_led
        mark = cluster.mark()
        if mark != seen:
            shown, seen = look(), mark
            progress.show(shown, _now())
        if until_done:
            ended = _ended(shown, is_led, had_leader or waited_s >= LEADER_WAIT_S, settings.lead_command())
            if ended is not None:
                return ended
        if stop.wait(LOOK_S, keys) or any(_wants_out(key) for key in keys):
            stop.ask(Cause.DONE)
            return None
        waited_s += LOOK_S


def _ended(shown: Board, is_led: bool, is_sure: bool, lead_command: str) -> str | None:
    """Return why nothing will change any more; None while something may."""
    if shown.rows and not any(row.phase in OPEN for row in shown.rows):
        return "nothing is open any more"
    if not is_led and is_sure:
        return f"no leader is at work: this is how things were left; go on with: {lead_command}"
    return None


def _progress(out: Output, settings: Settings) -> Progress:
    if not is_terminal(out.stdout):
        return Lines(out.line, flush=out.stdout.flush)
    return LiveProgress(out.stdout, _now, drawing=partial(drawing, is_led=lambda: leads(settings)))


def drawing(
    board: Board, *, now: datetime, began: datetime, width: int, height: int, plain: bool, is_led: Callable[[], bool]
) -> Group:
    """Return the board with trains and claims below it, no longer or wider than the terminal."""
    below = [line for train in board.trains for line in _train(board, train, now, width)]
    room = max(len(board.trains), int(height * BELOW_SHARE))
    if len(below) > room:
        below = [*below[: room - 1], Text(f"  and {len(below) - room + 1} lines more: interlock explain", style="dim")]
    hint = Text("q quits", style="dim") if is_led() else Text("no leader is at work  q quits", style="yellow")
    top = draw(
        Board(board.rows, ()), now=now, began=began, width=width, height=height - len(below) - 1, plain=plain, hint=hint
    )
    return Group(top, *finished(below, width, plain=plain))


def _train(board: Board, train: MergeTrain, now: datetime, width: int) -> Iterator[Text]:
    """Yield the train car by car, or its entries with what each waits for, and who holds what."""
    yield Text()
    formed = next((one for one in board.formations if one.train.name == train.name), None)
    if formed is not None and train.status.frozen is None:
        yield from train_lines(formed, now)
    else:
        yield train_line(train, width=width)
    if formed is None and train.status.frozen is None:
        for number, entry in enumerate(train.status.entries, start=1):
            waits = "; ".join(f"{wait.name}{f' ({wait.reason})' if wait.reason else ''}" for wait in entry.waiting_for)
            line = Text(f"  {number:>2}. ", style="dim").append(entry.name, style="cyan")
            yield line.append(f"  waits for {printable(waits)}" if waits else "  at the front", style="dim")
    for claim in train.status.claims:
        lent = f", lent to {claim.lent_to}" if claim.lent_to else ""
        line = Text("  claim ", style="dim").append(claim.spec, style="default")
        yield line.append(f"  {printable(', '.join(claim.paths))}{lent}", style="dim")


@contextmanager
def _keys() -> Iterator[tuple[int, ...]]:
    """Yield where single key presses can be read; nothing where nobody types, or the terminal is somebody else's."""
    fd = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    # In the background the terminal belongs to the shell: changing it would stop this process.
    if fd is None or os.tcgetpgrp(fd) != os.getpgrp():
        yield ()
        return
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield (fd,)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _wants_out(fd: int) -> bool:
    """Return whether somebody pressed a key that ends it; a terminal that went away does, too."""
    import select

    if not select.select([fd], [], [], 0)[0]:
        return False
    typed = os.read(fd, 64)
    return not typed or bool(QUIT & set(typed))


def _now() -> datetime:
    from datetime import UTC

    return datetime.now(UTC)
