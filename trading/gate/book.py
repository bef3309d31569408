"""What is held and what is open, as running totals: exposure, buying power, rates and windows, O(1) to ask.

The server feeds it event by event, `documents` feeds it a whole snapshot at once; the answers are the same. Exposure is
worst case: what is held at the ask, plus every open buy at its limit, whether or not the venue has acknowledged it; an
open sell counts as if it filled when somebody asks what is left to sell. Short positions do not exist here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import date

from trading.data import calendar
from trading.gate.limits import Limits
from trading.model import SECOND, Side, Symbol, Value

SENT = frozenset({"filled", "partial", "cancelled", "rejected", "expired"})
"""Outcomes of orders that left; `denied` is the other one."""
EXECUTED = frozenset({"filled", "partial"})


class OpenOrder(Value, frozen=True, gc=False):
    """An order that rests, or that may: the venue has it, or was sent it."""

    client_id: str
    strategy: str
    symbol: Symbol
    side: Side
    quantity: int
    filled: int
    limit: int
    sent_at: int

    @property
    def remaining(self) -> int:
        """Return what can still trade."""
        return self.quantity - self.filled


class Sent(Value, frozen=True, gc=False):
    """An order that was asked for lately, and what became of it."""

    client_id: str
    strategy: str
    symbol: Symbol
    side: Side
    quantity: int
    limit: int
    at: int
    outcome: str


class Bucket:
    """A leaky bucket in whole numbers: one send adds `SECOND`, every nanosecond takes `per_s` away."""

    __slots__ = ("at", "level", "per_s")

    def __init__(self, per_s: int) -> None:
        self.per_s = per_s
        self.level = 0
        self.at = 0

    def add(self, at: int) -> None:
        """Count one send. Never goes back in time: an earlier send counts at the latest one's moment."""
        at = max(at, self.at)
        self.level = self.filled_at(at) + SECOND
        self.at = at

    def filled_at(self, now: int) -> int:
        """Return the level at a moment."""
        left = self.level - (now - self.at) * self.per_s if now > self.at else self.level
        return left if left > 0 else 0


