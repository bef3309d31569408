"""The gate as a strategy or an operator sees it: one connection, questions and answers.

What the gate does not answer has not been allowed. Whoever loses the connection finds his open orders cancelled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trading.gate.wire import Caller


class GateClient:
    """A connection to the gate. Each call may raise `Unanswered`."""

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._caller = Caller(path, timeout_s)

    def order(self, order: dict[str, Any], grant: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for an order to be sent; return the verdict, and the phase it is in if it was."""
        return self._caller.ask({"order": order} | ({} if grant is None else {"grant": grant}))

    def cancel(self, client_id: str) -> dict[str, Any]:
        """Cancel an order."""
        return self._caller.ask({"do": "cancel", "client_id": client_id})

    def modify(self, client_id: str, order: dict[str, Any], grant: dict[str, Any] | None = None) -> dict[str, Any]:
        """Replace an order that works by another with an id of its own; return the verdict on that one."""
        granted = {} if grant is None else {"grant": grant}
        return self._caller.ask({"do": "modify", "client_id": client_id, "order": order} | granted)

    def quote(self, symbol: str, *, bid: str, ask: str, previous_close: str, at: int) -> dict[str, Any]:
        """Tell the market. Feeds only."""
        message = {"symbol": symbol, "bid": bid, "ask": ask, "previous_close": previous_close, "at": at}
        return self._caller.ask({"do": "quote"} | message)

    def ask(self, verb: str, **values: Any) -> dict[str, Any]:
        """Ask for anything else: status, kill, reduce, halt, arm, rearm, enable, reconcile, limits."""
        return self._caller.ask({"do": verb} | values)

    def close(self) -> None:
        """Hang up."""
        self._caller.close()
