"""In while the mean of a few closes is above the mean of many, out when it falls below. The textbook's first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Annotated, Any

import msgspec

from trading.events import Bar, Signal
from trading.stages import execution, portfolio, risk, stage, universe
from trading.stages.stage import Columns, Interceptor, Mark, Strategy

Length = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Share = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set. Shares in basis points; `lots` holds a fixed number instead of a share of equity."""

    fast: Length = 10
    slow: Length = 50
    weight_bps: Share = 1000
    lots: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    stop_bps: Annotated[int, msgspec.Meta(ge=0, le=9_999)] = 0
    """0 for none."""
    tvar_bps: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0

    def __post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be smaller than slow ({self.slow})")


class Window(msgspec.Struct, frozen=True, gc=False):
    """The last closes of a symbol, their sums, and on which side the fast mean was."""

    closes: tuple[int, ...] = ()
    fast: int = 0
    slow: int = 0
    is_above: bool | None = None


def make(name: str, parameters: Parameters) -> Strategy:
    """Return the strategy under a name."""
    fast, slow = parameters.fast, parameters.slow

    def step(window: Window, bar: Bar, features: stage.F) -> tuple[Window, Signal | None]:
        closes, close = window.closes, bar.close
        fast_sum = window.fast + close - (closes[-fast] if len(closes) >= fast else 0)
        if len(closes) < slow:
            closes = (*closes, close)
            slow_sum = window.slow + close
            if len(closes) < slow:
                return Window(closes, fast_sum, slow_sum), None
        else:
            slow_sum = window.slow + close - closes[0]
            closes = (*closes[1:], close)
        # Means are compared by multiplication: equal means are equal, on every machine.
        is_above = fast_sum * slow > slow_sum * fast
        was_above = window.is_above
        after = Window(closes, fast_sum, slow_sum, is_above)
        if is_above is was_above or (was_above is None and not is_above):
            return after, None
        strength, reason = (1.0, "crossed above") if is_above else (0.0, "crossed below")
        return after, Signal(bar.at, name, bar.symbol, strength, reason)

    def scan(columns: Columns) -> Iterator[Mark]:
        sums = list(accumulate(columns.close, initial=0))
        # Up to where a window begins, and up to where it ends: from the first bar that has a whole slow one on.
        windows = zip(sums, sums[slow - fast :], sums[slow:], strict=False)
        was_above = False
        for number, (before_slow, before_fast, end) in enumerate(windows, slow - 1):
            is_above = (end - before_fast) * slow > (end - before_slow) * fast
            if is_above is not was_above:
                was_above = is_above
                strength, reason = (1.0, "crossed above") if is_above else (0.0, "crossed below")
                yield number, strength, reason

    controls: list[Interceptor[Any]] = []
    if parameters.stop_bps:
        controls.append(risk.trailing_stop(parameters.stop_bps))
    if parameters.tvar_bps:
        controls.append(risk.tvar(parameters.tvar_bps))
    return Strategy(
        name,
        universe.everything(),
        stage.each_symbol(Window(), step, scan),
        portfolio.fixed_lots(parameters.lots) if parameters.lots else portfolio.fixed_weight(parameters.weight_bps),
        tuple(controls),
        execution.at_market(),
    )
