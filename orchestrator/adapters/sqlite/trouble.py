"""What is wrong with the state's file, in one sentence with its remedy.

Everything that touches the file runs inside `explained`. A lock held too long is `Transient`; whatever a person must
repair is `Unusable`; an SQL mistake is a bug and stays what it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import InterlockError, Transient, Unusable

BUSY_TIMEOUT_S = 20.0
"""How long a writer waits for others. A write takes milliseconds: over this, somebody hangs."""

_REMEDIES = {
    sqlite3.SQLITE_FULL: (
        "the disk is full; what was being written was not kept, everything before it was: free some space and run again"
    ),
    sqlite3.SQLITE_READONLY: (
        "it cannot be written; make the folder and its files writable for this user, or name another with --state"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened for writing; make the folder writable for this user, or name another with --state"
    ),
    sqlite3.SQLITE_PERM: "access is denied; make the folder writable for this user, or name another with --state",
    sqlite3.SQLITE_IOERR: (
        "the disk is full, limited or failing; what was being written was not kept: check the disk and run again"
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged; put a copy back, or move it away and run again: what has landed is read from git, "
        "decisions and attempts start afresh"
    ),
    sqlite3.SQLITE_NOTADB: (
        "the file is not a database; put a copy back, or move it away and run again: what has landed is read from git, "
        "decisions and attempts start afresh"
    ),
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise SQLite's errors about the file as `Unusable` or `Transient`, which say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        explanation = explain(error, path)
        if explanation is None:
            raise
        raise explanation from error


def explain(error: sqlite3.Error, path: Path) -> InterlockError | None:
    """Return what to raise instead of the error; None if it is a bug rather than trouble with the file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    # PROTOCOL: a reader lost the race for the WAL's locks too often in a row; the next look is another race.
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return Transient(f"state {path}: another process has been writing for over {BUSY_TIMEOUT_S:.0f} s; look for it")
    remedy = _REMEDIES.get(code)
    return None if remedy is None else Unusable(f"state {path}: {remedy} ({error})")
