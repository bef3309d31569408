"""What the gate must not forget, in one SQLite file: the latch, every decision, every order, every fill.

One process decides; watchdog and command line write the latch too, so it is read in the transaction that commits an
allowance. A commit is on the disk when it returns. Beside the store, in a place of its own, lies the high-water mark:
a store that is behind it was restored from a backup, and then nothing is believed but that something is wrong.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from trading import chain
from trading.gate import names, versions
from trading.gate.state import Latch
from trading.gate.wire import write_whole

SCHEMA = """
CREATE TABLE IF NOT EXISTS latch (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journal (serial INTEGER PRIMARY KEY, head TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (client_id TEXT PRIMARY KEY, serial INTEGER NOT NULL, answer BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
  client_id TEXT PRIMARY KEY, strategy TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
  quantity INTEGER NOT NULL, filled INTEGER NOT NULL, price INTEGER NOT NULL, phase TEXT NOT NULL,
  at INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS orders_open ON orders (phase) WHERE phase IN ('allowed', 'unknown', 'working');
CREATE TABLE IF NOT EXISTS fills (
  execution TEXT PRIMARY KEY, client_id TEXT NOT NULL, quantity INTEGER NOT NULL, price INTEGER NOT NULL,
  at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS positions (
  strategy TEXT NOT NULL, symbol TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (strategy, symbol));
CREATE TABLE IF NOT EXISTS quarantine (execution TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body BLOB NOT NULL);
"""
OPEN_PHASES = ("allowed", "unknown", "working")
MARK_BYTES = 96


class StoreBroken(Exception):
    """The store cannot be read or written: nothing may be allowed."""


class OrderRow(msgspec.Struct, frozen=True):
    """An order that was allowed. `phase`: allowed, unknown, working, or how it ended."""

    client_id: str
    strategy: str
    symbol: str
    side: str
    quantity: int
    filled: int
    price: int
    phase: str
    at: int
    epoch: int


class Store:
    """The gate's store, open. Every method raises `StoreBroken` where SQLite fails."""

    def __init__(self, path: Path, mark: Path) -> None:
        self.path = path
        self._mark = mark
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            mark.parent.mkdir(parents=True, exist_ok=True)
            # The group may write too: the watchdog has a uid of its own, and must be able to latch.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            # FULL: a commit is on the disk when it returns, also in write-ahead mode.
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            versions.introduce(self._db)
            is_old = versions.of(self._db) < versions.VERSION
            if is_old:
                self._db.executescript(SCHEMA)
            if self._db.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise StoreBroken(f"{path}: damaged; restore it and reconcile")
        except (sqlite3.Error, OSError, versions.Unfit) as error:
            raise StoreBroken(f"{path}: {error}") from error
        self._mark_handle = -1
        self.suspicion = self._behind_mark()
        """What is wrong between store and mark; empty if nothing. While it is not, the mark stays as it is."""
        if is_old:
            self._migrate()

    def close(self) -> None:
        """Let the files go."""
        self._db.close()
        if self._mark_handle >= 0:
            os.close(self._mark_handle)
            self._mark_handle = -1

    def _migrate(self) -> None:
        try:
            with self.transaction():
                done = versions.migrate(self._db)
                if done:
                    self.note(f"version {versions.VERSION}: {done}".encode())
        except versions.Unfit as error:
            raise StoreBroken(f"{self.path}: {error}") from error

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Make everything inside one step, alone among writers; nothing of it happens if anything is raised.

        What is not durable survives the end of the process but not of the machine: facts that the broker can be asked
        for again, such as how an order stands.
        """
        try:
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreBroken(f"{self.path}: {error}") from error
        if durable:
            # Never ahead of what is on the disk for certain.
            self._raise_mark()

    def _run(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise StoreBroken(f"{self.path}: {error}") from error

    # The latch.

    def latch(self) -> Latch:
        """Return the latch as it is now."""
        row = self._run("SELECT body FROM latch").fetchone()
        try:
            return Latch() if row is None else msgspec.json.decode(row[0], type=Latch)
        except msgspec.MsgspecError as error:
            raise StoreBroken(f"{self.path}: the latch: {error}") from error

    def change_latch(self, change: Callable[[Latch], Latch]) -> Latch:
        """Change the latch as a function of what it is, durably; return it as it is then."""
        with self.transaction():
            old = self.latch()
            new = change(old)
            if new != old:
                self.put_latch(new)
        return new

    def put_latch(self, latch: Latch) -> None:
        """Write a latch inside a transaction."""
        body = msgspec.json.encode(latch)
        self._run("INSERT OR REPLACE INTO latch VALUES (1, ?)", (body,))
        self.note(b"latch " + body)

    # The journal: everything that was decided, chained.

    def note(self, body: bytes) -> int:
        """Append to the journal inside a transaction; return the entry's number."""
        serial, head = self.head()
        serial += 1
        self._run("INSERT INTO journal VALUES (?, ?, ?)", (serial, chain.link(head, body), body))
        return serial

    def head(self) -> tuple[int, str]:
        """Return number and digest of the last entry."""
        row = self._run("SELECT serial, head FROM journal ORDER BY serial DESC LIMIT 1").fetchone()
        return (0, chain.GENESIS) if row is None else (row[0], row[1])

    def broken_entry(self) -> int | None:
        """Return the number of the first journal entry that does not follow from those before it, or None."""
        entries = self._run("SELECT head, body FROM journal ORDER BY serial")
        index = chain.broken_at((head, bytes(body)) for head, body in entries)
        return None if index is None else index + 1

    # Decisions and orders.

    def answer(self, client_id: str) -> bytes | None:
        """Return what was answered to an order, None if it never came.

        What was denied before orders had names was denied to every strategy that uses the id.
        """
        both = (client_id, names.split(client_id)[1])
        row = self._run("SELECT answer FROM decisions WHERE client_id IN (?, ?)", both).fetchone()
        return None if row is None else bytes(row[0])

    def decide(self, client_id: str, answer: bytes, order: OrderRow | None) -> None:
        """Keep a decision inside a transaction, and the order if it may leave."""
        serial = self.note(b"decision " + answer)
        self._run("INSERT INTO decisions VALUES (?, ?, ?)", (client_id, serial, answer))
        if order is not None:
            self._run("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(order))

    def set_phase(self, client_id: str, phase: str) -> None:
        """Write how an order stands, inside a transaction."""
        self._run("UPDATE orders SET phase = ? WHERE client_id = ?", (phase, client_id))
        self.note(f"phase {client_id} {phase}".encode())

    def orders(self, *, only_open: bool = False) -> list[OrderRow]:
        """Return orders that were allowed, oldest first."""
        where = f"WHERE phase IN {OPEN_PHASES}" if only_open else ""
        rows = self._run(f"SELECT * FROM orders {where} ORDER BY at, client_id")
        return [OrderRow(*row) for row in rows]

    def order(self, client_id: str) -> OrderRow | None:
        """Return an order that was allowed."""
        row = self._run("SELECT * FROM orders WHERE client_id = ?", (client_id,)).fetchone()
        return None if row is None else OrderRow(*row)

    def fill(self, execution: str, order: OrderRow, quantity: int, price: int, at: int) -> bool:
        """Keep a fill and what it changes, inside a transaction; return False if it is known already."""
        done = self._run(
            "INSERT OR IGNORE INTO fills VALUES (?, ?, ?, ?, ?)", (execution, order.client_id, quantity, price, at)
        )
        if not done.rowcount:
            return False
        self.note(f"fill {execution} {order.client_id} {quantity} {price}".encode())
        self._run("UPDATE orders SET filled = filled + ? WHERE client_id = ?", (quantity, order.client_id))
        sign = 1 if order.side == "buy" else -1
        self._run(
            "INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity",
            (order.strategy, order.symbol, sign * quantity),
        )
        return True

    def positions(self) -> dict[tuple[str, str], int]:
        """Return what is held, by strategy and symbol."""
        rows = self._run("SELECT strategy, symbol, quantity FROM positions WHERE quantity != 0")
        return {(strategy, symbol): quantity for strategy, symbol, quantity in rows}

    def fills_since(self, row: int) -> list[tuple[int, str]]:
        """Return the rows of fills behind a row, in the order in which they were kept, and whose they are.

        Fills are only ever added: their rows count from 1 and stay what they are.
        """
        asked = "SELECT f.rowid, o.strategy FROM fills f JOIN orders o USING (client_id) WHERE f.rowid > ? ORDER BY 1"
        return list(self._run(asked, (row,)))

    def fills_of(self, strategy: str, first: int, last: int) -> list[tuple[str, str, str, int, int, int]]:
        """Return a strategy's fills from one row to another: order, symbol, side, quantity, price, time."""
        asked = (
            "SELECT f.client_id, o.symbol, o.side, f.quantity, f.price, f.at FROM fills f JOIN orders o "
            "USING (client_id) WHERE f.rowid BETWEEN ? AND ? AND o.strategy = ? ORDER BY f.rowid"
        )
        return list(self._run(asked, (first, last, strategy)))

    def quarantine(self, execution: str, body: bytes) -> bool:
        """Put a fill aside that nobody ordered, inside a transaction; return False if it lies there already."""
        done = self._run("INSERT OR IGNORE INTO quarantine VALUES (?, ?)", (execution, body))
        if done.rowcount:
            self.note(b"quarantine " + body)
        return bool(done.rowcount)

    def quarantined(self) -> int:
        """Return how many fills lie aside."""
        return int(self._run("SELECT count(*) FROM quarantine").fetchone()[0])

    def fact(self, name: str) -> bytes | None:
        """Return a fact kept by name."""
        row = self._run("SELECT body FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def keep(self, name: str, body: bytes) -> None:
        """Keep a fact, inside a transaction."""
        self._run("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, body))
        self.note(f"fact {name} ".encode() + body)

    # The high-water mark.

    def _behind_mark(self) -> str:
        """Return what is wrong if the store is older than its mark, or another one; empty if it is not."""
        try:
            text = self._mark.read_text().split() if self._mark.exists() else []
        except OSError as error:
            return f"{self._mark}: {error}"
        serial, _ = self.head()
        if not text:
            return "" if serial == 0 else f"{self._mark}: there is no high-water mark beside a store with a past"
        try:
            marked, digest = int(text[0]), text[1]
        except (ValueError, IndexError):
            return f"{self._mark}: cannot be read"
        if marked > serial:
            return f"{self.path}: has {serial} entries where the high-water mark says {marked}: an old copy"
        row = self._run("SELECT head FROM journal WHERE serial = ?", (marked,)).fetchone()
        if marked and (row is None or row[0] != digest):
            return f"{self.path}: entry {marked} is not the one the high-water mark names: another store's copy"
        return ""

    def accept_mark(self) -> None:
        """Set the mark to this store, whatever it said: a person looked."""
        serial, head = self.head()
        write_whole(self._mark, _mark_text(serial, head))
        if self._mark_handle >= 0:
            os.close(self._mark_handle)
            self._mark_handle = -1
        self.suspicion = ""

    def _raise_mark(self) -> None:
        """Write where the store is. Not forced to the disk: a mark that lags is still a mark, and power that fails
        takes the store's own tail at most, which was forced before."""
        if self.suspicion:
            return
        serial, head = self.head()
        try:
            if self._mark_handle < 0:
                self._mark_handle = os.open(self._mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o660)
            os.pwrite(self._mark_handle, _mark_text(serial, head).encode(), 0)
        except OSError as error:
            raise StoreBroken(f"{self._mark}: {error}") from error


def _mark_text(serial: int, head: str) -> str:
    return f"{serial:>20} {head}".ljust(MARK_BYTES - 1) + "\n"
