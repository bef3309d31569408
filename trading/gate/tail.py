"""What could be lost: the tail of a day's losses by three estimates, and named scenarios, as running totals.

The tail value at risk is the mean of the worst share of days. The gate takes the largest of three: normal, from the
days themselves, and Cornish-Fisher, which bends the normal by skew and kurtosis. Totals are whole numbers, so that they
say what is exposed and not how it came to be; only the estimates are floats, because they have no exact value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import dist, exp, hypot, inf, pi, sqrt
from operator import mul, truediv
from statistics import NormalDist
from typing import NamedTuple

from trading.gate import lanes
from trading.model import UNIT, Symbol

PARTS = 10**12
"""What a return or a shock of 1 is counted as; losses are minor units times this."""
DAYS_MIN = 2
"""Fewer days have no spread, whatever the limits ask for."""
_NORMAL = NormalDist()
_SPREAD_MIN = 1e-12
"""A variance below this share of the squares is rounding."""
_SAMPLE = 100.0
"""The amount that a symbol's own tail is estimated of: it loses about 1 a day, where power sums lose least."""
_CURRENCY = 1.0 / (UNIT * PARTS)


class History(NamedTuple):
    """What has to be known of a symbol."""

    days: int
    shocks: tuple[int, ...]
    """Of each scenario, in parts."""


class Tail:
    """Losses of what is held and open to buy, day by day and scenario by scenario."""

    def __init__(
        self, returns: Mapping[Symbol, Sequence[float]] | None, scenarios: Mapping[str, Mapping[Symbol, float]] | None
    ) -> None:
        self.returns = returns
        self.scenarios = scenarios
        self._told: dict[Symbol, int] = {}
        """What is exposed, in minor units, as it was told last."""
        self._is_counted = True
        """Whether the totals are of what was told. Counting waits until somebody asks: what reduces does not."""
        self._missing: set[Symbol] = set()
        self._values: dict[Symbol, int] = {}
        """What the totals are of; none of zero."""
        self._stress = [0] * len(scenarios or ())
        self._lengths: dict[int, int] = {}
        """How many symbols are exposed with a history of so many days; none of zero."""
        self._gains = 0
        """Of each day, oldest first: a row of lanes, without what is pending."""
        self._pending: dict[Symbol, int] = {}
        self._losses: list[float] = []
        """What the row says, in account currency; negative is a gain."""
        self._histories: dict[Symbol, History | None] = {}
        self._rows: dict[Symbol, tuple[int, int]] = {}
        """The returns of each day, in parts, as a row of lanes; and how large the largest is."""
        self._own: dict[tuple[Symbol, int], float] = {}

    def expose(self, values: Mapping[Symbol, int]) -> None:
        """Bring the totals to these values (minor units, not negative) of each symbol."""
        self._told.update(values)
        self._is_counted = False

    @property
    def missing(self) -> set[Symbol]:
        """Return what is held or open to buy, and without returns or without a shock in some scenario."""
        self._count()
        return self._missing

    def knows(self, symbol: Symbol) -> bool:
        """Return whether a loss in this symbol can be estimated."""
        return self._history(symbol) is not None

    def days(self, symbol: Symbol) -> int:
        """Return over how many days a loss can be estimated with this symbol; 0 if they are not those of the rest."""
        mine = len(self.returns[symbol]) if self.returns is not None and symbol in self.returns else 0
        self._count()
        lengths = self._lengths
        # Days that do not fit make the whole history unusable: there is no telling which day is which.
        return mine if not lengths or (len(lengths) == 1 and mine in lengths) else 0

    def value_at_risk(self, symbol: Symbol, amount: int, confidence_bps: int) -> float:
        """Return the tail value at risk, in account currency, with so much more (minor units) of a symbol.

        Of a symbol that is known, with the days of the rest; an amount that is not negative.
        """
        self._count()
        held = self._values.get(symbol, 0)
        if len(self._values) == (1 if held else 0):
            worth: float = truediv(held + amount, UNIT)
            return worth * self._of_one(symbol, confidence_bps)
        before = self._added_up()
        if before is None:
            return inf
        assert self.returns is not None
        returns, more = self.returns[symbol], truediv(amount, UNIT)
        losses = [loss - more * each for loss, each in zip(before, returns, strict=True)]
        return tail_value_at_risk(losses, confidence_bps)

    def worst_scenario(self, symbol: Symbol, amount: int) -> tuple[str, int]:
        """Return the scenario that costs most with so much more (minor units) of a symbol, and what it costs in parts.

        Of a symbol that is known.
        """
        self._count()
        history = self._history(symbol)
        assert history is not None and self.scenarios
        costs = [total - amount * shock for total, shock in zip(self._stress, history.shocks, strict=True)]
        cost = max(costs)
        return list(self.scenarios)[costs.index(cost)], cost

    def _count(self) -> None:
        """Bring the totals to what was told."""
        if self._is_counted:
            return
        self._is_counted = True
        values = self._values
        for symbol, value in self._told.items():
            before = values.get(symbol, 0)
            if value != before:
                self._change(symbol, before, value)

    def _change(self, symbol: Symbol, before: int, value: int) -> None:
        if value:
            self._values[symbol] = value
        else:
            del self._values[symbol]
        history = self._history(symbol)
        if history is None:
            if value:
                self._missing.add(symbol)
            else:
                self._missing.discard(symbol)
            return
        if not before or not value:
            count = self._lengths.pop(history.days, 0) + (1 if value else -1)
            if count:
                self._lengths[history.days] = count
        change = value - before
        self._stress = [total - change * shock for total, shock in zip(self._stress, history.shocks, strict=True)]
        pending = self._pending.pop(symbol, 0) + change
        if pending:
            self._pending[symbol] = pending

    def _added_up(self) -> list[float] | None:
        """Return the losses of each day of everything that is exposed; None for amounts beyond all accounts.

        Of symbols that are known and have the same days. Worked out when somebody asks: sells do not, and one symbol
        alone has its own tail.
        """
        (days,) = self._lengths
        known = {symbol: value for symbol, value in self._values.items() if self.knows(symbol)}
        if sum(value * self._row(symbol)[1] for symbol, value in known.items()) >= lanes.BOUND:
            return None
        gains, changes = self._gains, self._pending
        if len(self._losses) != days:
            # What was counted, if anything was, had other days and is gone.
            gains, changes = 0, known
        if changes:
            for symbol, change in changes.items():
                gains += change * self._row(symbol)[0]
            self._gains, self._losses = gains, lanes.floats(gains, days, -_CURRENCY)
            self._pending.clear()
        return self._losses

    def _history(self, symbol: Symbol) -> History | None:
        try:
            return self._histories[symbol]
        except KeyError:
            found = self._histories[symbol] = self._looked_up(symbol)
            return found

    def _looked_up(self, symbol: Symbol) -> History | None:
        if self.returns is None or self.scenarios is None or symbol not in self.returns:
            return None
        if any(symbol not in shocks for shocks in self.scenarios.values()):
            return None
        return History(len(self.returns[symbol]), tuple(parts(shocks[symbol]) for shocks in self.scenarios.values()))

    def _row(self, symbol: Symbol) -> tuple[int, int]:
        row = self._rows.get(symbol)
        if row is None:
            assert self.returns is not None
            column = list(map(parts, self.returns[symbol]))
            row = self._rows[symbol] = lanes.row(column), max(map(abs, column))
        return row

    def _of_one(self, symbol: Symbol, confidence_bps: int) -> float:
        """Return the tail value at risk of holding one unit of account currency of a symbol and nothing else.

        All three estimates grow with what is held, so one of them answers for every amount.
        """
        key = symbol, confidence_bps
        found = self._own.get(key)
        if found is None:
            assert self.returns is not None
            losses = [-_SAMPLE * each for each in self.returns[symbol]]
            found = self._own[key] = tail_value_at_risk(losses, confidence_bps) / _SAMPLE
        return found


