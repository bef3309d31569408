"""The state's file: where it is, what it holds, which files are refused.

Called once per process, by the store. Durability: WAL with synchronous=FULL, so that a write that returned survives
power loss, not only `kill -9` (for which NORMAL would do). A person's decision or an intent that was acted upon must
not be forgotten while its effect in git is remembered; the price is one fsync a write (0.3 ms here against 0.03).
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.adapters.sqlite.trouble import BUSY_TIMEOUT_S, explained
from orchestrator.errors import Unusable

FILE = "interlock.db"
SCHEMA = 1
APPLICATION_ID = 0x494C4B31
"""`ILK1` in the file's header: `file` and we know whose database it is."""

# `heads` is what makes looking cheap: by kind, the version of the last write, of the last one that was not of a status,
# and of the last delete. The largest version in it is the store's. Versions are given out inside write transactions,
# of which there is one at a time: their order is the order of commits.
_TABLES = """
CREATE TABLE objects (kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX objects_by_name ON objects (kind, name);
CREATE INDEX objects_by_version ON objects (kind, version, name);
CREATE TABLE heads (kind TEXT PRIMARY KEY, version INTEGER NOT NULL, revision INTEGER NOT NULL,
    deleted INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE history (version INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX history_by_name ON history (name, version);
CREATE INDEX history_by_size ON history (version, size);
CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,
    name TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, actor TEXT NOT NULL);
CREATE INDEX events_by_name ON events (name, sequence);
"""


def opened(state_dir: Path) -> sqlite3.Connection:
    """Return a connection to the state in the folder, both made if absent. Raises Unusable for what cannot be used."""
    path = state_dir / FILE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(
            f"state {state_dir}: the folder cannot be made ({error.strerror}); name another with --state"
        ) from error
    with explained(path), _alone(state_dir):
        # Never open this file by other means in the same process: closing it would drop SQLite's POSIX locks.
        db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            _settle(db, path)
        except BaseException:
            db.close()
            raise
    return db


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Hold the folder while a file is opened: who looked while another makes it could take it for a stranger's."""
    try:
        folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Unusable(
            f"state {state_dir}: cannot be read ({error.strerror}); make it readable or name another with --state"
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _settle(db: sqlite3.Connection, path: Path) -> None:
    """Prepare the connection and, for a new file, its tables."""
    _refuse_strangers(db, path)
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise Unusable(f"state {path}: its file system has no shared memory for WAL; name a local folder with --state")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute(f"PRAGMA journal_size_limit = {64 << 20}")
    db.execute("BEGIN IMMEDIATE")
    if _number(db, "user_version") == 0:
        for statement in filter(str.strip, _TABLES.split(";")):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA}")
    # What cannot be written is refused before any work; BEGIN IMMEDIATE alone is content with a read-only file.
    db.execute("DELETE FROM heads WHERE false")
    db.execute("COMMIT")


def _refuse_strangers(db: sqlite3.Connection, path: Path) -> None:
    """Raise Unusable for a database that is somebody else's, damaged or from a newer version."""
    owner, version = _number(db, "application_id"), _number(db, "user_version")
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if owner != APPLICATION_ID and (owner or version or tables):
        raise Unusable(f"state {path}: this is the database of another program; name another folder with --state")
    if version > SCHEMA:
        raise Unusable(
            f"state {path}: written by a newer Interlock (schema {version}, this one knows {SCHEMA}); "
            "upgrade, or name another folder with --state"
        )
    if version and not tables >= {"objects", "heads", "history", "events"}:
        raise Unusable(f"state {path}: tables are missing; put a copy back, or move the file away and run again")


def _number(db: sqlite3.Connection, pragma: str) -> int:
    (value,) = db.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)
