"""What the gate's parts share: the desk's present, in memory and on the disk, and the way towards severity.

Made once when the gate starts. `Gatekeeper`, `Mirror` and `Overseer` change it, each in its own respect; a part that
finds something wrong halts here, whether or not the disk can still take it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from trading.clock import Clock
from trading.gate import account as accounts
from trading.gate import limits as limits_module
from trading.gate import state
from trading.gate.account import Account
from trading.gate.book import Book, OpenOrder, Sent
from trading.gate.controls.integrity import MODE
from trading.gate.egress import Broker
from trading.gate.limits import Limits
from trading.gate.settings import Desk
from trading.gate.snapshot import Snapshot
from trading.gate.state import Latch
from trading.gate.store import OPEN_PHASES, Store, StoreBroken
from trading.gate.tail import Tail
from trading.model import SECOND, Side, Symbol, TradingState

REMEMBERED_NS = 86_400 * SECOND
"""How long what was sent counts for rates and windows after a restart."""

Page = Callable[[str, str], None]
"""Tells a person: about what, and what happened."""


class Books:
    """The desk as the gate knows it."""

    def __init__(self, desk: Desk, store: Store, broker: Broker, clock: Clock, page: Page) -> None:
        self.desk = desk
        self.store = store
        self.broker = broker
        self.clock = clock
        self.page = page
        self.reconciled_at: int | None = None
        self.watchdog_at: int | None = None
        with store.transaction():
            latch = state.booted(store.latch(), clock.now())
            if store.suspicion:
                latch = state.raised(latch, TradingState.HALTED, clock.now(), "gate", store.suspicion)
            store.put_latch(latch)
        self.latch = latch
        if store.suspicion:
            page("store", store.suspicion)
        self.account: Account = kept_account(store) or Account(desk.cash)
        self.limits_doubt = ""
        """Why the limits in force cannot be read; nobody arms before they were proposed anew."""
        self.limits = self._limits_in_force()
        self.snapshot = self._rebuilt(self.limits)

    def raise_latch(self, to: TradingState, by: str, reason: str) -> Latch:
        """Move towards severity, durably if that can be had, and in any case at once."""
        now = self.clock.now()
        before = self.latch
        # In memory first: a disk that is full must not keep the gate open.
        self.latch = state.raised(self.latch, to, now, by, reason)
        try:
            self.latch = self.store.change_latch(lambda old: state.raised(old, to, now, by, reason))
        except StoreBroken as error:
            self.latch = state.raised(self.latch, TradingState.HALTED, now, "gate", f"store: {error}")
            self.page("store", str(error))
        if self.latch.state is not before.state:
            self.page("state", f"{before.state} -> {self.latch.state} by {by}: {reason}")
        return self.latch

    def halt(self, reason: str) -> None:
        """Let nothing but cancels leave, if that is not so already."""
        if not self.latch.halted:
            self.raise_latch(TradingState.HALTED, "gate", reason)

    def severer(self, stored: Latch) -> Latch:
        """Return the stored latch, or ours while the disk could not take what we had to do."""
        mine = self.latch
        if mine.halted and not stored.halted and stored.serial < mine.serial:
            return mine
        return stored

    def reread(self) -> Latch:
        """Take over the latch as it is on the disk, where others write it too, and return it; raise `StoreBroken`."""
        self.latch = self.severer(self.store.latch())
        return self.latch

    def keep_account(self) -> None:
        """Write what the account is worth to the store."""
        try:
            with self.store.transaction():
                self.store.keep("account", accounts.encode(self.account))
        except StoreBroken as error:
            self.halt(f"store: {error}")

    def use(self, limits: Limits) -> None:
        """Hold everything from now on against these limits."""
        if limits != self.limits:
            self.limits = limits
            self.snapshot = self._rebuilt(limits)

    def _limits_in_force(self) -> Limits:
        body = self.store.fact("limits")
        found, failures = limits_module.read(body) if body else (self.desk.limits, ())
        if found is not None:
            return found
        # Another version's limits, tighter perhaps than those of the desk's file: nothing opens under a guess.
        why = "; ".join(failure.message for failure in failures[:5])
        self.limits_doubt = f"the limits in force cannot be read ({why})"
        self.page("limits", self.limits_doubt)
        return self.desk.limits

    def _rebuilt(self, limits: Limits) -> Snapshot:
        """Return a snapshot whose totals are made of the store: positions, open orders, what was sent today."""
        now = self.clock.now()
        desk, market = self.desk, self.desk.market
        assert market is not None
        book = Book(limits, {symbol: listing.sector for symbol, listing in desk.instruments.items()})
        quotes = self.snapshot.quotes if hasattr(self, "snapshot") else {}
        tail = Tail(market.tail.returns, market.tail.scenarios)
        made = Snapshot(book, tail, limits.digest, quotes=quotes, instruments=desk.instruments)
        made.mode, made.endpoint, made.account_id = MODE, desk.endpoint, desk.account_id
        made.restricted, made.restricted_as_of = market.restricted, market.restricted_as_of
        for symbol, quote in quotes.items():
            made.take(symbol, quote)
        for (strategy, name), quantity in self.store.positions().items():
            if quantity > 0:
                book.hold(strategy, Symbol.parse(name), quantity)
        book.advance(now)
        for row in self.store.orders():
            symbol, side = Symbol.parse(row.symbol), Side(row.side)
            # A phase that is not known yet may lag behind fills that are: what traded whole cannot trade again.
            if row.phase in OPEN_PHASES and row.filled < row.quantity:
                book.place(
                    OpenOrder(row.client_id, row.strategy, symbol, side, row.quantity, row.filled, row.price, row.at)
                )
            if now - row.at <= REMEMBERED_NS:
                sent = Sent(row.client_id, row.strategy, symbol, side, row.quantity, row.price, row.at, row.phase)
                book.send(sent, is_opening=side is Side.BUY)
                if row.filled:
                    book.execute(
                        Sent(row.client_id, row.strategy, symbol, side, row.filled, row.price, row.at, "filled")
                    )
                if row.phase not in ("allowed", "unknown"):
                    book.answer(row.strategy, rejected=row.phase == "rejected")
        return made


def kept_account(store: Store) -> Account | None:
    """Return the account as a store keeps it, None if it keeps none; raise `StoreBroken` for one that nobody reads."""
    body = store.fact("account")
    try:
        return accounts.decode(body) if body else None
    except msgspec.MsgspecError as error:
        raise StoreBroken(f"{store.path}: the account: {error}") from error
