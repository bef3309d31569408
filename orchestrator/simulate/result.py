"""What came of a simulation, as CONTRACT §4 spells it. Read off the leader's own statuses and the trail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from orchestrator.model.condition import Phase, Reason
from orchestrator.model.spec import ImplementationSpecStatus
from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.trail import Run
from orchestrator.simulate.world import EPOCH, World

Document = dict[str, object]
"""A JSON-ready document. It leaves at once: nothing reads it back."""

LANDED, REJECTED, CANCELLED, HELD, WAITING = "landed", "rejected", "cancelled", "held", "waiting"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one entry."""

    outcome: str
    reason: str
    at: float | None
    """When that was so; None for what is still open."""
    runs: int
    """Validations that were its own: it was the member under test."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that came of one simulation."""

    name: str
    entries: dict[str, Fate]
    landed: tuple[str, ...]
    """In the order of landing."""
    runs: tuple[Run, ...]
    frozen: str | None
    end: float
    decides: int
    violations: tuple[str, ...] = ()
    unmet: tuple[str, ...] = field(default=())
    """What was expected and is not so, in sentences."""
    met: bool | None = None
    """Whether everything expected is so; None where nothing is expected."""

    def document(self) -> Document:
        """Return the result as machine output spells it."""
        return {
            "name": self.name,
            "entries": {
                name: {
                    "outcome": fate.outcome,
                    "reason": fate.reason,
                    "at": None if fate.at is None else number(fate.at),
                    "runs": fate.runs,
                    "message": fate.message,
                }
                for name, fate in self.entries.items()
            },
            "landed": list(self.landed),
            "runs": [
                {
                    "members": list(run.names),
                    "base": run.base,
                    "start": number(run.start),
                    "end": number(run.end),
                    "verdict": run.verdict.value if run.verdict is not None else None,
                }
                for run in self.runs
            ],
            "frozen": self.frozen,
            "end": number(self.end),
            "violations": list(self.violations),
            "met": self.met,
            "unmet": list(self.unmet),
        }


def number(minutes: float) -> float | int:
    """Return minutes as a person writes them: whole ones without a fraction."""
    rounded = round(minutes, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def span(minutes: float) -> str:
    """Return a length of time as a person says it: `4 s`, `1.5 min`, `22 min`, `3.2 h`."""
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    if minutes < 120:
        return f"{minutes:.1f} min" if minutes < 9.95 else f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h"


def result_of(name: str, spec: SimulationSpec, world: World) -> Result:
    """Return what came of it, without judging: expectations and rules are others' business."""
    runs = tuple(world.trail.runs())
    own: Counter[str] = Counter(member for run in runs for member in run.tested)
    fates = {entry.name: _fate(entry.name, world, own[entry.name]) for entry in spec.entries}
    frozen = world.train.status.frozen
    landed = (commit.element for commit in world.commits.on_base())
    return Result(
        name=name,
        entries=fates,
        landed=tuple(element.name for element in landed if element is not None and element.is_entry),
        runs=runs,
        frozen=frozen.reason.value if frozen is not None else None,
        end=world.minute,
        decides=world.decides,
    )


def _fate(name: str, world: World, runs: int) -> Fate:
    spec = world.specs.get(name)
    status = spec.status if spec is not None else world.closed[name]
    outcome = _outcome(status)
    at = world.landed_at.get(name)
    if at is None and outcome in (REJECTED, CANCELLED) and status.since is not None:
        at = round((status.since - EPOCH).total_seconds() / 60, 6)
    return Fate(outcome, status.reason.value, at, runs, status.message.rpartition("; the last: ")[2])


def _outcome(status: ImplementationSpecStatus) -> str:
    match status.phase:
        case Phase.LANDED:
            return LANDED
        case Phase.CANCELLED:
            return CANCELLED
        case Phase.STALLED:
            return REJECTED
        case _:
            return HELD if status.reason is Reason.HELD else WAITING
