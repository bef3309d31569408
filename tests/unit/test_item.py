"""Items that are as they were a tick ago are not made again, and nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bench.tick import START, proposed, snapshot
from orchestrator.core.board import RECALL, boards
from orchestrator.core.decide import decide
from orchestrator.model.base import Sha
from orchestrator.model.facts import LandedFact

NOW = START + timedelta(hours=1)


def test_an_item_that_nothing_happened_to_is_the_same_in_the_next_tick() -> None:
    world = snapshot(20)
    (first,), (second,) = boards(world, NOW), boards(world, NOW + timedelta(seconds=1))
    assert all(one is other for one, other in zip(first.items, second.items, strict=True))


def test_an_item_is_made_anew_when_what_it_was_made_from_is_another() -> None:
    world = proposed(20, 4)
    (first,) = boards(world, NOW)
    changed = world.specs[3].model_copy(update={"spec": world.specs[3].spec.model_copy(update={"priority": 0})})
    landed = {"item-00005": LandedFact(Sha("c" * 40), "item-00005-1", NOW)}
    facts = replace(world.repositories["main"], landed=landed)
    after = replace(
        world, specs=(*world.specs[:3], changed, *world.specs[4:]), repositories={"main": facts}, runs=world.runs[1:]
    )
    (second,) = boards(after, NOW)
    anew = {item.name for item in second.items if item is not first.by_name[item.name]}
    assert anew == {"item-00000", "item-00003", "item-00005"}
    assert second.by_name["item-00005"].is_closed and not first.by_name["item-00005"].is_closed


def test_an_item_is_made_anew_when_the_lanes_are_others() -> None:
    world = snapshot(20)
    (first,) = boards(world, NOW)
    (second,) = boards(replace(world, lanes=world.lanes[1:]), NOW)
    assert first.items[0].problem is None
    assert any(item.problem is not None for item in second.items)


def test_what_is_decided_is_the_same_with_nothing_recalled() -> None:
    world = proposed(40, 8)
    decide(world, NOW)
    warm = decide(world, NOW)
    RECALL.forget()
    assert decide(world, NOW) == warm
