"""What the account is worth, today and by strategy: cash and positions at the bid, the day's start, its peak, who lost.

Kept by the gate, written to the store with every fill and every new day, so that a restart forgets no loss. A value
that cannot be worked out is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from trading.gate.snapshot import Quote, Strategy
from trading.model import Symbol


class Standing(msgspec.Struct):
    """How one strategy stands: what flowed through it, and what it was worth at its best and when the day began."""

    flow: int = 0
    start: int = 0
    peak: int = 0
    enabled: bool = True


class Account(msgspec.Struct):
    """The account's books. `cursor` is the last of the broker's fills that is in them."""

    cash: int
    cursor: int = 0
    day: str = ""
    start: int = 0
    peak: int = 0
    standings: dict[str, Standing] = {}

    def standing(self, strategy: str) -> Standing:
        """Return how a strategy stands."""
        return self.standings.setdefault(strategy, Standing())

    def fill(self, strategy: str, is_buy: bool, amount: int) -> None:
        """Take a fill into account."""
        sign = -1 if is_buy else 1
        self.cash += sign * amount
        self.standing(strategy).flow += sign * amount

    def equity(self, held: Mapping[tuple[str, Symbol], int], quotes: Mapping[Symbol, Quote]) -> int | None:
        """Return cash and positions at the bid; None where something held has no usable quote."""
        total = self.cash
        for (_, symbol), quantity in held.items():
            quote = quotes.get(symbol)
            if quote is None or quote.bid <= 0:
                return None
            total += quantity * quote.bid
        return total

    def values(self, held: Mapping[tuple[str, Symbol], int], quotes: Mapping[Symbol, Quote]) -> dict[str, int]:
        """Return what each strategy made since its beginning, what it holds at the bid."""
        found = {name: standing.flow for name, standing in self.standings.items()}
        for (strategy, symbol), quantity in held.items():
            quote = quotes.get(symbol)
            found[strategy] = found.get(strategy, 0) + (0 if quote is None else quantity * quote.bid)
        return found

    def look(
        self, day: str, equity: int, values: Mapping[str, int], names: Mapping[str, tuple[int, int]]
    ) -> dict[str, Strategy]:
        """Take the present into account: peaks, and a new day's start. Return how every strategy stands today."""
        if day != self.day:
            self.day, self.start, self.peak = day, equity, equity
            for name in names:
                standing = self.standing(name)
                standing.start = standing.peak = values.get(name, 0)
        self.peak = max(self.peak, equity)
        found = {}
        for name, (_, budget) in names.items():
            standing, value = self.standing(name), values.get(name, 0)
            standing.peak = max(standing.peak, value)
            found[name] = Strategy(standing.enabled, budget, value - standing.start, standing.peak - value)
        return found


def encode(account: Account) -> bytes:
    """Return the books as bytes for the store."""
    return msgspec.json.encode(account, order="sorted")


def decode(body: bytes) -> Account:
    """Return the books that bytes from the store spell."""
    return msgspec.json.decode(body, type=Account)
