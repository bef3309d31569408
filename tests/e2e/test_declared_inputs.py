"""Declared inputs on a real repository: a small change passes a slow one, and the base says what was tested where."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.validation import Purpose
from tests.e2e.world import World


def test_a_small_change_lands_before_a_slow_one_that_no_gate_reads_with_it(tmp_path: Path) -> None:
    go = tmp_path / "go"
    slow = f"test ! -e src/a/slow/done.txt || while test ! -e '{go}'; do sleep 0.05; done"
    world = World(
        tmp_path,
        gates=[
            {"name": "gate-a", "run": slow, "inputs": ["src/a/**"]},
            {"name": "gate-b", "run": "test -d src/b", "inputs": ["src/b/**"]},
        ],
        runs=4,
    )
    world.spec("slow")
    world.spec("small", lane="b")
    with world.leader() as leader:
        world.go_on(leader, lambda: world.phase("small") == "Landed")
        assert world.phase("slow") == "Proposed/Validating", world.story()
        _, said, _ = world.type("explain", "slow")
        assert "on the base: gate-a running for " in said, said
        assert "nobody ahead can change its verdict, 1 of 4 runs at work" in said, said
        go.touch()
        world.go_on(leader, lambda: world.phase("slow") == "Landed")
    assert world.landed() == ["small", "slow"]
    shape = "--format=%(trailers:key=Interlock-Tested,valueonly)"
    newest, _, oldest = world.git("log", "--first-parent", "--merges", shape, "main").partition("\n")
    tested = {one.spec.gate.name: one.spec.tree[:12] for one in world.validations() if one.spec.subject == "slow"}
    assert newest.startswith(f"equivalent-tested; gate-a on tree {tested['gate-a']}, gate-b on tree ")
    assert oldest.strip() == "", "the first was tested on exactly the tree that landed"
    assert (world.item("small").status.tested, world.item("slow").status.tested) == ("tested", newest)
    runs = [one for one in world.validations() if one.spec.purpose is Purpose.CANDIDATE]
    assert sorted(one.spec.gate.name for one in runs) == ["gate-a", "gate-a", "gate-b", "gate-b"]
    world.prove()
