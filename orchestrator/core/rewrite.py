"""What a rewrite of the base makes of open work: whatever stands on a commit that was taken out starts again.

Merged with the base as it is now, such work would bring back what somebody removed: it would be blamed for files it
never touched, or, where they lie in its scope, undo the rewrite without a word. `settle` and `train` ask here; the
freeze itself is `freeze`'s. No attempt is spent, and each sending back takes a rewrite and a person who lets the train
go, so there is no limit to count.
"""

from collections.abc import Iterable

from orchestrator.core.board import Board, Item, is_astray, superseded
from orchestrator.core.freeze import is_moved_back
from orchestrator.core.trial import Rejected
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import RepositoryFacts
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain


def began_on(
    train: MergeTrain, specs: Iterable[ImplementationSpec], runs: Iterable[AgentRun], facts: RepositoryFacts
) -> tuple[frozenset[Sha], frozenset[Sha]]:
    """Return what the base was when the runs of open items began, and the commits an attempt may go on from."""
    open_items = {spec.name for spec in specs if spec.spec.train == train.name and spec.name not in facts.landed}
    bases: set[Sha] = set()
    heads: set[Sha] = set()
    for run in runs:
        if run.spec.implementation_spec_ref.name in open_items and run.status.phase is not RunPhase.LANDED:
            bases.add(run.spec.base)
            heads.add(run.spec.start)
            if run.status.head is not None:
                heads.add(run.status.head)
    return frozenset(bases - {facts.tip}), frozenset(heads.union(facts.branches.values()) - {facts.tip})


def sent_back(board: Board, item: Item, run: AgentRun) -> Reason | None:
    """Return why the attempt counts for nothing any more, be it that the base was rewritten; None while it does.

    Until a person lets the train go, the rewrite may be an accident, and work on what was there is kept.
    """
    over = superseded(item, run)
    if over is None and is_astray(run, board.facts) and not is_moved_back(board):
        return Reason.BASE_REWRITTEN
    return over


def brought_back(board: Board, run: AgentRun) -> Rejected | None:
    """Return that the agent merged what was taken out of the base before it began; None where it did not."""
    head = run.status.head
    if head not in board.facts.astray or is_astray(run, board.facts):
        return None
    said = "its head brings back a commit that was taken out of the base; commit on top of the start alone"
    return Rejected(FailureClass.AGENT_ERROR, said, (Evidence(gate="base", result="rewritten", output=said),))
