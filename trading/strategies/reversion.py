"""In when a close is far below the mean of its last days, out when it is back. The mean is a polars feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from trading.events import Bar, Signal
from trading.stages import execution, portfolio, risk, stage, universe
from trading.stages.stage import Strategy

if TYPE_CHECKING:
    import polars


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set. Deviations in hundredths of the standard deviation, shares in basis points."""

    days: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 20
    enter_pct: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 150
    leave_pct: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    risk_bps: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    """What a position may cost on a day of one standard deviation."""
    stop_bps: Annotated[int, msgspec.Meta(ge=1, le=9_999)] = 1000


def make(name: str, parameters: Parameters) -> Strategy:
    """Return the strategy under a name."""

    def features() -> tuple[polars.Expr, ...]:
        import polars

        close, days = polars.col("close"), parameters.days
        return ((close - close.rolling_mean(days)) / close.rolling_std(days),)

    def step(is_in: bool, bar: Bar, known: stage.F) -> tuple[bool, Signal | None]:
        score = known[0]
        if score is None:
            return is_in, None
        # Whole hundredths: what decides must not hang on the last bit of a float.
        hundredths = round(100 * score)
        if not is_in and hundredths <= -parameters.enter_pct:
            return True, Signal(bar.at, name, bar.symbol, 1.0, f"{hundredths} hundredths from the mean")
        if is_in and hundredths >= -parameters.leave_pct:
            return False, Signal(bar.at, name, bar.symbol, 0.0, "back at the mean")
        return is_in, None

    return Strategy(
        name,
        universe.everything(),
        stage.each_symbol(False, step),
        portfolio.inverse_volatility(parameters.risk_bps, parameters.days),
        (risk.trailing_stop(parameters.stop_bps),),
        execution.at_market(),
        features,
    )
