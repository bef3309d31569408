"""The gate as a strategy or an operator sees it: one connection, questions and answers.

What the gate does not answer has not been allowed. Whoever loses the connection finds his open orders cancelled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trading.gate.mine import Mine, MyFill
from trading.gate.wire import Caller, Unanswered


class Refused(Exception):
    """The gate answered that it will not tell; asking again changes nothing."""


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

    def mine(self, after: int = 0, strategy: str | None = None) -> Mine:
        """Return a strategy's fills behind a serial, its open orders and positions, and how the desk stands.

        Of whoever asks; operators may name another. Raise `Refused` for whoever may not ask. Long lists are asked for
        page by page; orders and positions are those that the last of the fills led to.
        """
        fills: list[MyFill] = []
        while True:
            found = self._mine({"after": after + len(fills)}, strategy)
            fills += found.fills
            orders, positions = list(found.orders), dict(found.positions)
            while found.more and "fills" not in found.more:
                places = {"orders_after": orders[-1].client_id if orders else ""}
                places |= {"positions_after": max(positions, default="")}
                found = self._mine({"after": after + len(fills)} | places, strategy)
                if found.fills:
                    # Something traded between two pages: what was told of orders and positions is over.
                    break
                orders += found.orders
                positions |= found.positions
            else:
                if not found.more:
                    return msgspec.structs.replace(found, fills=tuple(fills), orders=tuple(orders), positions=positions)

    def asked(self, client_id: str) -> Mine:
        """Return what became of an order of one's own by its id; `asked` is None if it never came to the gate."""
        return self._mine({"client_id": client_id}, None)

    def _mine(self, values: dict[str, Any], strategy: str | None) -> Mine:
        named = {} if strategy is None else {"strategy": strategy}
        answer = self._caller.ask({"do": "mine"} | values | named)
        if answer.get("refused"):
            raise Refused(f"mine: {answer.get('error')}")
        if "error" in answer:
            raise Unanswered(f"mine: {answer['error']}")
        try:
            return msgspec.convert(answer, Mine)
        except msgspec.ValidationError as error:
            raise Unanswered(f"mine: {error}") from error

    def ask(self, verb: str, **values: Any) -> dict[str, Any]:
        """Ask for anything else: status, kill, reduce, halt, arm, rearm, enable, reconcile, limits."""
        return self._caller.ask({"do": verb} | values)

    def close(self) -> None:
        """Hang up."""
        self._caller.close()
