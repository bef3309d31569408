"""What `kubectl get` shows of each kind, and by which fields it selects. JSONPaths into the schema that `schema` makes.

The same columns as `interlock get`, as far as a path can say them; the test resolves every path.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.base import Resource
from orchestrator.model.decision import Decision
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.roadmap import Roadmap
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.trail import TrailPage
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """One column of `kubectl get`; a wide one shows with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


_READY = PrinterColumn("Ready", '.status.conditions[?(@.type=="Ready")].status', wide=True)
_AGE = PrinterColumn("Age", ".metadata.creationTimestamp", "date")

COLUMNS: dict[type[Resource], tuple[PrinterColumn, ...]] = {
    Roadmap: (
        PrinterColumn("Mode", ".spec.mode"),
        PrinterColumn("Items", ".status.items", "integer"),
        PrinterColumn("Landed", ".status.landed", "integer"),
        PrinterColumn("Held", ".status.held", "integer", wide=True),
        _AGE,
    ),
    Lane: (
        PrinterColumn("Own", ".spec.own[0]"),
        PrinterColumn("Runs", ".spec.maxRuns", "integer"),
        PrinterColumn("Agent", ".spec.agent"),
        _AGE,
    ),
    ImplementationSpec: (
        PrinterColumn("Lane", ".spec.lane"),
        PrinterColumn("Tier", ".status.tier"),
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Reason", ".status.reason"),
        PrinterColumn("PR", ".status.pullRequest.number", "integer"),
        _READY,
        PrinterColumn("Run", ".status.currentRun", wide=True),
        PrinterColumn("Landed", ".status.landed", wide=True),
        PrinterColumn("Summary", ".spec.summary", wide=True),
        _AGE,
    ),
    AgentRun: (
        PrinterColumn("Spec", ".spec.implementationSpecRef.name"),
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Class", ".status.failureClass"),
        PrinterColumn("Try", ".spec.attempt", "integer"),
        PrinterColumn("Agent", ".spec.agentRef.name", wide=True),
        PrinterColumn("Head", ".status.head", wide=True),
        PrinterColumn("Files", ".status.changedTotal", "integer", wide=True),
        PrinterColumn("Message", ".status.message", wide=True),
        _AGE,
    ),
    AgentProvider: (
        PrinterColumn("Adapter", ".spec.adapter"),
        PrinterColumn("Timeout", ".spec.limits.timeout"),
        PrinterColumn("Sandbox", ".spec.sandbox", wide=True),
        _AGE,
    ),
    MergeTrain: (
        PrinterColumn("Base", ".spec.base"),
        PrinterColumn("Frozen", ".status.frozen.reason"),
        PrinterColumn("Last landed", ".status.lastLanding.spec"),
        PrinterColumn("Paused", ".spec.paused", "boolean", wide=True),
        PrinterColumn("Tip", ".status.tip", wide=True),
        _AGE,
    ),
    Decision: (
        PrinterColumn("Verb", ".spec.verb"),
        PrinterColumn("Subject", ".spec.subject"),
        PrinterColumn("By", ".spec.actor"),
        PrinterColumn("Effective", ".status.effective", "boolean"),
        PrinterColumn("Head", ".spec.head", wide=True),
        PrinterColumn("Reason", ".spec.reason", wide=True),
        _AGE,
    ),
    Validation: (
        PrinterColumn("Gate", ".spec.gate.name"),
        PrinterColumn("For", ".spec.subject"),
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Says", ".status.tries[-1:].result"),
        PrinterColumn("Tree", ".spec.tree", wide=True),
        _AGE,
    ),
    TrailPage: (_AGE,),
}

SELECTABLE: dict[type[Resource], tuple[str, ...]] = {
    Roadmap: (".spec.mode",),
    Lane: (".spec.agent",),
    ImplementationSpec: (".spec.lane", ".spec.roadmap", ".spec.train", ".spec.tier", ".status.phase"),
    AgentRun: (".spec.implementationSpecRef.name", ".spec.agentRef.name", ".status.phase"),
    AgentProvider: (".spec.adapter",),
    MergeTrain: (".spec.base",),
    Decision: (".spec.verb", ".spec.subject"),
    Validation: (".spec.subject", ".spec.purpose", ".status.phase"),
}
"""Fields for `--field-selector`: what an operator filters by, at most eight of a kind."""
