"""A gate with its real store in this process: a clock set by hand, and a broker that can crash it or stay silent.

`Crash` stands for kill -9: what was in memory is gone, what was on the disk is there, and `restart` begins again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trading.broker.paper import PaperBroker
from trading.clock import ManualClock
from trading.gate import names
from trading.gate.books import Books
from trading.gate.egress import BrokerOrder, BrokerView, Submission
from trading.gate.gatekeeper import Gatekeeper
from trading.gate.operator import Operator
from trading.gate.settings import Desk
from trading.gate.snapshot import Quote
from trading.gate.store import Store
from trading.gate.wire import NotSent, Unanswered
from trading.model import SECOND, UNIT, Symbol, decimal, money
from trading.service.drill import SYMBOL, drill_desk

NOON = int(datetime(2026, 3, 11, 16, tzinfo=UTC).timestamp()) * SECOND
OTHER = Symbol("XOM", "NYSE")
OPERATOR, FEED, WATCHDOG, GATE = 1, 2, 3, 4
STRATEGIES = {"alpha": (7001, 50_000 * UNIT), "beta": (7002, 50_000 * UNIT), "gamma": (7003, 50_000 * UNIT)}
KEY = b"a key of this test"


class Crash(BaseException):
    """The process ends here, without another word."""


class FaultyBroker:
    """The simulator behind faults: `fault` names what happens to the next call that matters."""

    def __init__(self, cash: int, clock: ManualClock) -> None:
        self.real = PaperBroker(cash)
        self.clock = clock
        self.fault = ""
        self.submitted: list[Submission] = []
        self.before_submit: Callable[[Submission], None] = lambda order: None

    def submit(self, order: Submission) -> BrokerOrder:
        self.before_submit(order)
        fault, self.fault = self.fault, ""
        if fault == "crash before":
            raise Crash
        if fault == "not sent":
            raise NotSent("nobody listens")
        self.submitted.append(order)
        taken = self.real.submit(order, self.clock.now())
        if fault == "crash after":
            raise Crash
        if fault == "no answer":
            raise Unanswered("the answer was lost")
        return taken

    def cancel(self, client_id: str) -> BrokerOrder | None:
        return self.real.cancel(client_id)

    def order(self, client_id: str) -> BrokerOrder | None:
        self.real.expire(self.clock.now())
        return self.real.orders.get(client_id)

    def observe(self, after: int) -> BrokerView:
        self.real.expire(self.clock.now())
        view = self.real.view(0)
        return BrokerView(view.orders, tuple(self.real.executions[after:]), view.positions, view.cash, view.quotes)

    def fence(self, epoch: int) -> None:
        self.real.fence(epoch)

    def quote(self, symbol: str, bid: int, ask: int, at: int) -> None:
        self.real.quote(symbol, bid, ask, self.clock.now())


def desk() -> Desk:
    """Return the desk of these tests: the default limits, three strategies, a uid for every part."""
    from trading.gate import limits as limits_module

    made = drill_desk(0)
    limits = limits_module.defaults()
    listing = made.instruments[SYMBOL]
    assert made.market is not None and made.market.tail.returns is not None and made.market.tail.scenarios is not None
    returns = made.market.tail.returns | {OTHER: made.market.tail.returns[SYMBOL]}  # type: ignore[operator]
    scenarios = {name: {SYMBOL: -0.1, OTHER: -0.1} for name in limits.stress_scenarios}
    market = made.market
    market.tail = type(market.tail)(returns, scenarios)
    return replace(
        made,
        account_id="PA-0001",
        strategies=STRATEGIES,
        operators=frozenset({OPERATOR}),
        feeds=frozenset({FEED}),
        watchdogs=frozenset({WATCHDOG}),
        gates=frozenset({GATE}),
        limits=limits,
        instruments={SYMBOL: listing, OTHER: type(listing)(*_fields(listing, sector="energy"))},
        market=market,
    )


def _fields(listing: Any, **changes: Any) -> list[Any]:
    return [changes.get(name, getattr(listing, name)) for name in listing.__struct_fields__]


class GateWorld:
    """A desk, its disk, its broker, and the gate that is up just now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(NOON)
        self.desk = desk()
        self.broker = FaultyBroker(self.desk.cash, self.clock)
        self.pages: list[tuple[str, str]] = []
        self.bids = {SYMBOL: money("199.98"), OTHER: money("99.99")}
        self.number = 0
        self.start()

    def start(self) -> None:
        """Start a gate on what the disk holds."""
        store = Store(self.folder / "state/gate.db", self.folder / "elsewhere/mark")
        self.books = Books(
            self.desk, store, self.broker, self.clock, lambda about, what: self.pages.append((about, what))
        )
        self.keeper = Gatekeeper(self.books, KEY)
        self.operator = Operator(self.keeper)
        self.broker.fence(self.books.latch.epoch)
        for symbol in self.bids:
            self.tell(symbol)
        self.turn()

    def restart(self) -> None:
        """End the gate as kill -9 would, and start another."""
        self.books.store.close()
        self.start()

    def turn(self) -> None:
        """Let what is due happen, with a watchdog that is awake."""
        self.keeper.turn(self.clock.now())

    def tell(self, symbol: Symbol, bid: int | None = None) -> None:
        """Tell the gate the market."""
        self.bids[symbol] = self.bids[symbol] if bid is None else bid
        price = self.bids[symbol]
        self.keeper.quote(
            symbol,
            Quote(
                price,
                price + 2 * UNIT // 100,
                self.clock.now(),
                money("199.00") if symbol is SYMBOL else money("99.00"),
            ),
        )

    def pass_time(self, span: int) -> None:
        """Let time pass, with quotes and reconciles as they would come."""
        self.clock.advance(span)
        for symbol in self.bids:
            self.tell(symbol)
        self.turn()
        self.keeper.mirror.reconcile()

    def arm(self) -> dict[str, Any]:
        """Arm as a person would."""
        return self.operator.act(OPERATOR, "arm", {"by": "someone", "reason": "a test"})

    def kill(self, **values: Any) -> dict[str, Any]:
        """Kill as a person would."""
        return self.operator.raise_by(OPERATOR, "kill", {"by": "someone", "reason": "a test"} | values)

    def make(self, side: str = "buy", quantity: int = 10, cents_off: int = 0, **changes: Any) -> dict[str, Any]:
        """Return an order at the touch, or so many cents into (or out of) the market."""
        self.number += 1
        symbol = Symbol.parse(changes.get("symbol", str(SYMBOL)))
        bid = self.bids[symbol]
        price = bid + 2 * UNIT // 100 + cents_off * UNIT // 100 if side == "buy" else bid - cents_off * UNIT // 100
        order = {
            "client_id": f"alpha-{self.number}",
            "strategy": "alpha",
            "symbol": str(symbol),
            "side": side,
            "type": "limit",
            "tif": "day",
            "quantity": quantity,
            "limit_price": decimal(price),
            "reduce_only": False,
            "decided_at": self.clock.now(),
            "decision_price": decimal(price),
            "epoch": self.books.latch.epoch,
        }
        return order | changes

    def ask(self, order: dict[str, Any], grant: dict[str, Any] | None = None, uid: int | None = None) -> dict[str, Any]:
        """Ask the gate about an order."""
        message = {"order": order} | ({} if grant is None else {"grant": grant})
        own = STRATEGIES.get(order["strategy"], (0, 0))[0]
        return self.keeper.order(own if uid is None else uid, json.dumps(message).encode())


def name_of(order: dict[str, Any]) -> str:
    """Return what the desk and the broker call an order of the strategy that it says it is of."""
    return names.full(order["strategy"], order["client_id"])


def why(answer: dict[str, Any]) -> list[str]:
    """Return the codes of an answer."""
    return [reason["code"] for reason in answer["reasons"]]


def armed(folder: Path) -> GateWorld:
    """Return a gate that a person has armed."""
    made = GateWorld(folder)
    assert made.arm() == {"state": "ARMED"}
    return made
