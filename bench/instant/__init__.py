"""A world in which everything but the store takes no time: agents, gates, git and the forge, in memory.

For measuring what the leader and its store cost. Every agent adds one file of its own, every gate passes, nothing
conflicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import (
    AgentFact,
    AgentState,
    Brought,
    Built,
    Candidate,
    CandidateKey,
    Change,
    Collected,
    Diff,
    Edit,
    Foreign,
    GateFact,
    LandedFact,
    LandOutcome,
    LandResult,
    PullRequest,
    PullState,
    PullText,
    Pushed,
    RepositoryFacts,
)
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentRun
from orchestrator.model.train import Landing, PatchLimits, WorkTree
from orchestrator.model.validation import Validation
from orchestrator.ports import RunOrder

BRANCH = "interlock/"


def made_id(*words: str) -> str:
    """Return an id of git's length for what the words name."""
    return hashlib.sha1(" ".join(words).encode()).hexdigest()


class InstantGit:
    """The `Git` port, and what the forge moves."""

    def __init__(self) -> None:
        self.tip = Sha(made_id("start"))
        self.branches: dict[str, Sha] = {}
        self.work: dict[str, Sha] = {}
        self.landed: dict[str, LandedFact] = {}
        self.heads: set[Sha] = set()
        self.built: dict[CandidateKey, Candidate] = {}
        self.merges: dict[Sha, tuple[Sha, ...]] = {}

    def observe(self, base: str, previous: Sha | None) -> RepositoryFacts:
        return RepositoryFacts(
            tip=self.tip,
            tip_tree=self.tree_of(self.tip),
            contains_previous=True,
            landed=dict(self.landed),
            branches=dict(self.branches),
            work=dict(self.work),
            candidates=dict(self.built),
        )

    def tree_of(self, commit: Sha) -> TreeId:
        return TreeId(made_id("tree", commit))

    def paths(self, commit: Sha) -> Sequence[str]:
        return ()

    def diff(self, old: Sha, new: Sha) -> Diff:
        return Diff(())

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        return True

    def astray(self, base: str, tip: Sha, bases: Collection[Sha], heads: Collection[Sha]) -> frozenset[Sha]:
        return frozenset()

    def edits(self, old: Sha, new: Sha, patterns: tuple[str, ...]) -> Sequence[Edit]:
        return ()

    def inputs(self, commit: Sha, patterns: tuple[str, ...]) -> str | None:
        return None

    def build(self, base: Sha, heads: Sequence[Sha], messages: Sequence[str]) -> Candidate:
        commit, brought = base, []
        for head, message in zip(heads, messages, strict=True):
            commit = Sha(made_id("merge", commit, head, message))
            brought.append(Brought(diff=_change(_path_of(message)), commit=commit, tree=self.tree_of(commit)))
        built = Built(commit, self.tree_of(commit), tuple(brought))
        self.built[CandidateKey(base, tuple(heads))] = built
        return built

    def keep(self, ref: str, commit: Sha) -> None:
        self.work[ref.rpartition("/")[2]] = commit

    def forget_candidates(self, keep: Collection[Sha]) -> None:
        self.built = {
            key: found for key, found in self.built.items() if isinstance(found, Built) and found.commit in keep
        }


def _path_of(message: str) -> str:
    name = next(line.partition(": ")[2] for line in message.splitlines() if line.startswith("Interlock-Spec: "))
    return f"src/{name}.txt"


def _change(path: str) -> Diff:
    return Diff((Change(path, "A", "000000", "100644"),), lines=1, size=1)


class InstantForge:
    """The `Forge` port."""

    def __init__(self, git: InstantGit) -> None:
        self._git = git
        self._pulls: dict[str, PullRequest] = {}

    def pulls(self) -> Sequence[PullRequest]:
        return tuple(self._pulls.values())

    def push(self, branch: str, head: Sha, expected: Sha | None) -> Pushed | Foreign:
        self._git.branches[branch.removeprefix(BRANCH)] = head
        return Pushed(head)

    def propose(self, branch: str, base: str, text: PullText) -> PullRequest:
        number = self._pulls[branch].number if branch in self._pulls else len(self._pulls) + 1
        head = self._git.branches[branch.removeprefix(BRANCH)]
        made = PullRequest(number, f"pull:{number}", branch, head, text.title, text.draft, PullState.OPEN)
        self._pulls[branch] = made
        return made

    def amend(self, number: int, *, draft: bool | None = None, close: bool = False, note: str = "") -> None:
        pass

    def work_tree(self, base: str) -> WorkTree | None:
        return None

    def land(self, base: str, landing: Landing) -> LandOutcome:
        git = self._git
        if git.tip != landing.base and git.tip != landing.commit:
            return LandOutcome(LandResult.LOST, "the base is elsewhere")
        git.tip = landing.commit
        for step in landing.steps:
            git.landed[step.spec] = LandedFact(step.commit, step.run, datetime.now(UTC))
            del self._pulls[f"{BRANCH}{step.spec}"]
        return LandOutcome(LandResult.LANDED)


class InstantRuntime:
    """The `AgentRuntime` port: whoever is started has ended."""

    def __init__(self, git: InstantGit) -> None:
        self._git = git
        self._ended: dict[str, AgentFact] = {}

    def start(self, order: RunOrder) -> None:
        now = datetime.now(UTC)
        self._ended[order.run.name] = AgentFact(AgentState.ENDED, started_at=now, ended_at=now, code=0)

    def observe(self) -> Mapping[str, AgentFact]:
        return dict(self._ended)

    def stop(self, run: str) -> None:
        pass

    def collect(self, run: AgentRun, limits: PatchLimits) -> Collected:
        head = Sha(made_id("work", run.name))
        self._git.work[run.name] = head
        return Collected(head, self._git.tree_of(head), _change(f"src/{run.spec.implementation_spec_ref.name}.txt"))

    def discard(self, run: str) -> None:
        self._ended.pop(run, None)

    def sweep(self) -> Sequence[str]:
        return ()

    def containment(self) -> str:
        return "nothing runs"

    def log_path(self, run: str) -> Path | None:
        return None


class InstantGates:
    """The `Gates` port: every gate has passed."""

    def __init__(self) -> None:
        self._known: dict[str, GateFact] = {}

    def environment(self) -> str:
        return "here"

    def start(self, validation: Validation) -> None:
        now = datetime.now(UTC)
        self._known[validation.name] = GateFact(False, GateResult.PASS, started_at=now, ended_at=now)

    def observe(self) -> Mapping[str, GateFact]:
        return dict(self._known)

    def stop(self, validation: str) -> None:
        self._known.pop(validation, None)

    def sweep(self) -> Sequence[str]:
        return ()
