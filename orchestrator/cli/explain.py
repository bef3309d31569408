"""`interlock explain`: why one item (or the train) waits, for what, until when, and what a person could do."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from orchestrator.cli import advice, cars
from orchestrator.cli.advice import Step as Command
from orchestrator.cli.context import leads, settings_of, store_of, unknown
from orchestrator.cli.ending import ending
from orchestrator.cli.formations import car_of, formations
from orchestrator.cli.output import Document, Output, printable, without_escapes
from orchestrator.cli.standings import as_left, moment, tier_of, train_line, wait_document
from orchestrator.cli.table import age, styled, write
from orchestrator.core.chronicle.log import Step, log
from orchestrator.core.formation import Car, Formation
from orchestrator.errors import Refused
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.decision import Decision
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from orchestrator.ports import Cluster
from orchestrator.settings import Settings

PERSON = "Person"
DENIED_SHOWN = 5
EVIDENCE_LINES = 8
LOG_MAX = 1000
"""The newest so many events make the log."""


def explain(args: argparse.Namespace, out: Output) -> int:
    """Explain a spec, or a train if no spec is called so."""
    cluster, settings = store_of(args), settings_of(args)
    spec = cluster.get(ImplementationSpec, args.name)
    train = cluster.get(MergeTrain, args.name)
    if spec is not None:
        spec = as_left(spec, settings, is_led=spec.status.phase is not Phase.RUNNING or leads(settings))
        run = cluster.get(AgentRun, spec.status.current_run) if spec.status.current_run else None
        trains = formations(args, cluster, out.now)
        around = Around(cluster.get(MergeTrain, spec.spec.train), car_of(trains, spec.name))
        steps = _log(cluster, spec) if args.log else None
        if out.is_machine:
            out.document(spec_document(spec, run, around, typed=settings.typed) | _log_document(steps))
        else:
            show_spec(spec, run, out, around=around, typed=settings.typed)
            _show_log(steps, out)
        return 0
    if train is not None:
        if out.is_machine:
            out.document(train_document(train, typed=settings.typed))
        else:
            show_train(train, out, typed=settings.typed)
        return 0
    raise Refused(_unknown(cluster, args.name, settings))


def _unknown(cluster: Cluster, name: str, settings: Settings) -> str:
    """Return why nothing can be said about the name, with a guess at what was meant."""
    names = [s.name for s in cluster.list(ImplementationSpec)] + [t.name for t in cluster.list(MergeTrain)]
    run = cluster.get(AgentRun, name)
    if run is not None:
        its_spec = settings.typed(f"interlock explain {run.spec.implementation_spec_ref.name}")
        return f"`{name}` is a run; explain its spec: {its_spec}"
    return unknown("spec or train", name, names, settings)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of an item beside itself: its train, and where in it its pull request stands."""

    train: MergeTrain | None = None
    place: tuple[Formation, Car] | None = None


NOTHING_AROUND = Around()


Typed = Callable[[str], str]
"""How a command is typed for the store in question."""


def spec_document(
    spec: ImplementationSpec, run: AgentRun | None, around: Around = NOTHING_AROUND, *, typed: Typed = str
) -> Document:
    """Return what `explain NAME -o json` prints (CONTRACT §3), with the steps beside it."""
    status = spec.status
    entry = cars.car_document(*around.place) if around.place is not None else None
    return {
        "name": spec.name,
        "kind": ImplementationSpec.KIND,
        "phase": status.phase.value,
        "reason": status.reason.value,
        "message": status.message,
        "waitingFor": [wait_document(wait) for wait in status.waiting_for],
        "since": moment(status.since),
        "until": moment(status.until),
        "ends": typed(ending(spec, around.train)),
        "entry": entry,
        "eta": entry["eta"] if entry is not None else None,
        "run": status.current_run,
        "denied": [{"path": d.path, "reason": d.reason} for d in run.status.scope.denied]
        if run and run.status.scope
        else [],
        "next": [{"command": typed(step.command), "effect": step.effect} for step in advice.steps(spec)],
    }


