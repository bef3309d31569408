"""The world behind Protocols: what `reconcile` and `publish` call and every adapter implements.

Written for the space of backends: the store may be SQLite, an API server or a git ref; an agent a process or a Job; the
forge a folder or GitHub. So: get, list, create-if-absent, update-if-unchanged; agents and gates are start / observe /
stop, never a blocking call; `None` or `False` where losing is normal; a conflict is a value. Errors are those of
`errors`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.model.base import Resource, Sha, TreeId
from orchestrator.model.condition import Reason
from orchestrator.model.event import Event as Event
from orchestrator.model.event import Write as Write
from orchestrator.model.facts import (
    AgentFact,
    Candidate,
    Collected,
    Diff,
    Edit,
    Foreign,
    GateFact,
    LandOutcome,
    PullRequest,
    PullText,
    Pushed,
    RepositoryFacts,
)
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentExit, AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import Landing, PatchLimits, WorkTree
from orchestrator.model.validation import Validation

R = TypeVar("R", bound=Resource)


class Clock(Protocol):
    """Time as a variable."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...


class Cluster(Protocol):
    """The store of objects. `metadata.resourceVersion` is opaque; equal versions mean equal objects.

    `generation` grows when `spec` changes (never for status); `uid`, `creationTimestamp`, `generation` and
    `resourceVersion` are the store's to set. Every returned object is complete and frozen.
    """

    def get(self, kind: type[R], name: str) -> R | None:
        """Return the object or None."""
        ...

    def list(self, kind: type[R]) -> Sequence[R]:
        """Return all objects of the kind in name order. Cheap when nothing changed: parsed objects are kept by
        version."""
        ...

    def create(self, obj: R) -> R | None:
        """Store a new object and return it as stored; None if the name is taken. `generateName` is completed here."""
        ...

    def update(self, obj: R) -> R | None:
        """Replace spec, labels and annotations if the version is still the stored one; None if it is not. Status is
        left alone.

        Writing what is already there changes nothing and returns the stored object.
        """
        ...

    def update_status(
        self, obj: R, *, only_if: Mapping[type[Resource], str] | None = None, beside: Resource | None = None
    ) -> R | None:
        """Replace the status if the version is still the stored one (and the revisions in `only_if` hold, and the
        object `beside` has its version still, too); None if not.

        Writing what is already there changes nothing, not even the version.
        """
        ...

    def delete(self, kind: type[R], name: str, version: str | None = None) -> bool:
        """Remove the object (if it still has that version); return whether it is gone by this call."""
        ...

    def restore(self, objects: Sequence[Resource], events: Sequence[Event] = ()) -> bool:
        """Fill an empty store with objects as another one kept them, status and metadata included, and with its audit
        trail; return whether it was empty. All or nothing. Versions and sequences are given anew, in the old order.
        """
        ...

    def revision(self, kind: type[Resource]) -> str:
        """Return a value that changes whenever any object of the kind is created, deleted or has its spec, labels
        or annotations changed.

        Status writes do not change it. It may come again, but only with the very same objects.
        """
        ...

    def record(self, event: Event) -> None:
        """Append to the audit trail."""
        ...

    def events(self, name: str | None = None, limit: int = 1000) -> Sequence[Event]:
        """Return the newest `limit` events, oldest first, of one object name or of all."""
        ...

    def changed_since(self, mark: str) -> bool:
        """Return whether anything was written since `mark` (a value of `mark()`), by anybody."""
        ...

    def mark(self) -> str:
        """Return the present point in the store's history."""
        ...

    def close(self) -> None:
        """Let go of files and connections; twice is once. Nothing is lost without it, nothing may be asked after it."""
        ...


class History(Protocol):
    """What a store remembers of its own writes. For people and for repair: bounded, and nothing is decided from it."""

    def history(self, name: str | None = None, limit: int = 1000) -> Sequence[Write]:
        """Return the newest `limit` writes, oldest first, of one object name or of all."""
        ...


