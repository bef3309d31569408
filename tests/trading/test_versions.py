"""Stores of other versions of the program: an older one is brought up, a newer one is left alone, and neither is lost.

The two in `data/stores` were written by the last version before ADR 0053, as SQL.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.trading.gate_world import KEY, NOON, OPERATOR, GateWorld, why
from trading.gate import grants, versions
from trading.gate import limits as limits_module
from trading.gate.books import kept_account
from trading.gate.freeze import promotions_frozen
from trading.gate.run import can_be_read
from trading.gate.settings import Places
from trading.gate.state import SEVERITY
from trading.gate.store import Store, StoreBroken
from trading.model import SECOND, TradingState

OLD = Path(__file__).parent / "data/stores"


def places(folder: Path) -> Places:
    return Places(folder / "state", folder / "elsewhere/mark")


def written(folder: Path, name: str) -> Places:
    """Put a store of an old version where a desk's is, with its mark."""
    where = places(folder)
    for path in (where.store, where.mark):
        path.parent.mkdir(parents=True)
    db = sqlite3.connect(where.store)
    db.executescript((OLD / f"{name}.sql").read_text())
    serial, head = db.execute("SELECT serial, head FROM journal ORDER BY serial DESC LIMIT 1").fetchone()
    db.close()
    where.mark.write_text(f"{serial:>20} {head}\n")
    return where


def changed(where: Places, *statements: str) -> None:
    db = sqlite3.connect(where.store)
    db.create_function("trading_store_version", 0, lambda: versions.VERSION)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_an_old_store_keeps_its_latch_its_fills_and_what_was_answered_under_the_names_of_today(tmp_path: Path) -> None:
    where = written(tmp_path, "before-names-flat")
    store = Store(where.store, where.mark)
    assert store.suspicion == "" and store.broken_entry() is None
    assert store.latch().level is TradingState.KILLED
    closing = f"/close-{NOON + 12 * SECOND}/alpha/AAPL.NASDAQ"
    assert sorted(row.client_id for row in store.orders()) == [closing, "alpha/alpha-1", "alpha/alpha-3"]
    assert store.answer("alpha/alpha-1") is not None and store.answer(closing) is not None
    fills = store._run("SELECT client_id FROM fills ORDER BY at").fetchall()
    assert fills == [("alpha/alpha-1",), (closing,)]
    store.close()
    # Once is enough, and the next program of this version finds nothing to do.
    again = Store(where.store, where.mark)
    assert again.head() == store_head(where)
    again.close()


def store_head(where: Places) -> tuple[int, str]:
    db = sqlite3.connect(where.store)
    found: tuple[int, str] = db.execute("SELECT serial, head FROM journal ORDER BY serial DESC LIMIT 1").fetchone()
    db.close()
    return found


def test_what_was_denied_or_sent_before_there_were_names_is_not_asked_again(tmp_path: Path) -> None:
    written(tmp_path, "before-names-flat")
    world = GateWorld(tmp_path)
    for strategy, client_id, verdict in (
        ("alpha", "alpha-1", "allow"), ("alpha", "alpha-2", "deny"), ("beta", "alpha-2", "deny"),
    ):  # fmt: skip
        answer = world.ask(world.make(strategy=strategy, client_id=client_id))
        assert (answer["verdict"], answer["again"]) == (verdict, True)
    assert world.broker.submitted == []
    assert SEVERITY[world.books.latch.level] == SEVERITY[TradingState.KILLED]


def test_an_old_store_with_something_open_is_refused_with_what_to_do(tmp_path: Path) -> None:
    where = written(tmp_path, "before-names-open")
    before = where.store.read_bytes()
    with pytest.raises(StoreBroken, match=r"alpha-3\): cancel them with the version that sent them"):
        Store(where.store, where.mark)
    assert not can_be_read(where)
    assert store_head(where)[0] == 10 and len(where.store.read_bytes()) >= len(before)
    db = sqlite3.connect(where.store)
    assert db.execute("PRAGMA user_version").fetchone() == (0,)
    db.close()


def test_a_store_of_a_newer_program_is_not_touched_and_lets_nothing_out(tmp_path: Path) -> None:
    world, where = GateWorld(tmp_path), places(tmp_path)
    world.books.store.close()
    changed(where, f"PRAGMA user_version = {versions.VERSION + 1}")
    with pytest.raises(StoreBroken, match="start the newer program again"):
        Store(where.store, where.mark)
    assert not can_be_read(where)
    assert "start the newer program again" in promotions_frozen(where)


def test_a_program_that_does_not_know_the_version_can_decide_nothing(tmp_path: Path) -> None:
    world, where = GateWorld(tmp_path), places(tmp_path)
    # What a program from before stores had versions does: the same file, and no word of what it knows.
    old = sqlite3.connect(where.store, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="trading_store_version"):
        old.execute("INSERT INTO journal VALUES (1000, 'head', x'00')")
    # And one that says that it knows less.
    old.create_function("trading_store_version", 0, lambda: versions.VERSION - 1)
    with pytest.raises(sqlite3.IntegrityError, match="newer version of the program"):
        old.execute("INSERT INTO journal VALUES (1000, 'head', x'00')")
    old.close()
    assert world.arm() == {"state": "ARMED"}


def test_limits_that_another_version_kept_are_not_replaced_by_a_guess(tmp_path: Path) -> None:
    world = GateWorld(tmp_path)
    tighter = limits_module.document(world.desk.limits) | {"order_quantity_max": 5, "a_limit_of_tomorrow_max": 1}
    with world.books.store.transaction():
        world.books.store.keep("limits", json.dumps(tighter).encode())
    world.restart()
    assert "a_limit_of_tomorrow_max is no limit" in world.arm()["refused"]
    assert "halted" in why(world.ask(world.make()))
    # Any limits may be looser than those: a person's signature it is.
    limits = limits_module.document(world.desk.limits)
    words = {"by": "someone", "reason": "went back"}
    assert "needs a signature" in world.operator.act(OPERATOR, "limits", {"limits": limits} | words)["refused"]
    bound = {"digest": world.desk.limits.digest, "nonce": "n-1"} | words
    signed = words | {"nonce": "n-1", "signature": grants.signature(KEY, bound)}
    assert world.operator.act(OPERATOR, "limits", {"limits": limits} | signed)["later"] == []
    assert world.arm() == {"state": "ARMED"}


def test_an_account_that_nobody_can_read_is_a_store_that_nobody_can_read(tmp_path: Path) -> None:
    world, where = GateWorld(tmp_path), places(tmp_path)
    with world.books.store.transaction():
        world.books.store.keep("account", b'{"cash": "a lot"}')
    with pytest.raises(StoreBroken, match="the account"):
        kept_account(world.books.store)
    assert not can_be_read(where)
