"""What every `Workspaces` promises of an honest agent; an adapter's test class inherits it, giving `world`.

An agent is something that writes files into its folder and may commit them. How it commits is the world's business,
so that a fake can run the same suite; what hostile agents do to real git stands beside the real adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from orchestrator.model.base import Sha
from orchestrator.model.train import PatchLimits
from orchestrator.ports import Git, Work, Workspaces
from tests.contract.git_suite import lines

REF = "refs/interlock/runs/a-1"


class WorkspacesWorld(Protocol):
    """What the suite needs beside the port."""

    git: Git
    workspaces: Workspaces
    folder: Path
    root: Sha

    def commit(self, *parents: Sha, files: Mapping[str, Any] | None = None, message: str = "") -> Sha:
        """Store a commit: the first parent's tree with these paths changed (None removes one)."""
        ...

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        ...

    def parents(self, commit: Sha) -> list[Sha]:
        """Return a commit's parents."""
        ...

    def agent_commit(self, folder: Path, message: str) -> Sha:
        """Commit everything in the folder as an agent does there, ending a merge under way; return the new head."""
        ...

    def open(self) -> None:
        """Make the adapters anew, as a restarted process does."""
        ...


def contents(folder: Path) -> dict[str, str]:
    """Return what the files of a workspace hold."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def fetch(world: WorkspacesWorld, folder: Path, start: Sha, limits: PatchLimits | None = None) -> Work:
    """Fetch a workspace's work under the suite's ref."""
    message = "Keep what was left\n"
    return world.workspaces.fetch(folder, start=start, ref=REF, message=message, limits=limits or PatchLimits())


class WorkspacesSuite:
    """The promises."""

    @pytest.fixture
    def world(self) -> WorkspacesWorld:
        raise NotImplementedError

    @pytest.fixture
    def folder(self, world: WorkspacesWorld) -> Path:
        return world.folder / "workspaces" / "a-1"

    def test_a_workspace_holds_the_files_of_its_start(self, world: WorkspacesWorld, folder: Path) -> None:
        start = world.commit(world.root, files={"src/new.py": "1\n"})
        prepared = world.workspaces.prepare(folder, start, world.root, "interlock/a")
        assert (prepared.start, prepared.conflicts) == (start, ())
        expected = {"README": "hello\n", "src/app.py": "print(1)\n", "src/lib.py": lines(), "src/new.py": "1\n"}
        assert contents(folder) == expected

    def test_what_a_crash_left_is_replaced(self, world: WorkspacesWorld, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "rubbish").write_text("x")
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        assert "rubbish" not in contents(folder)

    def test_an_agent_that_does_nothing_leaves_its_start(self, world: WorkspacesWorld, folder: Path) -> None:
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        work = fetch(world, folder, world.root)
        assert (work.head, work.tree) == (world.root, world.git.tree_of(world.root))
        assert (work.descends, work.trouble, work.unresolved) == (True, None, ())

    def test_what_an_agent_commits_is_fetched_and_kept(self, world: WorkspacesWorld, folder: Path) -> None:
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        (folder / "src/app.py").write_text("print(2)\n")
        head = world.agent_commit(folder, "Print two")
        work = fetch(world, folder, world.root)
        assert (work.head, work.descends, work.trouble) == (head, True, None)
        assert world.ref(REF) == head
        assert (
            work.tree
            == world.git.tree_of(head)
            == world.git.tree_of(world.commit(world.root, files={"src/app.py": "print(2)\n"}))
        )

    def test_what_an_agent_leaves_uncommitted_is_committed(self, world: WorkspacesWorld, folder: Path) -> None:
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        (folder / "src/app.py").write_text("print(2)\n")
        head = world.agent_commit(folder, "Print two")
        (folder / "src/app.py").write_text("print(3)\n")
        (folder / "README").unlink()
        (folder / "deep/er").mkdir(parents=True)
        (folder / "deep/er/new").write_text("new\n")
        work = fetch(world, folder, world.root)
        assert work.head is not None
        assert world.parents(work.head) == [head]
        expected = world.commit(world.root, files={"src/app.py": "print(3)\n", "README": None, "deep/er/new": "new\n"})
        assert work.tree == world.git.tree_of(expected)
        assert world.ref(REF) == work.head

    def test_fetching_twice_is_fetching_once(self, world: WorkspacesWorld, folder: Path) -> None:
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        (folder / "new").write_text("new\n")
        first = fetch(world, folder, world.root)
        world.open()
        assert fetch(world, folder, world.root) == first

    def test_what_git_ignores_stays_behind(self, world: WorkspacesWorld, folder: Path) -> None:
        start = world.commit(world.root, files={".gitignore": "*.log\nbuild/\n"})
        world.workspaces.prepare(folder, start, start, "interlock/a")
        (folder / "run.log").write_text("x")
        (folder / "build").mkdir()
        (folder / "build/out").write_text("x")
        assert fetch(world, folder, start).head == start

    def test_nothing_larger_than_the_limit_is_taken(self, world: WorkspacesWorld, folder: Path) -> None:
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        (folder / "huge").write_text("x" * 2_000)
        work = fetch(world, folder, world.root, PatchLimits(max_bytes=1_000))
        assert (work.head, work.trouble) == (None, "PolicyDenied")
        assert "huge" in work.message
        assert world.ref(REF) is None

    def test_a_start_that_lacks_the_base_is_merged_with_it(self, world: WorkspacesWorld, folder: Path) -> None:
        start = world.commit(world.root, files={"src/lib.py": lines(l2="mine")})
        base = world.commit(world.root, files={"src/lib.py": lines(l18="theirs")})
        prepared = world.workspaces.prepare(folder, start, base, "interlock/a")
        assert prepared.conflicts == ()
        assert contents(folder)["src/lib.py"] == lines(l2="mine", l18="theirs")
        assert world.workspaces.prepare(folder, start, base, "interlock/a") == prepared
        work = fetch(world, folder, prepared.start)
        assert (work.head, work.descends) == (prepared.start, True)
        assert world.parents(prepared.start) == [start, base]
        assert fetch(world, folder, start) == work

    def test_a_conflict_with_the_base_is_left_to_the_agent(self, world: WorkspacesWorld, folder: Path) -> None:
        start = world.commit(world.root, files={"src/lib.py": lines(l2="mine")})
        base = world.commit(world.root, files={"src/lib.py": lines(l2="theirs"), "other": "1\n"})
        prepared = world.workspaces.prepare(folder, start, base, "interlock/a")
        assert prepared.conflicts == ("src/lib.py",)
        assert prepared.start == start
        assert "<<<<<<<" in contents(folder)["src/lib.py"]
        (folder / "src/lib.py").write_text(lines(l2="both"))
        head = world.agent_commit(folder, "Take both")
        work = fetch(world, folder, start)
        assert (work.head, work.unresolved, work.trouble) == (head, (), None)
        assert world.parents(head) == [start, base]

    def test_a_conflict_solved_but_not_committed_is_a_merge_all_the_same(
        self, world: WorkspacesWorld, folder: Path
    ) -> None:
        start = world.commit(world.root, files={"src/lib.py": lines(l2="mine")})
        base = world.commit(world.root, files={"src/lib.py": lines(l2="theirs"), "other": "1\n"})
        world.workspaces.prepare(folder, start, base, "interlock/a")
        (folder / "src/lib.py").write_text(lines(l2="both"))
        work = fetch(world, folder, start)
        assert work.head is not None
        assert world.parents(work.head) == [start, base]
        assert work.unresolved == ()
        expected = world.commit(base, files={"src/lib.py": lines(l2="both")})
        assert work.tree == world.git.tree_of(expected)

    def test_a_conflict_nobody_solved_is_named(self, world: WorkspacesWorld, folder: Path) -> None:
        start = world.commit(world.root, files={"src/lib.py": lines(l2="mine"), "src/app.py": None})
        base = world.commit(world.root, files={"src/lib.py": lines(l2="theirs"), "src/app.py": "print(9)\n"})
        prepared = world.workspaces.prepare(folder, start, base, "interlock/a")
        assert prepared.conflicts == ("src/app.py", "src/lib.py")
        assert fetch(world, folder, start).unresolved == ("src/app.py", "src/lib.py")

    def test_a_gate_gets_exactly_the_tree_it_judges(self, world: WorkspacesWorld, folder: Path) -> None:
        commit = world.commit(world.root, files={"README": None, "x/y": "1\n"})
        world.workspaces.checkout(folder, commit)
        assert contents(folder) == {"src/app.py": "print(1)\n", "src/lib.py": lines(), "x/y": "1\n"}

    def test_a_discarded_workspace_is_gone_and_discarding_again_is_fine(
        self, world: WorkspacesWorld, folder: Path
    ) -> None:
        world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
        for _ in range(2):
            world.workspaces.discard(folder)
            assert list(folder.parent.iterdir()) == []
