"""Refs, objects and trees read without a git process for each question say what git itself says."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from orchestrator.adapters.git.diff import raw_changes
from orchestrator.adapters.git.run import GitFailed
from orchestrator.model.base import Sha
from orchestrator.model.facts import Edit
from tests.contract.git_world import Mode, RealWorld, run_git

PATTERNS = ("refs/heads/main", "refs/heads/interlock/", "refs/interlock/runs", "refs/interlock/candidates/")


@pytest.fixture(params=["sha1", "sha256"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> RealWorld:
    return RealWorld(tmp_path, object_format=request.param)


def read(world: RealWorld, *patterns: str) -> dict[str, Sha] | None:
    """Return what the files alone say."""
    return world.repository._ref_files.read(*(patterns or PATTERNS))


def agree(world: RealWorld, *patterns: str) -> dict[str, Sha]:
    """Return the refs, which files and git have to say alike."""
    found = read(world, *patterns)
    assert found is not None, "git was needed"
    assert list(found.items()) == list(world.repository.asked_refs(*(patterns or PATTERNS)).items())
    return found


def test_loose_packed_and_moved_refs_are_what_git_lists(world: RealWorld) -> None:
    later = world.commit(world.root, files={"a": "a\n"})
    for name in ("a", "b", "deep/er", "c-1", "c"):
        world.set_ref(f"refs/heads/interlock/{name}", world.root)
        world.set_ref(f"refs/interlock/runs/{name}-1", later)
    world.set_ref("refs/heads/interlocking", later)
    world.set_ref("refs/heads/main-2", later)
    assert len(agree(world)) == 11
    run_git(world.path, "pack-refs", "--all")
    assert len(agree(world)) == 11
    world.set_ref("refs/heads/interlock/a", later)
    world.set_ref("refs/interlock/runs/b-1", None)
    world.set_ref("refs/interlock/candidates/x", later)
    found = agree(world)
    assert found["refs/heads/interlock/a"] == later
    assert "refs/interlock/runs/b-1" not in found
    assert agree(world, "refs/heads/nothing") == {}
    run_git(world.path, "pack-refs", "--all", "--prune")
    assert agree(world) == found


def test_locks_and_hidden_files_are_no_refs(world: RealWorld) -> None:
    folder = world.path / ".git/refs/heads/interlock"
    folder.mkdir(parents=True)
    (folder / "a.lock").write_text("")
    (folder / ".hidden").write_text("x")
    assert list(agree(world)) == ["refs/heads/main"]


def test_whatever_is_odd_is_for_git_to_say(world: RealWorld) -> None:
    folder = world.path / ".git/refs/heads/interlock"
    folder.mkdir(parents=True)
    for text in ("ref: refs/heads/main\n", "", "12345\n", "x" * len(world.root) + "\n"):
        (folder / "odd").write_text(text)
        assert read(world) is None
        assert world.repository.refs(*PATTERNS) == world.repository.asked_refs(*PATTERNS)
    (folder / "odd").unlink()
    (folder / "odd").symlink_to(world.path / ".git/refs/heads/main")
    assert read(world) is None
    (folder / "odd").unlink()
    packed = world.path / ".git/packed-refs"
    packed.write_text("half of what another program was writ")
    assert read(world) is None
    with pytest.raises(GitFailed):
        world.repository.refs(*PATTERNS)
    packed.unlink()
    (world.path / ".git/reftable").mkdir()
    assert read(world) is None


def test_objects_are_read_whatever_their_kind_and_found_when_they_arrive_later(world: RealWorld) -> None:
    objects = world.repository.objects
    missing = "1" * len(world.root)
    assert objects.contents([world.root, missing]).keys() == {world.root}
    assert objects.contents([world.root])[world.root].kind == "commit"
    content = bytes(range(256)) * 2_000 + b"\n\nblob 3\n"
    expected = run_git(world.path, "hash-object", "--stdin", input=content).decode().strip()
    assert objects.sizes([expected]) == {}
    run_git(world.path, "hash-object", "-w", "--stdin", input=content)
    assert objects.sizes([expected]) == {expected: len(content)}
    assert objects.contents([expected])[expected].body == content
    run_git(world.path, "repack", "-adq")
    run_git(world.path, "prune-packed")
    assert objects.contents([world.root, expected, world.root])[expected].body == content


def test_a_reader_that_dies_is_replaced(world: RealWorld) -> None:
    objects = world.repository.objects
    many = [world.commit(world.root, files={f"{number}": "x" * 5_000}) for number in range(3)]
    assert len(objects.contents(many)) == 3
    first = objects._process
    assert first is not None
    first.kill()
    first.wait()
    assert len(objects.contents(many)) == 3
    assert objects._process is not first
    objects.close()
    objects.close()
    assert len(objects.sizes(many * 200)) == 3


def test_a_reader_ends_with_the_pipe_to_it(world: RealWorld) -> None:
    """As after kill -9: nobody told it to end."""
    world.repository.objects.contents([world.root])
    process = world.repository.objects._process
    assert process is not None and process.stdin is not None
    os.close(os.dup(process.stdin.fileno()))
    process.stdin.close()
    assert process.wait(20) == 0


def test_a_git_that_cannot_be_spoken_to_is_trouble_not_a_bug(world: RealWorld) -> None:
    script = world.folder / "mute-git"
    script.write_text("#!/bin/sh\necho what\n")
    script.chmod(0o755)
    runner = world.repository.objects._runner
    object.__setattr__(runner, "program", str(script))
    with pytest.raises(GitFailed):
        world.repository.objects.contents(["2" * len(world.root)])


def test_trees_differ_and_list_as_git_says(world: RealWorld) -> None:
    rng = random.Random(7)
    names = ["a", "a-b", "a.b", "ab", "b/c", "b/c/d", "b/d", "b0", "é", "\udcff", "Z", "b/.gitattributes", "x/y/z/w"]
    before = world.root
    for _ in range(25):
        files: dict[str, str | Mode | None] = {}
        taken: list[str] = []
        for name in rng.sample(names, rng.randint(1, 6)):
            if any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in taken):
                continue
            taken.append(name)
            content = str(rng.randint(0, 2))
            files[name] = rng.choice(
                [content, None, Mode("100755", content), Mode("120000", content), Mode("160000", world.root)]
            )
        after = world.commit(before, files=files)
        for old, new in ((before, after), (after, before), (world.root, after)):
            out = run_git(world.path, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)
            fields = [os.fsdecode(field) for field in out.split(b"\0")[:-1]]
            expected = {(path, *(about[1:].split(" "))) for about, path in zip(fields[::2], fields[1::2], strict=True)}
            found = {
                (each.path, each.old_mode, each.new_mode, each.old_id, each.new_id, each.status)
                for each in raw_changes(world.repository, old, new)
            }
            assert found == expected
        listed = run_git(world.path, "ls-tree", "-r", "-z", "--name-only", after).split(b"\0")[:-1]
        assert list(world.git.paths(after)) == [os.fsdecode(path) for path in listed]
        named = world.repository.trees.named(world.tree(after), ".gitattributes")
        plain = plain_files(world, after)
        assert [each.name for each in named] == [path for path in plain if path.endswith("/.gitattributes")]
        before = after


def plain_files(world: RealWorld, commit: Sha) -> list[str]:
    """Return the paths of a commit's plain files."""
    entries = run_git(world.path, "ls-tree", "-r", "-z", commit).split(b"\0")[:-1]
    return [os.fsdecode(entry.split(b"\t", 1)[1]) for entry in entries if entry.startswith(b"100")]


