"""Makes orders and snapshots of JSON documents, for `trading gate check` and for fuzzers.

The schema is closed and every field has bounds; what does not fit is a fault of group A, and the control that needed it
finds nothing and denies as well. Called by `ask`; the server reads orders with the same code and keeps its own book.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trading.gate.book import EXECUTED, SENT, Book, OpenOrder, Sent
from trading.gate.codes import Code, Failure
from trading.gate.fields import NS_MAX, Fields, as_name, as_symbol
from trading.gate.limits import Limits
from trading.gate.snapshot import Listing, Order, Quote, Snapshot, Strategy
from trading.gate.strict import Unreadable, parse
from trading.gate.tail import Tail
from trading.model import SECOND, UNIT, Side, Symbol, TradingState

PRICE_MAX = 1_000_000 * UNIT
AMOUNT_MAX = 100_000_000 * UNIT
QUANTITY_MAX = 10_000_000
VOLUME_MAX = 10**10
EPOCH_MAX = 2**31
UID_MAX = 2**32 - 2
COUNT_MAX = 20_000
"""Entries in any one list or map."""
DAYS_MAX = 10_000
"""Daily returns of one symbol."""
LATELY = 31 * 86_400 * SECOND
"""How far back an open or a recent order may have been sent: a day order never reaches that."""
_RETURN_MAX = 4.0
_SCENARIO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_SIDES = frozenset({"buy", "sell"})
_OUTCOMES = SENT | {"denied"}
_STATES = frozenset(TradingState)


def read_order(document: object) -> tuple[Order | None, list[Failure]]:
    """Return the order a document holds, and its faults. With faults in known fields there is no order to speak of."""
    faults: list[Failure] = []
    fields = Fields("order", document, faults)
    client_id, strategy, symbol = fields.id("client_id"), fields.name("strategy"), fields.symbol("symbol")
    side, kind, tif = fields.choice("side", _SIDES), fields.name("type"), fields.name("tif")
    quantity = fields.integer("quantity", 1, QUANTITY_MAX)
    # The one field that may be absent: a market order has none, and sanity denies a limit order without.
    limit = fields.amount("limit_price", 1, PRICE_MAX, optional=True)
    reduce_only = fields.flag("reduce_only")
    decided_at, price = fields.time("decided_at"), fields.amount("decision_price", 1, PRICE_MAX)
    epoch = fields.integer("epoch", 0, EPOCH_MAX)
    whole = not faults
    fields.closed()
    if not whole:
        return None, faults
    assert client_id is not None and strategy is not None and symbol is not None and side is not None
    assert kind is not None and tif is not None and quantity is not None and reduce_only is not None
    assert decided_at is not None and price is not None and epoch is not None
    order = Order(
        client_id, strategy, symbol, Side(side), kind, tif, quantity, limit, reduce_only, decided_at, price, epoch
    )
    return order, faults


def id_of(text: bytes, strategy: str | None) -> str | None:
    """Return the id that a message gives an order of this strategy, whatever else is wrong with it; None for none."""
    try:
        message, _ = parse(text)
    except Unreadable:
        return None
    order = message.get("order") if isinstance(message, dict) else None
    if strategy is None or not isinstance(order, dict) or order.get("strategy") != strategy:
        return None
    return Fields("order", order, []).id("client_id")


def read_snapshot(document: object, limits: Limits, duplicates: Iterable[str] = ()) -> tuple[Snapshot, int | None]:
    """Return the snapshot a document holds, prepared for its own moment, and that moment."""
    faults = [Failure(Code.FIELD_DUPLICATE, path) for path in duplicates]
    fields = Fields("snapshot", document, faults)
    now = fields.time("now")
    instruments = read_instruments(fields)
    quotes = _quotes(fields)
    returns, scenarios = read_risk(fields)
    book = Book(limits, {symbol: listing.sector for symbol, listing in instruments.items()})
    snapshot = Snapshot(book, Tail(returns, scenarios), limits.digest, quotes=quotes, instruments=instruments)
    snapshot.state, snapshot.epoch = fields.choice("state", _STATES), fields.integer("epoch", 0, EPOCH_MAX)
    snapshot.mode, snapshot.endpoint = fields.name("mode"), fields.text("endpoint", 200)
    _caller(fields, snapshot)
    _account(fields, snapshot)
    snapshot.strategies = _strategies(fields)
    read_restricted(fields, snapshot)
    snapshot.reconciled_at, snapshot.watchdog_at = fields.time("reconciled_at"), fields.time("watchdog_at")
    # The size of the largest step, so never negative.
    snapshot.clock_step = fields.integer("clock_step_ns", 0, NS_MAX)
    for symbol, quote in quotes.items():
        snapshot.take(symbol, quote)
    _positions(fields, book)
    open_orders = [*_open_orders(fields, "working", now, book), *_open_orders(fields, "unacknowledged", now, book)]
    _recent(fields, book, now, open_orders)
    fields.closed()
    snapshot.faults = tuple(faults)
    snapshot.prepare(now or 0)
    return snapshot, now


def _caller(fields: Fields, snapshot: Snapshot) -> None:
    caller = fields.inner("caller")
    if caller is not None:
        uid = caller.integer("uid", 0, UID_MAX)
        strategy = caller.name("strategy")
        # Without a uid nobody knows who says it is this strategy.
        snapshot.caller_strategy = strategy if uid is not None else None
        caller.closed()


def _account(fields: Fields, snapshot: Snapshot) -> None:
    account = fields.inner("account")
    if account is not None:
        snapshot.account_id = account.text("id", 64)
        snapshot.equity = account.amount("equity", -AMOUNT_MAX, AMOUNT_MAX)
        snapshot.cash = account.amount("cash", -AMOUNT_MAX, AMOUNT_MAX)
        snapshot.day_start_equity = account.amount("day_start_equity", 1, AMOUNT_MAX)
        snapshot.peak_equity_today = account.amount("peak_equity_today", 1, AMOUNT_MAX)
        account.closed()


def _strategies(fields: Fields) -> dict[str, Strategy] | None:
    entries = fields.entries("strategies", COUNT_MAX)
    if entries is None:
        return None
    found = {}
    for name, value in entries:
        one = Fields(f"snapshot.strategies.{name[:64]}", value, fields.faults)
        if as_name(name) is None:
            fields.fault(Code.FIELD_INVALID, one.path, "a name")
        enabled, budget = one.flag("enabled"), one.amount("budget", 1, AMOUNT_MAX)
        pnl, drawdown = one.amount("pnl_today", -AMOUNT_MAX, AMOUNT_MAX), one.amount("drawdown", 0, AMOUNT_MAX)
        one.closed()
        if enabled is not None and budget is not None and pnl is not None and drawdown is not None:
            found[name] = Strategy(enabled, budget, pnl, drawdown)
    return found


def _quotes(fields: Fields) -> dict[Symbol, Quote]:
    found = {}
    for name, value in fields.entries("quotes", COUNT_MAX) or ():
        symbol, one = _keyed(fields, "quotes", name, value)
        bid, ask = one.amount("bid", 0, PRICE_MAX), one.amount("ask", 0, PRICE_MAX)
        at, close = one.time("at"), one.amount("previous_close", 0, PRICE_MAX)
        one.closed()
        if symbol is not None and bid is not None and ask is not None and at is not None and close is not None:
            found[symbol] = Quote(bid, ask, at, close)
    return found


def read_instruments(fields: Fields) -> dict[Symbol, Listing]:
    """Return what a document says of instruments."""
    found = {}
    for name, value in fields.entries("instruments", COUNT_MAX) or ():
        symbol, one = _keyed(fields, "instruments", name, value)
        tick, lot = one.amount("tick", 1, 1000 * UNIT), one.integer("lot", 1, 1_000_000)
        tradable, shortable = one.flag("tradable"), one.flag("shortable")
        kind, sector = one.name("kind"), one.label("sector")
        volume, recent = one.integer("average_daily_volume", 0, VOLUME_MAX), one.integer("volume_5m", 0, VOLUME_MAX)
        one.closed()
        if symbol is None or tick is None or lot is None or tradable is None or shortable is None:
            continue
        if kind is None or sector is None or volume is None or recent is None:
            continue
        found[symbol] = Listing(tick, lot, tradable, shortable, kind, sector, volume, recent)
    return found


def _keyed(fields: Fields, name: str, key: str, value: object) -> tuple[Symbol | None, Fields]:
    """Return the symbol that a map's key spells, and the reader of its value."""
    one = Fields(f"snapshot.{name}.{key[:64]}", value, fields.faults)
    symbol = as_symbol(key)
    if symbol is None:
        fields.fault(Code.FIELD_INVALID, one.path, "named by a symbol such as AAPL.NASDAQ")
    return symbol, one


