"""The gate of a desk whose store cannot be read: it stays up, denies, says why, and still cancels.

Without a store nothing can be kept, so nothing may leave. But who asks has to hear that from somebody, a person has to
see it in `trading status`, and a kill has to reach the broker. It ends by itself when the store can be read again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from trading.clock import Clock
from trading.gate import killswitch, names, wire
from trading.gate.ask import document
from trading.gate.codes import Code, Failure
from trading.gate.egress import Broker
from trading.gate.hall import Hall
from trading.gate.pager import Pager
from trading.gate.server import hold
from trading.gate.settings import Desk, Places
from trading.gate.strict import Unreadable, parse
from trading.model import SECOND, TradingState

RETRY_NS = 2 * SECOND
_PAUSE_S = 0.05


class ShutGate:
    """Serves a desk without a store until it is stopped or the store is back."""

    def __init__(self, desk: Desk, places: Places, broker: Broker, clock: Clock, trouble: str) -> None:
        self._lock = hold(places.lock)
        self._desk = desk
        self._places = places
        self._broker = broker
        self._clock = clock
        self.trouble = trouble
        self._pager = Pager("gate", places.alerts, desk.page_command)
        self._hall = Hall(places.gate_socket, desk.uids.__contains__)
        self._pager.page(clock.now(), "store", f"{trouble}; nothing is allowed until it can be read")

    def serve(self, is_stopped: Callable[[], bool], is_back: Callable[[], bool]) -> None:
        """Answer until told to stop, or until the store can be read."""
        due = self._clock.elapsed() + RETRY_NS
        while not is_stopped():
            for connection, uid, text in self._hall.round(0.1):
                if text and not self._hall.answer(connection, self.answer(uid, text)):
                    self._hall.drop(connection)
            self._pager.tend()
            if self._clock.elapsed() >= due:
                due = self._clock.elapsed() + RETRY_NS
                if is_back():
                    self._pager.page(self._clock.now(), "store", "it can be read again; the gate starts, halted")
                    return

    def close(self) -> None:
        """Let everything go; whoever is connected asks the next gate."""
        self._hall.close()
        self._pager.close()
        os.close(self._lock)

    def answer(self, uid: int, text: bytes) -> dict[str, Any]:
        """Return the answer to one message of a uid."""
        if uid not in self._desk.uids:
            return {"error": f"uid {uid} has no part in this desk", "refused": True}
        try:
            message, _ = parse(text)
        except Unreadable:
            message = None
        if not isinstance(message, dict) or "do" not in message:
            failure = Failure(Code.NOT_DURABLE, self.trouble[:160])
            return document(False, (failure,), self._desk.limits.digest)
        match message["do"]:
            case "status":
                return self.status()
            case "cancel":
                return self._cancel(uid, str(message.get("client_id")))
            case "kill":
                return self._kill()
            case "halt" | "reduce":
                return {"state": TradingState.HALTED, "store": self.trouble}
            case _:
                return {"error": f"the store cannot be read ({self.trouble}); restore it: nothing leaves before"}

    def status(self) -> dict[str, Any]:
        """Return what is in force, for a person."""
        return {
            "state": TradingState.HALTED,
            "level": TradingState.KILLED if self._places.kill_file.exists() else None,
            "halted": f"store: {self.trouble}",
            "store": self.trouble,
            "epoch": None,
            "promotionsFrozen": True,
            "limitsDigest": self._desk.limits.digest,
        }

    def _cancel(self, uid: int, client_id: str) -> dict[str, Any]:
        """Cancel a strategy's own order by its id, any by its name for operators: a name says whose it is, without
        the store."""
        own, found = self._desk.strategy_of(uid), None
        is_operator = uid in self._desk.operators | self._desk.watchdogs
        if own is None and not is_operator:
            return {"error": f"uid {uid} has no orders"}
        try:
            if own is not None:
                found = self._broker.cancel(names.full(own, client_id))
            if found is None and is_operator:
                found = self._broker.cancel(client_id)
        except wire.Unanswered as error:
            return {"error": f"not cancelled for certain: {error}; ask again"}
        return {"client_id": client_id, "phase": "unknown to the broker" if found is None else found.phase}

    def _kill(self) -> dict[str, Any]:
        """Leave the kill where the next gate finds it, and cancel."""
        answer: dict[str, Any] = {"state": TradingState.HALTED, "store": self.trouble}
        try:
            self._places.kill_file.touch()
            answer["level"] = TradingState.KILLED
        except OSError as error:
            answer["file"] = f"not written: {error}"
        cleared = killswitch.cancel_all(self._broker, self._clock.elapsed, lambda: time.sleep(_PAUSE_S))
        return answer | {
            "cancelledNs": cleared.took_ns,
            "cancelled": len(cleared.ended),
            "openLeft": list(cleared.open_left),
            "problem": cleared.problem,
        }