def test_modes_links_and_attribute_files_are_part_of_declared_inputs(world: RealWorld) -> None:
    def held(*patterns: str, **files: object) -> str | None:
        commit = world.commit(world.root, files={name.replace("__", "/"): text for name, text in files.items()})
        return world.git.inputs(commit, patterns)

    plain = held("src/**")
    assert held("src/**", src__new=Mode("100644", "x")) != held("src/**", src__new=Mode("100755", "x"))
    assert held("src/**", src__new=Mode("100644", "x")) != held("src/**", src__new=Mode("120000", "x"))
    assert held("src/**", docs__x="x") == plain
    commit = world.commit(world.root, files={"docs/.gitattributes": "* text\n"})
    assert world.git.inputs(commit, ("src/**",)) != plain, "it says how files are checked out"


def test_inputs_are_looked_at_again_only_where_a_folder_changed(world: RealWorld) -> None:
    from orchestrator.adapters.git import inputs

    start = world.commit(world.root, files={f"src/{at}/{each}": "x" for at in range(20) for each in range(5)})
    changed = world.commit(start, files={"src/3/1": "y"})
    looked: list[str] = []
    memory = world.git._inputs

    def covers(path: str) -> bool:
        looked.append(path)
        return path.startswith("src/")

    original = inputs.scope_of
    inputs.scope_of = lambda patterns: covers  # type: ignore[assignment]
    try:
        first = memory.digest(world.git.tree_of(start), ("src/**",))
        count = len(looked)
        second = memory.digest(world.git.tree_of(changed), ("src/**",))
    finally:
        inputs.scope_of = original
    assert first != second
    assert count >= 100
    assert len(looked) - count < 12, "one folder and those above it"


def test_an_edit_that_is_no_text_says_so_and_holds_none(world: RealWorld) -> None:
    files = {"old.bin": b"\0\1", "a.py": "x = 1\n", "b.py": "x = 1\n", "c.py": "x = 1\n"}
    before = world.commit(world.root, files=files)
    after = world.commit(
        before,
        files={"old.bin": "text\n", "a.py": Mode("120000", "b.py"), "b.py": b"\xff\n", "c.py": "#" * (1 << 20) + "\n"},
    )
    found = {each.path: each for each in world.git.edits(before, after, ("**",))}
    no_text = "no text in UTF-8 of at most 1,048,576 bytes"
    assert found == {
        "old.bin": Edit("old.bin", None, "text\n"),
        "a.py": Edit("a.py", "x = 1\n", None, "no file, a link or a submodule"),
        "b.py": Edit("b.py", "x = 1\n", None, no_text),
        "c.py": Edit("c.py", "x = 1\n", None, no_text),
    }
