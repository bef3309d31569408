"""A leader that dies while the base's checkout follows a landing: the next one finishes it and calls nobody's work
in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.git.checkout import Checkouts
from tests.e2e.world import World

BIG = "".join(f"line {number}\n" for number in range(2_000))
CHANGE = "cd src/a/item; sed -i 's/^line /row /' changed.txt; rm removed.txt; cp changed.txt added.txt\n"


class Killed(BaseException):
    """What a test has instead of `kill -9` at exactly this instant."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.commit({"src/a/item/changed.txt": BIG, "src/a/item/removed.txt": "gone\n"})
    yield made
    made.prove()


def nothing(world: World) -> None:
    """The branch moved, no file has."""


def half(world: World) -> None:
    folder = world.root / "src/a/item"
    (folder / "changed.txt").write_text(BIG.replace("line ", "row ")[:5_000])
    (folder / "removed.txt").unlink()


def missing(world: World) -> None:
    (world.root / "src/a/item/changed.txt").unlink()


def all_but_the_index(world: World) -> None:
    folder = world.root / "src/a/item"
    half(world)
    for name in ("changed.txt", "added.txt"):
        (folder / name).write_text(BIG.replace("line ", "row "))


def everything(world: World) -> None:
    world.git("read-tree", "-m", "-u", "HEAD~1", "HEAD")


@pytest.mark.parametrize("done", [nothing, half, missing, all_but_the_index, everything])
def test_a_landing_whose_checkout_was_on_its_way_is_finished_without_a_freeze(
    world: World, done: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.spec("item", CHANGE)
    world.spec("next", lane="b", dependsOn=["item"])
    right = Checkouts.follow

    def die(self: Checkouts, *args: Any) -> Any:
        done(world)
        raise Killed

    monkeypatch.setattr(Checkouts, "follow", die)
    with pytest.raises(Killed):
        world.lead()
    assert world.landed() == ["item"]
    assert world.main().status.landing is not None
    monkeypatch.setattr(Checkouts, "follow", right)
    world.lead()
    assert world.landed() == ["item", "next"], world.story()
    assert "BaseNotClean" not in world.reasons("main")
    assert world.git("status", "--porcelain") == ""