class Book:
    """Positions, open orders and what was sent lately. Changed by whoever owns it, read by the controls."""

    def __init__(self, limits: Limits, sectors: Mapping[Symbol, str]) -> None:
        self.limits = limits
        self._sectors = sectors
        self._day: date | None = None
        self.held: dict[tuple[str, Symbol], int] = {}
        self._holders: dict[Symbol, dict[str, int]] = {}
        self.open: dict[str, OpenOrder] = {}
        self.open_sells: dict[tuple[str, Symbol], int] = defaultdict(int)
        self._resting: dict[tuple[Symbol, Side], list[int]] = defaultdict(list)
        self.working: dict[str, int] = defaultdict(int)
        self.open_buys = 0
        """Minor units that all open buys may still cost."""
        self.gross = 0
        self.symbol_values: dict[Symbol, int] = defaultdict(int)
        self.sector_values: dict[str, int] = defaultdict(int)
        self.strategy_values: dict[str, int] = defaultdict(int)
        self.unmarked: set[Symbol] = set()
        self.unsectored: set[Symbol] = set()
        self.mark_times: dict[Symbol, int] = {}
        """When the quotes were made by which what is held is valued."""
        self._marks: dict[Symbol, tuple[int, int | None]] = {}
        """Price and moment; without a moment the price is the last that could be believed."""
        self.known_ids: set[str] = set()
        self.messages: dict[str, int] = {}
        """Messages that the orders still open have cost so far."""
        self.turnover = 0
        self.rejects: dict[str, int] = defaultdict(int)
        self.last_same: dict[tuple[str, Symbol, Side, int, int | None], int] = {}
        self.bucket_all = Bucket(limits.rate_all_per_s_max)
        self.bucket_messages = Bucket(limits.messages_per_s_max)
        self.buckets: dict[str, Bucket] = {}
        self.baskets: dict[str, int] = defaultdict(int)
        self._basket: deque[tuple[int, str, int]] = deque()
        self.repeats: dict[tuple[str, Symbol, Side, int], int] = defaultdict(int)
        self._repeat: deque[tuple[int, tuple[str, Symbol, Side, int]]] = deque()
        self._lows: dict[tuple[Symbol, Side], deque[tuple[int, int]]] = defaultdict(deque)
        self._highs: dict[tuple[Symbol, Side], deque[tuple[int, int]]] = defaultdict(deque)

    # What is held and open.

    def hold(self, strategy: str, symbol: Symbol, quantity: int) -> None:
        """Change a position by a quantity; never below zero, which is nobody's to hold here."""
        key = (strategy, symbol)
        total = self.held.get(key, 0) + quantity
        if total < 0:
            raise ValueError(f"{strategy} would hold {total} of {symbol}: short positions do not exist here")
        holders = self._holders.setdefault(symbol, {})
        if total:
            self.held[key] = holders[strategy] = total
        else:
            self.held.pop(key, None)
            holders.pop(strategy, None)
        price, at = self._marks.get(symbol, (0, None))
        self._value(symbol, strategy, quantity * price)
        if not holders:
            self.unmarked.discard(symbol)
            self.mark_times.pop(symbol, None)
        elif at is None:
            self.unmarked.add(symbol)
        else:
            self.mark_times[symbol] = at

    def mark(self, symbol: Symbol, price: int, at: int) -> None:
        """Value a symbol at a price from now on."""
        change = price - self._marks.get(symbol, (0, None))[0]
        self._marks[symbol] = (price, at)
        holders = self._holders.get(symbol)
        if holders:
            self.mark_times[symbol] = at
            self.unmarked.discard(symbol)
            for strategy, quantity in holders.items():
                self._value(symbol, strategy, quantity * change)

    def unmark(self, symbol: Symbol) -> None:
        """Do not know any more what a symbol is worth: its last value stays in the totals, and nobody relies on it."""
        self._marks[symbol] = (self._marks.get(symbol, (0, None))[0], None)
        if self._holders.get(symbol):
            self.unmarked.add(symbol)

    def place(self, order: OpenOrder) -> None:
        """Count an order as open."""
        self.open[order.client_id] = order
        self.known_ids.add(order.client_id)
        self.working[order.strategy] += 1
        if order.remaining:
            insort(self._resting[order.symbol, order.side], order.limit)
        self._open_amounts(order, order.remaining)

    def remove(self, client_id: str) -> OpenOrder | None:
        """Count an order as gone, and return it."""
        order = self.open.pop(client_id, None)
        if order is not None:
            self.working[order.strategy] -= 1
            if order.remaining:
                prices = self._resting[order.symbol, order.side]
                del prices[bisect_left(prices, order.limit)]
            self._open_amounts(order, -order.remaining)
        return order

    def fill(self, client_id: str, quantity: int) -> OpenOrder | None:
        """Count part of an open order as traded; return the order as it is then, None if it was not open."""
        order = self.remove(client_id)
        if order is None:
            return None
        filled = order.filled + min(quantity, order.remaining)
        after = OpenOrder(
            client_id, order.strategy, order.symbol, order.side, order.quantity, filled, order.limit, order.sent_at
        )
        if after.remaining:
            self.place(after)
        return after

    def sellable(self, strategy: str, symbol: Symbol) -> int:
        """Return what a strategy can sell without going short, if everything it has open to sell fills."""
        return self.held.get((strategy, symbol), 0) - self.open_sells.get((strategy, symbol), 0)

    def lowest_sell(self, symbol: Symbol) -> int | None:
        """Return the lowest price at which the account sells a symbol."""
        prices = self._resting.get((symbol, Side.SELL))
        return prices[0] if prices else None

    def highest_buy(self, symbol: Symbol) -> int | None:
        """Return the highest price at which the account buys a symbol."""
        prices = self._resting.get((symbol, Side.BUY))
        return prices[-1] if prices else None

    # What was sent lately. In order of time.

    def send(self, sent: Sent, *, is_opening: bool) -> None:
        """Count an order that left."""
        self.known_ids.add(sent.client_id)
        # At its price, and at whatever price: None stands for that.
        self.last_same[(sent.strategy, sent.symbol, sent.side, sent.quantity, sent.limit)] = sent.at
        self.last_same[(sent.strategy, sent.symbol, sent.side, sent.quantity, None)] = sent.at
        self.bucket_of(sent.strategy).add(sent.at)
        self.bucket_all.add(sent.at)
        self.bucket_messages.add(sent.at)
        self._note_price((sent.symbol, sent.side), sent.at, sent.limit)
        if is_opening:
            amount = sent.quantity * sent.limit
            self._basket.append((sent.at, sent.strategy, amount))
            self.baskets[sent.strategy] += amount

    def message(self, at: int) -> None:
        """Count a message that is no order: a cancel or a change. Those always get out, so there can be more than the
        throttle holds; what overflows is not held against reductions later."""
        self.bucket_messages.add(at)
        self.bucket_messages.level = min(self.bucket_messages.level, self.limits.messages_burst_max * SECOND)

    def execute(self, sent: Sent) -> None:
        """Count what traded: today's turnover at its limit, and the repetition of its kind."""
        if calendar.day_of(sent.at) == self._day:
            self.turnover += sent.quantity * sent.limit
        key = (sent.strategy, sent.symbol, sent.side, sent.quantity)
        self._repeat.append((sent.at, key))
        self.repeats[key] += 1

    def answer(self, strategy: str, *, rejected: bool) -> None:
        """Count what the venue said to an order: rejections in a row."""
        self.rejects[strategy] = self.rejects[strategy] + 1 if rejected else 0

    def bucket_of(self, strategy: str) -> Bucket:
        """Return a strategy's own bucket."""
        bucket = self.buckets.get(strategy)
        if bucket is None:
            bucket = self.buckets[strategy] = Bucket(self.limits.rate_strategy_per_s_max)
        return bucket

    def advance(self, now: int) -> None:
        """Forget what fell out of its window: what is exactly as old as the window is out."""
        day = calendar.day_of(now)
        if day != self._day:
            self._day, self.turnover = day, 0
        limits = self.limits
        start = now - limits.basket_window_s_min * SECOND
        while self._basket and self._basket[0][0] <= start:
            _, strategy, amount = self._basket.popleft()
            self.baskets[strategy] -= amount
        start = now - limits.repeated_window_s_min * SECOND
        while self._repeat and self._repeat[0][0] <= start:
            self.repeats[self._repeat.popleft()[1]] -= 1

    def own_range(self, symbol: Symbol, side: Side, now: int) -> tuple[int, int] | None:
        """Return the lowest and the highest price of our own orders within the window; None without any."""
        start = now - self.limits.own_drift_window_s_min * SECOND
        key = symbol, side
        low, high = _first_since(self._lows.get(key, ()), start), _first_since(self._highs.get(key, ()), start)
        return None if low is None or high is None else (low, high)

    def _note_price(self, key: tuple[Symbol, Side], at: int, price: int) -> None:
        # Monotonic queues: whoever is behind and beyond outlives those before, so the front is always the extreme.
        lows, highs = self._lows[key], self._highs[key]
        start = at - self.limits.own_drift_window_s_min * SECOND
        for queue in (lows, highs):
            while queue and queue[0][0] <= start:
                queue.popleft()
        while lows and lows[-1][1] >= price:
            lows.pop()
        while highs and highs[-1][1] <= price:
            highs.pop()
        lows.append((at, price))
        highs.append((at, price))

    # Totals.

    def _open_amounts(self, order: OpenOrder, quantity: int) -> None:
        if order.side is Side.BUY:
            amount = quantity * order.limit
            self.open_buys += amount
            self._value(order.symbol, order.strategy, amount)
        else:
            self.open_sells[order.strategy, order.symbol] += quantity

    def _value(self, symbol: Symbol, strategy: str, change: int) -> None:
        if not change:
            return
        self.gross += change
        self.symbol_values[symbol] += change
        self.strategy_values[strategy] += change
        sector = self._sectors.get(symbol)
        if sector is None:
            # Once of an unknown sector, it stays so until the book is made anew: the sectors are given at the start.
            self.unsectored.add(symbol)
        else:
            self.sector_values[sector] += change


def _first_since(prices: Iterable[tuple[int, int]], start: int) -> int | None:
    """Return the first price behind a moment; it is the extreme of all that follow."""
    for at, price in prices:
        if at > start:
            return price
    return None
