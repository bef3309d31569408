"""The columns `get` shows of each kind: a few that fit a terminal, a few more with `-o wide`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.cli.table import Cell, Column, age, styled
from orchestrator.model.base import Resource
from orchestrator.model.decision import Decision
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.roadmap import Roadmap
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation

SHORT_SHA = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """One column and how its cell is made of an object. `Any`: each column knows the kind it belongs to."""

    column: Column
    cell: Callable[[Any, datetime], Cell]
    wide: bool = False


def columns_of(kind: type[Resource], *, wide: bool) -> list[Column]:
    """Return the kind's columns."""
    return [shown.column for shown in _COLUMNS[kind] if wide or not shown.wide]


def row_of(obj: Resource, now: datetime, *, wide: bool) -> list[Cell]:
    """Return the object's cells under `columns_of` its kind."""
    return [shown.cell(obj, now) for shown in _COLUMNS[type(obj)] if wide or not shown.wide]


def _name(obj: Resource, _: datetime) -> Cell:
    return obj.name


def _spec_tier(spec: ImplementationSpec, _: datetime) -> Cell:
    return (spec.status.tier or spec.spec.tier).value


def _run_took(run: AgentRun, now: datetime) -> Cell:
    started, ended = run.status.started_at, run.status.ended_at
    return age(((ended or now) - started).total_seconds()) if started else ""


def _validation_says(validation: Validation, _: datetime) -> Cell:
    tries = validation.status.tries
    if not tries:
        return validation.status.phase.value
    return tries[-1].result.value if tries[-1].result else "lost"


_NAME = Shown(Column("NAME"), _name)
_COLUMNS: dict[type[Resource], Sequence[Shown]] = {
    ImplementationSpec: (
        _NAME,
        Shown(Column("LANE"), lambda s, _: ",".join(s.spec.lane_names)),
        Shown(Column("TIER"), _spec_tier),
        Shown(Column("PHASE"), lambda s, _: styled(s.status.phase.value)),
        Shown(Column("REASON"), lambda s, _: s.status.reason.value),
        Shown(
            Column("PR", right=True), lambda s, _: f"#{s.status.pull_request.number}" if s.status.pull_request else ""
        ),
        Shown(Column("NEEDS"), lambda s, _: ",".join(s.spec.depends_on), wide=True),
        Shown(Column("RUN"), lambda s, _: s.status.current_run or "", wide=True),
        Shown(Column("LANDED"), lambda s, _: (s.status.landed or "")[:SHORT_SHA], wide=True),
        Shown(Column("SUMMARY", gives_way=True), lambda s, _: s.spec.summary, wide=True),
    ),
    AgentRun: (
        _NAME,
        Shown(Column("SPEC"), lambda r, _: r.spec.implementation_spec_ref.name),
        Shown(Column("PHASE"), lambda r, _: styled(r.status.phase.value)),
        Shown(Column("CLASS"), lambda r, _: r.status.failure_class.value if r.status.failure_class else ""),
        Shown(Column("TRY", right=True), lambda r, _: str(r.spec.attempt)),
        Shown(Column("TOOK", right=True), _run_took),
        Shown(Column("AGENT"), lambda r, _: r.spec.agent_ref.name, wide=True),
        Shown(Column("HEAD"), lambda r, _: (r.status.head or "")[:SHORT_SHA], wide=True),
        Shown(Column("FILES", right=True), lambda r, _: str(r.status.changed_total), wide=True),
        Shown(Column("MESSAGE", gives_way=True), lambda r, _: r.status.message.partition("\n")[0], wide=True),
    ),
    Lane: (
        _NAME,
        Shown(Column("OWN", gives_way=True), lambda x, _: ", ".join(x.spec.own)),
        Shown(Column("RUNS", right=True), lambda x, _: str(x.spec.max_runs)),
        Shown(Column("AGENT"), lambda x, _: x.spec.agent or ""),
        Shown(Column("SHARED", gives_way=True), lambda x, _: ", ".join(x.spec.shared), wide=True),
    ),
    MergeTrain: (
        _NAME,
        Shown(Column("BASE"), lambda t, _: t.spec.base),
        Shown(Column("GATES"), lambda t, _: ",".join(gate.name for gate in t.spec.gates)),
        Shown(Column("ENTRIES", right=True), lambda t, _: str(len(t.status.entries))),
        Shown(Column("FROZEN"), lambda t, _: t.status.frozen.reason.value if t.status.frozen else ""),
        Shown(Column("TIP"), lambda t, _: (t.status.tip or "")[:SHORT_SHA], wide=True),
        Shown(
            Column("LAST LANDED"), lambda t, _: t.status.last_landing.spec if t.status.last_landing else "", wide=True
        ),
    ),
    AgentProvider: (
        _NAME,
        Shown(Column("ADAPTER"), lambda p, _: p.spec.adapter.value),
        Shown(Column("COMMAND", gives_way=True), lambda p, _: " ".join(p.spec.command)),
        Shown(Column("TIMEOUT"), lambda p, _: p.spec.limits.timeout, wide=True),
        Shown(Column("SANDBOX"), lambda p, _: p.spec.sandbox.value, wide=True),
    ),
    Decision: (
        _NAME,
        Shown(Column("VERB"), lambda d, _: d.spec.verb.value),
        Shown(Column("SUBJECT"), lambda d, _: d.spec.subject),
        Shown(Column("BY"), lambda d, _: d.spec.actor),
        Shown(Column("EFFECT"), lambda d, _: {None: "", True: "yes", False: "no"}[d.status.effective]),
        Shown(Column("HEAD"), lambda d, _: d.spec.head[:SHORT_SHA], wide=True),
        Shown(Column("REASON", gives_way=True), lambda d, _: d.spec.reason),
    ),
    Roadmap: (
        _NAME,
        Shown(Column("ITEMS", right=True), lambda r, _: str(r.status.items)),
        Shown(Column("LANDED", right=True), lambda r, _: str(r.status.landed)),
    ),
    Validation: (
        Shown(Column("NAME", gives_way=True), _name),
        Shown(Column("GATE"), lambda v, _: v.spec.gate.name),
        Shown(Column("TREE"), lambda v, _: v.spec.tree[:SHORT_SHA]),
        Shown(Column("FOR"), lambda v, _: v.spec.subject or v.spec.purpose.value),
        Shown(Column("SAYS"), _validation_says),
        Shown(
            Column("SIGNATURE", gives_way=True),
            lambda v, _: v.status.tries[-1].signature if v.status.tries else "",
            wide=True,
        ),
    ),
}
