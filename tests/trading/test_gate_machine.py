"""Any sequence of orders, fills, cancels, lost answers, crashes, kills and restarts keeps what the gate promises.

The promises are checked on what reached the broker, not on what the gate says of itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.trading.gate_world import OTHER, SYMBOL, Crash, GateWorld
from trading.gate.egress import Submission
from trading.gate.state import SEVERITY
from trading.model import SECOND, UNIT, TradingState

FAULTS = ["", "", "", "crash before", "crash after", "no answer", "not sent"]


class Desk(RuleBasedStateMachine):
    """A desk that everything happens to."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="desk-"))
        self.world = GateWorld(self.folder)
        self.world.broker.before_submit = self.look
        self.world.arm()
        self.severest = SEVERITY[self.world.books.latch.level]
        self.limits = self.world.books.limits

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.books.store.close()
            shutil.rmtree(self.folder)

    def look(self, order: Submission) -> None:
        """Hold what is about to leave against the promises, at the broker's door."""
        world = self.world
        latch = world.books.store.latch()
        row = world.books.store.order(order.client_id)
        assert row is not None and row.phase == "allowed", "not on the disk"
        assert order.client_id not in {sent.client_id for sent in world.broker.submitted}, "sent twice"
        held = world.broker.real.positions.get(order.symbol, 0)
        if order.side == "buy":
            assert latch.state is TradingState.ARMED, "an opening left while not armed"
        else:
            others = [o for o in world.broker.real.orders.values() if o.phase == "working" and o.side == "sell"]
            selling = sum(o.quantity - o.filled for o in others if o.symbol == order.symbol)
            assert order.quantity + selling <= held, "a sell that does not reduce"
            assert latch.state is not TradingState.HALTED
        if order.side == "buy":
            self.exposure(order)

    def exposure(self, order: Submission) -> None:
        """Work out the worst case anew, from the broker's own orders and positions, without a running total."""
        real, limits = self.world.broker.real, self.limits
        asks = {symbol: ask for symbol, (_, ask) in real.quotes.items()}
        equity = real.cash + sum(q * real.quotes[s][0] for s, q in real.positions.items() if q)
        open_buys = dict.fromkeys(asks, 0) | {order.symbol: order.quantity * order.limit}
        for other in real.orders.values():
            if other.phase == "working" and other.side == "buy":
                open_buys[other.symbol] = open_buys.get(other.symbol, 0) + (other.quantity - other.filled) * other.limit
        worst = {s: real.positions.get(s, 0) * asks.get(s, 0) + open_buys.get(s, 0) for s in asks}
        assert order.quantity * order.limit <= limits.order_notional_max
        assert worst[order.symbol] * 10_000 <= limits.symbol_exposure_bps_max * equity
        assert sum(worst.values()) * 10_000 <= limits.net_exposure_bps_max * equity
        assert sum(open_buys.values()) <= real.cash

    def ask(self, **changes: object) -> None:
        world = self.world
        order = world.make(**changes)  # type: ignore[arg-type]
        try:
            world.ask(order)
        except Crash:
            self.again()

    def again(self) -> None:
        self.severest = max(self.severest, SEVERITY[self.world.books.store.latch().level])
        self.world.restart()

    @rule(
        strategy=st.sampled_from(["alpha", "beta", "gamma"]),
        side=st.sampled_from(["buy", "buy", "sell"]),
        quantity=st.sampled_from([1, 5, 20, 40, 49, 60, 90]),
        cents=st.sampled_from([0, 0, -20, -100, 50]),
        other=st.booleans(),
        fault=st.sampled_from(FAULTS),
    )
    def order(self, strategy: str, side: str, quantity: int, cents: int, other: bool, fault: str) -> None:
        self.world.broker.fault = fault
        symbol = str(OTHER if other else SYMBOL)
        name = f"{strategy}-{self.world.number + 1}"
        self.ask(side=side, quantity=quantity, cents_off=cents, strategy=strategy, client_id=name, symbol=symbol)
        self.world.broker.fault = ""

    @rule(span=st.sampled_from([1, SECOND // 5, SECOND, 6 * SECOND, 50 * SECOND]))
    def time(self, span: int) -> None:
        self.world.pass_time(span)

    @rule(other=st.booleans(), share=st.sampled_from([-300, -50, -5, 5, 50]))
    def market(self, other: bool, share: int) -> None:
        symbol = OTHER if other else SYMBOL
        bid = self.world.bids[symbol]
        self.world.tell(symbol, max(bid + bid * share // 10_000 // (UNIT // 100) * (UNIT // 100), UNIT))
        self.world.turn()

    @rule(which=st.integers(0, 50))
    def cancel(self, which: int) -> None:
        working = [o for o in self.world.broker.real.orders.values() if o.phase == "working"]
        if working:
            order = working[which % len(working)]
            assert self.world.keeper.cancel(1, order.client_id).get("phase") == "cancelled", "a cancel got stuck"

    @rule(verb=st.sampled_from(["kill", "reduce", "halt"]))
    def sever(self, verb: str) -> None:
        self.world.operator.raise_by(1, verb, {"by": "someone", "reason": "a rule"})

    @rule()
    def arm(self) -> None:
        if self.world.arm().get("state") == "ARMED":
            self.severest = 0

    @rule()
    def crash(self) -> None:
        self.again()

    @invariant()
    def severity_never_falls_by_itself(self) -> None:
        if hasattr(self, "world"):
            level = SEVERITY[self.world.books.latch.level]
            assert level >= self.severest
            self.severest = level

    @invariant()
    def nothing_is_open_after_a_kill(self) -> None:
        if not hasattr(self, "world"):
            return
        latch = self.world.books.latch
        if latch.level is TradingState.KILLED and latch.by.startswith("someone"):
            buys = [o for o in self.world.broker.real.orders.values() if o.phase == "working" and o.side == "buy"]
            assert buys == []

    @invariant()
    def cash_and_positions_are_conserved(self) -> None:
        if not hasattr(self, "world"):
            return
        real = self.world.broker.real
        bought = sum((1 if e.side == "buy" else -1) * e.quantity * e.price for e in real.executions)
        assert real.cash == self.world.desk.cash - bought
        assert min(real.positions.values(), default=0) >= 0, "short"

    @invariant()
    def the_totals_are_those_of_a_book_made_anew(self) -> None:
        if not hasattr(self, "world"):
            return
        books = self.world.books
        fresh = books._rebuilt(books.limits).book
        mine = books.snapshot.book
        assert (mine.held, mine.gross, mine.open_buys) == (fresh.held, fresh.gross, fresh.open_buys)
        assert dict(mine.open) == dict(fresh.open)


Desk.TestCase.settings = settings(max_examples=12, stateful_step_count=25)
TestDesk = Desk.TestCase


@pytest.mark.soak
class TestManyDesks(Desk.TestCase):  # type: ignore[name-defined,misc]
    """As above, with desks by the hundred: `make soak`."""

    settings = settings(max_examples=int(os.environ.get("SOAK_DESKS", "500")), stateful_step_count=40)
