"""The `Workspaces` suite on real clones, and everything an agent can do to the repository it was given."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters.git.leftovers import _is_plain
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.train import PatchLimits
from tests.contract.git_world import Mode, RealWorld, agent_git, lines, run_git
from tests.contract.workspaces_suite import REF, WorkspacesSuite, fetch


class World(RealWorld):
    """A real repository with agents that use git."""

    def agent_commit(self, folder: Path, message: str) -> Sha:
        """Commit everything as an agent does."""
        agent_git(folder, "add", "-A")
        agent_git(folder, "commit", "-q", "--allow-empty", "-m", message)
        return Sha(agent_git(folder, "rev-parse", "HEAD"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


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


@pytest.fixture
def folder(world: World) -> Path:
    """Return a workspace prepared at the root."""
    folder = world.folder / "workspaces" / "a-1"
    world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
    return folder


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


def test_no_command_an_agent_prepared_is_run(world: World, folder: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    command = f"touch {ran}; cat"
    settings = f"""
[core]
    fsmonitor = touch {ran}
    hooksPath = {folder}/hooks
    sshCommand = touch {ran}
    editor = touch {ran}
    pager = touch {ran}
    attributesFile = {folder}/attributes
[filter "evil"]
    clean = {command}
    smudge = {command}
    process = touch {ran}
    required = true
[diff "evil"]
    command = touch {ran}
    textconv = {command}
[merge "evil"]
    driver = touch {ran}
[gpg]
    program = touch {ran}
[commit]
    gpgSign = true
[uploadpack]
    packObjectsHook = touch {ran}
[alias]
    status = !touch {ran}
[include]
    path = {folder}/more
