"""What the world looks like outside the store: commits, branches, pull requests, processes. Values the ports answer
with.

Facts are observed, never decided. Trees and commits are opaque ids here: the simulator's are not git's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import Reason
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentResult, ScopeRequest


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a raw diff, renames split in two. Modes are git's octal strings, `000000` where the path is
    absent."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    link_target: str | None = None
    """Where a symlink on the new side points."""


@dataclass(frozen=True, slots=True)
class Diff:
    """All that differs between two trees. `lines` counts added and deleted ones, `size` the bytes of new blobs."""

    changes: tuple[Change, ...]
    lines: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """One file that differs between two trees, with what it says in both; None where there is no file of text."""

    path: str
    old: str | None
    new: str | None
    unreadable: str = ""
    """Why what it says now is not here, although something is there."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing a guardrail refuses in a change: where, and why. `line` is one of the old file where it was removed."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What merging one head changed in the tree it was merged into: more, or elsewhere, than the head itself changed,
    where the base moved or renamed files meanwhile."""

    diff: Diff
    beside: tuple[str, ...] = ()
    """Paths that were there and that an added one could collide with; one for each spelling."""
    meanwhile: tuple[str, ...] = ()
    """Paths that differ between the tree it was merged into and where the head left its history."""
    commit: Sha | None = None
    """The merge commit that this head made: of the last one the candidate's own."""
    message: str | None = None
    """What that commit says; None where nobody has read it."""
    tree: TreeId | None = None
    """The tree of that commit; None where nobody has read it."""


@dataclass(frozen=True, slots=True)
class Built:
    """A merge commit made by plumbing, kept under a candidate ref."""

    commit: Sha
    tree: TreeId
    brought: tuple[Brought, ...] = ()
    """One for each head, in order."""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """The merge cannot be made without choosing a side in these paths."""

    paths: tuple[str, ...]
    output: str = ""
    """What the merge said, for the next attempt."""
    merged: int = 0
    """How many heads could be merged before the one that could not."""


Candidate = Built | Conflicted


@dataclass(frozen=True, slots=True)
class CandidateKey:
    """What a candidate is made of: heads merged in this order onto a base. The commit id is a function of it."""

    base: Sha
    heads: tuple[Sha, ...]


@dataclass(frozen=True, slots=True)
class LandedFact:
    """A first-parent merge of the base that names a spec in its trailer."""

    commit: Sha
    run: str
    at: datetime
    tested: str = ""
    """Which gates went by a verdict on another tree with the same inputs; empty where all ran on exactly this one."""


@dataclass(frozen=True, slots=True)
class BaseCheckout:
    """The work tree the base branch is checked out in. `obstacles` are paths that keep it from being fast-forwarded."""

    path: str
    index_tree: TreeId
    obstacles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commits:
    """Some commits of a range: how many there are, and the first of them, newest first, in a line each."""

    total: int
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a base that does not contain its previous tip lost, and what came instead."""

    lost: Commits
    added: Commits


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """One base branch and everything of ours around it."""

    tip: Sha
    tip_tree: TreeId
    contains_previous: bool
    """Whether `tip` has the tip that was asked about in its history; true where none was."""
    rewrite: Rewrite | None = None
    """What became of the history where it has not; None too where the previous tip is not known here any more."""
    landed: Mapping[str, LandedFact] = field(default_factory=dict)
    branches: Mapping[str, Sha] = field(default_factory=dict)
    """Heads of `interlock/<spec>`, by spec."""
    work: Mapping[str, Sha] = field(default_factory=dict)
    """Heads of `refs/interlock/runs/<run>`, by run."""
    candidates: Mapping[CandidateKey, Candidate] = field(default_factory=dict)
    astray: frozenset[Sha] = frozenset()
    """Of the commits that runs of open items began on, left, or may begin on: those whose history holds what was the
    base once and is not in it any more."""
    checkout: BaseCheckout | None = None
    floored: tuple[tuple[str, ...], ...] = ()
    """For each floor of the train, the files of the tip that lie in it."""
    inputs: Mapping[tuple[Sha, tuple[str, ...]], str] = field(default_factory=dict)
    """The digest of what a commit holds in the declared inputs of a gate; absent where it holds nothing there."""
    breaches: Mapping[Sha, tuple[Breach, ...]] = field(default_factory=dict)
    """What the train's guardrails refuse in the merge that a candidate's commit is; absent where nobody looked."""
    touches: Mapping[Sha, frozenset[str]] = field(default_factory=dict)
    """Names of what proposed heads may change the verdict of; a head that is absent may change every verdict."""
    chances: Mapping[Sha, float] = field(default_factory=dict)
    """How likely proposed heads pass, where somebody estimates that; for others what became of earlier ones tells."""


class PullState(StrEnum):
    """Whether a pull request still wants to land."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request of ours."""

    number: int
    url: str
    branch: str
    """Without `refs/heads/`: `interlock/<spec>`."""
    head: Sha
    title: str
    draft: bool
    state: PullState


@dataclass(frozen=True, slots=True)
class PullText:
    """What a pull request says."""

    title: str
    body: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """The branch is at the wanted head now (or was already)."""

    head: Sha


@dataclass(frozen=True, slots=True)
class Foreign:
    """The branch was not where we left it: somebody else pushed. Nothing was moved."""

    actual: Sha | None


class LandResult(StrEnum):
    """What became of a landing. `unknown` is re-read, never repeated blindly."""

    LANDED = "landed"
    LOST = "lost"
    UNKNOWN = "unknown"
    OBSTRUCTED = "obstructed"


@dataclass(frozen=True, slots=True)
class LandOutcome:
    """The forge's answer, with the reason in words."""

    result: LandResult
    message: str = ""


class AgentState(StrEnum):
    """What the runtime knows of an agent's process."""

    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class AgentFact:
    """One agent the runtime knows. `code` or `signal` where it ended; neither and `lost` where nobody saw the end."""

    state: AgentState
    started_at: datetime | None = None
    ended_at: datetime | None = None
    code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    failed_start: str = ""
    """Why the program could not be started, if it could not."""
    infra: str = ""
    """What the machine did wrong, if it did."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the harness found after an agent ended: its work, kept under a ref, and its own words.

    `head` is None where nothing could be fetched; `trouble` says why. `head == start` where it changed nothing.
    """

    head: Sha | None
    tree: TreeId | None
    diff: Diff
    """Against the run's base."""
    descends: bool = True
    """Whether `head` has the run's start in its history."""
    result: AgentResult | None = None
    scope_request: ScopeRequest | None = None
    trouble: Reason | None = None
    message: str = ""
    unresolved: tuple[str, ...] = ()
    """Paths that still hold conflict markers of the merge the run was started with."""
    log_tail: str = ""
    """The last part of what the agent printed, bounded and masked: evidence for the next attempt."""


@dataclass(frozen=True, slots=True)
class GateFact:
    """One gate run the adapter knows: running, or over with a result; over without one means the harness was lost."""

    running: bool
    result: GateResult | None = None
    signature: str = ""
    output: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
