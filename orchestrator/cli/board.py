"""What a running swarm looks like at one tick: a row per item, a line per train. Read from a tick, shown by others.

A board is a value: the terminal redraws it between ticks from another thread, with nothing but the time and the tails
of logs being new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.cli.output import without_escapes
from orchestrator.cli.standings import in_landing_order, tier_of
from orchestrator.core.formation import Formation
from orchestrator.model.condition import Phase, Reason, RunPhase
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation, ValidationPhase
from orchestrator.ports import Cluster

LogPath = Callable[[str], Path | None]
Gates = dict[str, list[tuple[str, datetime | None]]]
"""By item: the gates at work on it, and since when."""

TAIL_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Row:
    """One item: where it stands, since when, and what to say of it."""

    name: str
    tier: Tier
    phase: Phase
    reason: Reason
    message: str
    since: datetime | None
    run: str | None
    log: Path | None
    """The log of its agent while that works."""
    gates: tuple[tuple[str, datetime | None], ...] = ()
    """Gates at work on it, and since when."""

    @property
    def state(self) -> str:
        """Return the one word that says most: the reason where it adds something, else the phase."""
        plain = {Reason.AGENT_RUNNING, Reason.LANDED, Reason.CANCELLED}
        return self.phase.value if self.reason in plain else self.reason.value


@dataclass(frozen=True, slots=True)
class Board:
    """All items in landing order, and the trains."""

    rows: tuple[Row, ...]
    trains: tuple[MergeTrain, ...]
    containment: str = ""
    formations: tuple[Formation, ...] = ()
    """The trains car by car, where that was asked for."""

    def count(self, phase: Phase) -> int:
        """Return how many items are in the phase."""
        return sum(1 for row in self.rows if row.phase is phase)


def board(snapshot: Snapshot, log_path: LogPath) -> Board:
    """Return the snapshot as a board."""
    at_work = {run.name for run in snapshot.runs if run.status.phase is RunPhase.RUNNING}
    gates = _gates(snapshot)
    rows = tuple(_row(spec, at_work, gates, log_path) for spec in in_landing_order(snapshot.specs))
    return Board(rows, snapshot.trains, snapshot.containment)


def board_of(cluster: Cluster, log_path: LogPath, formations: tuple[Formation, ...] = ()) -> Board:
    """Return the store as a board: what a leader elsewhere wrote last."""
    at_work = {run.name for run in cluster.list(AgentRun) if run.status.phase is RunPhase.RUNNING}
    gates: Gates = {}
    for validation in cluster.list(Validation):
        if validation.spec.subject and validation.status.phase is ValidationPhase.RUNNING:
            gates.setdefault(validation.spec.subject, []).append(
                (validation.spec.gate.name, validation.status.started_at)
            )
    specs = in_landing_order(cluster.list(ImplementationSpec))
    rows = tuple(_row(spec, at_work, gates, log_path) for spec in specs)
    return Board(rows, tuple(cluster.list(MergeTrain)), formations=formations)


def last_line(log: Path | None) -> str:
    """Return the last line with something in it of a log that may still be written; empty if there is none."""
    if log is None:
        return ""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - TAIL_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = (without_escapes(line).strip() for line in reversed(text.splitlines()))
    return next((line for line in lines if line), "")


def _row(
    spec: ImplementationSpec,
    at_work: set[str],
    gates: Gates,
    log_path: LogPath,
) -> Row:
    status = spec.status
    run = status.current_run
    return Row(
        name=spec.name,
        tier=tier_of(spec),
        phase=status.phase,
        reason=status.reason,
        message=" ".join(status.message.split()),
        since=status.since,
        run=run,
        log=log_path(run) if run and run in at_work else None,
        gates=tuple(gates.get(spec.name, ())),
    )


def _gates(snapshot: Snapshot) -> Gates:
    running = {name: fact for name, fact in snapshot.gates.items() if fact.running}
    found: Gates = {}
    for validation in snapshot.validations:
        fact = running.get(validation.name)
        if fact is not None and validation.spec.subject:
            found.setdefault(validation.spec.subject, []).append((validation.spec.gate.name, fact.started_at))
    return found


def visible(rows: Sequence[Row], limit: int) -> tuple[list[Row], list[Row]]:
    """Return the rows to show and the ones to count: what moves or needs a person first, always in landing order."""
    if len(rows) <= limit:
        return list(rows), []
    weight = {
        Phase.RUNNING: 0,
        Phase.PROPOSED: 1,
        Phase.STALLED: 2,
        Phase.WAITING: 3,
        Phase.LANDED: 4,
        Phase.CANCELLED: 5,
    }
    chosen = {row.name for row in sorted(rows, key=lambda row: weight[row.phase])[: max(0, limit)]}
    return [row for row in rows if row.name in chosen], [row for row in rows if row.name not in chosen]
