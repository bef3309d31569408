"""Who lands before whom: tiers and their barriers, holds, approvals, priority and age."""

import pytest

from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.decision import Verb
from orchestrator.model.spec import Tier
from tests.unit.make import decision, run
from tests.unit.train_world import PASS, World


def test_safety_lands_before_what_came_earlier() -> None:
    world = World().proposed("old", PASS, tier=Tier.STRATEGY).proposed("firewall", PASS, tier=Tier.SAFETY)
    assert world.next_landing() == "firewall"


def test_an_open_item_of_an_earlier_tier_holds_a_later_one_even_without_a_pull_request() -> None:
    world = World().proposed("cost", PASS, tier=Tier.VALIDITY).waiting("firewall", tier=Tier.SAFETY)
    assert world.next_landing() is None
    assert world.reason("cost") is Reason.WAITING_FOR_TIER
    elsewhere = World().proposed("cost", PASS, tier=Tier.VALIDITY)
    assert elsewhere.waiting("firewall", tier=Tier.SAFETY, roadmap="other").next_landing() == "cost"
    off = World(tier_barrier="off").proposed("cost", PASS, tier=Tier.VALIDITY)
    assert off.waiting("firewall", tier=Tier.SAFETY).next_landing() == "cost"


@pytest.mark.parametrize(
    ("tier", "barrier", "lands"),
    [
        (Tier.SAFETY, "strict", None),
        (Tier.SAFETY, "ready", "last"),
        (Tier.VALIDITY, "strict", "last"),
    ],
)
def test_a_stalled_item_holds_what_follows_only_in_safety(tier: Tier, barrier: str, lands: str | None) -> None:
    world = World(tier_barrier=barrier).proposed("last", PASS, tier=Tier.STRATEGY).waiting("early", tier=tier)
    world.runs.append(run("early", failure=FailureClass.NO_CHANGE))
    assert world.next_landing() == lands


def test_a_waived_or_cancelled_safety_item_holds_nobody() -> None:
    for verb in (Verb.WAIVE, Verb.CANCEL):
        world = World().proposed("cost", PASS, tier=Tier.VALIDITY).waiting("firewall", tier=Tier.SAFETY)
        world.decisions.append(decision(verb, "firewall"))
        assert world.next_landing() == "cost"


def test_a_held_entry_is_passed_by_others_of_its_tier_but_still_holds_a_later_tier() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    world.decisions.append(decision(Verb.HOLD, "a"))
    assert world.next_landing() == "b"
    later = World().proposed("a", PASS, tier=Tier.SAFETY).proposed("b", PASS)
    later.decisions.append(decision(Verb.HOLD, "a"))
    assert later.next_landing() is None


def test_a_head_that_lacks_approvals_of_its_tier_waits_for_a_person() -> None:
    world = World(approvals={"safety": 1}).proposed("a", PASS, tier=Tier.SAFETY)
    assert (world.next_landing(), world.reason("a")) == (None, Reason.WAITING_FOR_APPROVAL)
    world.decisions.append(decision(Verb.APPROVE, "a", head="another-head"))
    assert world.next_landing() is None, "a push voids approvals"
    world.decisions.append(decision(Verb.APPROVE, "a", at_s=1, head="head-a"))
    assert world.next_landing() == "a"


def test_priority_and_then_age_decide_inside_a_tier() -> None:
    assert World().proposed("b", PASS).proposed("a", PASS).next_landing() == "b"
    assert World().proposed("b", PASS).proposed("a", PASS, priority=1).next_landing() == "a"
    world = World().proposed("b", PASS).proposed("a", PASS)
    world.decisions.append(decision(Verb.PRIORITY, "a", value="5"))
    assert world.next_landing() == "a"
