"""What could be lost: the tail of a day's losses by three estimates, and named scenarios, as running totals.

The tail value at risk is the mean of the worst share of days. The gate takes the largest of three: normal, from the
days themselves, and Cornish-Fisher, which bends the normal by skew and kurtosis. This is the one place of the gate
where floats are allowed: an estimate has no exact value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import dist, exp, hypot, inf, pi, sqrt
from operator import mul
from statistics import NormalDist

from trading.model import UNIT, Symbol

_NORMAL = NormalDist()
_SPREAD_MIN = 1e-12
"""A variance below this share of the squares is rounding."""
DAYS_MIN = 2
"""Fewer days have no spread, whatever the limits ask for."""


class Tail:
    """Losses of what is held and open to buy, day by day and scenario by scenario. Values in account currency."""

    def __init__(
        self, returns: Mapping[Symbol, Sequence[float]] | None, scenarios: Mapping[str, Mapping[Symbol, float]] | None
    ) -> None:
        self.returns = returns
        self.scenarios = scenarios
        self.losses: list[float] = []
        """Of each day, oldest first; negative is a gain."""
        self.stress: dict[str, float] = dict.fromkeys(scenarios or (), 0.0)
        self.missing: set[Symbol] = set()
        """Held or open to buy, and without returns or without a shock in some scenario."""
        self._values: dict[Symbol, int] = {}

    def expose(self, values: Mapping[Symbol, int]) -> None:
        """Bring the totals to these values (minor units) of each symbol."""
        for symbol, value in values.items():
            change = value - self._values.get(symbol, 0)
            if change:
                self._values[symbol] = value
                self._add(symbol, change / UNIT)
                if value and not self.knows(symbol):
                    self.missing.add(symbol)
                else:
                    self.missing.discard(symbol)

    def knows(self, symbol: Symbol) -> bool:
        """Return whether a loss in this symbol can be estimated."""
        return (
            self.returns is not None
            and self.scenarios is not None
            and symbol in self.returns
            and all(symbol in shocks for shocks in self.scenarios.values())
        )

    def days(self, symbol: Symbol) -> int:
        """Return over how many days a loss can be estimated with this symbol; 0 if they are not those of the rest."""
        mine = len(self.returns[symbol]) if self.returns is not None and symbol in self.returns else 0
        return mine if not self.losses or len(self.losses) == mine else 0

    def losses_with(self, symbol: Symbol, amount: float) -> list[float]:
        """Return the losses of each day with so much more of a symbol."""
        assert self.returns is not None
        returns = self.returns[symbol]
        if not self.losses:
            return [-amount * r for r in returns]
        return [loss - amount * r for loss, r in zip(self.losses, returns, strict=True)]

    def worst_scenario(self, symbol: Symbol, amount: float) -> tuple[str, float]:
        """Return the scenario that costs most with so much more of a symbol, and what it costs."""
        worst, cost = "", -inf
        for name, shocks in (self.scenarios or {}).items():
            loss = self.stress[name] - amount * shocks[symbol]
            if loss > cost:
                worst, cost = name, loss
        return worst, cost

    def _add(self, symbol: Symbol, amount: float) -> None:
        if self.returns is not None and symbol in self.returns and self.days(symbol):
            self.losses = self.losses_with(symbol, amount)
        elif self.returns is not None and symbol in self.returns:
            # Days that do not fit make the whole history unusable: there is no telling which day is which.
            self.losses = [inf]
        for name, shocks in (self.scenarios or {}).items():
            if symbol in shocks:
                self.stress[name] -= amount * shocks[symbol]


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
