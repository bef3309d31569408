"""What every `Forge` promises, sentence by sentence of the port; an adapter's tests inherit it, giving `world`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pytest

from orchestrator.errors import Invalid, Refused
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import Built, Foreign, LandResult, PullRequest, PullState, PullText, Pushed
from orchestrator.model.train import Landing, Member
from orchestrator.ports import Forge, Git

BRANCH = "interlock/spec-a"
REF = f"refs/heads/{BRANCH}"


class ForgeWorld(Protocol):
    """What the suite needs beside the port: somebody who makes commits and moves refs as strangers do."""

    forge: Forge
    git: Git
    root: Sha
    """The first commit, where `main` begins."""

    def commit(self, *parents: Sha, files: Mapping[str, Any] | None = None, message: str = "") -> Sha:
        """Store a commit: the first parent's tree with these paths changed (None removes one)."""
        ...

    def set_ref(self, ref: str, commit: Sha | None) -> None:
        """Move any ref anywhere, or delete it."""
        ...

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        ...

    def landing(self, spec: str, head: Sha, commit: Sha, base: Sha) -> Landing:
        """Return the intent to land a candidate on `base`."""
        ...

    def open(self) -> None:
        """Make the adapters anew, as a restarted process does."""
        ...


def only(pulls: object) -> PullRequest:
    """Return the one pull request there is."""
    (pull,) = pulls  # type: ignore[misc]
    return pull