"""
    with (folder / ".git/config").open("a") as config:
        config.write(settings)
    (folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (folder / "attributes").write_text("* filter=evil\n")
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/attributes").write_text("* filter=evil diff=evil\n")
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-index-change", "pre-auto-gc"):
        for home in (folder / "hooks", folder / ".git/hooks"):
            home.mkdir(exist_ok=True)
            (home / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
            (home / name).chmod(0o755)
    nested = folder / "nested"
    run_git(folder, "init", "-q", "nested")
    run_git(nested, "commit", "-q", "--allow-empty", "-m", "x")
    with (nested / ".git/config").open("a") as config:
        config.write(f"[core]\n    fsmonitor = touch {ran}\n")
    (folder / "src/app.py").write_text("print(2)\n")
    work = fetch(world, folder, world.root)
    assert not ran.exists()
    assert work.trouble is None
    assert work.head is not None
    assert world.files(work.head)["src/app.py"][1] == "print(2)\n"
    assert world.files(work.head)["nested"][0] == "160000"
    fetch(world, folder, world.root)
    world.git.diff(world.root, work.head)
    world.git.build(world.root, [work.head], ["x"])
    assert not ran.exists()


def test_objects_borrowed_from_elsewhere_are_not_followed(world: World, folder: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "secret")
    (tmp_path / "secret/password").write_text("hunter2\n")
    run_git(tmp_path / "secret", "add", "password")
    run_git(tmp_path / "secret", "commit", "-q", "-m", "secret")
    stolen = run_git(tmp_path / "secret", "rev-parse", "HEAD").decode().strip()
    with (folder / ".git/objects/info/alternates").open("a") as alternates:
        alternates.write(f"{tmp_path}/secret/.git/objects\n")
    agent_git(folder, "reset", "-q", "--hard", stolen)
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.WORKSPACE_BROKEN
    assert run_git(world.path, "cat-file", "-t", stolen, check=False) == b""


def forge_object(folder: Path, id: str, body: bytes) -> None:
    """Write an object file whose name does not fit its content."""
    path = folder / ".git/objects" / id[:2] / id[2:]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(zlib.compress(f"blob {len(body)}\0".encode() + body))


def test_a_forged_object_does_not_pass_for_its_name(world: World, folder: Path) -> None:
    (folder / "new").write_text("good\n")
    blob = agent_git(folder, "hash-object", "new")
    world.agent_commit(folder, "x")
    forge_object(folder, blob, b"evil\n")
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.WORKSPACE_BROKEN
    run_git(world.path, "fsck", "--strict", "--connectivity-only")
    assert work.head is not None
    assert world.files(work.head)["new"][1] == "good\n"


def test_a_forged_copy_of_a_known_object_changes_nothing(world: World, folder: Path) -> None:
    readme = run_git(world.path, "rev-parse", f"{world.root}:README").decode().strip()
    forge_object(folder, readme, b"evil\n")
    (folder / "new").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert world.files(work.head)["README"][1] == "hello\n"
    run_git(world.path, "fsck", "--strict")


def test_a_malformed_object_is_refused(world: World, folder: Path) -> None:
    entry = b"100644 .git\0" + bytes.fromhex(agent_git(folder, "hash-object", "-w", "README"))
    (folder.parent / "tree").write_bytes(entry)
    hashed = ("hash-object", "-w", "-t", "tree", "--literally", str(folder.parent / "tree"))
    tree = agent_git(folder, *hashed)
    commit = agent_git(folder, "commit-tree", tree, "-p", "HEAD", "-m", "x")
    agent_git(folder, "update-ref", "refs/heads/interlock/a", commit)
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.WORKSPACE_BROKEN
    assert run_git(world.path, "cat-file", "-t", tree, check=False) == b""


def test_a_commit_that_only_a_checker_refuses_is_refused(world: World, folder: Path) -> None:
    tree = agent_git(folder, "rev-parse", "HEAD^{tree}")
    (folder.parent / "commit").write_text(f"tree {tree}\nauthor nobody 1 +0000\ncommitter nobody <> 1 +0000\n\nx\n")
    hashed = ("hash-object", "-w", "-t", "commit", "--literally", str(folder.parent / "commit"))
    (folder / ".git/HEAD").write_text(agent_git(folder, *hashed) + "\n")
    work = fetch(world, folder, world.root)
    assert (work.head, work.trouble) == (world.root, Reason.WORKSPACE_BROKEN)
    run_git(world.path, "fsck", "--strict")


def test_a_large_file_in_the_middle_of_the_history_is_refused(world: World, folder: Path) -> None:
    (folder / "huge").write_bytes(b"\0" * 3_000_000)
    huge = world.agent_commit(folder, "huge")
    (folder / "huge").unlink()
    world.agent_commit(folder, "gone again")
    work = fetch(world, folder, world.root, PatchLimits(max_bytes=1_000_000))
    assert (work.head, work.trouble) == (None, Reason.POLICY_DENIED)
    assert "huge (3000000 bytes)" in work.message
    assert run_git(world.path, "cat-file", "-t", huge, check=False) == b""
    assert world.ref(REF) is None


def test_a_gigabyte_is_refused_before_it_is_read(world: World, folder: Path) -> None:
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.POLICY_DENIED
    assert "sparse" in work.message


def test_a_commit_dated_in_the_future_is_refused(world: World, folder: Path) -> None:
    (folder / "new").write_text("1\n")
    agent_git(folder, "add", "-A")
    env = {**os.environ, "GIT_COMMITTER_DATE": "@4102444800 +0000"}
    subprocess.run(["git", "commit", "-q", "-m", "x"], cwd=folder, env=env, check=True)
    work = fetch(world, folder, world.root)
    assert work.trouble is Reason.WORKSPACE_BROKEN
    assert "future" in work.message


def test_pipes_sockets_and_broken_links_do_not_hang_or_leak(world: World, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "README").unlink()
    os.mkfifo(folder / "README")
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "dangling").symlink_to("no/where")
    (folder / "src/loop").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(folder)
        listening.bind("socket")
        os.chdir(here)
        work = fetch(world, folder, world.root)
    assert work.head is not None
    files = world.files(work.head)
    assert set(files) == {"dangling", "out", "src/app.py", "src/lib.py", "src/loop"}
    assert files["out"] == ("120000", "/etc/passwd")
    links = {change.path: change.link_target for change in world.git.diff(world.root, work.head).changes}
    assert links == {"README": None, "dangling": "no/where", "out": "/etc/passwd", "src/loop": ".."}


def test_a_folder_replaced_by_a_link_is_a_link_not_what_it_leads_to(world: World, folder: Path) -> None:
    (folder / "src").rename(folder / "moved")
    (folder / "src").symlink_to("moved")
    (folder / "src/app.py").write_text("changed behind the link\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert set(world.files(work.head)) == {"README", "moved/app.py", "moved/lib.py", "src"}


def test_files_and_folders_may_change_places(world: World, folder: Path) -> None:
    shutil.rmtree(folder / "src")
    (folder / "src").write_text("a file now\n")
    (folder / "README").unlink()
    (folder / "README").mkdir()
    (folder / "README/inner").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert set(world.files(work.head)) == {"README/inner", "src"}


def test_only_a_mode_changed_is_a_change(world: World, folder: Path) -> None:
    (folder / "src/app.py").chmod(0o755)
    work = fetch(world, folder, world.root)
    assert work.head is not None
    found = world.git.diff(world.root, work.head)
    assert [(each.path, each.old_mode, each.new_mode) for each in found.changes] == [("src/app.py", "100644", "100755")]


def test_nested_repositories_show_as_submodules(world: World, folder: Path) -> None:
    run_git(folder, "init", "-q", "empty")
    run_git(folder, "init", "-q", "full")
    (folder / "full/file").write_text("x")
    run_git(folder / "full", "add", "file")
    run_git(folder / "full", "commit", "-q", "-m", "x")
    inner = run_git(folder / "full", "rev-parse", "HEAD").decode().strip()
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert world.files(work.head)["full"] == ("160000", inner)
    assert "empty" not in world.files(work.head)


def test_names_that_are_no_utf_8_and_names_with_line_breaks_survive(world: World, folder: Path) -> None:
    names = {b"caf\xe9", b"two\nlines", b" leading", b"-dash", b"*", b":(glob)x", b'"q"'}
    for name in names:
        with open(os.fsencode(folder) + b"/" + name, "w") as file:
            file.write("x\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert {os.fsencode(path) for path in world.files(work.head)} >= names


def test_line_endings_are_what_the_attributes_say_and_never_settings(world: World, folder: Path) -> None:
    start = world.commit(
        world.root,
        files={".gitattributes": "*.bat text eol=crlf\n*.raw -text\n", "a.bat": "x\ny\n", "b.raw": "x\r\ny\n"},
    )
    world.workspaces.prepare(folder, start, start, "interlock/a")
    assert (folder / "a.bat").read_bytes() == b"x\r\ny\r\n"
    assert (folder / "b.raw").read_bytes() == b"x\r\ny\n"
    for name in ("a.bat", "b.raw", "plain"):
        (folder / name).touch()
        os.utime(folder / name, (1, 1))
    agent_git(folder, "config", "core.autocrlf", "true")
    (folder / "plain").write_bytes(b"x\r\n")
    work = fetch(world, folder, start)
    assert work.head is not None
    assert [change.path for change in world.git.diff(start, work.head).changes] == ["plain"]
    assert run_git(world.path, "show", f"{work.head}:plain") == b"x\r\n"


def test_a_file_forced_past_the_ignore_rules_by_a_commit_stays(world: World, folder: Path) -> None:
    (folder / ".gitignore").write_text("*.bin\n")
    (folder / "kept.bin").write_text("1\n")
    agent_git(folder, "add", "-f", ".gitignore", "kept.bin")
    agent_git(folder, "commit", "-q", "-m", "x")
    (folder / "kept.bin").write_text("2\n")
    (folder / "dropped.bin").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert world.files(work.head)["kept.bin"][1] == "2\n"
    assert "dropped.bin" not in world.files(work.head)


def test_hiding_changes_from_the_clones_own_index_does_not_hide_them(world: World, folder: Path) -> None:
    agent_git(folder, "update-index", "--assume-unchanged", "README")
    agent_git(folder, "update-index", "--skip-worktree", "src/app.py")
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/exclude").write_text("*\n")
    for name in ("README", "src/app.py", "new"):
        (folder / name).write_text("changed\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert {change.path for change in world.git.diff(world.root, work.head).changes} == {"README", "src/app.py", "new"}


def test_a_change_of_the_same_size_with_the_old_time_is_seen(world: World, folder: Path) -> None:
    before = (folder / "README").stat()
    (folder / "README").write_text("HELLO\n")
    os.utime(folder / "README", ns=(before.st_atime_ns, before.st_mtime_ns))
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert world.files(work.head)["README"][1] == "HELLO\n"


def test_lies_in_the_note_beside_the_workspace_spoil_nothing(world: World, folder: Path) -> None:
    (folder / "new").write_text("1\n")
    origin = folder.with_name("a-1.origin")
    (origin / "index").write_bytes(b"DIRC nonsense")
    (origin / "origin.json").write_text('{"asked": 3}')
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert set(world.files(work.head)) == {"README", "new", "src/app.py", "src/lib.py"}


def test_a_merge_head_of_the_agents_own_making_gives_no_second_parent(world: World, folder: Path) -> None:
    other = world.commit(world.root, files={"other": "1\n"})
    (folder / ".git/MERGE_HEAD").write_text(f"{other}\n")
    (folder / "new").write_text("1\n")
    work = fetch(world, folder, world.root)
    assert work.head is not None
    assert world.parents(work.head) == [world.root]


def test_an_agent_that_commits_the_markers_has_solved_nothing(world: World, folder: Path) -> None:
    start = world.commit(world.root, files={"src/lib.py": lines(20, l2="mine")})
    base = world.commit(world.root, files={"src/lib.py": lines(20, l2="theirs")})
    world.workspaces.prepare(folder, start, base, "interlock/a")
    head = world.agent_commit(folder, "as it is")
    work = fetch(world, folder, start)
    assert (work.head, work.unresolved) == (head, ("src/lib.py",))


def test_a_merge_the_agent_gave_up_is_an_ordinary_commit(world: World, folder: Path) -> None:
    start = world.commit(world.root, files={"src/lib.py": lines(20, l2="mine")})
    base = world.commit(world.root, files={"src/lib.py": lines(20, l2="theirs")})
    world.workspaces.prepare(folder, start, base, "interlock/a")
    agent_git(folder, "merge", "--abort")
    (folder / "new").write_text("1\n")
    work = fetch(world, folder, start)
    assert work.head is not None
    assert (world.parents(work.head), work.unresolved) == ([start], ())


def test_submodules_of_the_base_stay_as_they_are(world: World, folder: Path) -> None:
    start = world.commit(world.root, files={"vendor/lib": Mode("160000", world.root)})
    world.workspaces.prepare(folder, start, start, "interlock/a")
    assert fetch(world, folder, start).head == start


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


@pytest.mark.parametrize("name", ["a.txt", "src/new folder/b-1.py", "@x/[slug]/page.tsx", "x", ".env", "a/.hidden"])
def test_names_that_mean_the_same_to_everybody_go_straight_in(name: str) -> None:
    assert _is_plain(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            ".git/x",
            "a/.GIT/x",
            ".gitmodules",
            "a/.gitattributes",
            "GIT~1/x",
            ".g\u200cit/x",
            "a\\b",
            "a:b",
            "a. ",
            "a.",
        ),
        *("nested/", "a//b", "line\nbreak", "\udcff", "tab\t", ""),
    ],
)
def test_names_that_some_system_reads_as_another_are_checked_on_the_way(name: str) -> None:
    assert not _is_plain(name)


def test_what_goes_straight_in_is_what_a_transfer_would_have_brought(world: World, tmp_path: Path) -> None:
    heads = []
    for number, straight in enumerate((True, False)):
        folder = tmp_path / f"w{number}"
        world.workspaces.prepare(folder, world.root, world.root, "interlock/x")
        (folder / "new.txt").write_text("new\n")
        (folder / "README").write_text("changed\n")
        (folder / "src/lib.py").unlink()
        if not straight:
            (folder / "src/kept").write_text("an object of its own")
            agent_git(folder, "add", "src/kept")
            agent_git(folder, "rm", "-q", "-f", "src/kept")
        work = fetch(world, folder, world.root)
        heads.append((work.head, work.tree, work.descends, work.trouble, work.message))
    assert heads[0] == heads[1]
    assert run_git(world.path, "fsck", "--full", "--strict", "--no-dangling") == b""
