"""What the work took: agents' and gates' time as measured, tokens and money as the agents say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestrator.core.chronicle.facts import Facts
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec


@dataclass(frozen=True, slots=True)
class Line:
    """The sum over some runs."""

    name: str
    runs: int = 0
    failed: int = 0
    agent_s: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    told: int = 0
    """Runs whose agent said what it used."""


@dataclass(frozen=True, slots=True)
class Bill:
    """The total, and the same by lane, by agent and by item."""

    total: Line
    by_lane: tuple[Line, ...]
    by_agent: tuple[Line, ...]
    by_item: tuple[Line, ...]
    gate_s: float


def bill(facts: Facts) -> Bill:
    """Return what everything took. A run of an item that works in several lanes is counted under all their names."""
    as_of = facts.as_of
    lanes = {spec.name: " + ".join(spec.spec.lane_names) or "no lane" for spec in facts.specs}
    gate_s = sum(
        (one.ended_at - one.started_at).total_seconds()
        for validation in facts.validations
        for one in validation.status.tries
        if one.started_at is not None and one.ended_at is not None
    )
    return Bill(
        total=_line("total", facts.runs, as_of),
        by_lane=_grouped(facts.runs, lambda run: lanes.get(_item(run), "no lane"), as_of),
        by_agent=_grouped(facts.runs, _agent, as_of),
        by_item=_grouped(facts.runs, _item, as_of),
        gate_s=gate_s,
    )


def _grouped(runs: Iterable[AgentRun], key: Callable[[AgentRun], str], as_of: datetime) -> tuple[Line, ...]:
    groups: dict[str, list[AgentRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return tuple(_line(name, groups[name], as_of) for name in sorted(groups))


def _line(name: str, runs: Iterable[AgentRun], as_of: datetime) -> Line:
    number = failed = input_tokens = output_tokens = told = 0
    agent_s, cost = 0.0, Decimal(0)
    for run in runs:
        status = run.status
        number += 1
        failed += status.failure_class is not None
        if status.started_at is not None:
            agent_s += max(0.0, ((status.ended_at or as_of) - status.started_at).total_seconds())
        usage = status.result.usage if status.result is not None else None
        if usage is not None and (usage.input_tokens or usage.output_tokens or usage.cost_usd):
            told += 1
            input_tokens += usage.input_tokens
            output_tokens += usage.output_tokens
            cost += usage.cost_usd
    return Line(name, number, failed, agent_s, input_tokens, output_tokens, cost, told)


def _item(run: AgentRun) -> str:
    return run.spec.implementation_spec_ref.name


def _agent(run: AgentRun) -> str:
    model = run.status.result.model if run.status.result is not None else ""
    return (
        f"{run.spec.agent_ref.name} ({model})"
        if model not in ("", run.spec.agent_ref.name)
        else run.spec.agent_ref.name
    )


def lanes_of(specs: Iterable[ImplementationSpec]) -> dict[str, list[ImplementationSpec]]:
    """Return the specs that work in each lane, by lane name."""
    found: dict[str, list[ImplementationSpec]] = {}
    for spec in specs:
        for lane in spec.spec.lane_names or ("no lane",):
            found.setdefault(lane, []).append(spec)
    return found
