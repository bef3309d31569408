"""What a tick decides: effects as data. The executor carries each out without asking whether it is wise.

Every action is idempotent or guarded by the version it was decided on, so a crash before or after any of them is safe.
"""

from dataclasses import dataclass

from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.decision import Decision
from orchestrator.model.facts import AgentFact, PullText
from orchestrator.model.guardrail import Guardrail
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import Landing, MergeTrain, PatchLimits
from orchestrator.model.validation import Validation


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object unless its name is taken. The intent of whatever follows from it."""

    object: AgentRun | Validation | ImplementationSpec


@dataclass(frozen=True, slots=True)
class OnlyIf:
    """What a write stands on besides the version of its own object: revisions that must still be the store's.

    None where it does not matter.
    """

    specs: str | None = None
    decisions: str | None = None


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Write an object's status if its version is still the one decided on; a lost race is decided anew."""

    object: AgentRun | Validation | ImplementationSpec | MergeTrain | Decision
    event: str = ""
    """The reason of the event to record beside it; empty for none."""
    message: str = ""
    only_if: OnlyIf = OnlyIf()


@dataclass(frozen=True, slots=True)
class StartAgent:
    """Write the run's status, `Running` under this leader, then prepare its workspace and start its agent.

    The status is the intent: a leader that finds it and no process knows that its predecessor died in between. It is
    written only if the train's record, which holds the claim, is still the one decided on.
    """

    run: AgentRun
    spec: ImplementationSpec
    provider: AgentProvider
    train: MergeTrain


@dataclass(frozen=True, slots=True)
class StopAgent:
    """End the run's whole process tree."""

    run: str


@dataclass(frozen=True, slots=True)
class ScopePolicy:
    """What one run's diff is held against."""

    paths: tuple[str, ...]
    generated: tuple[str, ...]
    protected: tuple[str, ...]
    approved_protected: bool
    limits: PatchLimits
    guardrails: tuple[Guardrail, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectWork:
    """Checkpoint and fetch the work of an ended agent, check its diff, and store what was found in the run's status."""

    run: AgentRun
    policy: ScopePolicy
    fact: AgentFact | None
    """How the process ended; None where it died with a predecessor."""
    superseded: Reason | None = None
    """Why the attempt counts for nothing, if it was ended for that."""


@dataclass(frozen=True, slots=True)
class DiscardWorkspace:
    """Remove a run's workspace; its work is under a ref and recorded."""

    run: AgentRun


@dataclass(frozen=True, slots=True)
class StartGate:
    """Write the validation's status, `Running` under this leader, then start its gate on its tree."""

    validation: Validation


@dataclass(frozen=True, slots=True)
class StopGate:
    """End a gate nobody needs any more and forget its workspace."""

    validation: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Move the item's branch to the run's head by lease, open or update its pull request, store both in the run's
    status."""

    run: AgentRun
    base_branch: str
    expected: Sha | None
    """Where we left the branch; None if it must not exist."""
    text: PullText


@dataclass(frozen=True, slots=True)
class KeepForeign:
    """Keep a head that somebody else pushed to an item's branch under a ref of its own."""

    spec: str
    head: Sha


@dataclass(frozen=True, slots=True)
class DraftPull:
    """Turn an item's pull request into a draft (or back), saying why."""

    number: int
    draft: bool
    note: str


@dataclass(frozen=True, slots=True)
class ClosePull:
    """Close an item's pull request, saying why. The branch stays."""

    number: int
    note: str


@dataclass(frozen=True, slots=True)
class BuildCandidate:
    """Merge heads onto a base by plumbing; the next snapshot shows the tree or the conflict."""

    base: Sha
    heads: tuple[Sha, ...]
    messages: tuple[str, ...]
    """One per head: the merge commit's message with its trailers."""


@dataclass(frozen=True, slots=True)
class Land:
    """Write the train's status with the intent to land, then advance the base to the tested commit by compare-and-swap.

    Found again after a crash, the same action finishes what was begun.
    """

    train: MergeTrain
    landing: Landing
    only_if: OnlyIf | None = None
    """Refuse the intent unless these are still the revisions; None where it is written already."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop candidate refs that no entry needs any more; keep these."""

    train: str
    keep: frozenset[Sha]


Action = (
    Create
    | WriteStatus
    | StartAgent
    | StopAgent
    | CollectWork
    | DiscardWorkspace
    | StartGate
    | StopGate
    | Publish
    | KeepForeign
    | DraftPull
    | ClosePull
    | BuildCandidate
    | Land
    | Forget
)
