"""The `Forge` suite on a folder and a real repository, and what only they have: files, kills, checkouts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from orchestrator.adapters.forge_local import Records
from orchestrator.adapters.forge_local.records import Record
from orchestrator.errors import Transient, Unusable
from orchestrator.model.base import Sha
from orchestrator.model.facts import PullText, Pushed
from tests.contract.forge_suite import BRANCH, ForgeSuite
from tests.contract.git_world import RealWorld, run_git

ROOT = Path(__file__).parents[2]


class TestLocalForge(ForgeSuite):
    """A folder of files and a real repository."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> RealWorld:
        return RealWorld(tmp_path)


class TestLocalForgeBesideACheckout(ForgeSuite):
    """The same with the base checked out by its user, who leaves it alone except where a test moves the ref."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> RealWorld:
        return CheckedOut(tmp_path)


class CheckedOut(RealWorld):
    """A world whose base is checked out in a linked work tree; a stranger's pushes move it along as `git pull` does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tree_path = folder / "checkout"
        run_git(self.path, "worktree", "add", "-q", str(self.tree_path), "main")

    def set_ref(self, ref: str, commit: Sha | None) -> None:
        super().set_ref(ref, commit)
        if ref == "refs/heads/main" and commit and (self.folder / "checkout").exists():
            run_git(self.tree_path, "reset", "-q", "--hard")


@pytest.fixture
def world(tmp_path: Path) -> RealWorld:
    return RealWorld(tmp_path)


@pytest.fixture
def head(world: RealWorld) -> Sha:
    head = world.commit(world.root, files={"a": "1\n"})
    assert world.forge.push(BRANCH, head, None) == Pushed(head)
    return head


def test_the_page_is_a_file_a_person_can_open(world: RealWorld, head: Sha) -> None:
    pull = world.forge.propose(BRANCH, "main", PullText("Gate every order", "## Scope\n\nOnly `src/`."))
    world.forge.amend(pull.number, draft=True, note="Ejected: `test` failed.")
    page = Path(unquote(urlparse(pull.url).path)).read_text()
    assert urlparse(pull.url).scheme == "file"
    for words in ("# Gate every order", "#1", "draft", "`interlock/spec-a` into `main`", "Only `src/`.", "Ejected:"):
        assert words in page
    assert head in page


def test_a_note_said_twice_at_one_head_is_there_once(world: RealWorld, head: Sha) -> None:
    number = world.forge.propose(BRANCH, "main", PullText("t", "b")).number
    for _ in range(2):
        world.forge.amend(number, note="Ejected.")
    assert Records(world.folder / "pulls").page_of(number).read_text().count("Ejected.") == 1
    later = world.commit(head, files={"b": "1\n"})
    world.forge.push(BRANCH, later, head)
    world.forge.amend(number, note="Ejected.")
    assert Records(world.folder / "pulls").page_of(number).read_text().count("Ejected.") == 2


def test_numbers_are_not_given_out_again(world: RealWorld, head: Sha) -> None:
    first = world.forge.propose(BRANCH, "main", PullText("t", "b"))
    (world.folder / "pulls" / "0001.json").unlink()
    assert world.forge.propose(BRANCH, "main", PullText("t", "b")).number == first.number + 1


def test_a_record_that_cannot_be_read_is_named(world: RealWorld, head: Sha) -> None:
    world.forge.propose(BRANCH, "main", PullText("t", "b"))
    (world.folder / "pulls" / "0001.json").write_text("{")
    with pytest.raises(Unusable, match=r"0001\.json"):
        world.forge.pulls()


def test_a_page_that_a_kill_left_out_is_written_by_the_next_reader(world: RealWorld, head: Sha) -> None:
    pull = world.forge.propose(BRANCH, "main", PullText("t", "b"))
    page = Records(world.folder / "pulls").page_of(pull.number)
    page.unlink()
    world.open()
    world.forge.pulls()
    assert page.read_text().startswith("# t\n")


def test_a_branch_that_is_checked_out_is_pushed_later(world: RealWorld, head: Sha, tmp_path: Path) -> None:
    run_git(world.path, "worktree", "add", "-q", str(tmp_path / "look"), BRANCH)
    later = world.commit(head, files={"b": "1\n"})
    with pytest.raises(Transient, match="look"):
        world.forge.push(BRANCH, later, head)
    run_git(tmp_path / "look", "checkout", "-q", "--detach")
    assert world.forge.push(BRANCH, later, head) == Pushed(later)


WRITER = """
import sys
from pathlib import Path
from orchestrator.adapters.forge_local.records import Note, Record, Records
records = Records(Path(sys.argv[1]))
while True:
    with records.lock():
        number = records.next_number()
        record = Record(number=number, branch=f"s{number}", base="main", head="0" * 40, title="t", body="b" * 5000)
        records.save(record)
        records.save(record.model_copy(update={"notes": (Note(head="0" * 40, text="n"),)}))
    print(number, flush=True)
"""


def test_two_writers_killed_at_any_time_leave_whole_records_with_their_own_numbers(tmp_path: Path) -> None:
    claimed: list[int] = []
    for _ in range(2):
        argv = [sys.executable, "-c", WRITER, str(tmp_path / "pulls")]
        writers = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            claimed += [int(writer.stdout.readline()) for _ in range(3)]
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            claimed += [int(line) for line in writer.communicate()[0].splitlines()]
    assert len(claimed) == len(set(claimed))
    records = Records(tmp_path / "pulls")
    stored = {record.number: record for record in records.all()}
    assert set(claimed) <= set(stored)
    for number in claimed:
        assert len(stored[number].notes) == 1
    pages = {number: records.page_of(number).read_text() for number in stored}
    assert pages == {number: record.page() for number, record in stored.items()}


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    record = Record(number=1, branch="b", base="main", head=Sha("0" * 40), title="t", body="")
    with pytest.raises(Unusable, match=r"No space left on device; make room"):
        records.save(record)
    assert records.all() == []
