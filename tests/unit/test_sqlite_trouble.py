"""A state that cannot be used: one sentence with its remedy, nothing lost, and work goes on once it is repaired."""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import LeaderLock, SqliteCluster
from orchestrator.adapters.sqlite.trouble import explain
from orchestrator.errors import Transient, Unusable
from orchestrator.model.base import ObjectMeta
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec


def spec(name: str, text: str = "") -> ImplementationSpec:
    """Return a new spec."""
    return ImplementationSpec(
        metadata=ObjectMeta(name=name), spec=ImplementationSpecSpec(summary="s", text=text, paths=("src/**",))
    )


def opened(state: Path) -> SqliteCluster:
    """Return the store in the folder."""
    return SqliteCluster(state, SystemClock())


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Let the kernel check files as for somebody who is not root, whoever runs the test."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        libc.setfsuid(65534)
    try:
        yield
    finally:
        libc.setfsuid(os.geteuid())


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder everybody may reach and write, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o777)


def as_found(folder: Path, names: tuple[str, ...]) -> Path:
    """Return the folder with a state in it that anybody may write."""
    with opened(folder) as cluster:
        for name in names:
            cluster.create(spec(name))
    for path in folder.iterdir():
        path.chmod(0o666)
    return folder


def names(state: Path) -> list[str]:
    """Return the specs a fresh look finds."""
    with opened(state) as cluster:
        return [found.name for found in cluster.list(ImplementationSpec)]


def test_a_read_only_folder_without_a_state_is_unusable(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with ordinary_user(), pytest.raises(Unusable, match=r"interlock\.db: it cannot be opened for writing; make"):
        opened(open_folder)


def test_a_read_only_folder_with_a_state_is_unusable(open_folder: Path) -> None:
    as_found(open_folder, ("a",)).chmod(0o555)
    with ordinary_user(), pytest.raises(Unusable, match=r"writable for this user, or name another with --state"):
        opened(open_folder)
    open_folder.chmod(0o777)
    assert names(open_folder) == ["a"]


def test_a_read_only_file_is_unusable(open_folder: Path) -> None:
    (as_found(open_folder, ("a",)) / "interlock.db").chmod(0o444)
    with ordinary_user(), pytest.raises(Unusable, match=r"cannot be written; make the folder and its files writable"):
        opened(open_folder)


def test_a_folder_that_cannot_be_entered_is_unusable(open_folder: Path) -> None:
    open_folder.chmod(0o000)
    with ordinary_user(), pytest.raises(Unusable, match="cannot be read"):
        opened(open_folder)


def test_a_folder_that_cannot_be_made_is_unusable(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with ordinary_user(), pytest.raises(Unusable, match=r"the folder cannot be made \(Permission denied\)"):
        opened(open_folder / "state")


@pytest.mark.parametrize("below", ["", "state"])
def test_a_file_where_the_folder_should_be_is_unusable(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unusable, match="the folder cannot be made"):
        opened(tmp_path / "file" / below)


def test_a_folder_where_the_file_should_be_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "interlock.db").mkdir()
    with pytest.raises(Unusable, match="cannot be opened"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "content", [b"no database, but a letter of some length", b"\x00" * 5000, b"SQLite format 3\x00"]
)
def test_a_file_that_is_no_database_is_unusable_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "interlock.db").write_bytes(content)
    with pytest.raises(Unusable, match=r"\.db: the file is (not a database|damaged); put a copy back, or"):
        opened(tmp_path)
    assert (tmp_path / "interlock.db").read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "interlock.db")
    other.execute("CREATE TABLE contacts (name TEXT)")
    other.commit()
    other.close()
    before = (tmp_path / "interlock.db").read_bytes()
    with pytest.raises(Unusable, match="another program"):
        opened(tmp_path)
    assert (tmp_path / "interlock.db").read_bytes() == before


def test_a_state_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    as_found(tmp_path, ("a",))
    db = sqlite3.connect(tmp_path / "interlock.db")
    db.execute("PRAGMA user_version = 7")
    db.close()
    before = (tmp_path / "interlock.db").read_bytes()
    with pytest.raises(Unusable, match=r"newer Interlock \(schema 7, this one knows 1\); upgrade"):
        opened(tmp_path)
    assert (tmp_path / "interlock.db").read_bytes() == before


def test_a_state_that_lost_a_table_is_unusable(tmp_path: Path) -> None:
    as_found(tmp_path, ("a",))
    db = sqlite3.connect(tmp_path / "interlock.db")
    db.execute("DROP TABLE heads")
    db.commit()
    db.close()
    with pytest.raises(Unusable, match="tables are missing"):
        opened(tmp_path)


