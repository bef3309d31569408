"""`interlock run`: apply the files, be the leader until everything is landed or only a person can change anything.

Read, refuse, take the lock, apply, lead, say what came of it: in this order, so that a mistake costs nothing.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from logging.handlers import RotatingFileHandler

from orchestrator import wiring
from orchestrator.cli import advice, desired, manifests
from orchestrator.cli import status as status_verb
from orchestrator.cli.applying import Applied
from orchestrator.cli.board import board
from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Output, is_terminal
from orchestrator.cli.people import user
from orchestrator.cli.progress import LOGGER, EventLines, Lines, Progress, Warnings
from orchestrator.cli.stopping import Cause, Stop
from orchestrator.cli.table import age, count
from orchestrator.errors import Problem
from orchestrator.model.base import seconds
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.reconcile import Leader, Tick
from orchestrator.settings import Settings

LOG_BYTES = 4 << 20


def run(args: argparse.Namespace, out: Output) -> int:
    """Bring about what the files say; 0 if every spec has landed."""
    out.shape = status_verb.document((), ())
    settings = settings_of(args)
    loaded = manifests.read(args.filename or manifests.default_files(settings))
    cluster = wiring.open_store(settings, actor="run")
    wanted = desired.desired(loaded, cluster, is_whole=not args.filename)
    problems = desired.refusals(wanted, settings.repository, os.environ.get("PATH", os.defpath))
    problems += _repository(wanted, settings)
    manifests.require_sound(problems, "run")
    out.problems(problems)
    stop = Stop(seconds(args.timeout) if args.timeout else None)
    began = out.now
    with _leading(settings, stop, wait=args.wait, out=out) as leader:
        # Read again under the lock: another run may have just ended.
        wanted = desired.desired(loaded, cluster, is_whole=not args.filename)
        _tell(desired.carry_out(wanted, cluster, actor=user()), wanted, out)
        _lead(leader, stop, settings, out, once=args.once)
    specs, trains = cluster.list(ImplementationSpec), cluster.list(MergeTrain)
    gone = {spec.name for spec in wanted.gone}
    told = status_verb.in_landing_order([spec for spec in specs if spec.name not in gone])
    if out.is_machine:
        out.document(status_verb.document(told, trains))
    elif told:
        status_verb.show(told, trains, out)
    return _verdict(told, trains, stop, args, out, age((out.now - began).total_seconds()))


@contextmanager
def _leading(settings: Settings, stop: Stop, *, wait: bool, out: Output) -> Iterator[Leader]:
    """Yield the leader. Signals ask it to stop from the moment it is there until everything it started has ended;
    before that they end the command as usual, or nobody could leave the queue for the lock."""
    if wait and wiring.leads(settings):
        out.remark("another leader is at work here; waiting for its end")
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        leader = stack.enter_context(wiring.open_leader(settings, wait=wait))
        stop.lead()
        yield leader


def _repository(wanted: desired.Desired, settings: Settings) -> list[Problem]:
    repository = wiring.open_repository(settings)
    bases = {train.spec.base for train in wanted.of(MergeTrain) if isinstance(train, MergeTrain)}
    return [problem for base in sorted(bases) for problem in repository.inspect(base)]


def _tell(applied: Sequence[Applied], wanted: desired.Desired, out: Output) -> None:
    verdicts = Counter(each.verdict for each in applied)
    words = [f"{number} {verdict}" for verdict, number in verdicts.items()]
    out.remark(f"applied {count(len(applied), 'object')}: {', '.join(words)}")
    for spec in wanted.gone:
        out.remark(f"cancelled {spec.name}: no file defines it any more")


def _lead(leader: Leader, stop: Stop, settings: Settings, out: Output, *, once: bool) -> Tick:
    with _progress(out) as progress, _logging(settings, progress):
        said = False

        def on_tick(tick: Tick) -> None:
            nonlocal said
            if not said:
                said = True
                progress.say(f"containment: {tick.snapshot.containment}")
            progress.show(board(tick.snapshot, lambda name: wiring.log_path(settings, name)), tick.at)
            # One pass ends where only time or people could bring anything new.
            if once and not (tick.moved or tick.working):
                stop.ask(Cause.DONE)

        tick = leader.run(stop, on_tick)
        if stop.cause in (Cause.SIGNAL, Cause.TIMEOUT):
            progress.say("stopping: agents are ended, their work is kept (again to stop at once)")
        return tick


def _progress(out: Output) -> Progress:
    if not is_terminal(out.stderr):
        return Lines(out.remark)
    from orchestrator.cli.live import LiveProgress

    return LiveProgress(out.stderr, lambda: out.now)


@contextmanager
def _logging(settings: Settings, progress: Progress) -> Iterator[None]:
    """Keep the leader's log beside the store, and show its warnings."""
    logger = logging.getLogger(LOGGER)
    file = RotatingFileHandler(settings.state / "leader.log", maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    file.setFormatter(EventLines())
    handlers: list[logging.Handler] = [file, Warnings(progress)]
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
        logger.setLevel(level)
        logger.propagate = propagates


def _verdict(
    specs: Sequence[ImplementationSpec],
    trains: Sequence[MergeTrain],
    stop: Stop,
    args: argparse.Namespace,
    out: Output,
    took: str,
) -> int:
    """Say how it ended and what has to happen next; return the exit code."""
    from orchestrator.core.repair import is_repair  # Here: it brings the globs along, which start-up does without.

    if not specs:
        out.remark("no specs: nothing to do. Plan some: interlock plan --template")
        return 0
    specs = [spec for spec in specs if not (is_repair(spec) and spec.status.phase is Phase.CANCELLED)]
    left = [spec for spec in specs if spec.status.phase is not Phase.LANDED]
    if not left:
        out.remark(f"all {count(len(specs), 'item')} landed in {took}")
        return 0
    if stop.cause in (Cause.SIGNAL, Cause.TIMEOUT):
        why = f"after --timeout {args.timeout}" if stop.cause is Cause.TIMEOUT else "as asked"
        out.remark(f"stopped {why}: {len(left)} of {count(len(specs), 'item')} not landed, all work is kept")
        out.remark(f"go on with: {_again(args)}")
        return 1
    demands = [(spec.name, advice.demand(spec)) for spec in left]
    people = [(name, demand) for name, demand in demands if demand]
    why = "this was one pass" if args.once else "only a person can change anything now"
    out.remark(f"{len(left)} of {count(len(specs), 'item')} not landed; {why}:")
    for train in trains:
        if demand := advice.train_demand(train):
            out.remark(f"  train {train.name}: {demand}; see: interlock explain {train.name}")
    for name, demand in people:
        out.remark(f"  {name}: {demand}; see: interlock explain {name}")
    dropped = sum(1 for spec in left if spec.status.phase is Phase.CANCELLED)
    if dropped:
        out.remark(f"  {count(dropped, 'item')} cancelled")
    others = len(left) - len(people) - dropped
    if others:
        out.remark(f"  {count(others, 'other')} {'waits' if others == 1 else 'wait'} for that; see: interlock status")
    return 1


def _again(args: argparse.Namespace) -> str:
    words = ["interlock", "run"]
    for name, value in (("--repo", getattr(args, "repo", None)), ("--state", getattr(args, "state", None))):
        words += [name, value] if value else []
    for path in args.filename:
        words += ["-f", path]
    words += ["--jobs", str(args.jobs)] if args.jobs else []
    return shlex.join(words)
