"""`interlock status`: every item and the train, as the leader wrote them. The document is also what `run` ends with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from orchestrator.cli.context import leads, settings_of, store_of
from orchestrator.cli.output import Document, Output, printable
from orchestrator.cli.table import Column, age, console_for, count, styled, write, write_table
from orchestrator.core.formation import Formation
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.spec import ImplementationSpec, Tier, Wait
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster
from orchestrator.settings import Settings

OPEN = (Phase.WAITING, Phase.RUNNING, Phase.PROPOSED)


def status(args: argparse.Namespace, out: Output) -> int:
    """Show every spec and the train."""
    if args.watch or args.until_done:
        from orchestrator.cli.watch import watch

        return watch(args, out)
    cluster = store_of(args)
    specs, trains = in_landing_order(cluster.list(ImplementationSpec)), cluster.list(MergeTrain)
    settings = settings_of(args)
    # Asked once: of a cluster that is a request.
    is_led = not any(spec.status.phase in OPEN for spec in specs) or leads(settings)
    specs = [as_left(spec, settings, is_led=is_led) for spec in specs]
    formed = _formations(args, cluster, out)
    if out.is_machine:
        out.document(document(specs, trains, formed))
        return 0
    if not specs and not trains:
        out.remark(settings.nothing_yet())
        return 0
    show(specs, trains, out, formed=formed)
    if not is_led:
        out.remark(f"no leader is at work: this is how things were left; go on with: {settings.lead_command()}")
    return 0


def _formations(args: argparse.Namespace, cluster: Cluster, out: Output) -> tuple[Formation, ...]:
    from orchestrator.cli.formations import formations

    return formations(args, cluster, out.now)


def as_left(spec: ImplementationSpec, settings: Settings, *, is_led: bool) -> ImplementationSpec:
    """Return the item as it stands: nothing of it runs where no leader does, whatever the last one wrote."""
    if spec.status.phase is not Phase.RUNNING or is_led:
        return spec
    again = settings.lead_command()
    message = f"no leader is at work, and agents end with theirs; {again} goes on from what was kept"
    left = {"phase": Phase.WAITING, "reason": Reason.LEADER_DIED, "message": message, "waiting_for": ()}
    return spec.model_copy(update={"status": spec.status.model_copy(update=left)})


def read(cluster: Cluster) -> Document:
    """Return the status document of the whole store."""
    return document(in_landing_order(cluster.list(ImplementationSpec)), cluster.list(MergeTrain))


def in_landing_order(specs: Sequence[ImplementationSpec]) -> list[ImplementationSpec]:
    """Return the specs by tier, priority, age and name: what lands first stands first."""
    return sorted(specs, key=lambda s: (tier_of(s).rank, -s.spec.priority, s.created, s.name))


def tier_of(spec: ImplementationSpec) -> Tier:
    """Return the tier it lands in: the effective one once the leader has said it, else its own."""
    return spec.status.tier or spec.spec.tier


def document(
    specs: Sequence[ImplementationSpec], trains: Sequence[MergeTrain], formed: Sequence[Formation] = ()
) -> Document:
    """Return what `status -o json` prints (CONTRACT §3), with a forecast for those in a train."""
    from orchestrator.cli.cars import eta_document

    etas = {car.name: eta_document(car.eta) for train in formed for car in train.cars}
    described = [train_document(train) for train in trains]
    first = next((d for d in described if d["name"] == "main"), described[0] if described else None)
    return {
        "specs": [spec_document(spec) | {"eta": etas.get(spec.name)} for spec in specs],
        "train": first or {"name": None, "frozen": None, "entries": []},
        "trains": described,
    }


def spec_document(spec: ImplementationSpec) -> Document:
    """Return one item of the status document."""
    status = spec.status
    pull = status.pull_request
    return {
        "name": spec.name,
        "phase": status.phase.value,
        "reason": status.reason.value,
        "message": status.message,
        "tier": tier_of(spec).value,
        "lane": spec.spec.lane or ",".join(spec.spec.lane_names),
        "lanes": list(spec.spec.lane_names),
        "attempts": status.attempts,
        "run": status.current_run,
        "pullRequest": {"number": pull.number, "url": pull.url, "head": pull.head, "draft": pull.draft}
        if pull
        else None,
        "landed": status.landed,
        "waitingFor": [wait_document(wait) for wait in status.waiting_for],
        "since": moment(status.since),
        "until": moment(status.until),
    }


def train_document(train: MergeTrain) -> Document:
    """Return one train of the status document."""
    status = train.status
    return {
        "name": train.name,
        "base": train.spec.base,
        "tip": status.tip,
        "frozen": status.frozen.reason.value if status.frozen else None,
        "frozenMessage": status.frozen.message if status.frozen else None,
        "landing": status.landing.spec if status.landing else None,
        "landingTogether": list(status.landing.names) if status.landing else [],
        "entries": [
            {"name": entry.name, "waitingFor": [wait_document(wait) for wait in entry.waiting_for]}
            for entry in status.entries
        ],
    }


def wait_document(wait: Wait) -> Document:
    """Return one thing that is waited for."""
    return {"kind": wait.kind, "name": wait.name, "reason": wait.reason}


def moment(at: datetime | None) -> str | None:
    """Return a time as Kubernetes spells it; None stays None."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def show(
    specs: Sequence[ImplementationSpec],
    trains: Sequence[MergeTrain],
    out: Output,
    *,
    width: int | None = None,
    formed: Sequence[Formation] = (),
) -> None:
    """Write the items as a table, the trains below, car by car where that is known, and a line that counts."""
    from orchestrator.cli.cars import train_lines

    columns = [
        Column("NAME"),
        Column("TIER", style="dim", drops=1),
        Column("PHASE"),
        Column("REASON"),
        Column("TRY", right=True, drops=3),
        Column("PR", right=True, drops=2),
        Column("SINCE", right=True, style="dim", drops=4),
        Column("MESSAGE", gives_way=True, style="dim"),
    ]
    write_table(out, columns, [_row(spec, out.now) for spec in specs], width=width)
    for train in trains:
        out.line()
        cars = next((one for one in formed if one.train.name == train.name and one.frozen is None), None)
        if cars is None:
            write(out, train_line(train, width=console_for(out, width=width).width), width=width)
        else:
            for line in train_lines(cars, out.now):
                write(out, line, width=width)
    out.line()
    write(out, tally(specs), width=width)