class Git(Protocol):
    """The repository's objects and our own refs. Opaque ids in, opaque ids out. Never touches a work tree or a
    user's branch."""

    def observe(self, base: str, previous: Sha | None) -> RepositoryFacts:
        """Return the base branch and our refs as they are now.

        Raises Unusable if the branch does not exist or the repository cannot be read.
        """
        ...

    def tree_of(self, commit: Sha) -> TreeId:
        """Return the tree of a commit."""
        ...

    def paths(self, commit: Sha) -> Sequence[str]:
        """Return every path of the commit's tree, in order. Bytes that are not UTF-8 come surrogate-escaped."""
        ...

    def inputs(self, commit: Sha, patterns: tuple[str, ...]) -> str | None:
        """Return a digest of what the commit's tree holds in these globs (path, mode and blob of each file, in order);
        None where that is nothing.

        Files that say how others are checked out count as well, wherever they lie.
        """
        ...

    def diff(self, old: Sha, new: Sha) -> Diff:
        """Return the raw difference of two commits' trees, renames split, modes and symlink targets included."""
        ...

    def edits(self, old: Sha, new: Sha, patterns: tuple[str, ...]) -> Sequence[Edit]:
        """Return what files in these globs say in both trees, of those that differ; renames come as two."""
        ...

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`."""
        ...

    def astray(self, base: str, tip: Sha, bases: Collection[Sha], heads: Collection[Sha]) -> frozenset[Sha]:
        """Return those of the bases that are not in the history of `tip`, and those of the heads whose history holds
        one of them. Cheap when nothing changed; an unknown commit is in no history.

        Nothing where the branch is not at `tip` now: who asks knows of bases that are younger than their look at it.
        """
        ...

    def build(self, base: Sha, heads: Sequence[Sha], messages: Sequence[str]) -> Candidate:
        """Merge the heads onto the base one by one, each as a two-parent commit with its message, and keep the
        result under a candidate ref.

        The same arguments give the same commit id, in any process. A conflict is a value.
        """
        ...

    def keep(self, ref: str, commit: Sha) -> None:
        """Make `ref` (under `refs/interlock/`) point to the commit."""
        ...

    def forget_candidates(self, keep: Collection[Sha]) -> None:
        """Delete candidate refs that point to none of these commits."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A workspace that is ready. `start` is the commit its HEAD is at (the given one, or its merge with the base)."""

    start: Sha
    conflicts: tuple[str, ...] = ()
    """Paths with conflict markers: the merge with the base is under way in the workspace (MERGE_HEAD is set)."""


@dataclass(frozen=True, slots=True)
class Work:
    """What was fetched out of a workspace. `head == start` where nothing changed; None where nothing could be
    fetched."""

    head: Sha | None
    tree: TreeId | None
    descends: bool = True
    trouble: Reason | None = None
    message: str = ""
    unresolved: tuple[str, ...] = ()


class Workspaces(Protocol):
    """Private clones that borrow the repository's objects. What an agent did inside is never trusted: its
    configuration,
    hooks, filters and alternates are not used when its work is fetched."""

    def prepare(self, folder: Path, start: Sha, base: Sha, branch: str) -> Prepared:
        """Make a private clone in `folder` (absent or left over from a crash) on `branch` at `start`, brought up to
        date with `base`.

        Where `start` lacks `base`, they are merged: cleanly into a merge commit, else with conflict markers and
        MERGE_HEAD.
        """
        ...

    def checkout(self, folder: Path, commit: Sha) -> None:
        """Make a private clone in `folder` with a detached HEAD at exactly this commit's tree. For gates."""
        ...

    def fetch(self, folder: Path, *, start: Sha, ref: str, message: str, limits: PatchLimits) -> Work:
        """Commit what the workspace left uncommitted (git's ignore rules apply), fetch it, and keep it under `ref`
        in the repository.

        Nothing larger than the limits enters the repository; a destroyed or hostile workspace is `trouble`, not an
        exception.
        """
        ...

    def discard(self, folder: Path) -> None:
        """Remove the clone, whatever its modes."""
        ...


class Forge(Protocol):
    """Branches, pull requests and the base branch itself, on the user's side."""

    def pulls(self) -> Sequence[PullRequest]:
        """Return the pull requests of our branches, newest state, by number."""
        ...

    def push(self, branch: str, head: Sha, expected: Sha | None) -> Pushed | Foreign:
        """Move the branch to `head` if it is at `expected` (None: absent) or already at `head`; else say where it
        is."""
        ...

    def propose(self, branch: str, base: str, text: PullText) -> PullRequest:
        """Open the branch's pull request, or update the open one; found by head before it is opened."""
        ...

    def amend(self, number: int, *, draft: bool | None = None, close: bool = False, note: str = "") -> None:
        """Turn the pull request into a draft or back, close it, leave a note. Doing it twice is doing it once."""
        ...

    def work_tree(self, base: str) -> WorkTree | None:
        """Return the checkout that landing on `base` would have to move along, for the landing intent."""
        ...

    def land(self, base: str, landing: Landing) -> LandOutcome:
        """Advance `base` from `landing.base` to `landing.commit` by compare-and-swap, and what is checked out with it.

        Called again after a crash it finishes what it began. `lost`: the base is elsewhere and does not hold the
        commit;
        `obstructed`: the checkout is not clean; nothing moved in either case.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunOrder:
    """Everything a runtime needs to start one agent."""

    run: AgentRun
    spec: ImplementationSpec
    provider: AgentProvider


class AgentRuntime(Protocol):
    """Agents as contained process trees (or Jobs). Local ones die with the leader; `observe` then no longer knows
    them."""

    def start(self, order: RunOrder) -> None:
        """Prepare the workspace, write run.json and prompt.md, start the agent. A second start of a known run does
        nothing.

        Raises Refused where the provider cannot be run as asked, Transient where the machine is at fault.
        """
        ...

    def observe(self) -> Mapping[str, AgentFact]:
        """Return every agent this runtime knows, by run name, until it is discarded."""
        ...

    def stop(self, run: str) -> None:
        """Begin to end the whole tree: TERM, then KILL. Unknown runs are fine."""
        ...

    def collect(self, run: AgentRun, limits: PatchLimits) -> Collected:
        """Checkpoint and fetch the work of an ended (or stopped) agent, from its workspace on disk even if it is
        unknown here.

        May be called again with the same result. The run's ref is `refs/interlock/runs/<run>`.
        """
        ...

    def discard(self, run: str) -> None:
        """Remove the workspace and forget the run. The log stays."""
        ...

    def sweep(self) -> Sequence[str]:
        """End every process a dead predecessor left and return the runs they belonged to. For a new leader, once."""
        ...

    def containment(self) -> str:
        """Return one plain sentence: what is contained and what is not."""
        ...

    def log_path(self, run: str) -> Path | None:
        """Return where the run's output is, if there is any."""
        ...


class Gates(Protocol):
    """Gates as contained process trees on exactly one tree each."""

    def environment(self) -> str:
        """Return the digest of what a verdict depends on beside tree and gate."""
        ...

    def start(self, validation: Validation) -> None:
        """Check the tree out in a workspace of its own and start the command. A second start of a running one does
        nothing."""
        ...

    def observe(self) -> Mapping[str, GateFact]:
        """Return every gate run this adapter knows, by validation name, until it is stopped."""
        ...

    def stop(self, validation: str) -> None:
        """End it if it runs, remove its workspace, forget it."""
        ...

    def sweep(self) -> Sequence[str]:
        """End every process a dead predecessor left. For a new leader, once."""
        ...


@dataclass(frozen=True, slots=True)
class Invocation:
    """How to start one agent: argv (element 0 is a program), what is added to the environment, what goes to its
    input."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None


class Agent(Protocol):
    """One agent program family (`command`, later codex, claude, opencode)."""

    def invocation(self, order: RunOrder, home: Path, workspace: Path) -> Invocation:
        """Return how to start it. Raises Refused where the provider asks for what this adapter does not have."""
        ...

    def verdict(self, exit: AgentExit, log_tail: str) -> AgentExit:
        """Return the exit the protocol means: for `command` the one given; thin adapters translate."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """The branch is at the head and the pull request says so."""

    pull: PullRequest


class Publisher(Protocol):
    """Trusted code that moves branches and opens pull requests; it executes nothing from the repository."""

    def publish(self, run: AgentRun, *, base_branch: str, expected: Sha | None, text: PullText) -> Published | Foreign:
        """Move `interlock/<spec>` to the run's head by lease and open or update the pull request."""
        ...
