"""Trouble with repository, machine and state: one clear error each, the right exit code, nothing half done."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World, patient

WRITE = 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/done.txt"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.spec("item")
    yield made
    made.prove()


def refused(world: World, *words: str, code: int = 1) -> str:
    """Run it; return what it said, which must be no traceback and hold these words, after doing nothing."""
    before = world.git("for-each-ref")
    found, out, err = world.run()
    assert found == code, out + err
    assert "Traceback" not in err
    for word in words:
        assert word in err, err
    assert world.git("for-each-ref") == before, "nothing was done"
    return err


def test_no_gates_is_a_refusal_to_start(world: World) -> None:
    world.train(gates=[])
    refused(world, "has no gates")


def test_a_missing_agent_program_is_found_before_anything_starts(world: World) -> None:
    world.provider(command=["no-such-agent", "--fast"])
    refused(world, "no-such-agent")


def test_a_base_that_is_not_there_is_named(world: World) -> None:
    world.train(base="trunk")
    refused(world, "trunk")


def test_a_shallow_clone_is_refused_with_the_way_out(world: World, tmp_path: Path) -> None:
    world.commit({"src/a/more.txt": "more\n"})
    shallow = tmp_path / "shallow"
    world.git("clone", "-q", "--depth", "1", f"file://{world.root}", str(shallow))
    world.root = shallow
    assert "unshallow" in refused(world, "shallow")


def test_a_dirty_base_lands_nothing_until_it_is_clean_and_keeps_every_byte(world: World) -> None:
    (world.root / "src/a/here.txt").write_text("mine, uncommitted\n")
    code, _, err = world.run()
    assert code == 1
    assert "src/a/here.txt" in err
    assert "Traceback" not in err
    assert world.landed() == []
    assert (world.root / "src/a/here.txt").read_text() == "mine, uncommitted\n"
    world.git("checkout", "--", "src/a/here.txt")
    assert world.run()[0] == 0
    assert (world.root / "src/a/item/done.txt").exists()


def test_an_untracked_file_in_the_way_is_not_overwritten(world: World) -> None:
    (world.root / "src/a/item").mkdir()
    (world.root / "src/a/item/done.txt").write_text("mine\n")
    code, _, err = world.run()
    assert code == 1
    assert "src/a/item/done.txt" in err
    assert (world.root / "src/a/item/done.txt").read_text() == "mine\n"
    assert world.landed() == []
    (world.root / "src/a/item/done.txt").unlink()
    assert world.run()[0] == 0, world.story()
    assert world.landed() == ["item"]


def test_a_base_checked_out_elsewhere_moves_along_there(world: World, tmp_path: Path) -> None:
    world.git("switch", "-q", "-c", "elsewhere")
    linked = tmp_path / "linked"
    world.git("worktree", "add", "-q", str(linked), "main")
    (linked / "src/b/here.txt").write_text("mine\n")
    code, _, err = world.run()
    assert code == 1
    assert "src/b/here.txt" in err
    world.git("checkout", "--", ".", cwd=linked)
    code, _, err = world.run()
    assert code == 0, err
    assert (linked / "src/a/item/done.txt").exists()
    assert world.git("status", "--porcelain", cwd=linked) == ""
    assert not (world.root / "src/a/item/done.txt").exists(), "this work tree is on another branch"
    assert world.git("status", "--porcelain") == ""


def test_two_leaders_never_work_on_one_store(world: World) -> None:
    go = world.agents / "go"
    world.script("item", f"while [ ! -e '{go}' ]; do sleep 0.05; done\n{WRITE}")
    first = world.start("run", "-f", str(world.documents))
    try:
        patient(lambda: world.has_started("item-1"), lambda: "it never started", seconds=60)
        code, _, err = world.run()
        assert code == 1
        assert "another leader" in err and str(first.pid) in err
        waiting = world.start("run", "--wait", "-f", str(world.documents))
        time.sleep(0.5)
        assert waiting.poll() is None, "asked to, it waits"
        go.touch()
        assert first.wait(60) == 0
        assert waiting.wait(60) == 0
    finally:
        for process in (first, *([waiting] if "waiting" in locals() else [])):
            if process.poll() is None:
                process.kill()
            process.communicate()
    assert world.landed() == ["item"]
    assert len(world.runs("item")) == 1


def test_a_state_folder_that_cannot_be_written_is_one_clear_error(world: World) -> None:
    world.state.mkdir()
    with mounted(world.state, "ro"):
        before = world.git("for-each-ref")
        code, out, err = world.run()
        assert code in (1, 2), out + err
        assert "Traceback" not in err
        assert str(world.state) in err
        assert len([line for line in err.splitlines() if line.strip()]) <= 3, err
        assert world.git("for-each-ref") == before
    assert world.run()[0] == 0


def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(world: World) -> None:
    world.script("item", f"{WRITE}head -c 20000000 /dev/zero > ../filler || true\n")
    world.state.mkdir()
    with mounted(world.state, "size=3m"):
        code, out, err = world.run()
        assert code != 0, out + err
        assert "Traceback" not in err, err
        assert "space" in err or "room" in err, err
        assert len(err.splitlines()) < 12, "one clear error, not one each second"
        patient(lambda: not world.processes(), lambda: str(world.processes()))
        assert world.landed() == []
    world.script("item", WRITE)
    assert world.run()[0] == 0, "with room again it goes on"
    assert world.landed() == ["item"]


class mounted:
    """A tmpfs on a folder while the block runs. Needs root, which CI has."""

    def __init__(self, folder: Path, options: str) -> None:
        self._folder, self._options = folder, options

    def __enter__(self) -> None:
        assert os.geteuid() == 0, "this test mounts a small file system, which takes root"
        argv = ["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", str(self._folder)]
        subprocess.run(argv, check=True, capture_output=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self._folder)], check=True, capture_output=True)