def parts(share: float) -> int:
    """Return a return or a shock in parts; exact for up to twelve digits behind the point."""
    return round(share * PARTS)


def tail_value_at_risk(losses: Sequence[float], confidence_bps: int) -> float:
    """Return the expected loss on the worst days: the largest of the normal, historical and Cornish-Fisher estimates.

    Normal: mu + sigma phi(z) / (1 - a) with mu and sigma of the loss (McNeil, Frey, Embrechts, Quantitative Risk
    Management, example 2.14). Historical: the mean of the worst (1 - a) n days, the last of them in part (Acerbi and
    Tasche 2002). Cornish-Fisher: Maillard, A User's Guide to the Cornish Fisher Expansion (2012), with skew and excess
    kurtosis of the loss.
    """
    z, density, share = _normal_tail(confidence_bps)
    count = len(losses)
    mean = sum(losses) / count
    # Power sums by norms, which run in C: |x|^2, |x^2|^2, and x.x^2 = (|x|^2 + |x^2|^2 - |x^2 - x|^2) / 2. A sum over
    # products in Python takes five times as long, and this is most of what a check costs.
    squares = list(map(mul, losses, losses))
    second = hypot(*losses) ** 2
    fourth = hypot(*squares) ** 2
    third = (second + fourth - dist(squares, losses) ** 2) / 2.0
    second, third, fourth = second / count, third / count, fourth / count
    variance = second - mean * mean
    historical = _worst_mean(sorted(losses, reverse=True), share * count)
    if variance <= _SPREAD_MIN * (1.0 + second):
        # All days alike: there is no shape to estimate, and its terms would divide by what rounding left.
        return max(mean, historical)
    sigma = sqrt(variance)
    skew = (third - 3.0 * mean * second + 2.0 * mean**3) / (variance * sigma)
    excess = (fourth - 4.0 * mean * third + 6.0 * mean**2 * second - 3.0 * mean**4) / (variance * variance) - 3.0
    normal = density / share
    # Integral of the Cornish-Fisher quantile over the tail, in closed form.
    bent = normal * (1.0 + z * skew / 6.0 + (z * z - 1.0) * excess / 24.0 - (2.0 * z * z - 1.0) * skew * skew / 36.0)
    # The fit of a sample is divided by n - 1 where a spread is meant for days to come.
    spread = sigma * sqrt(count / (count - 1))
    return max(mean + spread * normal, mean + spread * bent, historical)


def _worst_mean(worst_first: Sequence[float], days: float) -> float:
    """Return the mean of the worst days, of which the last counts in part."""
    whole = int(days)
    if whole == 0:
        return worst_first[0]
    rest = worst_first[whole] * (days - whole) if whole < len(worst_first) else 0.0
    return (sum(worst_first[:whole]) + rest) / days


@lru_cache(maxsize=64)
def _normal_tail(confidence_bps: int) -> tuple[float, float, float]:
    """Return the normal quantile at a confidence, the density there, and the share of days beyond it."""
    confidence = confidence_bps / 10_000
    z = _NORMAL.inv_cdf(confidence)
    return z, exp(-z * z / 2.0) / sqrt(2.0 * pi), (10_000 - confidence_bps) / 10_000
