"""Workspaces whose repository an agent destroyed: it is said, and the files are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.model.condition import Reason
from tests.contract.clones_world import World
from tests.contract.git_world import agent_git, lines
from tests.contract.workspaces_suite import REF, fetch


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def folder(world: World) -> Path:
    """Return a workspace prepared at the root."""
    folder = world.folder / "workspaces" / "a-1"
    world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
    return folder


def remove_git(folder: Path) -> None:
    shutil.rmtree(folder / ".git")


def replace_git_by_a_link(folder: Path) -> None:
    (folder / ".git").rename(folder.parent / "moved.git")
    (folder / ".git").symlink_to(folder.parent / "moved.git")


def replace_git_by_a_file(folder: Path) -> None:
    (folder / ".git").rename(folder.parent / "moved.git")
    (folder / ".git").write_text(f"gitdir: {folder.parent}/moved.git\n")


def remove_the_objects(folder: Path) -> None:
    (folder / "extra").write_text("x")
    agent_git(folder, "add", "extra")
    agent_git(folder, "commit", "-q", "-m", "lost")
    shutil.rmtree(folder / ".git/objects")
    (folder / "extra").unlink()


def write_nonsense_into_head(folder: Path) -> None:
    (folder / ".git/HEAD").write_bytes(b"\x00\xff nonsense")


def make_head_a_pipe(folder: Path) -> None:
    (folder / ".git/HEAD").unlink()
    os.mkfifo(folder / ".git/HEAD")


def point_head_outside(folder: Path) -> None:
    (folder / ".git/HEAD").write_text("ref: refs/heads/../../../../../moved\n")


def point_head_at_a_file(folder: Path) -> None:
    blob = agent_git(folder, "hash-object", "-w", "README")
    (folder / ".git/HEAD").write_text(blob + "\n")


@pytest.mark.parametrize(
    "destroy",
    [
        remove_git,
        replace_git_by_a_link,
        replace_git_by_a_file,
        remove_the_objects,
        write_nonsense_into_head,
        make_head_a_pipe,
        point_head_outside,
        point_head_at_a_file,
    ],
)
def test_a_destroyed_repository_is_said_and_the_files_are_kept(
    world: World, folder: Path, destroy: Callable[[Path], None]
) -> None:
    destroy(folder)
    (folder / "new").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.WORKSPACE_BROKEN
    assert work.head is not None
    assert world.parents(work.head) == [world.root]
    assert set(world.files(work.head)) == {"README", "new", "src/app.py", "src/lib.py"}
    assert world.ref(REF) == work.head


def test_a_merge_made_for_the_start_is_made_again_where_it_was_destroyed(world: World, folder: Path) -> None:
    start = world.commit(world.root, files={"src/lib.py": lines(20, l2="mine")})
    base = world.commit(world.root, files={"src/lib.py": lines(20, l18="theirs")})
    prepared = world.workspaces.prepare(folder, start, base, "interlock/a")
    shutil.rmtree(folder / ".git")
    work = fetch(world, folder, prepared.start)
    assert (work.head, work.trouble, work.descends) == (prepared.start, Reason.WORKSPACE_BROKEN, True)


def test_a_workspace_that_is_gone_or_a_link_has_no_work(world: World, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_text("x")
    shutil.rmtree(folder)
    assert fetch(world, folder, world.root).trouble is Reason.WORKSPACE_BROKEN
    folder.symlink_to(tmp_path / "elsewhere")
    work = fetch(world, folder, world.root)
    assert (work.head, work.trouble) == (None, Reason.WORKSPACE_BROKEN)
    world.workspaces.discard(folder)
    assert (tmp_path / "elsewhere" / "secret").exists()
    assert not folder.is_symlink()
