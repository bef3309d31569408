"""The ledger: entries in one SQLite file, each chained to all before it, none ever changed or taken out.

Triggers refuse what SQL could do to an entry; the chain tells what was done past them; both are looked at whenever the
file is opened, and a ledger that is not what was written is not read at all. Only that entries are missing at the end
cannot be seen in the file: whoever keeps a head (`SERIAL:DIGEST`) elsewhere can ask whether it is still there.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from trading import chain
from trading.research import entries
from trading.research.entries import AnyEntry, Record

SCHEMA = {
    "entries": "CREATE TABLE entries (serial INTEGER PRIMARY KEY, head TEXT NOT NULL, body BLOB NOT NULL) STRICT",
    "entries_unchanged": "CREATE TRIGGER entries_unchanged BEFORE UPDATE ON entries "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry is never changed'); END",
    "entries_kept": "CREATE TRIGGER entries_kept BEFORE DELETE ON entries "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry is never taken out'); END",
    # INSERT OR REPLACE would take an entry out without a DELETE: a new one only goes behind the last.
    "entries_behind": "CREATE TRIGGER entries_behind BEFORE INSERT ON entries "
    "WHEN new.serial IS NOT (SELECT coalesce(max(serial), 0) + 1 FROM entries) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry goes behind the last'); END",
}
_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


class LedgerDamaged(Exception):
    """The ledger cannot be read, or is not what was written: nothing it says counts."""


class NoLedger(Exception):
    """There is no ledger at this place."""


class Ledger:
    """A ledger, open and found whole."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if not path.exists() and not create:
            raise NoLedger(f"{path}: there is no ledger; `trading research create` begins one")
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30.0)
            # FULL: an entry is on the disk when `append` returns, also in write-ahead mode.
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            if create:
                self._create()
        except (sqlite3.Error, OSError) as error:
            raise LedgerDamaged(
                f"{path}: {error}; name a file that can be written, or restore a copy of the ledger"
            ) from error
        self.records()

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def records(self) -> tuple[Record, ...]:
        """Return every entry, oldest first; raise `LedgerDamaged` if one does not follow from those before it."""
        try:
            self._refuse_other_schema()
            rows = self._db.execute("SELECT serial, head, body FROM entries ORDER BY serial").fetchall()
        except sqlite3.Error as error:
            raise LedgerDamaged(f"{self.path}: {error}; restore a copy of the ledger") from error
        found, head = [], chain.GENESIS
        for expected, (serial, digest, body) in enumerate(rows, start=1):
            head = chain.link(head, body)
            if serial != expected or digest != head:
                raise LedgerDamaged(
                    f"{self.path}: entry {serial} does not follow from those before it: it was changed, or one was "
                    "taken out; restore a copy of the ledger"
                )
            try:
                found.append(Record(serial, digest, entries.decode(body)))
            except ValueError as error:
                raise LedgerDamaged(
                    f"{self.path}: entry {serial}: {error}; read it with the version that wrote it"
                ) from error
        return tuple(found)

    def append(self, decide: Callable[[tuple[Record, ...]], AnyEntry]) -> Record:
        """Write an entry that is made of all entries before it, alone among writers; return it as it stands.

        Whatever `decide` raises leaves the ledger as it was.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                before = self.records()
                entry = decide(before)
                body = entries.encode(entry)
                serial, head = len(before) + 1, chain.link(before[-1].head if before else chain.GENESIS, body)
                self._db.execute("INSERT INTO entries VALUES (?, ?, ?)", (serial, head, body))
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise LedgerDamaged(f"{self.path}: {error}; nothing was written") from error
        return Record(serial, head, entry)

    def _create(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        if not self._schema():
            for statement in SCHEMA.values():
                self._db.execute(statement)
        self._db.execute("COMMIT")

    def _schema(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall())

    def _refuse_other_schema(self) -> None:
        found = self._schema()
        if found != SCHEMA:
            differing = sorted(name for name in found.keys() | SCHEMA.keys() if found.get(name) != SCHEMA.get(name))
            raise LedgerDamaged(
                f"{self.path}: is no ledger as it was made: {', '.join(differing)} differ; restore a copy of the ledger"
            )


def head_of(records: tuple[Record, ...]) -> str:
    """Return `SERIAL:DIGEST` of the last entry: what to keep elsewhere."""
    return f"{records[-1].serial}:{records[-1].head}" if records else f"0:{chain.GENESIS}"


def lacks(records: tuple[Record, ...], head: str) -> str:
    """Return what is wrong if a ledger does not hold a head that was kept; empty if it does."""
    found = _HEAD.fullmatch(head)
    if found is None:
        return f"{head!r} is no head; write SERIAL:DIGEST as `trading research check` prints it"
    serial, digest = int(found[1]), found[2]
    if serial > len(records):
        return f"the ledger ends at entry {len(records)}, the head names entry {serial}: entries are missing at the end"
    if digest != (records[serial - 1].head if serial else chain.GENESIS):
        return f"entry {serial} is not the one the head names: this is another ledger, or an older one that went on"
    return ""
