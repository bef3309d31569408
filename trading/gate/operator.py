"""What people and alarms ask of a running gate: kill, reduce, halt; arm, enable, reconcile, new limits.

The uid is the kernel's word, the name a person's own; both are kept.
"""

from __future__ import annotations

import json
import time
from typing import Any

from trading.gate import killswitch
from trading.gate.gatekeeper import Gatekeeper
from trading.gate.killswitch import Cleared
from trading.gate.state import Refusal
from trading.model import TradingState

_LEVELS = {"kill": TradingState.KILLED, "reduce": TradingState.REDUCING, "halt": TradingState.HALTED}
_PAUSE_S = 0.05


class Operator:
    """Carries out what is asked of the desk as a whole."""

    def __init__(self, keeper: Gatekeeper) -> None:
        self._keeper = keeper
        self._books = keeper.books

    def raise_by(self, uid: int, verb: str, message: dict[str, Any]) -> dict[str, Any]:
        """Make the desk severer as somebody asks."""
        by, reason, flatten = self.words_of(uid, message)
        if verb == "kill":
            return self.kill(by, reason, flatten=flatten)
        self._books.raise_latch(_LEVELS[verb], by, reason)
        return {"state": self._books.latch.state}

    def kill(self, by: str, reason: str, *, flatten: bool) -> dict[str, Any]:
        """Latch, cancel until the broker says zero, sell if asked; return how long each took."""
        latched_ns = self.latch_kill(by, reason)
        cleared = killswitch.cancel_all(self._books.broker, self._books.clock.elapsed, lambda: time.sleep(_PAUSE_S))
        return self.end_kill(cleared, latched_ns, flatten=flatten)

    def latch_kill(self, by: str, reason: str) -> int:
        """Let nothing open any more; return how long that took. What is open has to be cancelled next."""
        start = self._books.clock.elapsed()
        self._books.raise_latch(TradingState.KILLED, by, reason)
        return self._books.clock.elapsed() - start

    def end_kill(self, cleared: Cleared, latched_ns: int, *, flatten: bool) -> dict[str, Any]:
        """Take what cancelling came to into the books, sell if asked; return what was done and how long it took."""
        books = self._books
        if not cleared.is_clear:
            books.page("kill", f"not all is cancelled: {', '.join(cleared.open_left)[:200]} {cleared.problem}")
        self._keeper.mirror.end_all(cleared.ended)
        sold = self._flatten() if flatten else 0
        return {
            "state": books.latch.state,
            "level": books.latch.level,
            "latchedNs": latched_ns,
            "cancelledNs": cleared.took_ns,
            "cancelled": len(cleared.ended),
            "openLeft": list(cleared.open_left),
            "sold": sold,
        }

    def words_of(self, uid: int, message: dict[str, Any]) -> tuple[str, str, bool]:
        """Return who makes the desk severer, why, and whether what is held is to be sold, which takes an operator."""
        by = f"{_word(message.get('by'))[:60] or 'somebody'} (uid {uid})"
        reason = _word(message.get("reason"))[:400] or "no reason given"
        return by, reason, bool(message.get("flatten")) and uid in self._books.desk.operators

    def act(self, uid: int, verb: str, message: dict[str, Any]) -> dict[str, Any]:
        """Do what only an operator may."""
        by, reason = _word(message.get("by"))[:60], _word(message.get("reason"))[:400]
        named = f"{by} (uid {uid})" if by.strip() else ""
        overseer, mirror = self._keeper.overseer, self._keeper.mirror
        try:
            match verb:
                case "arm":
                    mirror.reconcile()
                    overseer.lower_latch(TradingState.ARMED, named, reason)
                case "rearm":
                    mirror.reconcile()
                    overseer.lower_latch(TradingState.REDUCING, named, reason)
                case "enable":
                    overseer.enable(str(message.get("strategy")), named, reason)
                case "limits":
                    # A value that is no number is a text here: no limit accepts it either.
                    text = json.dumps(message.get("limits"), default=str).encode()
                    signed = {"by": by, "reason": reason} | {n: message.get(n) for n in ("nonce", "signature")}
                    return {"later": list(overseer.new_limits(text, signed)), "limitsDigest": self._books.limits.digest}
                case _:
                    if message.get("accept") and by.strip() and reason.strip():
                        self._accept(named, reason)
                    return {"problem": mirror.reconcile(), "suspicion": self._books.store.suspicion}
        except Refusal as error:
            return {"refused": str(error), "state": self._books.latch.state}
        return {"state": self._books.latch.state}

    def _accept(self, by: str, reason: str) -> None:
        """Take the store as it is, after a person looked at it: its mark is set anew, and what was severe stays so."""
        store = self._books.store
        with store.transaction():
            store.note(f"store accepted by {by}: {reason} ({store.suspicion})".encode())
        store.accept_mark()

    def _flatten(self) -> int:
        """Sell what is held, once for each kill; return how many orders were sent."""
        books = self._books
        sold = killswitch.sell_all(
            books.store,
            books.broker,
            books.latch,
            collar_bps=books.limits.collar_bps_max,
            ticks={symbol: listing.tick for symbol, listing in books.desk.instruments.items()},
            now=books.clock.now(),
            page=books.page,
        )
        for row, taken in sold:
            self._keeper.mirror.settle(row, taken)
        return len(sold)


def _word(value: object) -> str:
    """Return what somebody says, without what no store takes."""
    return str(value or "").encode("utf-8", "replace").decode()