def train_document(train: MergeTrain, *, typed: Typed = str) -> Document:
    """Return the same for a train: its phase is `Frozen` or `Open`, and it waits for what its front waits for."""
    status = train.status
    front = status.entries[0] if status.entries else None
    return {
        "name": train.name,
        "kind": MergeTrain.KIND,
        "phase": "Frozen" if status.frozen else "Open",
        "reason": status.frozen.reason.value if status.frozen else "",
        "message": status.frozen.message if status.frozen else "",
        "waitingFor": [wait_document(wait) for wait in front.waiting_for] if front else [],
        "since": moment(status.frozen.since) if status.frozen else None,
        "until": None,
        "entries": [
            {"name": entry.name, "waitingFor": [wait_document(wait) for wait in entry.waiting_for]}
            for entry in status.entries
        ],
        "claims": [
            {"spec": claim.spec, "paths": list(claim.paths), "epoch": claim.epoch, "lentTo": claim.lent_to}
            for claim in status.claims
        ],
        "next": [{"command": typed(step.command), "effect": step.effect} for step in advice.train_steps(train)],
    }


def show_spec(
    spec: ImplementationSpec,
    run: AgentRun | None,
    out: Output,
    *,
    width: int | None = None,
    around: Around = NOTHING_AROUND,
    typed: Typed = str,
) -> None:
    """Write the explanation for people."""
    status = spec.status
    head = Text().append(spec.name, style="bold").append("  ").append_text(styled(status.phase.value))
    if status.reason.value != status.phase.value:
        head.append(f"  {status.reason.value}", style="default")
    head.append(f"  {tier_of(spec).value} · {', '.join(spec.spec.lane_names) or 'no lane'}", style="dim")
    write(out, head, width=width)
    _field(
        out,
        "",
        status.reason.description if status.reason.value != status.phase.value else status.phase.description,
        width,
    )
    _field(out, "says", status.message, width)
    for wait in status.waiting_for:
        what = f"a person: {wait.name}" if wait.kind == PERSON else f"{wait.name} ({wait.kind})"
        _field(out, "waits for", f"{what}{f': {wait.reason}' if wait.reason else ''}", width)
    _field(out, "since", _since(status.since, out.now), width)
    _field(out, *_until(spec, out.now), width)
    if status.phase is not Phase.STALLED:
        _field(out, "ends", typed(ending(spec, around.train)), width)
    if around.place is not None:
        _entry(*around.place, out, width)
    if run is not None:
        _run(run, out, width)
    if status.pull_request:
        pull = status.pull_request
        _field(out, "pull", f"#{pull.number} {pull.url} at {pull.head[:12]}{' (draft)' if pull.draft else ''}", width)
    _steps(advice.steps(spec), out, width, typed)


def show_train(train: MergeTrain, out: Output, *, width: int | None = None, typed: Typed = str) -> None:
    """Write the train's explanation for people."""
    status = train.status
    write(out, train_line(train, width=width or 10_000), width=width)
    if status.frozen:
        _field(out, "", status.frozen.reason.description, width)
        _field(out, "says", status.frozen.message, width)
        _field(out, "to do", advice.train_demand(train, typed) or "", width)
        _field(out, "since", _since(status.frozen.since, out.now), width)
    for position, entry in enumerate(status.entries, start=1):
        waits = "; ".join(f"{wait.name}{f' ({wait.reason})' if wait.reason else ''}" for wait in entry.waiting_for)
        _field(out, f"{position}.", f"{entry.name}{f' waits for {waits}' if waits else ''}", width)
    for claim in status.claims:
        lent = f", lent to {claim.lent_to}" if claim.lent_to else ""
        _field(out, "claim", f"{claim.spec} holds {', '.join(claim.paths)}{lent}", width)
    _steps(advice.train_steps(train), out, width, typed)


def _entry(train: Formation, car: Car, out: Output, width: int | None) -> None:
    """Write where the entry stands in the train, and everything it is tested in."""
    _field(out, "place", cars.place_words(train, car), width)
    for tested in car.tested:
        _field(out, "tested", cars.tested_words(tested, out.now), width)
    _field(out, "", cars.why_untested(train, car), width)
    if car.eta is not None:
        _field(out, "lands", cars.eta_words(car.eta, out.now), width)


