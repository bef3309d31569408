"""What corporate actions do to the account: splits change shares, prices and what is wanted, dividends pay cash.

The run says when; orders that rest are taken back by it before a split.
"""

from __future__ import annotations

from collections.abc import Mapping

from trading.engine.ports import Gate
from trading.engine.tape import Tape
from trading.events import Adjusted, Dividend, Split, Target
from trading.model import Lots, Money, Symbol
from trading.stages.view import View


class Corporate:
    """Carries out actions on a run's view, tapes, gate and targets."""

    def __init__(self, view: View, tapes: Mapping[Symbol, Tape], gate: Gate, wanted: dict[Symbol, Target]) -> None:
        self._view = view
        self._tapes = tapes
        self._gate = gate
        self._wanted = wanted
        self.has_split = False
        """Whether prices of the first day and of now differ for some symbol."""

    def act(self, action: Split | Dividend) -> Adjusted | None:
        """Carry out an action, and return what it did to the account; None where nothing is held."""
        return self._split(action) if isinstance(action, Split) else self._pay(action)

    def _split(self, split: Split) -> Adjusted | None:
        tape, view, symbol = self._tapes[split.symbol], self._view, split.symbol
        lot = tape.instrument.lot
        tape.split(split)
        self.has_split = True
        if symbol in view.prices:
            view.prices[symbol] = tape.last
        target = self._wanted.get(symbol)
        if target is not None:
            price = Money(target.decision_price * split.old // split.new)
            wanted = Lots(target.quantity * split.new // split.old)
            self._wanted[symbol] = Target(target.at, target.strategy, symbol, wanted, price, target.reason)
        held = view.held.pop(symbol, 0)
        if not held:
            return None
        shares, rest = divmod(held * lot * split.new, split.old)
        lots, odd = divmod(shares, lot)
        if lots:
            view.held[symbol] = lots
        # What is no whole lot is paid for at the last price.
        cash = Money((odd * split.old + rest) * tape.last // split.old)
        view.cash += cash
        self._gate.adjust(symbol, Lots(lots - held))
        return Adjusted(split.at, view.strategy, symbol, Lots(lots), cash)

    def _pay(self, dividend: Dividend) -> Adjusted | None:
        view, symbol = self._view, dividend.symbol
        tape = self._tapes[symbol]
        tape.pay(dividend.amount)
        held = view.held.get(symbol, 0)
        if not held:
            return None
        cash = Money(held * tape.instrument.lot * dividend.amount)
        view.cash += cash
        return Adjusted(dividend.at, view.strategy, symbol, Lots(held), cash)
