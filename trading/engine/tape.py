"""What a run has seen of one symbol so far: its last days, how much it trades, how far it moves.

Everything is of sessions that are over, but for the last price. Whole numbers, but for returns, which estimates are
made of.
"""

from __future__ import annotations

from collections import deque
from math import isqrt
from operator import truediv

from trading.costs.estimate import Liquidity
from trading.data.bars import Bars
from trading.events import Bar, Split
from trading.model import Instrument, Money, Ticks

DAYS = 20
"""Sessions that volume and volatility are averaged over."""
RETURNS_MAX = 1000
_BPS = 10_000
_MINUTES_A_DAY = 390
_FIVE_MINUTES = 300 * 1_000_000_000
_LATELY = 5
"""Short bars that are remembered: the shortest have a minute."""


class Tape:
    """One symbol's past. `close_session` ends a day, `split` restates what was before it."""

    def __init__(self, instrument: Instrument, volatility_bps_default: int) -> None:
        self.instrument = instrument
        self._tick = instrument.tick
        self.last = 0
        """The last close, in minor units."""
        self.previous_close = 0
        """That of the session before, in today's shares; 0 before there was one."""
        self.returns: list[float] = []
        self._squares: deque[int] = deque(maxlen=DAYS)
        self._volumes: deque[int] = deque(maxlen=DAYS)
        self._today = 0
        self._paid = 0
        self._lately: deque[tuple[int, int]] = deque(maxlen=_LATELY)
        """When the last short bars were complete, and what traded in each."""
        self._default_bps = volatility_bps_default
        self.daily_volume = 0
        """Shares a session, on average; today's so far while no session is over."""
        self.volatility_bps = volatility_bps_default
        self.new, self.old = 1, 1
        """What a share of the first day has become: `new` for `old`."""

    def see(self, at: int, opens_at: int, close: int, volume: int) -> int:
        """Take a complete bar into account, and return its close in minor units."""
        self.last = last = close * self._tick
        self._today += volume
        if at - opens_at <= _FIVE_MINUTES:
            self._lately.append((at, volume))
        return last

    def see_all(self, bars: Bars, first: int, behind: int) -> int:
        """Take rows of a dataset of this symbol alone into account, and return the last close in minor units."""
        self.last = bars.close[behind - 1] * self._tick
        self._today += sum(bars.volume[first:behind])
        latest = []
        for row in range(behind - 1, first - 1, -1):
            if bars.at[row] - bars.opens_at[row] <= _FIVE_MINUTES:
                latest.append((bars.at[row], bars.volume[row]))
                if len(latest) == _LATELY:
                    break
        self._lately.extend(reversed(latest))
        return self.last

    def volume_5m(self, now: int) -> int:
        """Return what traded in the five minutes before a moment; their share of a day where bars are longer."""
        if self._lately:
            since = now - _FIVE_MINUTES
            return sum([volume for at, volume in self._lately if at > since])
        return self.daily_volume * 5 // _MINUTES_A_DAY

    def liquidity(self, bar_volume: int) -> Liquidity:
        """Return what is known of the market, with the volume of the bar an order meets, or 0 before it is known."""
        return Liquidity(self.daily_volume or self._today or bar_volume, self.volatility_bps, bar_volume)

    def pay(self, amount: Money) -> None:
        """Count a dividend into the next return: its fall is no loss."""
        self._paid += amount

    def close_session(self) -> None:
        """Make a day of what was seen since the last call; a day without a bar changes nothing."""
        if not self._today and not self.last:
            return
        if self.previous_close:
            change = self.last + self._paid - self.previous_close
            self.returns.append(truediv(change, self.previous_close))
            del self.returns[:-RETURNS_MAX]
            self._squares.append((change * _BPS // self.previous_close) ** 2)
        self._volumes.append(self._today)
        self.daily_volume = sum(self._volumes) // len(self._volumes)
        if len(self._squares) > 1:
            self.volatility_bps = isqrt(sum(self._squares) // len(self._squares)) or self._default_bps
        self.previous_close, self._today, self._paid = self.last, 0, 0

    def split(self, split: Split) -> None:
        """Restate what was before in the shares of now."""
        self.last = self.last * split.old // split.new
        self.previous_close = self.previous_close * split.old // split.new
        self._volumes = deque((volume * split.new // split.old for volume in self._volumes), maxlen=DAYS)
        self.daily_volume = self.daily_volume * split.new // split.old
        self.new, self.old = self.new * split.new, self.old * split.old

    def steady(self, bar: Bar) -> Bar:
        """Return a bar in the shares of the first day, so that a split is no jump to who compares prices.

        Past prices never change by it: what an alpha has seen stays as it was seen.
        """
        if self.new == self.old:
            return bar
        new, old = self.new, self.old
        opened, high, low, close = (Ticks(price * new // old) for price in (bar.open, bar.high, bar.low, bar.close))
        return Bar(bar.at, bar.symbol, opened, high, low, close, bar.volume * old // new)
