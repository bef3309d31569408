"""Landings on real repositories, killed at every step and with the user's files in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.git import Journal, Runner
from orchestrator.adapters.git.run import Done, Place
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, LandResult
from orchestrator.model.train import Landing, Member
from tests.contract.git_world import Files, Mode, RealWorld, lines, run_git, trailers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> RealWorld:
    return RealWorld(tmp_path)


def candidate(world: RealWorld, files: Files, base: Sha | None = None) -> Landing:
    """Return the intent to land one head that changes these files."""
    onto = base or world.root
    head = world.commit(onto, files=files)
    built = world.git.build(onto, [head], [trailers("spec-a")])
    assert isinstance(built, Built), built
    return world.landing("spec-a", head, built.commit, onto)


def is_clean(folder: Path) -> bool:
    """Return whether git sees nothing but the branch in a work tree, comparing content."""
    run_git(folder, "update-index", "-q", "--really-refresh", check=False)
    return run_git(folder, "status", "--porcelain", "--untracked-files=all") == b""


MIXED: Files = {
    "README": "changed\n",
    "src/app.py": None,
    "src/lib.py": Mode("100755", lines(20)),
    "src/app.py/now/a/folder": "1\n",
    "added": "1\n",
    "link": Mode("120000", "README"),
}


def test_a_clean_checkout_follows_the_base(world: RealWorld) -> None:
    folder = world.check_out()
    (folder / "untracked").write_text("mine\n")
    landing = candidate(world, MIXED)
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert run_git(folder, "status", "--porcelain") == b"?? untracked\n"
    assert run_git(folder, "write-tree").decode().strip() == landing.tree
    assert (folder / "link").readlink() == Path("README")
    assert (folder / "untracked").read_text() == "mine\n"


def test_a_checkout_in_a_linked_work_tree_follows_the_base(world: RealWorld, tmp_path: Path) -> None:
    run_git(world.path, "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    landing = candidate(world, MIXED)
    assert landing.work_tree is not None
    assert landing.work_tree.path == str(tmp_path / "linked")
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert is_clean(tmp_path / "linked")


def test_a_checkout_of_another_branch_stays_as_it_is(world: RealWorld) -> None:
    world.set_ref("refs/heads/mine", world.root)
    folder = world.check_out("mine")
    (folder / "README").write_text("mine\n")
    landing = candidate(world, MIXED)
    assert landing.work_tree is None
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert (folder / "README").read_text() == "mine\n"
    assert run_git(folder, "status", "--porcelain") == b" M README\n"


def edit(folder: Path) -> None:
    (folder / "src/lib.py").write_text("mine\n")


def stage(folder: Path) -> None:
    (folder / "other").write_text("mine\n")
    run_git(folder, "add", "other")


def remove(folder: Path) -> None:
    (folder / "README").unlink()


def change_a_mode(folder: Path) -> None:
    (folder / "README").chmod(0o755)


def put_a_file_in_the_way(folder: Path) -> None:
    (folder / "added").write_text("mine\n")


def put_an_ignored_file_in_the_way(folder: Path) -> None:
    (folder / ".git/info/exclude").write_text("added\n")
    (folder / "added").write_text("mine\n")


def put_a_link_in_the_way(folder: Path) -> None:
    (folder / "added").symlink_to("nowhere")


def put_a_folder_in_the_way(folder: Path) -> None:
    (folder / "added").mkdir()
    (folder / "added/mine").write_text("mine\n")


def put_a_file_where_a_folder_goes(folder: Path) -> None:
    (folder / "deep").write_text("mine\n")


def begin_a_merge(folder: Path) -> None:
    run_git(folder, "merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "refs/heads/side")


def hide_an_edit(folder: Path) -> None:
    run_git(folder, "update-index", "--assume-unchanged", "README")
    (folder / "README").write_text("hidden\n")


def snapshot(folder: Path) -> dict[str, str | None]:
    """Return every path of a work tree with its content."""
    paths = (path for path in folder.rglob("*") if ".git" not in path.relative_to(folder).parts)
    return {str(path): path.read_text() if path.is_file() else None for path in paths}


@pytest.mark.parametrize(
    "disturb",
    [
        edit,
        stage,
        remove,
        change_a_mode,
        put_a_file_in_the_way,
        put_an_ignored_file_in_the_way,
        put_a_link_in_the_way,
        put_a_folder_in_the_way,
        put_a_file_where_a_folder_goes,
        begin_a_merge,
    ],
)
def test_nothing_moves_while_the_users_work_is_in_the_way(world: RealWorld, disturb: Any) -> None:
    world.set_ref("refs/heads/side", world.commit(world.root, files={"side": "1\n"}))
    folder = world.check_out()
    landing = candidate(world, {**MIXED, "deep/er": "1\n"})
    disturb(folder)
    before = snapshot(folder)
    outcome = world.forge.land("main", landing)
    assert outcome.result is LandResult.OBSTRUCTED
    assert outcome.message
    assert world.ref("refs/heads/main") == world.root
    assert snapshot(folder) == before


def test_an_edit_hidden_from_git_survives(world: RealWorld) -> None:
    folder = world.check_out()
    landing = candidate(world, MIXED)
    hide_an_edit(folder)
    outcome = world.forge.land("main", landing)
    assert (folder / "README").read_text() == "hidden\n"
    assert outcome.result is LandResult.UNKNOWN
    assert "README" in outcome.message


def test_untracked_files_beside_what_changes_are_no_obstacle(world: RealWorld) -> None:
    folder = world.check_out()
    (folder / "src/app.py").unlink()
    (folder / "src/app.py").mkdir()
    run_git(folder, "checkout", "-q", "-f", "main")
    (folder / "src/mine").write_text("mine\n")
    assert world.forge.land("main", candidate(world, MIXED)).result is LandResult.LANDED
    assert (folder / "src/mine").read_text() == "mine\n"


def test_line_endings_of_the_users_own_settings_hold(world: RealWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work tree is theirs: what they set for their files applies when we write them."""
    mine = world.folder / "gitconfig"
    mine.write_text("[core]\n\tautocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(mine))
    folder = world.check_out()
    landing = candidate(world, {"README": "changed\nlines\n", ".gitattributes": "*.raw -text\n", "a.raw": "x\n"})
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert (folder / "README").read_bytes() == b"changed\r\nlines\r\n"
    assert (folder / "a.raw").read_bytes() == b"x\n"
    assert is_clean(folder)


class Killed(BaseException):
    """Stands for kill -9 between two git processes."""


@dataclass(frozen=True, slots=True)
class Dying(Runner):
    """Runs git until a given moment: before or after the n-th process."""

    seen: tuple[list[str], ...] = ()
    until: int = 1_000
    after: bool = False

    def run(self, place: Place, *arguments: str, **options: Any) -> Done:
        (seen,) = self.seen
        seen.append(arguments[0])
        if len(seen) == self.until and not self.after:
            raise Killed
        done = Runner.run(self, place, *arguments, **options)
        if len(seen) == self.until:
            raise Killed
        return done


def test_killed_between_any_two_steps_a_landing_is_finished_or_not_begun(world: RealWorld) -> None:
    folder = world.check_out()
    landing = candidate(world, MIXED)
    (folder / "untracked").write_text("mine\n")
    steps: list[str] = []
    moments = 0
    for until in range(1, 100):
        for after in (False, True):
            run_git(folder, "reset", "-q", "--hard", world.root)
            world.open()
            seen: list[str] = []
            mortal = Dying(seen=(seen,), until=until, after=after, locks=world.repository.runner.locks)
            world.repository.runner = world.repository.commits._runner = mortal
            try:
                world.forge.land("main", landing)
            except Killed:
                moments += 1
            at = world.ref("refs/heads/main")
            assert at in (world.root, landing.commit)
            world.open()
            assert world.forge.land("main", landing).result is LandResult.LANDED
            assert world.ref("refs/heads/main") == landing.commit
            assert run_git(folder, "status", "--porcelain") == b"?? untracked\n"
            steps = seen
        if len(steps) < until:
            break
    assert {"update-ref", "read-tree", "status"} <= set(steps)
    assert moments == 2 * len(steps)


LEADER = """
import sys
from pathlib import Path
from orchestrator.adapters.forge_local import LocalForge, Records
from orchestrator.adapters.git import GitRepository, open_repository
from orchestrator.model.train import Landing
folder = Path(sys.argv[1])
git = GitRepository(open_repository(folder / "repository", folder / "state"))
forge = LocalForge(git.repository, git.checkouts, Records(folder / "pulls"))
print("ready", flush=True)
sys.stdin.readline()
print(forge.land("main", Landing.model_validate_json(sys.argv[2])), flush=True)
"""


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def test_leader_and_git_killed_at_random_moments_leave_a_landing_that_can_be_finished(world: RealWorld) -> None:
    """For real: the leader and the git it started die by SIGKILL, most often while files are being written."""
    many = {f"many/{number // 50}/f{number}": lines(200, l3=str(number)) for number in range(500)}
    base = world.commit(world.root, files=many)
    world.set_ref("refs/heads/main", base)
    folder = world.check_out()
    changed = {path: (None if number % 3 else "short\n") for number, path in enumerate(many)}
    landing = candidate(world, {**changed, **MIXED}, base)
    (folder / "untracked").write_text("mine\n")
    states = set()
    for delay_ms in (0, 3, 8, 20):
        run_git(folder, "reset", "-q", "--hard", base)
        argv = [sys.executable, "-c", LEADER, str(world.folder), landing.model_dump_json()]
        leader = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert leader.stdout is not None and leader.stdin is not None
        leader.stdout.readline()
        leader.stdin.write(b"go\n")
        leader.stdin.flush()
        # Counted from the moment git begins to write files: that is where a kill hurts.
        while not (folder / ".git/index.lock").exists() and leader.poll() is None:
            pass
        time.sleep(delay_ms / 1000)
        for pid in (leader.pid, *children(leader.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        leader.communicate()
        dirty = run_git(folder, "status", "--porcelain").count(b"\n")
        states.add("locked" if (folder / ".git/index.lock").exists() else "half" if dirty > 1 else "done")
        Journal(world.state / "journal").settle()
        world.open()
        assert world.forge.land("main", landing).result is LandResult.LANDED
        assert run_git(folder, "status", "--porcelain") == b"?? untracked\n"
        assert world.ref("refs/heads/main") == landing.commit
    assert "locked" in states, f"no kill hit the checkout: {states}"


def test_a_lock_of_a_living_git_is_waited_for_and_never_removed(world: RealWorld) -> None:
    folder = world.check_out()
    landing = candidate(world, MIXED)
    with (folder / ".git/index.lock").open("x") as lock:
        holder = subprocess.Popen(["sleep", "60"], stdout=lock)
    try:
        outcome = world.forge.land("main", landing)
        assert outcome.result is LandResult.UNKNOWN
        assert "index.lock" in outcome.message
        Journal(world.state / "journal").settle()
        assert (folder / ".git/index.lock").exists()
    finally:
        holder.kill()
        holder.wait()
    (folder / ".git/index.lock").unlink()
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert is_clean(folder)


@pytest.fixture(scope="module")
def torn_world(tmp_path_factory: pytest.TempPathFactory) -> RealWorld:
    world = RealWorld(tmp_path_factory.mktemp("torn"))
    world.check_out()
    return world


TORN: Files = {
    "README": "changed and longer than before\n",
    "src/app.py": None,
    "src/lib.py": Mode("100755", lines(20, l7="changed")),
    "added": "a new file of some length\n",
    "deep/added": "another\n",
    "link": Mode("120000", "README"),
    "café": "1\n",
    "two\nlines": "x\n",
}


@settings(max_examples=15)
@given(data=st.data())
def test_a_checkout_torn_anywhere_is_finished(torn_world: RealWorld, data: st.DataObject) -> None:
    """Any mixture of old files, new files, missing ones and beginnings of new ones, as a kill may leave them."""
    world, folder = torn_world, torn_world.path
    world.set_ref("refs/heads/main", world.root)
    run_git(folder, "reset", "-q", "--hard", world.root)
    run_git(folder, "clean", "-q", "-f", "-d", "-x")
    landing = candidate(world, TORN)
    (folder / "untracked").write_text("mine\n")
    world.set_ref("refs/heads/main", landing.commit)
    for path, content in TORN.items():
        state = data.draw(st.sampled_from(("old", "new", "missing", "torn")), label=path)
        tear(folder / path, content, state, data)
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert run_git(folder, "status", "--porcelain") == b"?? untracked\n"
    assert (folder / "untracked").read_text() == "mine\n"


def tear(spot: Path, content: Any, state: str, data: st.DataObject) -> None:
    """Bring one path into a state a killed checkout may leave it in."""
    if state == "old":
        return
    spot.unlink(missing_ok=True)
    if state == "missing" or content is None:
        return
    spot.parent.mkdir(exist_ok=True)
    mode, text = (content.mode, content.content) if isinstance(content, Mode) else ("100644", content)
    if mode == "120000":
        spot.symlink_to(text)
        return
    spot.write_text(text if state == "new" else text[: data.draw(st.integers(0, len(text)))])
    spot.chmod(0o755 if mode == "100755" else 0o644)


@pytest.mark.parametrize("path", ["README", "src/lib.py", "added", "link"])
def test_a_torn_checkout_with_the_users_own_work_in_it_is_left_alone(world: RealWorld, path: str) -> None:
    folder = world.check_out()
    landing = candidate(world, TORN)
    world.set_ref("refs/heads/main", landing.commit)
    (folder / "deep").mkdir()
    (folder / "deep/added").write_text("another\n")
    (folder / path).unlink(missing_ok=True)
    (folder / path).write_text("my own words\n")
    before = snapshot(folder)
    outcome = world.forge.land("main", landing)
    assert outcome.result is LandResult.UNKNOWN
    assert path in outcome.message
    assert snapshot(folder) == before
    assert world.ref("refs/heads/main") == landing.commit
    (folder / path).unlink()
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert is_clean(folder)


def test_what_the_user_staged_elsewhere_after_a_kill_is_carried_along(world: RealWorld) -> None:
    folder = world.check_out()
    landing = candidate(world, {"README": "changed\n"})
    world.set_ref("refs/heads/main", landing.commit)
    (folder / "mine").write_text("mine\n")
    run_git(folder, "add", "mine")
    assert world.forge.land("main", landing).result is LandResult.LANDED
    assert run_git(folder, "status", "--porcelain") == b"A  mine\n"


PATHS = ("a", "b", "d/a", "d/b", "d/e/f", "crlf.txt", "x")
CONTENT = st.sampled_from(["1\n", "2\n", lines(30), lines(30, l4="x"), lines(30, l28="y"), "a\r\nb\r\n", "no end", ""])
ENTRY = st.one_of(
    CONTENT,
    st.none(),
    st.builds(Mode, st.just("100755"), CONTENT),
    st.builds(Mode, st.just("120000"), st.sampled_from(["a", "../out", "d/e"])),
    st.builds(Mode, st.just("160000"), st.just("1" * 40)),
)
CHANGES = st.dictionaries(st.sampled_from(PATHS), ENTRY, max_size=4)


@settings(max_examples=15)
@given(base=CHANGES, heads=st.lists(CHANGES, min_size=1, max_size=3), renamed=st.booleans())
def test_the_landed_tree_is_the_tested_tree(
    torn_world: RealWorld, base: Files, heads: Sequence[Files], renamed: bool
) -> None:
    """Renames, modes, line endings, links, submodules, empty commits, heads one after the other."""
    world, folder = torn_world, torn_world.path
    world.set_ref("refs/heads/main", world.root)
    run_git(folder, "reset", "-q", "--hard", world.root)
    run_git(folder, "clean", "-q", "-f", "-f", "-d", "-x")
    onto = world.commit(world.root, files={".gitattributes": "*.txt text eol=crlf\n", "a": lines(30), **safe(base)})
    world.set_ref("refs/heads/main", onto)
    run_git(folder, "reset", "-q", "--hard", onto)
    tips = [world.commit(onto, files=safe(files)) for files in heads]
    if renamed:
        tips.append(world.commit(onto, files={"a": None, "moved/a": lines(30)}))
    built = world.git.build(onto, tips, [trailers(f"spec-{number}") for number in range(len(tips))])
    if not isinstance(built, Built):
        return
    obstacles = world.git.checkouts.in_the_way("main", onto, built.commit)
    members = tuple(
        Member(spec=f"spec-{number}", run=f"spec-{number}-1", head=tip, commit=one.commit or Sha(""))
        for number, (tip, one) in enumerate(zip(tips, built.brought, strict=True))
    )
    landing = world.landing(members[-1].spec, tips[-1], built.commit, onto).model_copy(update={"members": members})
    outcome = world.forge.land("main", landing)
    assert outcome.result is LandResult.LANDED or obstacles
    if outcome.result is not LandResult.LANDED:
        return
    facts = world.git.observe("main", onto)
    assert (facts.tip, facts.tip_tree, facts.contains_previous) == (built.commit, built.tree, True)
    assert set(facts.landed) == {f"spec-{number}" for number in range(len(tips))}
    assert all(world.git.contains(facts.tip, tip) for tip in tips)
    assert run_git(folder, "write-tree").decode().strip() == built.tree
    assert facts.checkout is not None
    assert facts.checkout.obstacles == obstacles


def safe(files: Files) -> Files:
    """Return the changes without what git itself cannot have: a file that is a folder, bare CRLF in declared text."""
    fit = {path: content for path, content in files.items() if not any(other.startswith(f"{path}/") for other in files)}
    return {path: "1\n" if path.endswith(".txt") and has_crlf(content) else content for path, content in fit.items()}


def has_crlf(content: Any) -> bool:
    text = content.content if isinstance(content, Mode) else content
    return text is not None and "\r\n" in text


def test_landings_in_a_row_are_one_merge_each(world: RealWorld) -> None:
    tip = world.root
    for number in range(10):
        head = world.commit(world.root, files={f"f{number}": "1\n"})
        built = world.git.build(tip, [head], [trailers(f"spec-{number}")])
        assert isinstance(built, Built)
        landing = world.landing(f"spec-{number}", head, built.commit, tip)
        assert world.forge.land("main", landing).result is LandResult.LANDED
        tip = built.commit
    merges = run_git(world.path, "rev-list", "--first-parent", "--merges", "--count", "main").decode().strip()
    total = run_git(world.path, "rev-list", "--first-parent", "--count", "main").decode().strip()
    assert (merges, total) == ("10", "11")
    assert len(world.git.observe("main", None).landed) == 10
