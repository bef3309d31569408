"""Being the leader in the foreground: what `run` and `leader` have in common.

The loop, shown as it goes, with the leader's log kept beside the store; and at its end what came of it, in words and as
an exit code.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler

from orchestrator import wiring
from orchestrator.cli import advice
from orchestrator.cli.board import board
from orchestrator.cli.output import Output, is_terminal
from orchestrator.cli.progress import LOGGER, EventLines, Lines, Progress, Warnings
from orchestrator.cli.stopping import Cause, Stop
from orchestrator.cli.table import count
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.reconcile import Leader, Tick
from orchestrator.settings import Settings

LOG_BYTES = 4 << 20


def lead(
    leader: Leader,
    stop: Stop,
    settings: Settings,
    out: Output,
    *,
    once: bool = False,
    until_quiet: bool = True,
    told: Callable[[Tick], None] = lambda tick: None,
) -> Tick:
    """Lead until asked to stop, or (`until_quiet`) until only a person can change anything; return the last tick.

    `once`: one pass, which ends where only time or people could bring anything new. `told` is called after every tick.
    """
    with _progress(out) as progress, _logging(settings, progress):
        said = False

        def on_tick(tick: Tick) -> None:
            nonlocal said
            if not said:
                said = True
                progress.say(f"containment: {tick.snapshot.containment}")
            progress.show(board(tick.snapshot, lambda name: wiring.log_path(settings, name)), tick.at)
            told(tick)
            # One pass ends where only time or people could bring anything new.
            if once and not (tick.moved or tick.working):
                stop.ask(Cause.DONE)

        tick = leader.run(stop, on_tick, until_quiet=until_quiet)
        if stop.cause in (Cause.SIGNAL, Cause.TIMEOUT):
            progress.say("stopping: agents are ended, their work is kept (again to stop at once)")
        return tick


def _progress(out: Output) -> Progress:
    if not is_terminal(out.stderr):
        return Lines(out.remark)
    from orchestrator.cli.live import LiveProgress

    return LiveProgress(out.stderr, lambda: out.now)


def warnings(out: Output) -> AbstractContextManager[None]:
    """Show the log's warnings as lines, for as long as there is nothing else to show."""
    return _handled([Warnings(Lines(out.remark))])


def _logging(settings: Settings, progress: Progress) -> AbstractContextManager[None]:
    """Keep the leader's log beside the store, and show its warnings."""
    file = RotatingFileHandler(settings.state / "leader.log", maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    file.setFormatter(EventLines())
    return _handled([file, Warnings(progress)])


@contextmanager
def _handled(handlers: Sequence[logging.Handler]) -> Iterator[None]:
    """Give the log to these handlers and to nobody else; afterwards to whom it went before."""
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:]
    for handler in before:
        logger.removeHandler(handler)
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        for handler in before:
            logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates


@dataclass(frozen=True, slots=True)
class Ending:
    """How a leader ended that was to bring everything about."""

    stop: Stop
    took: str
    limit: str
    """The option that ended it, if its time was over."""
    again: str
    """The command that goes on."""
    is_one_pass: bool = False
    typed: Callable[[str], str] = str
    """How a command is typed for this store."""


def verdict(specs: Sequence[ImplementationSpec], trains: Sequence[MergeTrain], ending: Ending, out: Output) -> int:
    """Say how it ended and what has to happen next; return the exit code."""
    from orchestrator.core.repair import is_repair  # Here: it brings the globs along, which start-up does without.

    if not specs:
        out.remark("no specs: nothing to do. Plan some: interlock plan --template")
        return 0
    specs = [spec for spec in specs if not (is_repair(spec) and spec.status.phase is Phase.CANCELLED)]
    left = [spec for spec in specs if spec.status.phase is not Phase.LANDED]
    if not left:
        out.remark(f"all {count(len(specs), 'item')} landed in {ending.took}")
        return 0
    if ending.stop.cause in (Cause.SIGNAL, Cause.TIMEOUT):
        why = f"after {ending.limit}" if ending.stop.cause is Cause.TIMEOUT else "as asked"
        out.remark(f"stopped {why}: {len(left)} of {count(len(specs), 'item')} not landed, all work is kept")
        out.remark(f"go on with: {ending.again}")
        return 1
    demands = [(spec.name, advice.demand(spec)) for spec in left]
    people = [(name, demand) for name, demand in demands if demand]
    why = "this was one pass" if ending.is_one_pass else "only a person can change anything now"
    out.remark(f"{len(left)} of {count(len(specs), 'item')} not landed; {why}:")
    for train in trains:
        if demand := advice.train_demand(train, ending.typed):
            out.remark(f"  train {train.name}: {demand}; see: {ending.typed(f'interlock explain {train.name}')}")
    for name, demand in people:
        out.remark(f"  {name}: {demand}; see: {ending.typed(f'interlock explain {name}')}")
    dropped = sum(1 for spec in left if spec.status.phase is Phase.CANCELLED)
    if dropped:
        out.remark(f"  {count(dropped, 'item')} cancelled")
    others = len(left) - len(people) - dropped
    if others:
        see = ending.typed("interlock status")
        out.remark(f"  {count(others, 'other')} {'waits' if others == 1 else 'wait'} for that; see: {see}")
    return 1
