"""First stage: which symbols may be held. What leaves the universe is sold when its alpha is next asked about it."""

from __future__ import annotations

from collections.abc import Mapping

from trading.model import Symbol
from trading.stages.stage import Universe
from trading.stages.view import Moment, View

_NOTHING: frozenset[Symbol] = frozenset()


def everything() -> Universe[frozenset[Symbol]]:
    """Return the universe of every symbol that has traded so far."""

    def step(seen: frozenset[Symbol], moment: Moment, view: View) -> tuple[frozenset[Symbol], frozenset[Symbol]]:
        for bar in moment.bars:
            if bar.symbol not in seen:
                seen = seen | {bar.symbol}
        return seen, seen

    return Universe(_NOTHING, step, looks_once=True)


def liquid(value_min: int, bars: int) -> Universe[Mapping[Symbol, tuple[int, ...]]]:
    """Return the universe of symbols whose last bars were worth so much on average, in minor units.

    Point in time: membership is what the bars up to now say, not who is large today.
    """

    def step(
        seen: Mapping[Symbol, tuple[int, ...]], moment: Moment, view: View
    ) -> tuple[Mapping[Symbol, tuple[int, ...]], frozenset[Symbol]]:
        changed = dict(seen)
        for bar in moment.bars:
            worth = bar.volume * bar.close * view.instruments[bar.symbol].tick
            changed[bar.symbol] = (*changed.get(bar.symbol, ()), worth)[-bars:]
        members = frozenset(
            symbol for symbol, worths in changed.items() if len(worths) == bars and sum(worths) >= value_min * bars
        )
        return changed, members

    return Universe({}, step)
