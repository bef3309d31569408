"""`interlock run`: apply the files, be the leader until everything is landed or only a person can change anything.

Read, refuse, take the lock, apply, lead, say what came of it: in this order, so that a mistake costs nothing.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from orchestrator import wiring
from orchestrator.cli import desired, manifests
from orchestrator.cli import status as status_verb
from orchestrator.cli.applying import Applied
from orchestrator.cli.context import settings_of
from orchestrator.cli.leading import Ending, lead, verdict
from orchestrator.cli.output import Output
from orchestrator.cli.people import user
from orchestrator.cli.standings import in_landing_order
from orchestrator.cli.stopping import Stop
from orchestrator.cli.table import age, count
from orchestrator.errors import Invalid, Problem
from orchestrator.model.base import seconds
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.reconcile import Leader
from orchestrator.settings import Settings


def run(args: argparse.Namespace, out: Output) -> int:
    """Bring about what the files say; 0 if every spec has landed."""
    out.shape = status_verb.document((), ())
    settings = settings_of(args)
    if settings.kube is not None:
        raise Invalid(
            "run: it works on the embedded store; for a cluster: interlock apply --kube -f FILE, then "
            "interlock leader --kube --once"
        )
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
        lead(leader, stop, settings, out, once=args.once)
    specs, trains = cluster.list(ImplementationSpec), cluster.list(MergeTrain)
    gone = {spec.name for spec in wanted.gone}
    told = in_landing_order([spec for spec in specs if spec.name not in gone])
    if out.is_machine:
        out.document(status_verb.document(told, trains))
    elif told:
        status_verb.show(told, trains, out)
    took = age((out.now - began).total_seconds())
    ending = Ending(stop, took, f"--timeout {args.timeout}", _again(args), is_one_pass=args.once)
    return verdict(told, trains, ending, out)


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


def _again(args: argparse.Namespace) -> str:
    words = ["interlock", "run"]
    for name, value in (("--repo", getattr(args, "repo", None)), ("--state", getattr(args, "state", None))):
        words += [name, value] if value else []
    for path in args.filename:
        words += ["-f", path]
    words += ["--jobs", str(args.jobs)] if args.jobs else []
    return shlex.join(words)
