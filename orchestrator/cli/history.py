"""What was printed and what happened: `logs` and `events`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from orchestrator.cli.context import leads, log_of, settings_of, store_of, unknown
from orchestrator.cli.output import Document, Output, is_terminal, printable, without_escapes
from orchestrator.cli.standings import moment
from orchestrator.cli.table import Column, write_table
from orchestrator.errors import Refused
from orchestrator.model.condition import RunPhase
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.ports import Cluster, Event
from orchestrator.settings import Settings

POLL_S = 0.2
CHUNK = 1 << 16
ALIVE = frozenset({RunPhase.PENDING, RunPhase.RUNNING})


def logs(args: argparse.Namespace, out: Output) -> int:
    """Print a run's output; follow it if asked."""
    settings, cluster = settings_of(args), store_of(args)
    run = _run(cluster, args.name, settings)
    path = log_of(settings, run.name)
    begin = _start_of_tail(path, args.tail) if path is not None and args.tail is not None else 0
    show = _for_terminal if is_terminal(out.stdout) else str
    printed = False
    for line in _follow(cluster, settings, run, begin) if args.follow else _lines(path, begin):
        printed = True
        out.line(show(line))
        if args.follow:
            out.stdout.flush()
    if not printed:
        out.remark(f"run {run.name} ({run.status.phase.value}) has printed nothing")
    return 0


def events(args: argparse.Namespace, out: Output) -> int:
    """Print the audit trail."""
    cluster = store_of(args)
    found = cluster.events(args.name, max(1, args.limit))
    if out.is_machine:
        out.document({"events": [event_document(event) for event in found]})
        return 0
    if not found:
        out.remark(f"nothing has happened{f' to {args.name}' if args.name else ''} yet")
        return 0
    columns = [
        Column("TIME", style="dim"),
        Column("NAME"),
        Column("REASON"),
        Column("BY", style="dim"),
        Column("MESSAGE", gives_way=True, style="dim"),
    ]
    rows = [
        (
            event.at.astimezone().strftime("%m-%d %H:%M:%S"),
            event.name,
            event.reason,
            event.actor,
            " ".join(event.message.split()),
        )
        for event in found
    ]
    write_table(out, columns, rows)
    return 0


def event_document(event: Event) -> Document:
    """Return one line of the audit trail as machine output has it."""
    return {
        "at": moment(event.at),
        "kind": event.kind,
        "name": event.name,
        "reason": event.reason,
        "message": event.message,
        "actor": event.actor,
        "sequence": event.sequence,
    }


def newest_run(cluster: Cluster, spec: str) -> AgentRun | None:
    """Return the spec's run with the highest number; None if it has none."""
    runs = [run for run in cluster.list(AgentRun) if run.spec.implementation_spec_ref.name == spec]
    return max(runs, key=lambda run: run.spec.number, default=None)


def _for_terminal(line: str) -> str:
    return printable(without_escapes(line))


def _run(cluster: Cluster, name: str, settings: Settings) -> AgentRun:
    run = cluster.get(AgentRun, name)
    if run is not None:
        return run
    spec = cluster.get(ImplementationSpec, name)
    run = newest_run(cluster, name)
    if run is not None:
        return run
    if spec is not None:
        raise Refused(f"spec `{name}` has had no run yet; see: {settings.typed(f'interlock explain {name}')}")
    names = [s.name for s in cluster.list(ImplementationSpec)] + [r.name for r in cluster.list(AgentRun)]
    raise Refused(unknown("run or spec", name, names, settings))


def _start_of_tail(path: Path, lines: int) -> int:
    """Return where the last lines of the file begin. The log is bounded, so it is read whole."""
    content = path.read_bytes()
    end = len(content) - content.endswith(b"\n")
    for _ in range(max(0, lines)):
        end = content.rfind(b"\n", 0, end)
        if end < 0:
            return 0
    return end + 1 if lines > 0 else len(content)


def _lines(path: Path | None, begin: int) -> Iterator[str]:
    if path is not None:
        with path.open(encoding="utf-8", errors="backslashreplace") as stream:
            stream.seek(begin)
            for line in stream:
                yield line.rstrip("\n")


def _follow(cluster: Cluster, settings: Settings, run: AgentRun, begin: int) -> Iterator[str]:
    """Yield lines as they are written, until the run (or its leader, with whom it dies) has ended and all is read."""
    position, rest = begin, b""
    while True:
        # Asked before reading: what was written up to the end is then read for certain.
        current = cluster.get(AgentRun, run.name)
        over = current is None or current.status.phase not in ALIVE or not leads(settings)
        path = log_of(settings, run.name)
        if path is not None:
            with path.open("rb") as stream:
                stream.seek(position)
                while chunk := stream.read(CHUNK):
                    position += len(chunk)
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from (line.decode("utf-8", "backslashreplace") for line in lines)
        if over:
            if rest:
                yield rest.decode("utf-8", "backslashreplace")
            return
        time.sleep(POLL_S)
