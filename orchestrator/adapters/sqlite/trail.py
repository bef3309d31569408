"""What was written, by whom, and what was said about it: the history of every write and the audit trail of events.

Both are bounded: the oldest goes. The history is for people and for repair; nothing is decided from it.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from orchestrator.core.record import recordable
from orchestrator.ports import Event, Write

HISTORY_MAX = 20_000
HISTORY_BYTES_MAX = 128 << 20
EVENTS_MAX = 100_000
_PRUNE_EVERY = 64
"""Looking for what is too old costs a scan of an index; the bounds may be exceeded by this many writes."""


def write_history(db: sqlite3.Connection, write: Write) -> None:
    """Append a write and, now and then, drop the oldest. Inside the transaction of that write."""
    db.execute(
        "INSERT INTO history (version, at, actor, verb, kind, name, size, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            write.version,
            write.at.isoformat(),
            recordable(write.actor),
            write.verb,
            write.kind,
            write.name,
            len(write.body),
            write.body,
        ),
    )
    if write.version % _PRUNE_EVERY == 0:
        db.execute("DELETE FROM history WHERE version <= ?", (_oldest_to_drop(db, write.version),))


def _oldest_to_drop(db: sqlite3.Connection, version: int) -> int:
    """Return the newest version that has to go, by count or by bytes."""
    total = 0
    for kept, size in db.execute("SELECT version, size FROM history ORDER BY version DESC"):
        total += size
        if total > HISTORY_BYTES_MAX:
            return int(kept)
    return version - HISTORY_MAX


def read_history(db: sqlite3.Connection, name: str | None, limit: int) -> Sequence[Write]:
    """Return the newest writes, oldest first, of one object name or of all."""
    rows = db.execute(
        "SELECT version, at, actor, verb, kind, name, body FROM history"
        f"{'' if name is None else ' WHERE name = ?'} ORDER BY version DESC LIMIT ?",
        (*([] if name is None else [name]), limit),
    ).fetchall()
    return tuple(
        Write(version, datetime.fromisoformat(at), actor, verb, kind, name, body)
        for version, at, actor, verb, kind, name, body in reversed(rows)
    )


def write_event(db: sqlite3.Connection, event: Event) -> None:
    """Append an event and, now and then, drop the oldest."""
    texts = (event.kind, event.name, event.reason, event.message, event.actor)
    cursor = db.execute(
        "INSERT INTO events (at, kind, name, reason, message, actor) VALUES (?, ?, ?, ?, ?, ?)",
        (event.at.isoformat(), *map(recordable, texts)),
    )
    sequence = cursor.lastrowid or 0
    if sequence % _PRUNE_EVERY == 0:
        db.execute("DELETE FROM events WHERE sequence <= ?", (sequence - EVENTS_MAX,))


def read_events(db: sqlite3.Connection, name: str | None, limit: int) -> Sequence[Event]:
    """Return the newest events, oldest first, of one object name or of all."""
    rows = db.execute(
        "SELECT at, kind, name, reason, message, actor, sequence FROM events"
        f"{'' if name is None else ' WHERE name = ?'} ORDER BY sequence DESC LIMIT ?",
        (*([] if name is None else [name]), limit),
    ).fetchall()
    return tuple(Event(datetime.fromisoformat(at), *rest) for at, *rest in reversed(rows))