def read_restricted(fields: Fields, snapshot: Snapshot) -> None:
    """Put the restricted list of a document into a snapshot."""
    inner = fields.inner("restricted")
    if inner is None:
        return
    snapshot.restricted_as_of = inner.day("as_of")
    names = inner.value("symbols")
    symbols = [as_symbol(name) for name in names] if isinstance(names, list) and len(names) <= COUNT_MAX else [None]
    if None not in symbols:
        snapshot.restricted = frozenset(symbol for symbol in symbols if symbol is not None)
    elif names is not None:
        inner.fault(Code.FIELD_INVALID, "snapshot.restricted.symbols", "a list of symbols")
    inner.closed()


def read_risk(
    fields: Fields,
) -> tuple[dict[Symbol, list[float]] | None, dict[str, dict[Symbol, float]] | None]:
    """Return a document's daily returns and its scenarios."""
    inner = fields.inner("risk")
    if inner is None:
        return None, None
    returns: dict[Symbol, list[float]] | None = {}
    for name, value in inner.entries("daily_returns", COUNT_MAX) or ():
        symbol = as_symbol(name)
        fits = isinstance(value, list) and len(value) <= DAYS_MAX and all(map(_is_return, value))
        if symbol is None or not fits or not isinstance(value, list):
            path = f"snapshot.risk.daily_returns.{name[:64]}"
            inner.fault(Code.FIELD_INVALID, path, f"a symbol's returns, at most {DAYS_MAX}, from -1 to {_RETURN_MAX}")
        elif returns is not None:
            returns[symbol] = value
    scenarios: dict[str, dict[Symbol, float]] = {}
    for name, value in inner.entries("stress", COUNT_MAX) or ():
        shocks = value if isinstance(value, dict) and len(value) <= COUNT_MAX else None
        read = {as_symbol(key): shock for key, shock in (shocks or {}).items() if _is_return(shock)}
        if shocks is None or None in read or len(read) != len(shocks) or not _SCENARIO.fullmatch(name):
            path = f"snapshot.risk.stress.{name[:64]}"
            inner.fault(Code.FIELD_INVALID, path, f"a scenario: a shock from -1 to {_RETURN_MAX} for each symbol")
        else:
            scenarios[name] = {symbol: shock for symbol, shock in read.items() if symbol is not None}
    inner.closed()
    return returns, scenarios


