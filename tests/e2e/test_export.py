"""A leader that starts from an export goes on where the other one was: same pull request, no second attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.cli_world import Shop, shop


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Shop]:
    made = shop(tmp_path)
    yield made
    made.end()


def test_an_item_that_waits_for_approval_lands_from_another_state_folder(world: Shop, tmp_path: Path) -> None:
    world.train(approvals="{execution: 1}")
    world.spec("first")
    world.spec("second", "fail", lane="b")
    world.commit()
    assert world.ask("run").code == 1
    before = world.ask("status", "-o", "json").document["specs"]
    assert [spec["phase"] for spec in before] == ["Proposed", "Stalled"]
    backup = str(tmp_path / "backup")
    assert world.ask("export", "--out", backup).code == 0

    moved = replace(world, state=tmp_path / "elsewhere")
    assert moved.ask("import", backup).code == 0
    assert moved.ask("status", "-o", "json").document["specs"] == before
    assert moved.ask("approve", "first", "--reason", "looked at").code == 0
    assert moved.ask("run").code == 1
    after = moved.ask("status", "-o", "json").document["specs"]
    assert [spec["phase"] for spec in after] == ["Landed", "Stalled"]
    assert [spec["attempts"] for spec in after] == [spec["attempts"] for spec in before]
    assert after[0]["pullRequest"]["number"] == before[0]["pullRequest"]["number"]
    runs = moved.ask("get", "runs", "-o", "json").document["items"]
    assert sorted(run["metadata"]["name"] for run in runs) == ["first-1", "second-1", "second-2", "second-3"]
