"""What an agent may leave as files: pipes, links, modes, odd names, line endings, half-finished merges."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from orchestrator.adapters.git.leftovers import _is_plain
from tests.contract.clones_world import World
from tests.contract.git_world import Mode, agent_git, lines, run_git
from tests.contract.workspaces_suite import fetch


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def folder(world: World) -> Path:
    """Return a workspace prepared at the root."""
    folder = world.folder / "workspaces" / "a-1"
    world.workspaces.prepare(folder, world.root, world.root, "interlock/a")
    return folder


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
