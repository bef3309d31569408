"""An entry as the leader sees one: a spec whose run is proposed, with a branch, a pull request and a claim of its own.

Nobody is there to work on a rejected entry, so it has one attempt; a push puts the next run in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.condition import RunPhase
from orchestrator.model.facts import Brought, Change, Diff
from orchestrator.model.gate import Gate
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, AgentRunStatus, ChangedFile, ScopeVerdict, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import Claim, MergeTrain, MergeTrainSpec
from orchestrator.simulate.file import Entry, Fails
from orchestrator.simulate.tree import head_id

TRAIN, LANE, AGENT = "main", "all", "nobody"
# Made-up runners report whatever the file says, however long it takes: no limit of a real gate's applies.
GATE = Gate(name="validation", run="true", timeout="8000h")
"""Stands for whatever a candidate has to pass: the file says how long it takes and who fails."""
READING = GATE.model_copy(update={"inputs": ("entries/**",)})
"""The same, where entries say which inputs they touch. Which trees are equal there the made-up world says itself."""


@dataclass(slots=True)
class Pull:
    """One entry, and what has become of it in the world."""

    entry: Entry
    number: int
    """Of its pull request."""
    fails: Fails
    """When its present head fails."""
    version: int = 0
    """How often it was pushed."""
    runs: int = 0
    """Runs of it so far; a push starts another."""
    is_open: bool = False
    """Whether it has arrived."""
    is_approved: bool = True
    finished: int = 0
    """Finished validations that held its present head."""

    @property
    def name(self) -> str:
        """Return what the entry is called."""
        return self.entry.name

    @property
    def head(self) -> Sha:
        """Return its present head."""
        return head_id(self.entry.name, self.version)


def train_of(spec: MergeTrainSpec, gate: Gate = GATE) -> MergeTrain:
    """Return the train of a simulation: the file's settings, one gate, nobody to work on what is rejected."""
    retries = spec.retries.model_copy(update={"attempts": 1, "conflicts": 1})
    update = {"gates": (gate,), "retries": retries, "floors": (), "guardrails": ()}
    return MergeTrain(metadata=ObjectMeta(name=TRAIN), spec=spec.model_copy(update=update))


def lane_of() -> Lane:
    """Return the lane every entry works in."""
    return Lane(metadata=ObjectMeta(name=LANE), spec=LaneSpec(own=("entries/**",)))


def provider_of() -> AgentProvider:
    """Return the provider every run names; none is ever started."""
    spec = AgentProviderSpec(adapter=Adapter.COMMAND, command=("false",))
    return AgentProvider(metadata=ObjectMeta(name=AGENT), spec=spec)


def spec_of(entry: Entry) -> ImplementationSpec:
    """Return the entry's spec."""
    return ImplementationSpec(
        metadata=ObjectMeta(name=entry.name),
        spec=ImplementationSpecSpec(
            summary=entry.name,
            lane=LANE,
            paths=_paths(entry.name),
            tier=entry.tier,
            train=TRAIN,
            depends_on=entry.needs,
            priority=entry.priority,
        ),
    )


def run_of(pull: Pull, tip: Sha, now: datetime, clashes: Iterable[str]) -> AgentRun:
    """Return the run whose work the present head is: proposed, checked, waiting to land.

    What it `clashes` with changes a file that it changes, too.
    """
    path = f"entries/{pull.name}/change"
    shared = ("-and-".join(sorted((pull.name, other))) for other in clashes)
    changed = (path, *(f"entries/what-{pair}-change" for pair in shared))
    head = pull.head
    return AgentRun(
        metadata=ObjectMeta(name=f"{pull.name}-{pull.runs}"),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name=pull.name, uid=f"uid-{pull.name}"),
            agent_ref=AgentRef(name=AGENT),
            number=pull.runs,
            base=tip,
            start=tip,
            spec_generation=1,
        ),
        status=AgentRunStatus(
            phase=RunPhase.PROPOSED,
            head=head,
            tree=f"tree-of-{head}",
            published=head,
            pull_request=pull.number,
            ended_at=now,
            changed_files=tuple(ChangedFile(path=each, status="M") for each in changed),
            changed_total=len(changed),
            # A protected path is how a real entry comes to need a person whatever its tier. One that has been approved
            # is like any other: in a file it says no more than that somebody was waited for.
            scope=ScopeVerdict(allowed=True, protected=() if pull.is_approved else (path,)),
        ),
    )


def claim_of(name: str, epoch: int) -> Claim:
    """Return the claim the entry's work was done under."""
    return Claim(spec=name, paths=_paths(name), epoch=epoch)


def brought_by(name: str) -> Brought:
    """Return what merging the entry changes: its one file."""
    return Brought(Diff((Change(f"entries/{name}/change", "M", "100644", "100644"),), lines=1, size=1))


def _paths(name: str) -> tuple[str, ...]:
    return (f"entries/{name}/**",)