class ForgeSuite:
    """The promises."""

    @pytest.fixture
    def world(self) -> ForgeWorld:
        raise NotImplementedError

    @pytest.fixture
    def head(self, world: ForgeWorld) -> Sha:
        return world.commit(world.root, files={"a": "1\n"})

    def proposed(self, world: ForgeWorld, head: Sha, title: str = "Do it") -> PullRequest:
        """Return the pull request of a head that was just pushed."""
        assert isinstance(world.forge.push(BRANCH, head, None), Pushed)
        return world.forge.propose(BRANCH, "main", PullText(title, "Why."))

    def candidate(self, world: ForgeWorld, base: Sha, head: Sha) -> Landing:
        """Return the intent to land a head's merge onto `base`."""
        built = world.git.build(base, [head], ["Land spec-a\n\nInterlock-Spec: spec-a\nInterlock-Run: spec-a-1\n"])
        assert isinstance(built, Built)
        return world.landing("spec-a", head, built.commit, base)

    def batch(self, world: ForgeWorld, *heads: Sha) -> Landing:
        """Return the intent to land heads together, of `spec-a`, `spec-b` and so on."""
        names = [f"spec-{letter}" for letter in "abcdef"[: len(heads)]]
        messages = [f"Land {name}\n\nInterlock-Spec: {name}\nInterlock-Run: {name}-1\n" for name in names]
        built = world.git.build(world.root, heads, messages)
        assert isinstance(built, Built)
        members = tuple(
            Member(spec=name, run=f"{name}-1", head=head, commit=one.commit or Sha(""))
            for name, head, one in zip(names, heads, built.brought, strict=True)
        )
        alone = world.landing(names[-1], heads[-1], built.commit, world.root)
        return alone.model_copy(update={"members": members})

    def test_a_branch_is_pushed_by_lease(self, world: ForgeWorld, head: Sha) -> None:
        later = world.commit(head, files={"b": "1\n"})
        assert world.forge.push(BRANCH, head, None) == Pushed(head)
        assert world.forge.push(BRANCH, later, head) == Pushed(later)
        assert world.ref(REF) == later

    def test_pushing_again_what_is_there_is_fine(self, world: ForgeWorld, head: Sha) -> None:
        for expected in (None, None, world.root):
            assert world.forge.push(BRANCH, head, expected) == Pushed(head)

    def test_a_branch_somebody_else_moved_is_not_touched(self, world: ForgeWorld, head: Sha) -> None:
        foreign = world.commit(world.root, files={"f": "1\n"})
        world.set_ref(REF, foreign)
        assert world.forge.push(BRANCH, head, None) == Foreign(foreign)
        assert world.forge.push(BRANCH, head, world.root) == Foreign(foreign)
        assert world.ref(REF) == foreign

    def test_a_branch_somebody_else_removed_is_not_made_anew(self, world: ForgeWorld, head: Sha) -> None:
        assert world.forge.push(BRANCH, head, world.root) == Foreign(None)
        assert world.ref(REF) is None

    def test_a_proposal_opens_one_pull_request(self, world: ForgeWorld, head: Sha) -> None:
        pull = self.proposed(world, head)
        assert (pull.branch, pull.head, pull.title, pull.draft, pull.state) == (
            BRANCH,
            head,
            "Do it",
            False,
            PullState.OPEN,
        )
        assert pull.url
        assert only(world.forge.pulls()) == pull

    def test_proposing_again_updates_the_open_one(self, world: ForgeWorld, head: Sha) -> None:
        first = self.proposed(world, head)
        world.forge.amend(first.number, draft=True)
        later = world.commit(head, files={"b": "1\n"})
        world.forge.push(BRANCH, later, head)
        world.open()
        second = world.forge.propose(BRANCH, "main", PullText("Do it well", "Because."))
        assert (second.number, second.head, second.title, second.draft) == (first.number, later, "Do it well", False)
        assert only(world.forge.pulls()) == second

    def test_a_pull_request_follows_its_branch(self, world: ForgeWorld, head: Sha) -> None:
        self.proposed(world, head)
        foreign = world.commit(head, files={"f": "1\n"})
        world.set_ref(REF, foreign)
        assert only(world.forge.pulls()).head == foreign

    def test_without_the_branch_there_is_nothing_to_propose(self, world: ForgeWorld) -> None:
        with pytest.raises(Invalid, match="spec-a"):
            world.forge.propose(BRANCH, "main", PullText("t", "b"))

    def test_pull_requests_come_by_number_and_survive_a_restart(self, world: ForgeWorld, head: Sha) -> None:
        for name in ("b", "a", "c"):
            world.forge.push(f"interlock/{name}", head, None)
            world.forge.propose(f"interlock/{name}", "main", PullText(name, ""))
        before = list(world.forge.pulls())
        assert [pull.title for pull in before] == ["b", "a", "c"]
        assert [pull.number for pull in before] == sorted({pull.number for pull in before})
        world.open()
        assert list(world.forge.pulls()) == before

    def test_a_closed_one_stays_closed_and_the_next_proposal_has_a_new_number(
        self, world: ForgeWorld, head: Sha
    ) -> None:
        first = self.proposed(world, head)
        for _ in range(2):
            world.forge.amend(first.number, close=True, note="Cancelled.")
        assert only(world.forge.pulls()).state is PullState.CLOSED
        second = world.forge.propose(BRANCH, "main", PullText("Again", ""))
        assert second.number > first.number
        assert [pull.state for pull in world.forge.pulls()] == [PullState.CLOSED, PullState.OPEN]

    def test_a_draft_is_turned_back_and_forth(self, world: ForgeWorld, head: Sha) -> None:
        number = self.proposed(world, head).number
        for draft in (True, True, False, False):
            world.forge.amend(number, draft=draft, note="Ejected: gate test failed.")
            assert only(world.forge.pulls()).draft is draft

    def test_an_unknown_pull_request_cannot_be_amended(self, world: ForgeWorld) -> None:
        with pytest.raises(Invalid, match="7"):
            world.forge.amend(7, draft=True)

    def test_a_landing_advances_the_base_to_the_tested_commit(self, world: ForgeWorld, head: Sha) -> None:
        self.proposed(world, head)
        landing = self.candidate(world, world.root, head)
        assert world.forge.land("main", landing).result is LandResult.LANDED
        assert world.ref("refs/heads/main") == landing.commit
        assert world.git.tree_of(landing.commit) == landing.tree
        assert only(world.forge.pulls()).state is PullState.MERGED

    def test_landing_again_is_landing_once(self, world: ForgeWorld, head: Sha) -> None:
        landing = self.candidate(world, world.root, head)
        for _ in range(2):
            assert world.forge.land("main", landing).result is LandResult.LANDED
            world.open()
        later = world.commit(landing.commit, files={"stranger": "1\n"})
        world.set_ref("refs/heads/main", later)
        assert world.forge.land("main", landing).result is LandResult.LANDED
        assert world.ref("refs/heads/main") == later

    def test_a_base_that_moved_is_a_lost_race(self, world: ForgeWorld, head: Sha) -> None:
        landing = self.candidate(world, world.root, head)
        stranger = world.commit(world.root, files={"stranger": "1\n"})
        world.set_ref("refs/heads/main", stranger)
        assert world.forge.land("main", landing).result is LandResult.LOST
        assert world.ref("refs/heads/main") == stranger

    def test_a_base_that_is_gone_is_a_lost_race(self, world: ForgeWorld, head: Sha) -> None:
        landing = self.candidate(world, world.root, head)
        world.set_ref("refs/heads/main", None)
        assert world.forge.land("main", landing).result is LandResult.LOST
        assert world.ref("refs/heads/main") is None

    def test_a_commit_that_is_not_on_top_of_the_base_is_not_landed(self, world: ForgeWorld, head: Sha) -> None:
        beside = world.commit(world.root, files={"beside": "1\n"})
        landing = self.candidate(world, beside, head).model_copy(update={"base": world.root})
        world.set_ref("refs/heads/main", world.commit(world.root, files={"x": "1\n"}))
        assert world.forge.land("main", landing).result is LandResult.LOST

    def test_a_commit_with_another_tree_than_the_tested_one_is_refused(self, world: ForgeWorld, head: Sha) -> None:
        landing = self.candidate(world, world.root, head)
        forged = landing.model_copy(update={"tree": TreeId(world.git.tree_of(world.root))})
        with pytest.raises(Refused, match="tested tree"):
            world.forge.land("main", forged)
        assert world.ref("refs/heads/main") == world.root

    @pytest.mark.parametrize("between", ["a merge", "a commit"])
    def test_a_commit_that_brings_more_than_its_intent_names_is_refused(
        self, world: ForgeWorld, head: Sha, between: str
    ) -> None:
        other = world.commit(world.root, files={"other": "1\n"})
        ground = self.candidate(world, world.root, other).commit if between == "a merge" else other
        landing = self.candidate(world, ground, head).model_copy(update={"base": world.root})
        with pytest.raises(Refused, match="merge"):
            world.forge.land("main", landing)
        assert world.ref("refs/heads/main") == world.root

    def test_a_commit_that_merges_another_head_than_the_intents_is_refused(self, world: ForgeWorld, head: Sha) -> None:
        other = world.commit(world.root, files={"a": "1\n"}, message="The same tree")
        landing = self.candidate(world, world.root, other)
        assert landing.tree == world.git.tree_of(head)
        with pytest.raises(Refused, match=head):
            world.forge.land("main", landing.model_copy(update={"head": head}))
        assert world.ref("refs/heads/main") == world.root

    def test_members_of_one_intent_land_together_each_by_its_own_merge(self, world: ForgeWorld, head: Sha) -> None:
        landing = self.batch(world, head, world.commit(world.root, files={"b": "1\n"}))
        assert world.forge.land("main", landing).result is LandResult.LANDED
        assert world.ref("refs/heads/main") == landing.commit
        assert set(world.git.observe("main", None).landed) == {"spec-a", "spec-b"}

    @pytest.mark.parametrize("wrong", ["missing", "swapped", "another commit"])
    def test_a_chain_that_is_not_the_intents_members_in_order_is_refused(
        self, world: ForgeWorld, head: Sha, wrong: str
    ) -> None:
        landing = self.batch(world, head, world.commit(world.root, files={"b": "1\n"}))
        first, last = landing.members
        members = {
            "missing": (last,),
            "swapped": (last, first),
            "another commit": (first, last.model_copy(update={"commit": first.commit})),
        }[wrong]
        with pytest.raises(Refused, match="merge"):
            world.forge.land("main", landing.model_copy(update={"members": members}))
        assert world.ref("refs/heads/main") == world.root

    def test_a_branch_set_back_to_the_base_has_not_been_merged(self, world: ForgeWorld, head: Sha) -> None:
        self.proposed(world, head)
        world.set_ref(REF, world.root)
        for _ in range(2):
            assert only(world.forge.pulls()).state is PullState.OPEN

    def test_a_merged_one_whose_branch_is_gone_is_still_merged(self, world: ForgeWorld, head: Sha) -> None:
        self.proposed(world, head)
        assert world.forge.land("main", self.candidate(world, world.root, head)).result is LandResult.LANDED
        world.set_ref(REF, None)
        world.open()
        assert only(world.forge.pulls()).state is PullState.MERGED
