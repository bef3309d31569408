"""What the leader believes of a landing: the base as it is read again afterwards, whatever the forge said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.model.action import WriteStatus
from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built, LandOutcome, LandResult
from orchestrator.model.train import Landing, Member, MergeTrain, MergeTrainSpec, MergeTrainStatus
from orchestrator.reconcile.landing import Ending, ended
from tests.contract.git_world import RealWorld, trailers

MAIN = "refs/heads/main"


@pytest.fixture
def world(tmp_path: Path) -> RealWorld:
    return RealWorld(tmp_path)


class Lying:
    """A forge that does something else than it was asked, and says that it landed."""

    def __init__(self, instead: Callable[[Landing], None]) -> None:
        self._instead = instead

    def land(self, base: str, landing: Landing) -> LandOutcome:
        self._instead(landing)
        return LandOutcome(LandResult.LANDED)


def batch(world: RealWorld, *names: str) -> Landing:
    """Return the intent to land one head for each of these names together."""
    heads = [world.commit(world.root, files={name: "1\n"}) for name in names]
    built = world.git.build(world.root, heads, [trailers(name) for name in names])
    assert isinstance(built, Built)
    members = tuple(
        Member(spec=name, run=f"{name}-1", head=head, commit=one.commit or Sha(""))
        for name, head, one in zip(names, heads, built.brought, strict=True)
    )
    alone = world.landing(names[-1], heads[-1], built.commit, world.root)
    return alone.model_copy(update={"members": members if len(names) > 1 else ()})


def land(world: RealWorld, landing: Landing, instead: Callable[[Landing], None] | None = None) -> Ending:
    """Return what the leader makes of landing this."""
    status = MergeTrainStatus(landing=landing, tip=landing.base)
    train = MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec(), status=status)
    forge = world.forge if instead is None else Lying(instead)
    return ended(train, landing, git=world.git, forge=forge, now=world.clock.now())  # type: ignore[arg-type]


def record(ending: Ending) -> MergeTrainStatus:
    """Return the train's record as it is to be written."""
    assert isinstance(ending.write, WriteStatus)
    train = ending.write.object
    assert isinstance(train, MergeTrain)
    return train.status


@pytest.mark.parametrize("names", [("one",), ("one", "two", "three")])
def test_what_is_on_the_base_as_it_was_tested_has_landed(world: RealWorld, names: tuple[str, ...]) -> None:
    landing = batch(world, *names)
    status = record(land(world, landing))
    assert (status.landing, status.frozen, status.tip) == (None, None, landing.commit)
    assert status.last_landing is not None
    assert (status.last_landing.spec, status.last_landing.commit) == (names[-1], landing.commit)


def does_nothing(world: RealWorld, landing: Landing) -> None:
    pass


def lands_the_same_tree_as_another_commit(world: RealWorld, landing: Landing) -> None:
    squashed = world.commit(world.root, files={step.spec: "1\n" for step in landing.steps}, message=trailers("one"))
    assert world.tree(squashed) == landing.tree
    world.set_ref(MAIN, squashed)


def lands_a_merge_of_its_own(world: RealWorld, landing: Landing) -> None:
    made = world.git.build(world.root, [landing.head], ["Merge\n\nInterlock-Spec: two\nInterlock-Run: two-1\n\n"])
    assert isinstance(made, Built)
    world.set_ref(MAIN, made.commit)


def lands_only_the_first_member(world: RealWorld, landing: Landing) -> None:
    world.set_ref(MAIN, landing.steps[0].commit)


def lets_a_stranger_push_over_it(world: RealWorld, landing: Landing) -> None:
    world.set_ref(MAIN, landing.commit)
    world.set_ref(MAIN, world.commit(world.root, files={"stranger": "1\n"}))


@pytest.mark.parametrize(
    "instead",
    [
        does_nothing,
        lands_the_same_tree_as_another_commit,
        lands_a_merge_of_its_own,
        lands_only_the_first_member,
        lets_a_stranger_push_over_it,
    ],
)
def test_a_base_that_is_not_what_was_tested_freezes_the_train(
    world: RealWorld, instead: Callable[[RealWorld, Landing], None]
) -> None:
    landing = batch(world, "one", "two")
    status = record(land(world, landing, lambda asked: instead(world, asked)))
    assert (status.landing, status.last_landing) == (None, None)
    assert status.frozen is not None
    assert (status.frozen.reason, status.frozen.tip) == (Reason.LANDING_UNPROVED, world.ref(MAIN))
    assert "not what was tested" in status.frozen.message


def test_a_landing_under_the_trailers_of_another_run_freezes_the_train(world: RealWorld) -> None:
    landing = batch(world, "one").model_copy(update={"run": "one-2"})
    status = record(land(world, landing))
    assert status.frozen is not None
    assert "the work of one-1, not of one-2" in status.frozen.message


def test_a_later_commit_of_a_stranger_takes_nothing_from_a_landing(world: RealWorld) -> None:
    landing = batch(world, "one")
    world.set_ref(MAIN, world.commit(landing.commit, files={"stranger": "1\n"}))
    status = record(land(world, landing))
    assert (status.frozen, status.tip) == (None, world.ref(MAIN))


def test_a_landing_that_the_forge_refuses_is_not_tried_again_and_freezes_the_train(world: RealWorld) -> None:
    landing = batch(world, "one", "two").model_copy(update={"members": ()})
    status = record(land(world, landing))
    assert (status.landing, world.ref(MAIN)) == (None, world.root)
    assert status.frozen is not None
    assert (status.frozen.reason, status.frozen.tip) == (Reason.LANDING_UNPROVED, world.root)
    assert "it was not landed" in status.frozen.message