def test_a_damaged_file_is_unusable_when_the_damage_is_met(tmp_path: Path) -> None:
    with opened(tmp_path) as cluster:
        for number in range(200):
            cluster.create(spec(f"s{number}", "x" * 3000))
    file = tmp_path / "interlock.db"
    content = bytearray(file.read_bytes())
    content[4096:] = bytes(byte ^ 0x5A for byte in content[4096:])
    file.write_bytes(content)
    with pytest.raises(Unusable, match="the file is damaged; put a copy back"), opened(tmp_path) as cluster:
        cluster.list(ImplementationSpec)


def test_an_object_this_version_cannot_read_is_named_and_can_be_deleted(tmp_path: Path) -> None:
    with opened(tmp_path) as cluster:
        cluster.create(spec("good"))
        cluster.create(spec("odd"))
    db = sqlite3.connect(tmp_path / "interlock.db")
    db.execute("UPDATE objects SET body = replace(body, '\"summary\"', '\"subject\"') WHERE name = 'odd'")
    db.commit()
    db.close()
    with opened(tmp_path) as cluster:
        with pytest.raises(Unusable, match=r"ImplementationSpec `odd` cannot be read.*`interlock delete"):
            cluster.list(ImplementationSpec)
        assert cluster.delete(ImplementationSpec, "odd")
        assert [found.name for found in cluster.list(ImplementationSpec)] == ["good"]


@contextmanager
def disk_limit(size: int) -> Iterator[None]:
    """Let no file grow over so many bytes: the write fails in the kernel, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_finds_no_room_is_not_kept_and_everything_before_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as cluster:
        cluster.create(spec("before"))
        mark = cluster.mark()
        with disk_limit(100_000), pytest.raises(Unusable, match=r"disk is full.*not kept"):
            cluster.create(spec("too-much", "x" * 250_000))
        assert not cluster.changed_since(mark)
        assert cluster.get(ImplementationSpec, "too-much") is None
        assert names(tmp_path) == ["before"]
        assert cluster.create(spec("too-much", "x" * 250_000)) is not None
    assert names(tmp_path) == ["before", "too-much"]


def test_a_full_disk_is_called_a_full_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as cluster:
        cluster.create(spec("before"))
        # SQLite's own limit stands in for the device's: the same error by the same way out of a half-done transaction.
        (pages,) = cluster._db.execute("PRAGMA page_count").fetchone()
        cluster._db.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(Unusable, match=r"interlock\.db: the disk is full; .* free some space and run again"):
            cluster.create(spec("after", "x" * 250_000))
        assert cluster.create(spec("small")) is not None
    assert names(tmp_path) == ["before", "small"]


def test_a_write_that_failed_leaves_nothing_behind_under_the_version_it_did_not_get(tmp_path: Path) -> None:
    """The next write gets that version: who remembered the failed one would take it for the other."""
    with opened(tmp_path) as failing, opened(tmp_path) as other:
        there = failing.create(spec("a"))
        assert there is not None
        lost = there.model_copy(update={"spec": there.spec.model_copy(update={"text": "lost" * 60_000})})
        kept = there.model_copy(update={"spec": there.spec.model_copy(update={"text": "kept"})})
        with disk_limit(100_000), pytest.raises(Unusable):
            failing.update(lost)
        written = other.update(kept)
        assert written is not None
        assert failing.get(ImplementationSpec, "a") == written
        assert failing.list(ImplementationSpec) == (written,)


def test_a_writer_that_never_ends_makes_others_back_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.adapters.sqlite.schema.BUSY_TIMEOUT_S", 0.05)
    with opened(tmp_path) as cluster:
        hanging = sqlite3.connect(tmp_path / "interlock.db", isolation_level=None)
        hanging.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="another process has been writing"):
            cluster.create(spec("a"))
        assert cluster.list(ImplementationSpec) == ()
        hanging.execute("ROLLBACK")
        hanging.close()
        assert cluster.create(spec("a")) is not None


def test_a_mistake_in_sql_is_not_taken_for_trouble_with_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as cluster:
        cluster.close()
        with pytest.raises(sqlite3.ProgrammingError):
            cluster.list(AgentRun)


def test_a_leader_lock_that_cannot_be_made_is_unusable(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with ordinary_user(), pytest.raises(Unusable, match=r"leader\.lock: Permission denied; make the folder writable"):
        LeaderLock(open_folder, SystemClock()).acquire(wait=False)


def test_a_reader_who_keeps_losing_the_race_for_the_files_locks_backs_off_too(tmp_path: Path) -> None:
    lost = sqlite3.OperationalError("locking protocol")
    lost.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
    assert isinstance(explain(lost, tmp_path), Transient)