def _is_return(value: object) -> bool:
    return (type(value) is float or type(value) is int) and -1.0 <= value <= _RETURN_MAX


def _lately(fields: Fields, name: str, now: int | None) -> int | None:
    """Return a moment that is not ahead of now and at most `LATELY` behind it."""
    return fields.time(name) if now is None else fields.integer(name, max(now - LATELY, 1), now)


def _positions(fields: Fields, book: Book) -> None:
    seen = set()
    for one in fields.items("positions", COUNT_MAX) or ():
        symbol, strategy = one.symbol("symbol"), one.name("strategy")
        # Not below zero: short positions are off, so one that is there is an error somebody has to look at.
        quantity = one.integer("quantity", 0, QUANTITY_MAX)
        price = one.amount("average_price", 0, PRICE_MAX)
        one.closed()
        if symbol is None or strategy is None or quantity is None or price is None:
            continue
        if (strategy, symbol) in seen:
            one.fault(Code.DUPLICATE_ENTRY, f"the position of {strategy} in {symbol}")
        seen.add((strategy, symbol))
        book.hold(strategy, symbol, quantity)


def _open_orders(fields: Fields, name: str, now: int | None, book: Book) -> list[OpenOrder]:
    found = []
    for one in fields.items(name, COUNT_MAX) or ():
        client_id, strategy, symbol = one.id("client_id"), one.name("strategy"), one.symbol("symbol")
        side = one.choice("side", _SIDES)
        kind, tif = one.name("type"), one.name("tif")
        quantity = one.integer("quantity", 1, QUANTITY_MAX)
        filled = one.integer("filled", 0, quantity or QUANTITY_MAX)
        limit, sent_at = one.amount("limit_price", 1, PRICE_MAX), _lately(one, "sent_at", now)
        one.closed()
        if client_id is None or strategy is None or symbol is None or side is None or kind is None or tif is None:
            continue
        if quantity is None or filled is None or limit is None or sent_at is None:
            continue
        if client_id in book.open:
            one.fault(Code.DUPLICATE_ENTRY, f"the open order {client_id}")
            continue
        order = OpenOrder(client_id, strategy, symbol, Side(side), quantity, filled, limit, sent_at)
        book.place(order)
        found.append(order)
    return found


def _recent(fields: Fields, book: Book, now: int | None, open_orders: list[OpenOrder]) -> None:
    """Feed the book with everything sent lately, in order of time."""
    sent: dict[str, Sent] = {}
    for one in fields.items("recent", COUNT_MAX) or ():
        client_id, strategy, symbol = one.id("client_id"), one.name("strategy"), one.symbol("symbol")
        side, quantity = one.choice("side", _SIDES), one.integer("quantity", 1, QUANTITY_MAX)
        limit, at = one.amount("limit_price", 1, PRICE_MAX), _lately(one, "at", now)
        outcome = one.choice("outcome", _OUTCOMES)
        one.closed()
        if client_id is None or strategy is None or symbol is None or side is None:
            continue
        if quantity is None or limit is None or at is None or outcome is None:
            continue
        if client_id in sent:
            one.fault(Code.DUPLICATE_ENTRY, f"the recent order {client_id}")
        sent[client_id] = Sent(client_id, strategy, symbol, Side(side), quantity, limit, at, outcome)
        book.known_ids.add(client_id)
    for order in open_orders:
        if order.client_id not in sent:
            sent[order.client_id] = Sent(
                order.client_id,
                order.strategy,
                order.symbol,
                order.side,
                order.quantity,
                order.limit,
                order.sent_at,
                "",
            )
    book.advance(now or 0)
    for one_sent in sorted(sent.values(), key=lambda each: each.at):
        if one_sent.outcome == "denied":
            continue
        book.send(one_sent, is_opening=one_sent.side is Side.BUY)
        if one_sent.outcome in EXECUTED:
            book.execute(one_sent)
        if one_sent.outcome:
            book.answer(one_sent.strategy, rejected=one_sent.outcome == "rejected")
