"""Items whose train is not there: nobody moves them, and their status says so instead of what was true before."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.decide import decide
from orchestrator.model.action import WriteStatus
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec
from tests.unit.make import START
from tests.unit.train_world import World


def without_train(world: World) -> Snapshot:
    """Return what is seen once somebody has removed the train."""
    return replace(world.snapshot(), trains=(), repositories={}, pulls={})


def told(snapshot: Snapshot) -> list[ImplementationSpec]:
    """Return the items as the leader wants them to be written."""
    written = [action.object for action in decide(snapshot, START) if isinstance(action, WriteStatus)]
    return [obj for obj in written if isinstance(obj, ImplementationSpec)]


def test_an_item_whose_train_was_removed_says_what_is_missing() -> None:
    (item,) = told(without_train(World().proposed("a")))
    status = item.status
    assert (status.phase, status.reason) == (Phase.STALLED, Reason.INVALID)
    assert "there is no train `main`; apply a MergeTrain of that name" in status.message
    assert [condition.type for condition in status.conditions if condition.status == "True"] == ["Stalled"]


def test_it_is_said_once() -> None:
    world = World().waiting("a")
    world.specs = told(without_train(world))
    assert told(without_train(world)) == []


def test_what_has_landed_or_was_dropped_stays_as_it_is() -> None:
    world = World().waiting("a").waiting("b")
    for at, phase in enumerate((Phase.LANDED, Phase.CANCELLED)):
        status = world.specs[at].status.model_copy(update={"phase": phase})
        world.specs[at] = world.specs[at].model_copy(update={"status": status})
    assert told(without_train(world)) == []


def test_a_train_that_comes_back_takes_its_items_along() -> None:
    world = World().waiting("a")
    world.specs = told(without_train(world))
    (item,) = told(world.snapshot())
    assert (item.status.phase, item.status.waiting_for) == (Phase.WAITING, ())
