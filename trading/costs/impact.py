"""What an order moves the price by: the published models, each with its source and its constants.

The simulation uses the two that whole numbers are enough for, so that a fill is the same on every machine. Almgren's
model has powers that only floats have; it is for estimates and reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

ALMGREN_GAMMA = 0.314
ALMGREN_ETA = 0.142
"""Permanent and temporary impact of 29,509 US orders (Almgren, Thum, Hauptmann, Li: Direct Estimation of Equity Market
Impact, 2005, section 4)."""
ALMGREN_DELTA = 0.25
ALMGREN_BETA = 0.6
_UNITS = (10_000 * 100) ** 2
"""Basis points times hundredths, squared."""


def square_root(price: int, volatility_bps: int, quantity: int, daily_volume: int, factor_pct: int) -> int:
    """Return the move of a price, in its own unit: factor x volatility x sqrt(quantity / volume of a day).

    The square-root law, with a factor near one for every market and decade it was measured in (Tóth, Lemperière,
    Deremble, de Lataillade, Kockelkoren, Bouchaud: Anomalous Price Impact and the Critical Nature of Liquidity, 2011).
    Rounded up: nobody is moved in their favour.
    """
    if daily_volume <= 0:
        raise ValueError("impact needs a volume above zero")
    scale = price * volatility_bps * factor_pct
    # The units are divided out below the root: rounded up once or step by step is the same, and it fits in a word.
    square = -(-scale * scale * quantity // (daily_volume * _UNITS))
    root = isqrt(square)
    return root + (root * root < square)


def volume_share(price: int, quantity: int, bar_volume: int, factor_pct: int) -> int:
    """Return the move of a price, in its own unit: factor x (quantity / volume of the bar) squared.

    The default model of zipline (`VolumeShareSlippage`, factor 0.1). Rounded up.
    """
    if bar_volume <= 0:
        raise ValueError("impact needs a volume above zero")
    return -(-price * factor_pct * quantity * quantity // (100 * bar_volume * bar_volume))


@dataclass(frozen=True, slots=True)
class Almgren:
    """The two impacts of an order by Almgren and others (2005), in basis points."""

    permanent_bps: float
    """What stays; the order itself pays half of it."""
    temporary_bps: float
    """What only the order pays."""

    @property
    def cost_bps(self) -> float:
        """Return the expected cost of the whole order."""
        return self.permanent_bps / 2 + self.temporary_bps


def almgren(
    quantity: float, *, daily_volume: float, shares_outstanding: float, volatility_bps: float, days: float
) -> Almgren:
    """Return the impacts of buying or selling a quantity evenly over so many days of trading."""
    if min(daily_volume, shares_outstanding, days) <= 0:
        raise ValueError("Almgren's model needs a volume, shares outstanding and a duration above zero")
    share = quantity / daily_volume
    permanent = ALMGREN_GAMMA * share * (shares_outstanding / daily_volume) ** ALMGREN_DELTA
    temporary = ALMGREN_ETA * (share / days) ** ALMGREN_BETA
    return Almgren(volatility_bps * permanent, volatility_bps * temporary)
