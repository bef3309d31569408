"""A forge made of dictionaries: branches by lease, pull requests, the base branch by compare-and-swap.

The `Forge` port of the simulation. What strangers do to the same repository stands in `people`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.errors import Invalid, Refused
from orchestrator.model.base import Sha
from orchestrator.model.facts import (
    BaseCheckout,
    Foreign,
    LandOutcome,
    LandResult,
    PullRequest,
    PullState,
    PullText,
    Pushed,
)
from orchestrator.model.train import Landing, WorkTree
from tests.sim.repository import Repository


class FakeForge:
    """The `Forge` port over a `Repository`. `bases` remembers which branch each pull request wants to land on."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.requests: dict[int, PullRequest] = {}
        self.notes: dict[int, list[str]] = {}
        self.bases: dict[int, str] = {}
        self.texts: dict[int, PullText] = {}

    def pulls(self) -> Sequence[PullRequest]:
        """Return the pull requests of our branches, newest state, by number."""
        return tuple(self._current(request) for request in self.requests.values())

    def _current(self, request: PullRequest) -> PullRequest:
        if request.state is not PullState.OPEN:
            return request
        refs = self.repository.refs
        head = refs.get(f"refs/heads/{request.branch}", request.head)
        base = refs.get(f"refs/heads/{self.bases[request.number]}")
        if base is not None and self.repository.contains(base, head):
            if not self.repository.contains(base, request.head):
                return replace(request, head=head)  # A branch set back to what the base had merges nothing.
            # Merged once and for all, also if the base is pushed back later.
            request = replace(request, head=head, state=PullState.MERGED)
        elif head != request.head:
            request = replace(request, head=head)
        self.requests[request.number] = request
        return request

    def push(self, branch: str, head: Sha, expected: Sha | None) -> Pushed | Foreign:
        """Move the branch to `head` if it is at `expected` or already at `head`; else say where it is."""
        ref = f"refs/heads/{branch}"
        actual = self.repository.refs.get(ref)
        if actual == head:
            return Pushed(head)
        if actual != expected:
            return Foreign(actual)
        self.repository.point(ref, head)
        return Pushed(head)

    def propose(self, branch: str, base: str, text: PullText) -> PullRequest:
        """Open the branch's pull request, or update the open one."""
        number = next(
            (one.number for one in self.pulls() if one.branch == branch and one.state is PullState.OPEN), None
        )
        if number is None:
            number = len(self.requests) + 1
        head = self.repository.refs.get(f"refs/heads/{branch}")
        if head is None:
            raise Invalid(f"branch {branch} does not exist; push it first")
        self.bases[number] = base
        self.texts[number] = text
        self.requests[number] = PullRequest(
            number, f"https://forge.invalid/pulls/{number}", branch, head, text.title, text.draft, PullState.OPEN
        )
        return self.requests[number]

    def amend(self, number: int, *, draft: bool | None = None, close: bool = False, note: str = "") -> None:
        """Turn the pull request into a draft or back, close it, leave a note."""
        if number not in self.requests:
            raise Invalid(f"there is no pull request {number}")
        request = self._current(self.requests[number])
        if draft is not None and request.state is PullState.OPEN:
            request = replace(request, draft=draft)
        if close and request.state is PullState.OPEN:
            request = replace(request, state=PullState.CLOSED)
        self.requests[number] = request
        if note and note not in self.notes.setdefault(number, []):
            self.notes[number].append(note)

    def work_tree(self, base: str) -> WorkTree | None:
        """Return the checkout that landing on `base` would have to move along."""
        checkout = self.repository.checkout
        return WorkTree(path=checkout.path, index_tree=checkout.index_tree) if checkout is not None else None

    def land(self, base: str, landing: Landing) -> LandOutcome:
        """Advance `base` from `landing.base` to `landing.commit` by compare-and-swap, and the checkout with it."""
        repository = self.repository
        ref = f"refs/heads/{base}"
        tip = repository.refs.get(ref)
        if tip is None:
            return LandOutcome(LandResult.LOST, f"{base} is gone")
        if repository.contains(tip, landing.commit):
            self._move_checkout(tip)
            return LandOutcome(LandResult.LANDED, "it is there already")
        if tip != landing.base:
            return LandOutcome(LandResult.LOST, f"{base} is at {tip}")
        if not repository.contains(landing.commit, landing.base):
            return LandOutcome(LandResult.LOST, f"{landing.commit} is not on top of {landing.base}")
        if repository.commits[landing.commit].tree != landing.tree:
            raise Refused(f"{landing.commit} does not hold the tested tree {landing.tree}")
        at = landing.base
        for step in landing.steps:
            if repository.commits[step.commit].parents != (at, step.head):
                raise Refused(f"{step.commit} does not merge {step.head} onto {at}")
            at = step.commit
        if at != landing.commit:
            raise Refused(f"{landing.commit} is not the last merge of its intent")
        if repository.checkout is not None and repository.checkout.obstacles:
            return LandOutcome(LandResult.OBSTRUCTED, f"not clean: {', '.join(repository.checkout.obstacles)}")
        repository.point(ref, landing.commit)
        self._move_checkout(landing.commit)
        self.pulls()
        return LandOutcome(LandResult.LANDED)

    def _move_checkout(self, tip: Sha) -> None:
        checkout = self.repository.checkout
        if checkout is None or checkout.obstacles:
            return
        tree = self.repository.commits[tip].tree
        if checkout.index_tree != tree:
            self.repository.checkout = BaseCheckout(checkout.path, tree, ())
            self.repository.changes += 1
