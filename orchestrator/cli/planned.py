"""How a plan looks: open items with what they lack, done ones apart, what else the documents say, and the next step."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from orchestrator.cli.output import Output, printable
from orchestrator.cli.table import Column, count, write_table
from orchestrator.core.plan import Candidate, Document, PlannedItem, PlanResult
from orchestrator.core.roadmap import Form

_DONE_SHOWN = 12
_MENTIONED = 3


def show(result: PlanResult, out: Output) -> None:
    """Write the plan for people: one table of what is open, one line for each thing that concerns all of it."""
    opened = [item for item in result.items if not item.item.done]
    done = [item for item in result.items if item.item.done]
    opened.sort(key=lambda item: (item.wave == 0, item.wave, item.place))
    common = _common(opened)
    if opened:
        _open(opened, common, out)
    if common:
        out.line()
        out.line(f"Every one of the {len(opened)} open items lacks: {', '.join(common)}")
    if done:
        if opened:
            out.line()
        _done(done, out)
    for document in result.documents:
        _document(document, out)


def next_step(result: PlanResult) -> str | None:
    """Return what a person can do next about a plan whose documents are in loose form; None where that is evident."""
    loose = [document for document in result.documents if document.read.form is not Form.STRICT]
    if not loose:
        return None
    opened = [item for item in result.items if not item.item.done]
    if not opened:
        return "Next: nothing is open in it" if result.items else None
    if not result.has_lanes:
        for document in loose:
            if document.read.lanes:
                return f"Next: interlock lanes import {shlex.quote(document.path)} --out lanes/"
        if any("lane" in item.missing for item in opened):
            return "Next: interlock init   # lanes from the repository, so that items can name theirs"
    lacking = [item for item in opened if item.missing]
    if lacking:
        first = lacking[0]
        return (
            f"Next: say what is missing, in the document (`- Paths: …` below "
            f"{first.item.path}:{first.item.line}) or in the "
            "specs of --out"
        )
    return f"Next: interlock plan {' '.join(shlex.quote(each.path) for each in loose)} --out specs/"


def _common(opened: Sequence[PlannedItem]) -> tuple[str, ...]:
    """Return what every open item lacks: said once, not in each row."""
    if len(opened) < 3:
        return ()
    return tuple(field for field in opened[0].missing if all(field in item.missing for item in opened))


def _open(opened: Sequence[PlannedItem], common: Sequence[str], out: Output) -> None:
    rows = [
        [
            str(item.wave or "-"),
            item.item.name,
            str(item.tier),
            ", ".join(lane.text for lane in item.item.lanes),
            ", ".join(need.text for need in item.item.needs),
            ", ".join(field for field in item.missing if field not in common),
            ", ".join([path.text for path in item.item.paths] or _mentions(item.candidates)),
        ]
        for item in opened
    ]
    columns = [
        Column("WAVE", right=True),
        Column("ITEM"),
        Column("TIER"),
        Column("LANE"),
        Column("NEEDS", gives_way=True),
        Column("MISSING", gives_way=True, style="yellow"),
        Column("PATHS", gives_way=True, style="dim"),
    ]
    # A column that says nothing in any row says nothing.
    kept = [at for at, column in enumerate(columns) if column.title in _ALWAYS or any(row[at] for row in rows)]
    write_table(out, [columns[at] for at in kept], [[row[at] for at in kept] for row in rows])


_ALWAYS = frozenset({"WAVE", "ITEM", "TIER", "LANE", "MISSING"})


def _mentions(candidates: Sequence[Candidate]) -> list[str]:
    """Return what is only mentioned, with a mark: it is no claim."""
    shown = [f"{each.path}? ({each.owner})" if each.owner else f"{each.path}?" for each in candidates[:_MENTIONED]]
    more = len(candidates) - len(shown)
    return [*shown, f"{more} more?"] if more > 0 else shown


def _done(done: Sequence[PlannedItem], out: Output) -> None:
    columns = [Column("DONE", style="green"), Column("LINE", right=True), Column("WHAT", gives_way=True, style="dim")]
    rows = [[item.item.name, str(item.item.line), item.item.summary] for item in done[:_DONE_SHOWN]]
    write_table(out, columns, rows)
    if len(done) > _DONE_SHOWN:
        out.line(f"and {len(done) - _DONE_SHOWN} more that are done")


def _document(document: Document, out: Output) -> None:
    read = document.read
    if read.lanes or read.guardrails or read.checkpoints:
        out.line()
    path = printable(document.path)
    if read.lanes:
        names = ", ".join(f"{lane.name} ({lane.title})" for lane in read.lanes)
        out.line(f"{path}:{read.lanes[0].line}: describes {count(len(read.lanes), 'lane')}: {printable(names)}")
    if read.guardrails:
        first = read.guardrails[0]
        held = f"{count(len(read.guardrails), 'guardrail')}, told to every item"
        out.line(f"{path}:{first.line}: {held}: {printable(first.text)}{' …' if len(read.guardrails) > 1 else ''}")
    if read.checkpoints:
        first_point = read.checkpoints[0]
        names = "; ".join(each.title for each in read.checkpoints[:6])
        said = f"{count(len(read.checkpoints), 'milestone')} to check, no items: {printable(names)}"
        out.line(f"{path}:{first_point.line}: {said}")
