"""Where an item and a train stand, as documents and as lines: what `status`, `explain` and the live view share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from orchestrator.cli.output import Document, printable
from orchestrator.cli.table import count, styled
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.spec import ImplementationSpec, Tier, Wait
from orchestrator.model.train import MergeTrain
from orchestrator.settings import Settings

OPEN = (Phase.WAITING, Phase.RUNNING, Phase.PROPOSED)


def as_left(spec: ImplementationSpec, settings: Settings, *, is_led: bool) -> ImplementationSpec:
    """Return the item as it stands: nothing of it runs where no leader does, whatever the last one wrote."""
    if spec.status.phase is not Phase.RUNNING or is_led:
        return spec
    again = settings.lead_command()
    message = f"no leader is at work, and agents end with theirs; {again} goes on from what was kept"
    left = {"phase": Phase.WAITING, "reason": Reason.LEADER_DIED, "message": message, "waiting_for": ()}
    return spec.model_copy(update={"status": spec.status.model_copy(update=left)})


def in_landing_order(specs: Sequence[ImplementationSpec]) -> list[ImplementationSpec]:
    """Return the specs by tier, priority, age and name: what lands first stands first."""
    return sorted(specs, key=lambda s: (tier_of(s).rank, -s.spec.priority, s.created, s.name))


def tier_of(spec: ImplementationSpec) -> Tier:
    """Return the tier it lands in: the effective one once the leader has said it, else its own."""
    return spec.status.tier or spec.spec.tier


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
