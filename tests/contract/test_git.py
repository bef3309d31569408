"""The `Git` port's suite on real repositories, and what only a real one has: modes, attributes, settings, odd names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.adapters.git import GitRepository, Runner, inspect, open_repository
from orchestrator.adapters.git.merge import Merger
from orchestrator.adapters.git.run import GitFailed, Place
from orchestrator.adapters.git.worktrees import asked_work_trees, work_trees
from orchestrator.errors import Invalid, Unusable
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, Change, Conflicted
from tests.contract.git_suite import GitSuite, landing_message, lines
from tests.contract.git_world import Mode, RealWorld, run_git


class TestGit(GitSuite):
    """Files and processes."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> RealWorld:
        return RealWorld(tmp_path)


class TestGitOfSha256(GitSuite):
    """The other object format: ids of 64 digits."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> RealWorld:
        return RealWorld(tmp_path, object_format="sha256")


@pytest.fixture
def world(tmp_path: Path) -> RealWorld:
    return RealWorld(tmp_path)


def built(world: RealWorld, base: Sha, *heads: Sha) -> Built:
    """Return a candidate that must be clean."""
    found = world.git.build(base, heads, [f"head {number}" for number in range(len(heads))])
    assert isinstance(found, Built), found
    return found


def test_modes_links_and_submodules_are_in_the_open(world: RealWorld) -> None:
    later = world.commit(
        world.root,
        files={
            "README": Mode("100755", "hello\n"),
            "src/app.py": Mode("120000", "../../etc/passwd"),
            "vendor/lib": Mode("160000", world.root),
        },
    )
    assert world.git.diff(world.root, later).changes == (
        Change("README", "M", "100644", "100755"),
        Change("src/app.py", "T", "100644", "120000", "../../etc/passwd"),
        Change("vendor/lib", "A", "000000", "160000"),
    )


def test_names_that_are_no_utf_8_come_back_as_the_same_bytes(world: RealWorld) -> None:
    name = b'caf\xe9\n"quoted"\t.txt'.decode("utf-8", "surrogateescape")
    later = world.commit(world.root, files={name: "1\n"})
    assert name in world.git.paths(later)
    assert [change.path for change in world.git.diff(world.root, later).changes] == [name]
    assert name in world.git.paths(built(world, world.root, later).commit)


def test_binary_files_have_bytes_but_no_lines(world: RealWorld) -> None:
    later = world.commit(world.root, files={"image": b"\x00\x01" * 500})
    found = world.git.diff(world.root, later)
    assert (found.lines, found.size) == (0, 1000)


def test_the_merge_follows_a_file_that_was_renamed(world: RealWorld) -> None:
    renamed = world.commit(world.root, files={"src/lib.py": None, "src/moved.py": lines()})
    changed = world.commit(world.root, files={"src/lib.py": lines(l5="changed")})
    found = built(world, world.root, renamed, changed)
    assert world.files(found.commit)["src/moved.py"] == ("100644", lines(l5="changed"))
    assert "src/lib.py" not in world.files(found.commit)


def test_the_settings_of_a_user_do_not_change_a_merge(world: RealWorld) -> None:
    renamed = world.commit(world.root, files={"src/lib.py": None, "src/moved.py": lines()})
    changed = world.commit(world.root, files={"src/lib.py": lines(l5="changed")})
    expected = built(world, world.root, renamed, changed)
    for setting in ("merge.renames=false", "diff.renames=false", "merge.conflictStyle=diff3", "i18n.commitEncoding=x"):
        run_git(world.path, "config", *setting.split("=", 1))
    world.git.forget_candidates(())
    world.open()
    assert built(world, world.root, renamed, changed) == expected


def test_attributes_of_the_base_decide_what_is_never_merged_as_text(world: RealWorld) -> None:
    base = world.commit(world.root, files={".gitattributes": "src/*.py -merge\n"})
    a = world.commit(base, files={"src/lib.py": lines(l2="a")})
    b = world.commit(base, files={"src/lib.py": lines(l18="b")})
    found = world.git.build(base, [a, b], ["a", "b"])
    assert isinstance(found, Conflicted)
    assert found.paths == ("src/lib.py",)


def test_a_merge_driver_in_the_users_settings_is_never_run(world: RealWorld, tmp_path: Path) -> None:
    run_git(world.path, "config", "merge.evil.driver", f"touch {tmp_path}/ran; true")
    base = world.commit(world.root, files={".gitattributes": "*.py merge=evil\n"})
    a = world.commit(base, files={"src/lib.py": lines(l2="a")})
    b = world.commit(base, files={"src/lib.py": lines(l18="b")})
    world.git.build(base, [a, b], ["a", "b"])
    assert not (tmp_path / "ran").exists()


def test_hooks_and_monitors_of_the_repository_are_never_run(world: RealWorld, tmp_path: Path) -> None:
    script = f"#!/bin/sh\ntouch {tmp_path}/ran\n"
    for hook in ("reference-transaction", "post-checkout", "post-merge", "post-index-change", "fsmonitor"):
        path = world.path / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
    world.check_out()
    run_git(world.path, "config", "core.fsmonitor", str(world.path / ".git" / "hooks" / "fsmonitor"))
    (tmp_path / "ran").unlink(missing_ok=True)
    head = world.commit(world.root, files={"a": "1\n"})
    found = built(world, world.root, head)
    (tmp_path / "ran").unlink(missing_ok=True)
    world.git.observe("main", None)
    world.git.keep("refs/interlock/runs/a-1", head)
    world.forge.land("main", world.landing("a", head, found.commit, world.root))
    assert world.ref("refs/heads/main") == found.commit
    assert not (tmp_path / "ran").exists()


def test_the_environment_of_the_caller_does_not_reach_git(
    world: RealWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    world.open()
    assert world.git.observe("main", None).tip == world.root


def test_only_refs_of_ours_can_be_kept(world: RealWorld) -> None:
    with pytest.raises(Invalid, match="refs/heads/main"):
        world.git.keep("refs/heads/main", world.root)


def test_a_stranger_among_the_candidate_refs_is_passed_over(world: RealWorld) -> None:
    head = world.commit(world.root, files={"a": "1\n"})
    found = built(world, world.root, head)
    world.set_ref("refs/interlock/candidates/handmade", found.commit)
    world.set_ref("refs/interlock/candidates/root", world.root)
    world.open()
    assert list(world.git.observe("main", None).candidates.values()) == [found]


def test_a_head_without_common_history_is_a_conflict(world: RealWorld) -> None:
    orphan = world.commit(files={"other": "1\n"})
    found = world.git.build(world.root, [orphan], ["x"])
    assert isinstance(found, Conflicted)
    assert "no common history" in found.output


def test_a_commit_that_cannot_be_read_just_now_is_no_conflict_and_no_bug(world: RealWorld) -> None:
    head = world.commit(world.root, files={"a": "1\n"})
    with pytest.raises(GitFailed, match="not something we can merge"):
        Merger(world.repository).tree(head, Sha("1" * 40), attributes_of=head)


def test_a_forged_spec_name_in_a_trailer_is_passed_over(world: RealWorld) -> None:
    head = world.commit(world.root, files={"a": "1\n"})
    message = landing_message("../../x") + "Interlock-Spec: Good\nInterlock-Spec: good\n"
    merge = world.commit(world.root, head, files={"a": "1\n"}, message=message)
    world.set_ref("refs/heads/main", merge)
    assert set(world.git.observe("main", None).landed) == {"good"}


def test_a_base_merged_the_wrong_way_round_has_another_first_parent_line(world: RealWorld) -> None:
    head = world.commit(world.root, files={"a": "1\n"})
    landed = world.git.build(world.root, [head], [landing_message("spec-a")])
    assert isinstance(landed, Built)
    world.set_ref("refs/heads/main", landed.commit)
    assert set(world.git.observe("main", None).landed) == {"spec-a"}
    feature = world.commit(world.root, files={"f": "1\n"})
    world.set_ref("refs/heads/main", world.commit(feature, landed.commit, files={"a": "1\n"}))
    stepped = world.git.observe("main", None).landed
    world.open()
    assert stepped == world.git.observe("main", None).landed == {}


def test_a_checked_out_base_is_seen_with_what_keeps_it_from_moving(world: RealWorld) -> None:
    folder = world.check_out()
    checkout = world.git.observe("main", None).checkout
    assert checkout is not None
    assert (checkout.path, checkout.index_tree, checkout.obstacles) == (str(folder), world.tree(world.root), ())
    (folder / "README").write_text("mine\n")
    (folder / "src/app.py").write_text("staged\n")
    run_git(folder, "add", "src/app.py")
    (folder / "untracked").write_text("may stay\n")
    checkout = world.git.observe("main", None).checkout
    assert checkout is not None
    assert checkout.obstacles == ("README", "src/app.py")
    assert checkout.index_tree == run_git(folder, "write-tree").decode().strip() != world.tree(world.root)


def test_observing_leaves_the_index_of_a_checkout_alone(world: RealWorld) -> None:
    folder = world.check_out()
    (folder / "README").touch()
    before = (folder / ".git" / "index").read_bytes()
    world.git.observe("main", None)
    assert (folder / ".git" / "index").read_bytes() == before


def test_a_merge_under_way_in_the_checkout_is_an_obstacle(world: RealWorld) -> None:
    folder = world.check_out()
    run_git(folder, "merge", "--no-commit", "--no-ff", world.commit(world.root, files={"x": "1\n"}))
    checkout = world.git.observe("main", None).checkout
    assert checkout is not None
    assert checkout.obstacles == ("a merge is under way", "x")


def test_a_rebase_of_the_base_is_an_obstacle_although_head_is_detached(world: RealWorld) -> None:
    folder = world.check_out()
    mine = world.commit(world.root, files={"README": "mine\n"})
    world.set_ref("refs/heads/main", mine)
    run_git(folder, "reset", "-q", "--hard")
    onto = world.commit(world.root, files={"README": "theirs\n"})
    run_git(folder, "rebase", onto, check=False)
    checkout = world.git.observe("main", None).checkout
    assert checkout is not None
    assert checkout.obstacles == (f"a rebase is under way on `main` in {folder}",)


def test_the_base_is_found_in_a_linked_work_tree(world: RealWorld, tmp_path: Path) -> None:
    run_git(world.path, "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    (tmp_path / "linked" / "README").write_text("mine\n")
    checkout = world.git.observe("main", None).checkout
    assert checkout is not None
    assert (checkout.path, checkout.obstacles) == (str(tmp_path / "linked"), ("README",))
    assert open_repository(tmp_path / "linked", tmp_path / "s2").located.common == world.path / ".git"


@pytest.mark.parametrize("bare", [False, True])
def test_work_trees_read_from_files_are_those_git_lists(world: RealWorld, tmp_path: Path, bare: bool) -> None:
    home = world.path
    if bare:
        run_git(tmp_path, "clone", "-q", "--bare", str(world.path), "home.git")
        home = tmp_path / "home.git"
    for name, arguments in {"one": ["-b", "one"], "off": ["--detach"], "gone": ["-b", "gone"], "base": []}.items():
        run_git(home, "worktree", "add", "-q", *arguments, str(tmp_path / f"tree {name}"), "main")
    shutil.rmtree(tmp_path / "tree gone")
    for path in (home, tmp_path / "tree one"):
        repository = open_repository(path, tmp_path / "state2")
        read = work_trees(repository)
        assert sorted(read, key=str) == sorted(asked_work_trees(repository), key=str)
        assert len(read) == 4 - bare
        checkout = GitRepository(repository).observe("main", None).checkout
        assert checkout is not None
        assert checkout.path == str(tmp_path / "tree base")


def test_a_good_repository_has_no_problems(world: RealWorld) -> None:
    assert inspect(world.path, "main") == []


def test_a_bare_repository_can_be_worked_in(world: RealWorld, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", "--bare", str(world.path), "bare.git")
    assert inspect(tmp_path / "bare.git", "main") == []
    bare = open_repository(tmp_path / "bare.git", tmp_path / "s2")
    assert bare.ref("refs/heads/main") == world.root


def test_each_bad_repository_is_named_with_its_remedy(world: RealWorld, tmp_path: Path) -> None:
    def codes(path: Path, base: str = "main", program: str = "git") -> list[str]:
        problems = inspect(path, base, program)
        assert all(problem.message for problem in problems)
        return [problem.code for problem in problems]

    (tmp_path / "plain").mkdir()
    run_git(tmp_path, "init", "-q", "empty")
    later = world.commit(world.root, files={"a": "1\n"})
    world.set_ref("refs/heads/main", later)
    run_git(tmp_path, "clone", "-q", "--depth=1", "-b", "main", f"file://{world.path}", "shallow")
    run_git(world.path, "config", "uploadpack.allowFilter", "true")
    run_git(tmp_path, "clone", "-q", "--filter=blob:none", "-b", "main", f"file://{world.path}", "partial")
    old = tmp_path / "old-git"
    old.write_text('#!/bin/sh\n[ "$1" = version ] && { echo git version 2.37.9; exit; }\nexec git "$@"\n')
    old.chmod(0o755)
    assert codes(tmp_path / "plain") == ["RepositoryUnusable"]
    assert codes(tmp_path / "nowhere") == ["RepositoryUnusable"]
    assert codes(tmp_path / "empty") == ["NoCommits"]
    assert codes(world.path, "release") == ["NoBaseBranch"]
    assert codes(tmp_path / "shallow") == ["ShallowClone"]
    assert codes(tmp_path / "partial") == ["PartialClone"]
    assert codes(world.path, program=str(old)) == ["GitTooOld"]
    assert codes(world.path, program=str(tmp_path / "no-git")) == ["RepositoryUnusable"]
    for path, program in ((tmp_path / "shallow", "git"), (world.path, str(old)), (tmp_path / "plain", "git")):
        with pytest.raises(Unusable):
            open_repository(path, tmp_path / "s3", program)


def test_a_state_directory_that_cannot_be_written_is_one_clear_error(world: RealWorld, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unusable, match="state directory"):
        open_repository(world.path, tmp_path / "file" / "state")


def says(world: RealWorld, words: str) -> Runner:
    """Return a runner of a git that fails with these words."""
    (world.folder / "words").write_text(words)
    script = world.folder / "failing-git"
    script.write_text(f"#!/bin/sh\ncat '{world.folder}/words' >&2\nexit 128\n")
    script.chmod(0o755)
    return Runner(str(script))


@pytest.mark.parametrize(
    "words",
    [
        "fatal: write error: No space left on device\n",
        "fatal: write error: No space left on device",
        "error: unable to create file src/a: No space left on device\nfatal: updating files failed\n",
        "error: file write error: Disk quota exceeded\nerror: x: failed to insert into database\n",
        "fatal: Unable to create '/repository/.git/index.lock': Read-only file system\n",
    ],
)
def test_a_full_disk_is_one_clear_error(world: RealWorld, words: str) -> None:
    with pytest.raises(Unusable, match="make room"):
        says(world, words).run(Place(world.path / ".git"), "write-tree")


@pytest.mark.parametrize(
    "words",
    [
        "error: unable to index file 'No space left on device'\n",
        'error: open("No space left on device"): Permission denied\nfatal: updating files failed\n',
        "error: x: No space left on device: failed to insert into database\n",
        "warning: x: No space left on device\n",
        "error: Your local changes would be overwritten:\n\tx: No space left on device\nAborting\n",
        "No space left on device\n",
    ],
)
def test_a_file_called_like_a_full_disk_is_none(world: RealWorld, words: str) -> None:
    with pytest.raises(GitFailed):
        says(world, words).run(Place(world.path / ".git"), "write-tree")


def test_a_path_with_a_line_like_a_full_disk_in_it_is_none(world: RealWorld) -> None:
    name = b"a\nerror: x: No space left on device\nb"
    runner = says(world, f"fatal: Unable to process path {name.decode()}\n")
    with pytest.raises(GitFailed):
        runner.run(Place(world.path / ".git"), "update-index", "-z", "--stdin", input=name + b"\0")
    with pytest.raises(GitFailed):
        runner.run(Place(world.path / ".git"), "hash-object", "--", name.decode())


def test_a_real_file_called_like_a_full_disk_that_git_cannot_take_is_no_full_disk(world: RealWorld) -> None:
    """As git really words it: a path below a file, as an agent may leave it between two looks."""
    place = Place(world.path / ".git", work_tree=world.path)
    for name in ("No space left on device", "x: No space left on device"):
        with pytest.raises(GitFailed):
            world.repository.runner.run(place, "update-index", "-z", "--stdin", input=f"{name}/gone\0".encode())


def test_a_git_child_is_out_of_reach_of_the_terminals_interrupt(world: RealWorld) -> None:
    script = world.folder / "group-git"
    script.write_text("#!/bin/sh\nps -o pgid= -p $$\n")
    script.chmod(0o755)
    group = Runner(str(script)).run(Place(world.path / ".git"), "x").text.strip()
    assert group.isdigit()
    assert int(group) != os.getpgrp()


def test_a_checkout_that_was_cleaned_a_moment_ago_is_clean(world: RealWorld) -> None:
    """A leader that finishes its predecessor's landing sees the checkout behind, moves it, and looks again at once."""
    folder = world.check_out()
    git = GitRepository(world.repository, checkout_fresh_s=1_000)
    (folder / "README").write_text("changed\n")
    before = git.observe("main", None).checkout
    assert before is not None and before.obstacles == ("README",)
    run_git(folder, "checkout", "-q", "--", ".")
    after = git.observe("main", None).checkout
    assert after is not None and after.obstacles == ()
