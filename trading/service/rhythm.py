"""How long the bars of a run are, and so when the next one can be complete: until then the last one is of now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from trading.data import calendar
from trading.data.bars import Bars
from trading.data.calendar import Session

_DAYS_AHEAD = 14
"""The longest that the exchange stays closed is a week; beyond the calendar nothing is known."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Bars of a length in nanoseconds; 0 stands for whole sessions."""

    length: int

    def problem(self, opens_at: int, at: int) -> str:
        """Return why a bar is none of these; empty if it is one."""
        session = calendar.session_at(opens_at)
        if session is None or not session.opens <= opens_at < session.closes:
            return "opens outside the sessions of the exchange"
        if at > session.closes:
            return f"goes beyond the close of {session.day}"
        if not self.length:
            whole = opens_at == session.opens and at == session.closes
            return "" if whole else "is no whole session, which the run's bars are"
        # The last bar of a session may be cut off by its close.
        if at - opens_at == self.length or (at == session.closes and at - opens_at < self.length):
            return ""
        return f"is {at - opens_at} ns long, the run's bars {self.length}"

    def over(self, at: int) -> int:
        """Return when the bar after one that was complete at a moment is complete."""
        session = calendar.session_at(at)
        if session is None:
            return at
        if self.length and at < session.closes:
            return min(at + self.length, session.closes)
        following = next_session(session)
        if following is None:
            return at
        return min(following.opens + self.length, following.closes) if self.length else following.closes

    def skips(self, last: int, opens_at: int) -> bool:
        """Return whether a whole session lies between a bar that was complete at a moment and one that opens later."""
        session = calendar.session_at(last)
        following = None if session is None else next_session(session)
        return following is not None and opens_at >= following.closes


def next_session(session: Session) -> Session | None:
    """Return the session after one; None beyond the calendar."""
    days = (session.day + timedelta(days=n) for n in range(1, _DAYS_AHEAD))
    return next((found for day in days if (found := calendar.session(day)) is not None), None)


def of_bars(bars: Bars) -> Rhythm:
    """Return how long the bars of a dataset are: as its last whole ones say."""
    lengths = []
    for opens_at, at in zip(bars.opens_at[-50:], bars.at[-50:], strict=True):
        session = calendar.session_at(opens_at)
        if session is not None and (opens_at, at) == (session.opens, session.closes):
            return Rhythm(0)
        lengths.append(at - opens_at)
    return Rhythm(max(lengths))