def _row(spec: ImplementationSpec, now: datetime) -> list[str | Text]:
    status = spec.status
    pull = f"#{status.pull_request.number}" if status.pull_request else ""
    since = age((now - status.since).total_seconds()) if status.since else ""
    reason = "" if status.reason.value == status.phase.value else status.reason.value
    tries = str(status.attempts) if status.attempts else ""
    message = status.message.partition("\n")[0]
    if status.phase is Phase.LANDED and status.landed:
        message = status.landed[:12]
    return [spec.name, tier_of(spec).value, styled(status.phase.value), reason, tries, pull, since, message]


def train_line(train: MergeTrain, *, width: int) -> Text:
    """Return the train as one line: its base, then its entries, front first; a freeze instead where there is one."""
    status = train.status
    line = Text().append(f"train {train.name}", style="bold")
    line.append(f" → {train.spec.base}  ", style="dim")
    if status.frozen:
        line.append(f"frozen: {status.frozen.reason.value}", style="red")
        line.append(f"  {printable(status.frozen.message)}", style="default")
    elif not status.entries:
        line.append("empty", style="dim")
    else:
        names = [entry.name for entry in status.entries]
        for shown, name in enumerate(names):
            piece = ("" if shown == 0 else " ‹ ") + name
            rest = f" ‹ +{len(names) - shown}"
            if shown and line.cell_len + len(piece) + len(rest) > width:
                line.append(rest, style="dim")
                break
            line.append(piece, style="cyan")
    line.truncate(width, overflow="ellipsis")
    return line


def tally(specs: Sequence[ImplementationSpec]) -> Text:
    """Return how many items are in which phase."""
    line = Text(count(len(specs), "item"))
    between = ": "
    for phase in Phase:
        number = sum(1 for spec in specs if spec.status.phase is phase)
        if number:
            line.append(between, style="dim").append(f"{number} {phase.value.lower()}", style=styled(phase.value).style)
            between = ", "
    return line
