"""The `Workspaces` suite on real clones: they are private, and what is done in them is found wherever it was left."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.model.condition import Reason
from tests.contract.clones_world import World
from tests.contract.git_world import agent_git, lines, run_git
from tests.contract.workspaces_suite import WorkspacesSuite, fetch


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def folder(world: World) -> Path:
    """Return a workspace prepared at the root."""
    folder = world.folder / "workspaces" / "a-1"
    world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
    return folder


class TestWorkspaces(WorkspacesSuite):
    """Real clones."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return World(tmp_path)


class TestWorkspacesOfSha256(WorkspacesSuite):
    """Real clones with ids of 64 digits."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return World(tmp_path, object_format="sha256")


def test_the_clone_is_private_and_quiet(world: World, folder: Path) -> None:
    assert agent_git(folder, "status", "--porcelain") == ""
    assert agent_git(folder, "symbolic-ref", "HEAD") == "refs/heads/interlock/a"
    assert agent_git(folder, "for-each-ref", "--format=%(refname)") == "refs/heads/interlock/a"
    assert agent_git(folder, "remote") == ""
    assert agent_git(folder, "config", "gc.auto") == "0"
    assert agent_git(folder, "fsck", "--strict") == ""
    alone = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "x"], cwd=folder, env=alone, check=True)
    assert "agent@interlock.invalid" in agent_git(folder, "log", "-1", "--format=%ae")


def test_nothing_an_agent_does_in_its_clone_reaches_the_repository(world: World, folder: Path) -> None:
    before = run_git(world.path, "for-each-ref")
    (folder / "src/app.py").write_text("print(2)\n")
    world.agent_commit(folder, "x")
    agent_git(folder, "branch", "-f", "main", "HEAD")
    agent_git(folder, "gc", "-q", "--prune=now")
    assert run_git(world.path, "for-each-ref") == before
    run_git(world.path, "fsck", "--strict")
    assert not (folder / ".git/objects").samefile(world.path / ".git/objects")


def test_a_base_moved_in_the_clone_changes_nothing(world: World, folder: Path) -> None:
    (folder / "new").write_text("1\n")
    head = world.agent_commit(folder, "x")
    agent_git(folder, "branch", "-f", "main", "HEAD")
    work = fetch(world, folder, world.root)
    assert (work.head, work.trouble, work.message) == (head, None, "")
    assert world.ref("refs/heads/main") == world.root


def test_work_on_another_branch_counts_while_head_is_on_it(world: World, folder: Path) -> None:
    agent_git(folder, "checkout", "-q", "-b", "feature/x")
    (folder / "new").write_text("1\n")
    head = world.agent_commit(folder, "x")
    work = fetch(world, folder, world.root)
    assert (work.head, work.trouble, work.descends) == (head, None, True)


def test_work_on_a_detached_head_counts(world: World, folder: Path) -> None:
    agent_git(folder, "checkout", "-q", "--detach")
    (folder / "new").write_text("1\n")
    head = world.agent_commit(folder, "x")
    assert fetch(world, folder, world.root).head == head


def test_commits_left_on_another_branch_break_the_protocol_and_are_kept(world: World, folder: Path) -> None:
    agent_git(folder, "checkout", "-q", "-b", "feature")
    (folder / "new").write_text("1\n")
    stray = world.agent_commit(folder, "x")
    agent_git(folder, "checkout", "-q", "interlock/a")
    agent_git(folder, "pack-refs", "--all")
    work = fetch(world, folder, world.root)
    assert (work.head, work.trouble) == (world.root, Reason.PROTOCOL_BROKEN)
    assert "feature" in work.message
    assert world.ref("refs/interlock/strays/a-1/1") == stray


def test_a_stash_is_not_lost(world: World, folder: Path) -> None:
    (folder / "src/app.py").write_text("print(2)\n")
    agent_git(folder, "stash")
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.PROTOCOL_BROKEN
    stray = world.ref("refs/interlock/strays/a-1/1")
    assert stray is not None
    assert world.files(stray)["src/app.py"][1] == "print(2)\n"


def test_packed_refs_and_packed_objects_are_read(world: World, folder: Path) -> None:
    for number in range(5):
        (folder / f"f{number}").write_text(lines(300, l7=str(number)))
        head = world.agent_commit(folder, str(number))
    agent_git(folder, "gc", "-q")
    assert not (folder / ".git/refs/heads/interlock/a").exists()
    work = fetch(world, folder, world.root)
    assert (work.head, work.trouble) == (head, None)


def test_many_objects_arrive_as_one_pack(world: World, folder: Path) -> None:
    for number in range(220):
        (folder / f"f{number}").write_text(f"{number}\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert len(world.files(work.head)) == 223
    assert len(list((world.path / ".git/objects/pack").glob("*.pack"))) == 1


def test_a_rewritten_history_does_not_descend(world: World, folder: Path) -> None:
    agent_git(folder, "checkout", "-q", "--orphan", "fresh")
    head = world.agent_commit(folder, "all anew")
    work = fetch(world, folder, world.root)
    assert (work.head, work.descends) == (head, False)


def test_an_orphan_branch_without_a_commit_falls_back_to_the_start(world: World, folder: Path) -> None:
    agent_git(folder, "checkout", "-q", "--orphan", "fresh")
    (folder / "new").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.WORKSPACE_BROKEN
    assert work.head is not None
    assert world.parents(work.head) == [world.root]
    assert world.files(work.head)["new"][1] == "1\n"


def test_the_name_of_a_repository_may_hold_what_git_takes_for_a_separator(tmp_path: Path) -> None:
    odd = tmp_path / 'a:b "c" d'
    odd.mkdir()
    world = World(odd)
    folder = odd / "w:1"
    world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
    (folder / "new").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert (work.trouble, work.descends) == (None, True)
    assert agent_git(folder, "log", "--format=%H") == world.root


def test_anything_can_be_discarded(world: World, folder: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from orchestrator.adapters.git.workspaces import _remove
folder = Path(sys.argv[1])
(folder / "locked/inner").mkdir(parents=True)
(folder / "locked/inner/file").write_text("x")
(folder / "link").symlink_to("/etc")
os.chdir(folder)
for _ in range(1000):
    os.mkdir("deeper"); os.chdir("deeper")
os.chdir("/")
(folder / "locked/inner").chmod(0)
(folder / "locked").chmod(0)
folder.chmod(0o500)
_remove(folder)
print(folder.exists(), sorted(each.name for each in folder.parent.iterdir()))
"""
    argv = [sys.executable, "-c", script, str(folder.parent / "home" / "work")]
    root = Path(__file__).parents[2]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=root, preexec_fn=obey_modes, check=False)
    assert (done.stdout.strip(), done.returncode) == ("False []", 0), done.stderr


def obey_modes() -> None:
    """Give up, for good, root's right to pass by file modes. Others do not have it and are refused harmlessly."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability)  # PR_CAPBSET_DROP
