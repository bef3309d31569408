"""The table of kinds: how a word on the command line or in a file names a model."""

from orchestrator.model.base import Resource
from orchestrator.model.decision import Decision
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.roadmap import Roadmap
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation

KINDS: tuple[type[Resource], ...] = (
    Roadmap,
    Lane,
    ImplementationSpec,
    AgentRun,
    AgentProvider,
    MergeTrain,
    Decision,
    Validation,
)
BY_KIND: dict[str, type[Resource]] = {kind.KIND: kind for kind in KINDS}


def resolve(word: str) -> type[Resource] | None:
    """Return the kind a person means by `word`: its kind, plural or a short name in any case; None if nobody is
    called so."""
    wanted = word.lower()
    for kind in KINDS:
        if wanted in {kind.KIND.lower(), kind.PLURAL, *kind.SHORT}:
            return kind
    return None
