"""Whether strategies may be promoted now: a kill freezes promotions until a person has armed the desk again.

For the research ledger and whatever else promotes, which run while no gate may be up: the latch is read from the disk,
and what cannot be read freezes.
"""

from __future__ import annotations

import sqlite3

import msgspec

from trading.gate import versions
from trading.gate.settings import Places
from trading.gate.state import Latch
from trading.model import TradingState


def promotions_frozen(places: Places) -> str:
    """Return why nothing may be promoted on this desk now; empty if something may.

    A desk that never was freezes nothing. Reads only: store and mark stay as they are.
    """
    if places.kill_file.exists():
        return f"killed: {places.kill_file} is there; arm the desk again first"
    if not places.store.exists():
        gone = places.mark.exists()
        return f"{places.store} is gone, and {places.mark} says that there was one; restore it" if gone else ""
    try:
        latch = _latch(places)
    except (sqlite3.Error, msgspec.MsgspecError, OSError, ValueError, IndexError, versions.Unfit) as error:
        return f"{places.store} cannot be read ({error}): nobody knows that the desk is not killed; restore it"
    if latch is None:
        return f"{places.store} is older than its high-water mark {places.mark}; restore it, or accept it"
    if latch.level is TradingState.KILLED:
        return f"killed by {latch.by}: {latch.reason}; arm the desk again first (trading arm)"
    return ""


def _latch(places: Places) -> Latch | None:
    """Return the latch on the disk, None if the store is behind its mark."""
    db = sqlite3.connect(f"{places.store.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    try:
        versions.of(db)
        row = db.execute("SELECT body FROM latch").fetchone()
        (serial,) = db.execute("SELECT coalesce(max(serial), 0) FROM journal").fetchone()
    finally:
        db.close()
    marked = int(places.mark.read_text().split()[0]) if places.mark.exists() else 0
    if marked > serial:
        return None
    return Latch() if row is None else msgspec.json.decode(row[0], type=Latch)
