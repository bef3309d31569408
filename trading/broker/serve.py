"""The simulator as a process: answers the gate's uid, and the watchdog's as far as it observes, cancels and reduces.

Whoever else connects is told that this is not for him; the kernel says who he is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from trading.broker.paper import PaperBroker
from trading.clock import Clock, SystemClock
from trading.compiled import plain
from trading.gate.egress import Submission
from trading.gate.hall import Hall
from trading.gate.strict import parse


class BrokerServer:
    """Answers connections until it is stopped."""

    def __init__(
        self,
        broker: PaperBroker,
        path: Path,
        gate_uids: frozenset[int],
        watchdog_uids: frozenset[int],
        clock: Clock | None = None,
    ) -> None:
        plain.insist("the broker")
        self.broker = broker
        self._clock = clock or SystemClock()
        self._gates = gate_uids
        self._watchdogs = watchdog_uids
        self._hall = Hall(path, (gate_uids | watchdog_uids).__contains__)

    def serve(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Answer until told to stop."""
        while not is_stopped():
            for connection, uid, text in self._hall.round(0.2):
                if text and not self._hall.answer(connection, self.answer(uid, text)):
                    self._hall.drop(connection)

    def answer(self, uid: int, text: bytes) -> dict[str, Any]:
        """Return the answer to one message of a uid."""
        if uid not in self._gates and uid not in self._watchdogs:
            return {"error": f"uid {uid} is neither the gate's nor the watchdog's: orders go through the gate"}
        try:
            message, duplicates = parse(text)
            if duplicates or not isinstance(message, dict):
                return {"error": "no message"}
            return {"found": self._do(message, uid in self._gates)}
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError, OverflowError) as error:
            return {"error": f"no message: {error}"}

    def _do(self, message: dict[str, Any], is_gate: bool) -> Any:
        broker, now = self.broker, self._clock.now()
        broker.expire(now)
        match message["do"]:
            case "submit":
                order = msgspec.convert(message["order"], Submission)
                if not is_gate and not order.reduce_only:
                    raise KeyError("the watchdog reduces, it opens nothing")
                return msgspec.to_builtins(broker.submit(order, now))
            case "cancel":
                return msgspec.to_builtins(broker.cancel(message["client_id"]))
            case "order":
                return msgspec.to_builtins(broker.orders.get(message["client_id"]))
            case "observe":
                return msgspec.to_builtins(broker.view(int(message["after"])))
            case "fence":
                broker.fence(int(message["epoch"]))
            case "quote" if is_gate:
                broker.quote(message["symbol"], int(message["bid"]), int(message["ask"]), now)
            case other:
                raise KeyError(f"{other!r} is nothing to do here")
        return {}
