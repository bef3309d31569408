"""Features of bars: polars expressions over each symbol's own past, made once for a whole run.

Once, and of everything: that is where a look ahead slips in (a mean over all days, a shift the wrong way). So no
feature is believed before `engine.lookahead` has made it of less data and found the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars

from trading.data import arrow
from trading.data.bars import Bars
from trading.events import Split

_PRICES = ("open", "high", "low", "close")


def frame(bars: Bars) -> polars.LazyFrame:
    """Return bars as a lazy frame in their order; prices in ticks, in the shares of the first day."""
    found = polars.from_arrow(arrow.table(bars))
    assert isinstance(found, polars.DataFrame)
    lazy = found.lazy()
    for action in bars.actions:
        if isinstance(action, Split):
            after = (polars.col("symbol") == str(action.symbol)) & (polars.col("at") > action.at)
            lazy = lazy.with_columns(
                *(
                    polars.when(after)
                    .then(polars.col(name) * action.new // action.old)
                    .otherwise(polars.col(name))
                    .alias(name)
                    for name in _PRICES
                ),
                polars.when(after)
                .then(polars.col("volume") * action.old // action.new)
                .otherwise(polars.col("volume"))
                .alias("volume"),
            )
    return lazy


def evaluate(bars: Bars, expressions: Sequence[polars.Expr]) -> tuple[Sequence[float | None], ...]:
    """Return a column for each expression, a value for each bar; what is not known is None."""
    if not expressions:
        return ()
    named = [
        expression.over("symbol").cast(polars.Float64).alias(f"feature{number}")
        for number, expression in enumerate(expressions)
    ]
    made = frame(bars).select(*named).collect().fill_nan(None)
    return tuple(made[column.name].to_list() for column in made.iter_columns())
