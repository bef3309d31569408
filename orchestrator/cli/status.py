"""`interlock status`: every item and the train, as the leader wrote them. The document is also what `run` ends with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from orchestrator.cli.context import leads, settings_of, store_of
from orchestrator.cli.output import Document, Output
from orchestrator.cli.standings import (
    OPEN,
    as_left,
    in_landing_order,
    spec_document,
    tally,
    tier_of,
    train_document,
    train_line,
)
from orchestrator.cli.table import Column, age, console_for, styled, write, write_table
from orchestrator.core.formation import Formation
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster


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


def read(cluster: Cluster) -> Document:
    """Return the status document of the whole store."""
    return document(in_landing_order(cluster.list(ImplementationSpec)), cluster.list(MergeTrain))


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
