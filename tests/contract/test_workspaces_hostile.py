"""Objects and settings made to harm: nothing an agent prepared is run, followed, or taken for what it is not."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

import pytest

from orchestrator.model.condition import Reason
from orchestrator.model.train import PatchLimits
from tests.contract.clones_world import World
from tests.contract.git_world import agent_git, run_git
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
