"""What splits and dividends do to an account, in lots of more than one share, with what is wanted and nothing held."""

from __future__ import annotations

import pytest

from tests.trading.run_world import A, B, daily, flat, session, setup, strategy
from trading.data.generate import PENNY
from trading.engine.corporate import Corporate
from trading.engine.gatehouse import Gatehouse
from trading.engine.tape import Tape
from trading.events import Adjusted, Dividend, Split, Target
from trading.model import UNIT, Instrument, Lots, Money, Nanos
from trading.stages.view import View

AT = Nanos(session(5).opens)
LOT = 10
CASH = 1_000 * UNIT


class Account:
    """An account of one symbol in lots of ten, before a real gate's book, at a price of 30.00."""

    def __init__(self, held: int, wanted: int | None = None, seen: bool = True) -> None:
        ready = setup(strategy({}), daily({A: flat(3000, 3), B: flat(500, 3)}))
        instruments = {symbol: Instrument(symbol, PENNY, LOT, sector="any") for symbol in (A, B)}
        self.tapes = {symbol: Tape(instrument, 100) for symbol, instrument in instruments.items()}
        self.tapes[A].see(AT - 1, AT - 2, 3000, 100)
        self.view = View("script", instruments, cash=CASH)
        self.gate = Gatehouse(ready.limits, self.tapes, ready.shocks, "script", CASH)
        if seen:
            self.view.prices[A] = self.tapes[A].last
        if held:
            self.view.held[A] = held
            self.gate.adjust(A, Lots(held))
        self.wanted: dict[object, Target] = {}
        if wanted is not None:
            self.wanted[A] = Target(Nanos(1), "script", A, Lots(wanted), Money(30 * UNIT), "why")
        self.corporate = Corporate(self.view, self.tapes, self.gate, self.wanted)  # type: ignore[arg-type]

    def split(self, new: int, old: int) -> Adjusted | None:
        return self.corporate.act(Split(AT, A, new, old))

    @property
    def at_the_gate(self) -> int:
        """Return the shares that the gate's book has."""
        return self.gate._book.sellable("script", A)


@pytest.mark.parametrize(
    ("held", "new", "old", "lots", "paid"),
    [
        (4, 2, 1, 8, 0),
        (4, 1, 2, 2, 0),
        (4, 3, 2, 6, 0),
        # 50 shares become 16 and two thirds: one lot, 6 shares and two thirds of one at 90.00.
        (5, 1, 3, 1, 600),
        # 10 shares become 15: a lot, and 5 shares at 20.00.
        (1, 3, 2, 1, 100),
        # 10 shares become one half at 600.00: no lot at all.
        (1, 1, 20, 0, 300),
    ],
)
def test_a_split_keeps_what_a_position_is_worth(held: int, new: int, old: int, lots: int, paid: int) -> None:
    account = Account(held)
    before = account.view.equity
    told = account.split(new, old)
    assert told == Adjusted(AT, "script", A, Lots(lots), Money(paid * UNIT))
    assert account.view.held == ({A: lots} if lots else {})
    assert (account.view.cash, account.view.equity) == (CASH + paid * UNIT, before)
    assert account.view.prices == {A: 30 * UNIT * old // new}
    assert account.at_the_gate == lots * LOT
    assert account.corporate.has_split


def test_a_split_of_what_nobody_holds_changes_prices_alone() -> None:
    account = Account(0)
    assert account.split(3, 1) is None
    assert (account.view.held, account.view.cash, account.view.prices) == ({}, CASH, {A: 10 * UNIT})
    assert account.at_the_gate == 0


def test_a_split_before_the_first_bar_names_no_price() -> None:
    account = Account(0, seen=False)
    assert account.split(2, 1) is None
    assert account.view.prices == {}


@pytest.mark.parametrize(("new", "old", "lots", "price"), [(3, 1, 21, 10), (1, 2, 3, 60), (3, 2, 10, 20)])
def test_what_is_wanted_is_wanted_in_new_shares(new: int, old: int, lots: int, price: int) -> None:
    account = Account(2, wanted=7)
    account.split(new, old)
    assert account.wanted == {A: Target(Nanos(1), "script", A, Lots(lots), Money(price * UNIT), "why")}


def test_who_wanted_nothing_wants_nothing() -> None:
    account = Account(2)
    account.split(2, 1)
    assert account.wanted == {}


def test_a_dividend_is_paid_for_every_share_of_every_lot_and_to_nobody_else() -> None:
    dividend = Dividend(AT, A, Money(UNIT // 4))
    account = Account(3)
    assert account.corporate.act(dividend) == Adjusted(AT, "script", A, Lots(3), Money(LOT * 3 * UNIT // 4))
    assert account.view.cash == CASH + LOT * 3 * UNIT // 4 and account.view.held == {A: 3}
    nobody = Account(0)
    assert nobody.corporate.act(dividend) is None and nobody.view.cash == CASH
    assert not nobody.corporate.has_split
