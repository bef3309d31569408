"""Everything one tick decides on: the store's objects and the facts around them. `decide` needs nothing it must
fetch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.decision import Decision
from orchestrator.model.facts import AgentFact, GateFact, PullRequest, RepositoryFacts
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at the world. Objects come in name order; mappings are keyed by object name."""

    leader: str
    """This leader's incarnation: a restarted leader has another one."""
    term: int = field(default=0, kw_only=True)
    """Which leader in a row this is, where several may follow each other; 0 where a lock sees to it."""
    environment: str
    """Digest of the environment gates run in."""
    agents_max: int
    """Agents running at once, over all lanes."""
    containment: str = ""
    """What contains agents here and what does not, in one plain sentence."""
    lanes: tuple[Lane, ...] = ()
    specs: tuple[ImplementationSpec, ...] = ()
    runs: tuple[AgentRun, ...] = ()
    providers: tuple[AgentProvider, ...] = ()
    trains: tuple[MergeTrain, ...] = ()
    decisions: tuple[Decision, ...] = ()
    validations: tuple[Validation, ...] = ()
    specs_revision: str = ""
    """Changes whenever any spec is added, changed or removed: a landing intent is written only if it is still this."""
    decisions_revision: str = ""
    """Changes whenever a word is said or taken away."""
    repositories: Mapping[str, RepositoryFacts] = field(default_factory=dict)
    """By train."""
    pulls: Mapping[str, tuple[PullRequest, ...]] = field(default_factory=dict)
    """By train."""
    agents: Mapping[str, AgentFact] = field(default_factory=dict)
    """By run."""
    gates: Mapping[str, GateFact] = field(default_factory=dict)
    """By validation."""
    backoff: Mapping[str, float] = field(default_factory=dict)
    """Seconds a key (`Kind/name`) still has to wait after transient trouble; only what is over zero."""
