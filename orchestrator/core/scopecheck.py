"""The check of what a merge changes, by the train: the last of the five of DESIGN §3, and the one nothing lands around.

The publisher's check was of the run's diff against its own base. Between that and landing the base moves, files on it
are renamed (and a merge follows them), lanes change, others land what differs only by case. So the train holds the
difference between the tip and the candidate against the claim as it is now. Pure; `trial` asks.
"""

from orchestrator.core.board import Board, Item
from orchestrator.core.policy import WHOLE_CHANGE, judge
from orchestrator.model.action import ScopePolicy
from orchestrator.model.facts import Breach, Brought
from orchestrator.model.run import AgentRun, ScopeVerdict


def policy(board: Board, paths: tuple[str, ...]) -> ScopePolicy:
    """Return what a change that may write these paths is held against, by the lanes and limits as they are now."""
    return ScopePolicy(
        paths=paths,
        generated=board.lanes.generated,
        protected=board.lanes.protected,
        approved_protected=True,
        limits=board.train.spec.patch,
        guardrails=board.train.spec.guardrails,
    )


def merge_verdict(board: Board, item: Item, brought: Brought) -> ScopeVerdict:
    """Return whether what merging the item's head changed lies inside its claim. Without a claim nothing does."""
    claimed = item.claim.paths if item.claim is not None else ()
    return judge(brought.diff, brought.beside, policy(board, claimed), _breaches(board, brought))


def _breaches(board: Board, brought: Brought) -> tuple[Breach, ...]:
    """Return what the train's guardrails refuse in the merge. One that nobody looked at is refused."""
    if not board.train.spec.guardrails:
        return ()
    found = board.facts.breaches.get(brought.commit) if brought.commit is not None else None
    return (Breach(WHOLE_CHANGE, 0, "nobody held it against the guardrails"),) if found is None else found


def outdated(board: Board, run: AgentRun, brought: Brought) -> tuple[str, ...]:
    """Return the generated files that merging the run's head left as text of two sides: they have to be made anew."""
    if not board.lanes.generated or not brought.meanwhile:
        return ()
    written = (one.path for one in run.status.changed_files)
    mine = dict.fromkeys((*written, *(one.path for one in brought.diff.changes)))
    return board.lanes.outdated(mine, brought.meanwhile)
