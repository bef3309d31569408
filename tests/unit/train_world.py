"""Items with open pull requests on one base, and what the train decides about them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from orchestrator.core.decide import decide
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.model.action import (
    Action,
    Create,
    Land,
    WriteStatus,
)
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import Reason, RunPhase
from orchestrator.model.facts import (
    Brought,
    Built,
    CandidateKey,
    Change,
    Conflicted,
    Diff,
    PullRequest,
    PullState,
    RepositoryFacts,
)
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.lane import Lane
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecStatus
from orchestrator.model.train import Claim, MergeTrain, MergeTrainSpec, MergeTrainStatus
from orchestrator.model.validation import (
    Purpose,
    Try,
    Validation,
    ValidationPhase,
    ValidationSpec,
    ValidationStatus,
)
from tests.unit.make import START, lane, meta, provider, run, spec

TIP, TIP_TREE = Sha("tip"), TreeId("tip-tree")


TEST = Gate(name="test", run="make test")


def verdict(tree: str, *results: GateResult | None, gate: Gate = TEST) -> Validation:
    name = validation_name(TreeId(tree), gate_digest(gate), "here")
    said = ValidationSpec(
        tree=TreeId(tree),
        commit=Sha(f"commit-of-{tree}"),
        gate=gate,
        gate_digest=gate_digest(gate),
        environment="here",
        purpose=Purpose.CANDIDATE,
    )
    status = ValidationStatus(phase=ValidationPhase.DONE, tries=tuple(Try(result=result) for result in results))
    return Validation(metadata=meta(name), spec=said, status=status)


def brought(*paths: str, commit: str = "") -> Brought:
    changes = tuple(Change(path, "A", "000000", "100644") for path in paths)
    return Brought(Diff(changes), commit=Sha(commit))


class World:
    """Some items with open pull requests on one base; every candidate merges to `tree-<item>`."""

    def __init__(self, **train: object) -> None:
        self.train_spec = MergeTrainSpec.model_validate({"gates": (TEST,), **train})
        self.status = MergeTrainStatus()
        self.led_by = "me"
        self.specs: list[ImplementationSpec] = []
        self.runs: list[AgentRun] = []
        self.candidates: dict[CandidateKey, Built | Conflicted] = {}
        self.validations: list[Validation] = []
        self.decisions: list[Any] = []
        self.lanes: tuple[Lane, ...] = (lane(),)
        self.facts = RepositoryFacts(tip=TIP, tip_tree=TIP_TREE, contains_previous=True)

    def waiting(self, name: str, **said: object) -> "World":
        self.specs.append(spec(name, age_s=len(self.specs), **said))
        return self

    def proposed(self, name: str, *results: GateResult | None, conflict: bool = False, **said: object) -> "World":
        self.waiting(name, **said)
        head = Sha(f"head-{name}")
        status: dict[str, object] = {"head": head, "published": head, "tree": f"own-{name}", "pull_request": 1}
        self.runs.append(run(name, phase=RunPhase.PROPOSED, **status))
        key = CandidateKey(TIP, (head,))
        path = self.specs[-1].spec.paths[0].replace("**", "file.py")
        made = Built(Sha(f"merge-{name}"), TreeId(f"tree-{name}"), (brought(path),))
        self.candidates[key] = Conflicted(("a.py",)) if conflict else made
        if results:
            self.validations.append(verdict(f"tree-{name}", *results))
        return self

    def snapshot(self) -> Snapshot:
        open_items = {one.spec.implementation_spec_ref.name: one for one in self.runs}
        claims = tuple(
            Claim(spec=one.name, paths=one.spec.paths, epoch=n)
            for n, one in enumerate(self.specs, 1)
            if one.name in open_items
        )
        status = self.status.model_copy(
            update={"claims": self.status.claims or claims, "epoch": 99, "leader": self.led_by}
        )
        heads = {name: one.status.head or Sha("") for name, one in open_items.items()}
        pulls = tuple(
            PullRequest(n, "url", f"interlock/{name}", head, name, draft=False, state=PullState.OPEN)
            for n, (name, head) in enumerate(heads.items(), 1)
        )
        train = MergeTrain(metadata=meta("main"), spec=self.train_spec, status=status)
        facts = replace(self.facts, candidates=self.candidates, branches=heads)
        return Snapshot(
            leader="me",
            environment="here",
            agents_max=8,
            lanes=self.lanes,
            specs=tuple(self.specs),
            runs=tuple(self.runs),
            providers=(provider(),),
            trains=(train,),
            decisions=tuple(self.decisions),
            validations=tuple(self.validations),
            specs_revision="7",
            decisions_revision="8",
            repositories={"main": facts},
            pulls={"main": pulls},
        )

    def decide(self) -> tuple[Action, ...]:
        snapshot = self.snapshot()
        actions = decide(snapshot, START)
        assert decide(snapshot, START) == actions, "deciding twice on one snapshot gives the same actions"
        return actions

    def next_status(self) -> MergeTrainStatus:
        """Return the train's record after this tick's write."""
        actions = self.decide()
        intended = [one.train for one in actions if isinstance(one, Land) and one.only_if is not None]
        written = intended or written_of(actions, MergeTrain)
        return written[0].status if written else self.snapshot().trains[0].status

    def next_landing(self) -> str | None:
        landing = self.next_status().landing
        return landing.spec if landing else None

    def next_run(self, name: str) -> Any:
        """Return the status this tick gives the item's run, None if it leaves it alone."""
        return next((one.status for one in written_of(self.decide(), AgentRun) if one.name == f"{name}-1"), None)

    def starts(self) -> list[str]:
        """Return the runs this tick creates."""
        made = [one.object for one in self.decide() if isinstance(one, Create)]
        return [one.name for one in made if isinstance(one, AgentRun)]

    def reason(self, name: str) -> Reason:
        return self.standing(name).reason

    def standing(self, name: str) -> ImplementationSpecStatus:
        """Return the status this tick gives the item."""
        written = next(one for one in written_of(self.decide(), ImplementationSpec) if one.name == name)
        return written.status


def written_of(actions: Iterable[Action], kind: type) -> list[Any]:
    return [one.object for one in actions if isinstance(one, WriteStatus) and isinstance(one.object, kind)]


PASS, FAIL, COULD_NOT = GateResult.PASS, GateResult.FAIL, GateResult.COULD_NOT_RUN


def said(validation: Validation, output: str) -> Validation:
    """Return the validation with this output of each try."""
    tries = tuple(one.model_copy(update={"output": output}) for one in validation.status.tries)
    return validation.model_copy(update={"status": validation.status.model_copy(update={"tries": tries})})
