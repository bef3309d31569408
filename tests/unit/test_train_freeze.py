"""What freezes the train, and which word of a person ends it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason, RunPhase
from orchestrator.model.decision import DecisionStatus, Verb
from orchestrator.model.train import Frozen, MergeTrainStatus
from tests.unit.make import START, decision, run
from tests.unit.train_world import PASS, TIP, World


def test_a_base_that_was_rewritten_freezes_the_train_until_a_person_releases_it_at_this_tip() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(tip=Sha("old"))
    world.facts = replace(world.facts, contains_previous=False)
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BASE_MOVED_BACK
    world.status = MergeTrainStatus(tip=TIP, frozen=frozen)
    world.facts = replace(world.facts, contains_previous=True)
    assert world.next_landing() is None
    world.decisions.append(decision(Verb.RELEASE, "main", head="old"))
    assert world.next_landing() is None
    world.decisions.append(decision(Verb.RELEASE, "main", head=TIP, value=frozen.mark))
    assert world.next_landing() == "a"


def test_one_release_ends_one_freeze_however_many_are_seen_in_the_same_instant() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(tip=Sha("old"))
    world.facts = replace(world.facts, contains_previous=False)
    first = world.next_status()
    assert first.frozen is not None and first.freezes == first.frozen.number == 1
    world.decisions.append(decision(Verb.RELEASE, "main", head=TIP, value=first.frozen.mark))
    world.status = first
    world.facts = replace(world.facts, contains_previous=True)
    assert world.next_landing() == "a"
    world.status = MergeTrainStatus(tip=Sha("another"), freezes=first.freezes)
    world.facts = replace(world.facts, contains_previous=False)
    second = world.next_status()
    assert second.frozen is not None
    assert (second.frozen.since, second.frozen.tip) == (first.frozen.since, first.frozen.tip)
    world.status = second
    world.facts = replace(world.facts, contains_previous=True)
    assert world.next_landing() is None, "the word was about another freeze"
    world.decisions.append(decision(Verb.RELEASE, "main", head=TIP, value=second.frozen.mark))
    assert world.next_landing() == "a"


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({"at_s": 5}, True),
        ({"at_s": 0}, True),
        ({"at_s": -5}, False),
        ({"at_s": 5, "taken_s": 6}, True),
        ({"at_s": 0, "taken_s": 0}, False),
        ({"at_s": 5, "value": "RedBase#1"}, False),
        ({"at_s": -5, "value": "BaseMovedBack#3"}, True),
    ],
)
def test_a_release_that_names_no_freeze_ends_the_one_that_stood_when_it_was_said(
    said: dict[str, Any], ends: bool
) -> None:
    world = World().proposed("a", PASS)
    frozen = Frozen(reason=Reason.BASE_MOVED_BACK, tip=TIP, since=START, number=3)
    world.status = MergeTrainStatus(tip=TIP, frozen=frozen, freezes=3)
    word = decision(Verb.RELEASE, "main", at_s=said["at_s"], head=TIP, value=said.get("value", ""))
    if "taken_s" in said:
        taken = DecisionStatus(effective=True, sequence=1, at=START + timedelta(seconds=said["taken_s"]))
        word = word.model_copy(update={"status": taken})
    world.decisions.append(word)
    assert (world.next_landing() == "a") is ends


def test_what_a_rewrite_took_out_of_the_base_stays_landed_and_the_freeze_names_it() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS, depends_on=("a",))
    world.runs[0] = run("a", phase=RunPhase.LANDED, landed=Sha("merge-a"))
    world.status = MergeTrainStatus(tip=Sha("old"))
    world.facts = replace(world.facts, contains_previous=False)
    frozen = world.next_status().frozen
    assert frozen is not None
    assert "`git log tip..old` lists what is gone, with it a" in frozen.message
    world.status = MergeTrainStatus(tip=TIP)
    world.facts = replace(world.facts, contains_previous=True)
    assert (world.reason("a"), world.starts()) == (Reason.LANDED, [])
    assert world.next_landing() == "b", "what needs it goes on"
