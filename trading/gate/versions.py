"""Which version of the store this program writes, and how an older one becomes it.

A store says its version; one from a newer program is not touched. An older program cannot be taught to look, so the
store itself refuses it: whatever is decided is journalled, and no entry is taken from who does not say that he knows
this version. Both are a store that cannot be written, which denies.
"""

from __future__ import annotations

import sqlite3

from trading.gate import names

VERSION = 1
"""0: orders by the ids that strategies gave them, or, later, by name without a word of it. 1: by name (ADR 0053)."""
_KNOWN = "trading_store_version"
_GUARD = f"""
CREATE TRIGGER journal_version BEFORE INSERT ON journal WHEN {_KNOWN}() < {VERSION}
BEGIN SELECT RAISE(ABORT, 'this store was written by a newer version of the program: start that one'); END
"""


class Unfit(Exception):
    """A store of another version that cannot be used; the message says what to do."""


def introduce(db: sqlite3.Connection) -> None:
    """Let a connection say which version its program knows."""
    db.create_function(_KNOWN, 0, lambda: VERSION, deterministic=True)


def of(db: sqlite3.Connection) -> int:
    """Return the version of a store; raise `Unfit` for one that is newer than this program."""
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise Unfit(f"it is of version {found}, this program knows {VERSION}: start the newer program again")
    return found


def migrate(db: sqlite3.Connection) -> str:
    """Bring a store to this version, inside a transaction; return what was done, in words. Raises `Unfit`."""
    done = _named(db) if of(db) < 1 else ""
    db.execute("DROP TRIGGER IF EXISTS journal_version")
    db.execute(_GUARD)
    db.execute(f"PRAGMA user_version = {VERSION}")
    return done


def _named(db: sqlite3.Connection) -> str:
    """Give every order the name of ADR 0053. What is open is known to the broker by its old id, so nothing may be."""
    rows = db.execute("SELECT client_id, strategy, symbol, phase FROM orders WHERE instr(client_id, '/') = 0")
    old = [(str(client_id), str(strategy), str(symbol), str(phase)) for client_id, strategy, symbol, phase in rows]
    still = [client_id for client_id, _, _, phase in old if phase in ("allowed", "unknown", "working")]
    if still:
        raise Unfit(
            f"orders of before names are open ({', '.join(still[:5])}): cancel them with the version that sent them "
            "(trading kill), then start this one"
        )
    for client_id, strategy, symbol, _ in old:
        name = _name(client_id, strategy, symbol)
        for table in ("decisions", "orders", "fills"):
            db.execute(f"UPDATE {table} SET client_id = ? WHERE client_id = ?", (name, client_id))
    return f"{len(old)} orders took the names of their strategies" if old else ""


def _name(client_id: str, strategy: str, symbol: str) -> str:
    closing = client_id.removeprefix("close-").removesuffix(f"-{strategy}-{symbol}")
    if client_id.startswith("close-") and closing.isdigit():
        return names.closing(int(closing), strategy, symbol)
    return names.full(strategy, client_id)
