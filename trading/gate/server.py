"""The gate as a process: one thread that answers a Unix socket and does in between what is due. Only the cancelling
after a kill goes on beside it.

The kernel says which uid speaks, the desk's file says what that uid is. Anybody known may make things severer; only
operators may move back. A message that finds a bug halts the desk and is answered with a denial.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trading.clock import Clock
from trading.compiled import plain
from trading.gate import beat, wire
from trading.gate.books import Books
from trading.gate.clearing import Clearing
from trading.gate.codes import Code, Failure
from trading.gate.documents import PRICE_MAX
from trading.gate.egress import Broker
from trading.gate.fields import Fields
from trading.gate.freeze import promotions_frozen
from trading.gate.gatekeeper import Gatekeeper
from trading.gate.hall import Hall, Heard
from trading.gate.mine import Teller
from trading.gate.modify import modify
from trading.gate.operator import Operator
from trading.gate.pager import Pager
from trading.gate.settings import Desk, Places
from trading.gate.snapshot import Quote
from trading.gate.store import Store, StoreBroken
from trading.gate.strict import Unreadable, parse
from trading.model import SECOND, TradingState

TURN_S = 0.02
"""How often the kill file, the signal and the latch on the disk are looked at."""
SYNC_NS = SECOND // 5
CLEAR_NS = SECOND
"""How soon cancelling is tried again after a kill that left something open."""
ABOUT_THE_DESK = frozenset(
    ("status", "kill", "reduce", "halt", "arm", "rearm", "reconcile", "enable", "limits", "quote")
)
"""What is said of the desk and not as a strategy."""


class Busy(Exception):
    """Another gate holds this desk."""


class GateServer:
    """Serves one desk until it is stopped."""

    def __init__(self, desk: Desk, places: Places, broker: Broker, clock: Clock, key: bytes) -> None:
        plain.insist("the gate")
        self.places = places
        self._lock = hold(places.lock)
        self._pager = Pager("gate", places.alerts, desk.page_command)
        self._clock = clock
        try:
            self.books = Books(desk, Store(places.store, places.mark), broker, clock, self._page)
        except StoreBroken:
            os.close(self._lock)
            raise
        self.keeper = Gatekeeper(self.books, key)
        self.operator = Operator(self.keeper)
        self.teller = Teller(self.books)
        self._desk = desk
        self._signalled = False
        self._clearing: Clearing | None = None
        self._cleared_of: tuple[int, int] | None = None
        """The kill, by moment and epoch, after which the broker said that nothing is open."""
        self._due = {"sync": 0, "reconcile": 0, "beat": 0, "clear": 0}
        self._aside: dict[socket.socket, bool] = {}
        """Connections on which only the desk was spoken about: who ends one of these leaves no orders behind."""
        self._hall = Hall(places.gate_socket, desk.uids.__contains__)
        self._fence()

    def serve(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Answer until told to stop."""
        signal.signal(signal.SIGUSR1, self._hear)
        while not is_stopped():
            for heard in self._hall.round(TURN_S):
                self._answer_on(heard)
            self.turn()

    def close(self) -> None:
        """Let everything go, heartbeat and lock last."""
        self._hall.close()
        self.books.store.close()
        self._pager.close()
        os.close(self._lock)

    def turn(self) -> None:
        """Do what is due."""
        # A link that leads nowhere is a file somebody put there, too.
        if self._signalled or os.path.lexists(self.places.kill_file):
            by = "signal" if self._signalled else "file"
            self._signalled = False
            if self.books.latch.level is not TradingState.KILLED:
                self._kill(by, "SIGUSR1" if by == "signal" else str(self.places.kill_file), flatten=False)
        # The file first: a heartbeat that is written between the two looks is older than now, and no other's.
        last = beat.read(self.places.beat("watchdog"))
        age = beat.age(last, self._clock.elapsed())
        self.keeper.turn(None if age is None else self._clock.now() - age)
        self._pager.tend()
        if self._clearing is not None:
            # Books and broker differ while orders are being cancelled one by one: they are compared afterwards.
            self._guarded(self._end_kill)
        elif self._is_uncleared() and self._is_due("clear", CLEAR_NS):
            self._clear(Clearing(0, flatten=False))
        else:
            if self._is_due("sync", SYNC_NS):
                self._guarded(self.keeper.cancel_leaving)
                self._guarded(self.keeper.mirror.sync)
            if self._is_due("reconcile", self.books.limits.reconcile_every_s_max * SECOND):
                self._guarded(self.keeper.mirror.reconcile)
        if self._is_due("beat", int(self._desk.beat_every_s * SECOND)):
            self._guarded(self._beat)

    def answer(self, uid: int, text: bytes, connection: socket.socket | None = None) -> dict[str, Any] | None:
        """Return the answer to one message of a uid; None if its connection is answered later."""
        if uid not in self._desk.uids:
            return {"error": f"uid {uid} has no part in this desk", "refused": True}
        try:
            return self._answered(uid, text, connection)
        except StoreBroken as error:
            self.books.halt(f"store: {error}")
            return {"error": str(error)}
        except Exception:
            # The one place where a bug is caught: what cannot be decided is denied, and a person is told.
            self._page("bug", traceback.format_exc())
            self.books.halt("a bug in the gate; see the alerts")
            return {"error": "the gate failed on this message and halted"}

    def _answered(self, uid: int, text: bytes, connection: socket.socket | None) -> dict[str, Any] | None:
        try:
            message, duplicates = parse(text)
        except Unreadable:
            message, duplicates = None, []
        self._note(connection, message)
        if not isinstance(message, dict) or "do" not in message:
            return self.keeper.order(uid, text)
        match message["do"]:
            case "cancel":
                return self.keeper.cancel(uid, str(message.get("client_id")))
            case "modify" if duplicates:
                return self.keeper.denied([Failure(Code.FIELD_DUPLICATE, name) for name in duplicates])
            case "modify":
                return modify(self.keeper, uid, message)
            case "quote" if uid in self._desk.feeds:
                return self._quote(message)
            case "status":
                return self.status()
            case "mine":
                return self.teller.answer(uid, message)
            case "kill" if connection is not None:
                by, reason, flatten = self.operator.words_of(uid, message)
                self._kill(by, reason, flatten=flatten, waiting=connection)
                return None
            case "kill" | "reduce" | "halt" as verb:
                return self.operator.raise_by(uid, verb, message)
            case "arm" | "rearm" | "reconcile" | "enable" | "limits" as verb if uid in self._desk.operators:
                return self.operator.act(uid, verb, message)
            case verb:
                return {"error": f"{str(verb)[:40]!r} is nothing that uid {uid} can ask for"}

    def _note(self, connection: socket.socket | None, message: Any) -> None:
        """Note whether somebody speaks as a strategy, or about the desk as a person does whose uid is a strategy's."""
        if connection is not None:
            verb = message.get("do") if isinstance(message, dict) else None
            is_aside = verb in ABOUT_THE_DESK or (verb == "mine" and message.get("strategy") is not None)
            self._aside[connection] = is_aside and self._aside.get(connection, True)

    def status(self) -> dict[str, Any]:
        """Return what is in force, for a person: what another process latched a moment ago as well."""
        books, broken = self.books, ""
        try:
            latch = books.reread()
        except StoreBroken as error:
            broken = f"store: {error}"
            books.halt(broken)
            latch = books.latch
        now = self._clock.now()
        # Whoever may be the gate, or speak to the broker or as an operator, is no strategy that anything holds back.
        trusted = {0, os.geteuid()} | self._desk.gates | self._desk.watchdogs | self._desk.operators
        shared = {name for name, (uid, _) in self._desk.strategies.items() if uid in trusted}
        return {
            "state": latch.state,
            "level": latch.level,
            "halted": latch.halted,
            "epoch": latch.epoch,
            "since": latch.changed_at,
            "by": latch.by,
            "reason": latch.reason,
            "isolation": "same user" if shared else "separate users",
            "reconciledAgeS": None if books.reconciled_at is None else (now - books.reconciled_at) // SECOND,
            "watchdogAgeS": None if books.watchdog_at is None else (now - books.watchdog_at) // SECOND,
            "openOrders": len(books.snapshot.book.open),
            "equity": books.snapshot.equity,
            "disabled": sorted(n for n in self._desk.strategies if not books.account.standing(n).enabled),
            "promotionsFrozen": bool(promotions_frozen(self.places)),
            "limitsDigest": books.limits.digest,
            "suspicion": books.store.suspicion,
            "store": broken or (latch.halted if latch.halted.startswith("store: ") else ""),
            "clearing": self._clearing is not None,
        }

    def _quote(self, message: dict[str, Any]) -> dict[str, Any]:
        faults: list[Failure] = []
        fields = Fields("quote", {name: value for name, value in message.items() if name != "do"}, faults)
        symbol, at = fields.symbol("symbol"), fields.time("at")
        bid, ask, close = (fields.amount(name, 0, PRICE_MAX) for name in ("bid", "ask", "previous_close"))
        fields.closed()
        if faults or symbol is None or at is None or bid is None or ask is None or close is None:
            return {"error": "; ".join(fault.message for fault in faults)}
        self.keeper.quote(symbol, Quote(bid, ask, at, close))
        return {"ok": True}

    def _answer_on(self, heard: Heard) -> None:
        connection, uid, text = heard
        if text:
            answer = self.answer(uid, text, connection)
            if answer is None or self._hall.answer(connection, answer):
                return
        # Gone, or does not read what we answer, which is as good.
        if self._clearing is not None and connection in self._clearing.waiting:
            self._clearing.waiting.remove(connection)
        self._hall.drop(connection)
        is_aside = self._aside.pop(connection, False)
        strategy = self._desk.strategy_of(uid)
        if strategy is not None and not is_aside:
            self._guarded(lambda: self.keeper.cancel_of(strategy))

    def _kill(self, by: str, reason: str, *, flatten: bool, waiting: socket.socket | None = None) -> None:
        """Latch now, and begin to cancel unless that is under way; who waits is answered when it is over."""
        latched_ns = self.operator.latch_kill(by, reason)
        if self._clearing is None:
            self._clear(Clearing(latched_ns, flatten))
        assert self._clearing is not None
        self._clearing.flatten = self._clearing.flatten or flatten
        if waiting is not None:
            self._clearing.waiting.append(waiting)

    def _clear(self, clearing: Clearing) -> None:
        """Begin to cancel whatever is open."""
        self._clearing = clearing
        clearing.of = self._kill_in_force()
        clearing.begin(self.books.broker.beside(), self._clock.elapsed)

    def _is_uncleared(self) -> bool:
        """Return whether there was a kill after which the broker never said that nothing is open.

        Whoever latched it may have ended before he was done, or asked a broker that did not answer: level, not edge.
        """
        return self.books.latch.level is TradingState.KILLED and self._cleared_of != self._kill_in_force()

    def _kill_in_force(self) -> tuple[int, int]:
        latch = self.books.latch
        return latch.killed_at, latch.epoch

    def _end_kill(self) -> None:
        """Take in how cancelling went, once it is over, and tell those who asked for it."""
        clearing = self._clearing
        if clearing is None or not clearing.is_over or clearing.cleared is None:
            return
        self._clearing = None
        self._due["clear"] = self._clock.elapsed() + CLEAR_NS
        if clearing.cleared.is_clear:
            self._cleared_of = clearing.of
        answer = self.operator.end_kill(clearing.cleared, clearing.latched_ns, flatten=clearing.flatten)
        for connection in clearing.waiting:
            self._hall.answer(connection, answer)  # whoever asked may be gone; what was asked for is done

    def _fence(self) -> None:
        """Have the broker refuse the gates before this one."""
        self._guarded(lambda: self.books.broker.fence(self.books.latch.epoch))

    def _beat(self) -> None:
        serial, head = self.books.store.head()
        path = self.places.beat("gate")
        beat.write(path, self._clock.elapsed(), epoch=self.books.latch.epoch, serial=serial, head=head)

    def _guarded(self, act: Callable[[], object]) -> None:
        """Do something whose failure must not end the process."""
        try:
            act()
        except (StoreBroken, OSError, wire.Unanswered) as error:
            self._page("gate", str(error))
            if isinstance(error, StoreBroken):
                self.books.halt(f"store: {error}")

    def _is_due(self, what: str, every: int) -> bool:
        now = self._clock.elapsed()
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True

    def _hear(self, number: int, frame: object) -> None:
        self._signalled = True

    def _page(self, about: str, what: str) -> None:
        self._pager.page(self._clock.now(), about, what)


def hold(path: Path) -> int:
    """Return a handle on the desk's lock; raise `Busy`. The kernel lets it go with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise Busy(f"{path}: another gate serves this desk") from error
    return handle
