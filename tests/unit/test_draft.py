"""Items whose prompt cannot be rendered: stalled before they take anything from others."""

from orchestrator.model.action import WriteStatus
from orchestrator.model.condition import Reason
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import Claim, MergeTrainStatus
from tests.unit.train_world import World

POOL = 8


def _world(*claims: str) -> World:
    world = World()
    for number in range(POOL):
        world.waiting(f"bad-{number}", text="{{ nope }}", tier="validity")
    world.waiting("good", paths=("src/bad-0/**",), tier="validity")
    held = tuple(Claim(spec=name, paths=(f"src/{name}/**",), epoch=n) for n, name in enumerate(claims, 1))
    world.status = MergeTrainStatus(claims=held)
    return world


def test_an_item_whose_prompt_cannot_be_rendered_gives_its_claim_back() -> None:
    claims = _world(*(f"bad-{number}" for number in range(POOL))).next_status().claims
    assert [claim.spec for claim in claims] == ["good"]


def test_an_item_whose_prompt_cannot_be_rendered_takes_no_slot_and_says_so() -> None:
    world = _world()
    world.status = MergeTrainStatus(claims=(Claim(spec="good", paths=("src/bad-0/**",), epoch=1),))
    assert world.starts() == ["good-1"]
    specs = [one.object for one in world.decide() if isinstance(one, WriteStatus)]
    stalled = {one.name: one.status.reason for one in specs if isinstance(one, ImplementationSpec)}
    assert all(stalled[f"bad-{number}"] is Reason.INVALID for number in range(POOL))


def test_a_text_that_only_fails_with_what_it_is_given_stalls_too() -> None:
    world = World()
    world.waiting("bad", text="{{ parameters.nope }}").waiting("good", text="{{ parameters.stage }}", dependsOn=["bad"])
    specs = [one.object for one in world.decide() if isinstance(one, WriteStatus)]
    assert {one.name: one.status.reason for one in specs if isinstance(one, ImplementationSpec)} == {
        "bad": Reason.INVALID,
        "good": Reason.NEED_FAILED,
    }
