"""Advancing the base branch on this machine: compare-and-swap first, then the work trees that have it checked out.

The ref is the landing; the work trees only follow. So a kill at any point leaves one of two states, told apart by the
ref alone: not landed, or landed with work trees still to move. Called again, `land` does what is left.
"""

from orchestrator.adapters.forge_local.repository import Checkouts, Repository
from orchestrator.errors import Refused, Transient
from orchestrator.model.base import Sha
from orchestrator.model.facts import LandOutcome, LandResult
from orchestrator.model.train import Landing

_NAMED_MAX = 5
_SHORT = 12


def land(repository: Repository, checkouts: Checkouts, base: str, landing: Landing) -> LandOutcome:
    """Advance `base` from `landing.base` to `landing.commit`, and what is checked out with it; say what became of it.

    Raises Refused for a commit whose tree is not the tested one, and for one that brings anything but the merges the
    intent names.
    """
    ref = f"refs/heads/{base}"
    tip = repository.ref(ref)
    if tip == landing.base:
        if not repository.contains(landing.commit, landing.base):
            return LandOutcome(LandResult.LOST, f"{landing.commit} is not there, or not on top of {landing.base}")
        if repository.tree_of(landing.commit) != landing.tree:
            raise Refused(f"{landing.commit} does not hold the tested tree {landing.tree}; it was not landed")
        strange = _strange(repository, landing)
        if strange is not None:
            raise Refused(f"{strange}; it was not landed")
        obstacles = checkouts.in_the_way(base, landing.base, landing.commit)
        if obstacles:
            return LandOutcome(LandResult.OBSTRUCTED, f"the checkout of {base} is not clean: {_named(obstacles)}")
        try:
            moved = repository.move(ref, landing.commit, landing.base)
        except Transient as trouble:
            return LandOutcome(LandResult.UNKNOWN, str(trouble))
        tip = landing.commit if moved else repository.ref(ref)
    return _settled(repository, checkouts, base, landing, tip)


def _strange(repository: Repository, landing: Landing) -> str | None:
    """Return what is on the way from the tested base to the tested commit and no merge of the intent; None if nothing.

    That the commit contains the base is not enough: whatever else lies between would land with it, untested by name.
    """
    at = landing.base
    for step in landing.steps:
        parents = tuple(repository.parents(step.commit))
        if parents != (at, step.head):
            found = " and ".join(parent[:_SHORT] for parent in parents) or "nothing"
            return f"{step.commit} is a merge of {found}, not of {at[:_SHORT]} and the head {step.head} of {step.spec}"
        at = step.commit
    return None if at == landing.commit else f"{landing.commit} is not the last merge of its intent, {at}"


def _settled(repository: Repository, checkouts: Checkouts, base: str, landing: Landing, tip: Sha | None) -> LandOutcome:
    """Return what the base says now, with the work trees moved along if it holds the commit."""
    if tip is None or not repository.contains(tip, landing.commit):
        return LandOutcome(LandResult.LOST, f"{base} is at {tip}, which does not hold {landing.commit}")
    left = checkouts.follow(base, landing.base, tip)
    if not left:
        return LandOutcome(LandResult.LANDED)
    words = f"{base} holds {landing.commit}, but its checkout could not follow: {_named(left)}"
    checkout = checkouts.facts(base, tip)
    # While its index is the old base's, whoever commits there would take the landing back: not over until it moved.
    behind = checkout is not None and checkout.index_tree == repository.tree_of(landing.base)
    return LandOutcome(LandResult.UNKNOWN if behind else LandResult.LANDED, words)


def _named(paths: tuple[str, ...]) -> str:
    more = len(paths) - _NAMED_MAX
    return ", ".join(paths[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
