"""A simulation's story for people: what became of every entry, who was tested when, and what is not as expected."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.cli.output import Output
from orchestrator.cli.table import Cell, Column, count, styled, write_table
from orchestrator.simulate.result import CANCELLED, LANDED, REJECTED, Result, number
from orchestrator.simulate.trail import Run, Said

BAR = 60
"""Characters for the whole time."""
ROWS_MAX = 80
"""Validations drawn; of more, only the first ones."""
_PHASES = {LANDED: "Landed", REJECTED: "Stalled", CANCELLED: "Cancelled"}
_MARKS = {Said.PASS: "█", Said.FAIL: "▒", Said.COULD_NOT_RUN: "?", Said.CANCELLED: "·"}


def result(told: Result, runs: int, out: Output) -> None:
    """Print the story of one simulation."""
    out.line(f"{told.name}: {_verdict(told)}")
    out.line()
    rows: list[list[Cell]] = [
        [
            name,
            _styled_outcome(fate.outcome),
            "" if fate.outcome == LANDED else fate.reason,
            "" if fate.at is None else f"{number(fate.at)}",
            str(fate.runs),
            "" if fate.outcome == LANDED else fate.message.partition("\n")[0],
        ]
        for name, fate in told.entries.items()
    ]
    columns = [
        Column("ENTRY"),
        Column("OUTCOME"),
        Column("REASON"),
        Column("MINUTE", right=True),
        Column("RUNS", right=True),
        Column("WHY", gives_way=True, drops=1),
    ]
    write_table(out, columns, rows)
    if told.runs:
        out.line()
        for line in gantt(told.runs, told.end):
            out.line(line)
    out.line()
    busy = sum(run.end - run.start for run in told.runs)
    share = f", {100 * busy / (told.end * runs):.0f} % of {count(runs, 'runner')} busy" if told.end else ""
    out.line(f"{count(len(told.runs), 'validation')} in {number(told.end)} minutes{share}")
    if told.frozen is not None:
        out.line(f"the train is frozen: {told.frozen}")
    for said in told.unmet:
        out.line(f"not met: {said}")
    for said in told.violations:
        out.line(f"RULE BROKEN: {said}")


def gantt(runs: Sequence[Run], end: float) -> list[str]:
    """Return the validations as bars over the whole time, one line each, oldest first."""
    shown = runs[:ROWS_MAX]
    label = max(len(_members(run)) for run in shown)
    scale = BAR / end if end else 0.0
    lines = [f"{'':{label}}  0{'minute ' + format(number(end)):>{BAR - 1}}"]
    for run in shown:
        begin = min(BAR - 1, int(run.start * scale))
        length = max(1, min(BAR - begin, round((run.end - run.start) * scale)))
        mark = _MARKS[run.verdict] if run.verdict is not None else "█"
        bar = " " * begin + mark * length
        verdict = run.verdict.value if run.verdict is not None else "running"
        lines.append(f"{_members(run):{label}}  {bar:{BAR}}  {number(run.start)}-{number(run.end)} {verdict}")
    if len(runs) > len(shown):
        lines.append(f"and {len(runs) - len(shown)} more")
    return lines


def _styled_outcome(outcome: str) -> Cell:
    """Return an outcome in the colour of the phase it means."""
    text = styled(_PHASES.get(outcome, "Waiting"))
    text.plain = outcome
    return text


def _members(run: Run) -> str:
    names = run.names
    return "+".join(names) if len(names) <= 4 else f"{names[0]}+…{len(names) - 2}…+{names[-1]}"


def _verdict(told: Result) -> str:
    if told.violations:
        return f"{count(len(told.violations), 'rule')} broken"
    if told.met is None:
        return "nothing was expected of it"
    return "as expected" if told.met else f"not as expected ({count(len(told.unmet), 'difference')})"