def _log(cluster: Cluster, spec: ImplementationSpec) -> tuple[Step, ...]:
    return log(
        spec,
        events=cluster.events(spec.name, LOG_MAX),
        runs=cluster.list(AgentRun),
        validations=cluster.list(Validation),
        decisions=cluster.list(Decision),
    )


def _log_document(steps: tuple[Step, ...] | None) -> Document:
    if steps is None:
        return {}
    return {"log": [{"at": moment(step.at), "what": step.what, "text": step.text} for step in steps]}


def _show_log(steps: tuple[Step, ...] | None, out: Output, *, width: int | None = None) -> None:
    """Write what was decided so far, in order."""
    if steps is None:
        return
    out.line()
    write(out, Text("So far", style="bold"), width=width)
    before = ""
    for step in steps:
        at = moment(step.at) or ""
        day, _, clock = at.rstrip("Z").partition("T")
        if day != before:
            write(out, Text(f"  {day}", style="dim"), width=width)
        before = day
        _field(out, clock, f"{step.what:<9} {step.text.partition(chr(10))[0]}", width)


def _run(run: AgentRun, out: Output, width: int | None) -> None:
    status = run.status
    words = [run.name, status.phase.value]
    if status.failure_class:
        words.append(status.failure_class.value)
    if status.started_at:
        words.append(f"ran {age(((status.ended_at or out.now) - status.started_at).total_seconds())}")
    _field(out, "run", "  ".join(words), width)
    denied = status.scope.denied if status.scope else ()
    for denial in denied[:DENIED_SHOWN]:
        _field(out, "denied", f"{denial.path}: {denial.reason}", width)
    if status.scope and status.scope.denied_total > DENIED_SHOWN:
        _field(out, "", f"and {status.scope.denied_total - min(len(denied), DENIED_SHOWN)} more paths", width)
    for evidence in status.evidence if status.failure_class and not denied else ():
        _field(out, "evidence", f"{evidence.gate}: {evidence.result}", width)
        for line in [line for line in evidence.output.splitlines() if line.strip()][-EVIDENCE_LINES:]:
            shown = Text(f"            │ {printable(without_escapes(line))}", style="dim")
            shown.truncate(_width(out, width), overflow="ellipsis")
            write(out, shown, width=width)
    if status.scope_request and status.reason is Reason.WAITING_FOR_SCOPE:
        _field(out, "asks for", f"{', '.join(status.scope_request.paths)}: {status.scope_request.reason}", width)


def _since(at: datetime | None, now: datetime) -> str:
    return f"{moment(at)} ({age((now - at).total_seconds())} ago)" if at else ""


def _until(spec: ImplementationSpec, now: datetime) -> tuple[str, str]:
    """Return what the wait ends with, and what to call that: a time, a person's act, or just its end."""
    status = spec.status
    if status.until:
        return "until", f"{moment(status.until)} (in {age((status.until - now).total_seconds())})"
    if needed := advice.demand(spec):
        return "to do", needed
    return "until", ""


def _field(out: Output, name: str, text: str, width: int | None) -> None:
    """Write a name and a text that is wrapped beside it."""
    if not text:
        return
    line = Text(f"  {name:<10}", style="dim")
    indent = line.cell_len
    body = Text(printable(" ".join(text.split())), style="default")
    room = max(20, _width(out, width) - indent)
    from rich.console import Console

    for number, part in enumerate(body.wrap(Console(width=room), room)):
        part.rstrip()
        write(out, (line if number == 0 else Text(" " * indent)) + part, width=width)


def _steps(steps: list[Command], out: Output, width: int | None, typed: Typed) -> None:
    if not steps:
        return
    out.line()
    write(out, Text("You could type", style="bold"), width=width)
    commands = [typed(step.command) for step in steps]
    longest = max(map(len, commands))
    for command, step in zip(commands, steps, strict=True):
        write(out, Text(f"  {command:<{longest}}").append(f"  {step.effect}", style="dim"), width=width)


def _width(out: Output, width: int | None) -> int:
    from orchestrator.cli.table import console_for

    return console_for(out, width=width).width
