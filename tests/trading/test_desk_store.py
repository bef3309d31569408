"""What becomes of a desk whose store was restored, swapped, edited or broken."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.trading.gate_world import (
    OPERATOR,
    GateWorld,
    armed,
)
from trading.gate.freeze import promotions_frozen
from trading.gate.settings import Places
from trading.gate.store import Store, StoreBroken
from trading.model import SECOND, TradingState


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return armed(tmp_path)


def test_a_kill_freezes_promotions_and_so_does_what_cannot_be_read(tmp_path: Path) -> None:
    where = Places(tmp_path / "state", tmp_path / "elsewhere/mark")
    assert promotions_frozen(where) == "", "a desk that never was"
    world = GateWorld(tmp_path)
    world.arm()
    assert promotions_frozen(where) == ""
    world.operator.raise_by(OPERATOR, "reduce", {})
    assert promotions_frozen(where) == ""
    world.kill()
    assert "someone" in promotions_frozen(where) and "a test" in promotions_frozen(where)
    for _ in range(32):
        world.pass_time(59 * SECOND)
    world.arm()
    assert promotions_frozen(where) == ""
    world.books.store.close()
    where.mark.write_text(f"{10**6:>20} x\n")
    assert "older than its high-water mark" in promotions_frozen(where)
    where.store.write_bytes(b"no database" * 500)
    assert "cannot be read" in promotions_frozen(where)
    where.store.unlink()
    assert "is gone" in promotions_frozen(where)
    where.kill_file.touch()
    assert "KILL is there" in promotions_frozen(where)


def test_a_restored_backup_is_told_by_its_mark_and_halts(world: GateWorld) -> None:
    state = world.folder / "state"
    world.books.store.close()
    shutil.copytree(state, world.folder / "backup")
    world.start()
    world.arm()
    world.kill()
    world.books.store.close()
    shutil.rmtree(state)
    shutil.copytree(world.folder / "backup", state)
    world.start()
    assert "an old copy" in world.books.store.suspicion
    assert world.books.latch.state is TradingState.HALTED
    assert "--accept-store" in world.arm()["refused"]
    world.restart()
    assert "an old copy" in world.books.store.suspicion, "starting again is no answer"
    accepted = world.operator.act(OPERATOR, "reconcile", {"accept": True, "by": "someone", "reason": "looked"})
    assert accepted == {"problem": "", "suspicion": ""}
    assert world.arm() == {"state": "ARMED"}


def test_another_desks_store_is_told_by_its_mark(world: GateWorld, tmp_path: Path) -> None:
    other = GateWorld(tmp_path / "other")
    for _ in range(9):
        other.restart()
    other.books.store.close()
    world.books.store.close()
    shutil.rmtree(world.folder / "state")
    shutil.copytree(other.folder / "state", world.folder / "state")
    store = Store(world.folder / "state/gate.db", world.folder / "elsewhere/mark")
    assert "another store's copy" in store.suspicion


def test_a_store_that_cannot_be_read_is_no_gate(world: GateWorld) -> None:
    world.books.store.close()
    path = world.folder / "state/gate.db"
    for junk in (b"not a database at all, not even close" * 200, path.read_bytes()[:700]):
        for beside in ("gate.db-wal", "gate.db-shm"):
            (world.folder / "state" / beside).unlink(missing_ok=True)
        path.write_bytes(junk)
        with pytest.raises(StoreBroken):
            world.start()


def test_a_journal_that_was_edited_is_found(world: GateWorld) -> None:
    world.ask(world.make())
    assert world.books.store.broken_entry() is None
    world.books.store.close()
    db = sqlite3.connect(world.folder / "state/gate.db")
    db.execute("UPDATE journal SET body = ? WHERE serial = 3", (b"latch nothing happened",))
    db.commit()
    db.close()
    assert Store(world.folder / "state/gate.db", world.folder / "elsewhere/mark").broken_entry() == 3


def test_places_keep_the_mark_apart_from_the_state() -> None:
    where = Places(Path("/a/state"), Path("/b/mark"))
    assert where.mark not in where.store.parents and where.store.parent == where.state
