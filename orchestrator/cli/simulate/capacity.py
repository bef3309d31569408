"""Capacity for people: a table of policies, a sentence, and a page with a picture of what other numbers would do."""

from __future__ import annotations

from pathlib import Path

from orchestrator.cli.output import Document, Output
from orchestrator.cli.table import Column, count, write_table
from orchestrator.simulate.capacity.comparison import Compared, Sweep, advice, advised, compared, swept
from orchestrator.simulate.file import Policy, Simulation
from orchestrator.simulate.result import span

MEANINGS = {
    Policy.OURS: "this train, by the real decisions",
    Policy.ORACLE: "knows what will pass, and lands in order",
    Policy.SINGLE: "waits for what is ahead and shares an input",
    Policy.PREFIX: "assumes that what is ahead lands",
}


def capacity(simulation: Simulation, out: Output, page: str | None) -> tuple[Document, bool]:
    """Play the day, print its table, write the page if one is asked for; return the document and whether rules held."""
    spec = simulation.spec
    assert spec.workload is not None
    told = compared(simulation.name, spec, spec.workload)
    document: Document = dict(told.document())
    if not out.is_machine:
        _table(told, spec.train.runs, out)
    sweep = None
    if page is not None:
        sweep = swept(spec, spec.workload, lambda what: out.remark(f"{simulation.name}: a day with {what} …"))
        said = advice(sweep, spec.train.runs)
        if sweep.items < spec.workload.count:
            said += f" (in days of {sweep.items} items)"
        document |= {"sweep": sweep.document()}
        _page(told, sweep, said, Path(page))
    else:
        said = advised(spec, spec.workload)
    document |= {"advice": said}
    if not out.is_machine:
        out.line()
        out.line(said)
        if page is not None:
            out.line(str(Path(page).resolve()))
    return document, not told.violations and not (sweep is not None and sweep.violations)


def _table(told: Compared, runners: int, out: Output) -> None:
    work = told.workload
    out.line(
        f"{told.name}: {count(work.count, 'item')}, {work.arrivals_per_hour:.3g} an hour, "
        f"{work.fails:.0%} fail by themselves; {count(runners, 'runner')}"
    )
    out.line()
    columns = [
        Column("POLICY"),
        *(Column(title, right=True) for title in ("P50", "P95", "P99", "RUNS/ITEM", "BUSY", "LANDED", "REJECTED")),
        Column("MEANING", gives_way=True, drops=1),
    ]
    rows = [
        [
            policy.value,
            *(span(day.percentile(share)) for share in (0.50, 0.95, 0.99)),
            f"{day.runs_per_item:.2f}",
            f"{day.utilisation:.0%}",
            str(day.landed),
            str(len(day.turnarounds) - day.landed),
            MEANINGS[policy],
        ]
        for policy, day in told.days.items()
    ]
    write_table(out, columns, rows)
    for said in told.violations:
        out.line(f"RULE BROKEN: {said}")


def _page(told: Compared, sweep: Sweep, said: str, target: Path) -> None:
    from orchestrator.cli.report import write_page
    from orchestrator.cli.simulate import page

    write_page(target, page.render(told, sweep, said), option="--html")
