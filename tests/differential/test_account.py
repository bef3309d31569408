"""A real account through our log: what follows from its transactions is its cash, its shares and its returns."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.differential import account
from trading.data import calendar, spelling
from trading.engine import statistics
from trading.engine.replay import State
from trading.events import Fill
from trading.model import UNIT, Lots, Money, Nanos, Side, Symbol, Ticks

pytestmark = pytest.mark.differential

CASH = 100_000 * UNIT
CENT = UNIT // 100


def test_an_account_is_what_follows_from_its_transactions() -> None:
    told, count = account.trades(), 0
    holdings, state = account.holdings(), State()
    assert (len(told), len(holdings), len({trade.symbol for trade in told})) == (9_367, 1_506, 7)
    traded = {day: list(rows) for day, rows in groupby(told, key=lambda trade: trade.day)}
    for day, worth in holdings.items():
        for trade in traded.pop(day, []):
            count += 1
            state.apply(fill(trade, count))
        held = {symbol: lots for (_, symbol), lots in state.positions.items()}
        # Cash is kept to a millionth of a cent there; nothing may add up over six years.
        assert abs(CASH + state.cash - round(worth["cash"] * UNIT)) < CENT, day
        assert {f"{name}.NYSE" for name, value in worth.items() if value and name != "cash"} == held.keys(), day
        assert all(held[f"{name}.NYSE"] * value > 0 for name, value in worth.items() if value and name != "cash"), day
    assert traded == {} and state.counts == {"Fill": 9_367}


def test_the_returns_of_an_account_are_those_that_were_published() -> None:
    holdings, published = account.holdings(), account.returns()
    equity = [CASH / UNIT, *(sum(worth.values()) for worth in holdings.values())]
    ours = statistics.returns(equity)
    assert ours == pytest.approx([published.pop(day) for day in holdings], abs=1e-9)
    # Before the first transaction nothing was earned.
    assert len(published) == 5 and set(published.values()) == {0.0}


def fill(trade: account.Trade, number: int) -> Fill:
    session = calendar.session(spelling.day(trade.day, None)[0])
    at = Nanos(number if session is None else session.closes)
    price = spelling.price(trade.price)
    shares = abs(trade.shares)
    side = Side.BUY if trade.shares > 0 else Side.SELL
    symbol = Symbol(trade.symbol, "NYSE")
    return Fill(
        at,
        f"x-{number}",
        f"o-{number}",
        "account",
        symbol,
        side,
        Lots(shares),
        Ticks(price),
        Money(price * shares),
        Money(0),
    )
