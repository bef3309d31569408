"""The ledger only grows: what SQL refuses, what the chain finds out, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trading.research_world import created, failed, records
from trading import chain
from trading.research import entries, ledger
from trading.research.entries import AnyEntry, Record
from trading.research.ledger import SCHEMA, Ledger, LedgerDamaged, NoLedger

ENTRIES: tuple[AnyEntry, ...] = (created(), failed(), failed("failed {}"), failed())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with four entries."""
    place = tmp_path / "books" / "ledger.sqlite"
    with Ledger(place, create=True) as book:
        for entry in ENTRIES:
            book.append(lambda records, entry=entry: entry)  # type: ignore[misc]
    return place


def raw(path: Path, *statements: str) -> None:
    """Do something to the file that the ledger would not."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for statement in statements:
            db.execute(statement)
    finally:
        db.close()


def past_triggers(path: Path, *statements: str) -> None:
    """Do it with the triggers out of the way, and put them back as they were."""
    triggers = [name for name in SCHEMA if name != "entries"]
    raw(path, *(f"DROP TRIGGER {name}" for name in triggers), *statements, *(SCHEMA[name] for name in triggers))


def test_what_was_appended_is_read_back_in_order_and_chained(path: Path) -> None:
    with Ledger(path) as book:
        assert book.records() == records(*ENTRIES)
        assert ledger.head_of(book.records()) == f"4:{records(*ENTRIES)[-1].head}"


def test_a_commit_waits_for_the_disk_and_readers_wait_for_nobody(path: Path) -> None:
    with Ledger(path) as book:
        assert book._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert book._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = x'00' WHERE serial = 2",
        "UPDATE entries SET head = head",
        "DELETE FROM entries WHERE serial = 4",
        "DELETE FROM entries",
        "INSERT OR REPLACE INTO entries SELECT 2, head, body FROM entries WHERE serial = 3",
        "REPLACE INTO entries SELECT 4, head, body FROM entries WHERE serial = 3",
        "INSERT INTO entries VALUES (9, 'x', x'00')",
        "INSERT INTO entries VALUES (0, 'x', x'00')",
        "INSERT INTO entries VALUES (NULL, 'x', x'00')",
        "INSERT INTO entries VALUES (2, 'x', x'00') ON CONFLICT DO UPDATE SET head = 'x'",
    ],
)
def test_sql_cannot_change_or_take_out_an_entry(path: Path, statement: str) -> None:
    with pytest.raises(sqlite3.Error, match="append-only"):
        raw(path, statement)
    with Ledger(path) as book:
        assert len(book.records()) == 4


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda path: past_triggers(path, "UPDATE entries SET body = x'00' WHERE serial = 2"), "entry 2 does not"),
        (lambda path: past_triggers(path, "UPDATE entries SET head = '0' WHERE serial = 3"), "entry 3 does not"),
        (lambda path: past_triggers(path, "DELETE FROM entries WHERE serial = 2"), "entry 3 does not"),
        (lambda path: past_triggers(path, "DELETE FROM entries WHERE serial = 1"), "entry 2 does not"),
        (
            lambda path: past_triggers(
                path,
                "UPDATE entries SET serial = 9 WHERE serial = 2",
                "UPDATE entries SET serial = 2 WHERE serial = 3",
                "UPDATE entries SET serial = 3 WHERE serial = 9",
            ),
            "entry 2 does not",
        ),
        (lambda path: raw(path, "DROP TRIGGER entries_kept"), "entries_kept differ"),
        (
            lambda path: raw(
                path,
                "DROP TRIGGER entries_kept",
                "CREATE TRIGGER entries_kept BEFORE DELETE ON entries BEGIN SELECT 1; END",
            ),
            "entries_kept differ",
        ),
        (lambda path: raw(path, "CREATE TABLE notes (text TEXT)"), "notes differ"),
        (lambda path: path.write_bytes(b""), "entries"),
        (lambda path: path.write_bytes(b"no database at all" * 100), "restore a copy"),
    ],
    ids=["body", "head", "one out", "first out", "swapped", "no trigger", "lame trigger", "table", "empty", "garbage"],
)
def test_a_ledger_that_is_not_what_was_written_is_not_read(
    path: Path, what: Callable[[Path], object], words: str
) -> None:
    raw(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    what(path)
    with pytest.raises(LedgerDamaged, match=words):
        Ledger(path).records()


def test_a_damaged_page_is_found(path: Path) -> None:
    raw(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    whole = bytearray(path.read_bytes())
    place = whole.index(b"no convergence")
    whole[place : place + 2] = b"so"
    path.write_bytes(whole)
    with pytest.raises(LedgerDamaged, match="does not follow"):
        Ledger(path)


def test_an_entry_nobody_can_read_is_named_with_what_to_do(path: Path) -> None:
    head = chain.link(records(*ENTRIES)[-1].head, b'{"kind":"Wish"}')
    raw(path, f"INSERT INTO entries VALUES (5, '{head}', CAST('{{\"kind\":\"Wish\"}}' AS BLOB))")
    with pytest.raises(LedgerDamaged, match=r"entry 5: no entry: .* read it with the version that wrote it"):
        Ledger(path)


def test_entries_that_are_missing_at_the_end_show_against_a_head_that_was_kept(path: Path) -> None:
    with Ledger(path) as book:
        kept = ledger.head_of(book.records())
    past_triggers(path, "DELETE FROM entries WHERE serial > 2")
    with Ledger(path) as book:
        assert "entries are missing at the end" in ledger.lacks(book.records(), kept)
        book.append(lambda records: failed("other"))
        book.append(lambda records: failed("yet another"))
        assert "not the one the head names" in ledger.lacks(book.records(), kept)


def test_a_head_holds_while_the_ledger_grows(path: Path) -> None:
    with Ledger(path) as book:
        for kept in (f"0:{chain.GENESIS}", ledger.head_of(book.records()[:2]), ledger.head_of(book.records())):
            assert ledger.lacks(book.records(), kept) == ""
        for wrong in ("", "4", "four:" + "0" * 64, f"-1:{chain.GENESIS}", f"4:{'0' * 64}", f"0:{'1' * 64}"):
            assert ledger.lacks(book.records(), wrong)


def test_what_decide_raises_leaves_everything_as_it_was(path: Path) -> None:
    def refuses(records: tuple[Record, ...]) -> AnyEntry:
        raise KeyError("no")

    with Ledger(path) as book:
        with pytest.raises(KeyError):
            book.append(refuses)
        assert len(book.records()) == 4
        assert book.append(lambda records: failed()).serial == 5


def test_there_is_no_ledger_until_one_is_begun(tmp_path: Path) -> None:
    with pytest.raises(NoLedger, match="there is no ledger"):
        Ledger(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerDamaged, match="restore a copy"):
        Ledger(tmp_path, create=True)


WRITER = """
import sys
from pathlib import Path
from trading.research.entries import Backtest
from trading.research.ledger import Ledger
with Ledger(Path(sys.argv[1])) as book:
    for n in range(int(sys.argv[3])):
        made = book.append(lambda records: Backtest(n, sys.argv[2], "cross", "realistic", "", "", "s", "failed"))
        print(made.serial, flush=True)
"""


def writer(path: Path, by: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), by, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_several_writers_take_turns(path: Path) -> None:
    writers = [writer(path, f"writer{n}", 12) for n in range(3)]
    serials = [int(line) for each in writers for line in each.communicate(timeout=60)[0].split()]
    assert [each.returncode for each in writers] == [0, 0, 0]
    assert sorted(serials) == list(range(5, 41))
    with Ledger(path) as book:
        said = [record.entry.by for record in book.records()[4:]]
    assert {by: said.count(by) for by in said} == {"writer0": 12, "writer1": 12, "writer2": 12}


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    killed = writer(path, "killed", 100_000)
    assert killed.stdout is not None
    acknowledged = [int(killed.stdout.readline()) for _ in range(20)][-1]
    os.kill(killed.pid, signal.SIGKILL)
    rest = killed.communicate(timeout=60)[0].split()
    with Ledger(path) as book:
        assert len(book.records()) >= max([acknowledged, *map(int, rest)])
        assert entries.encode(book.records()[0].entry) == entries.encode(ENTRIES[0])
