"""Commissions and regulatory fees as a versioned schedule: what one fill of an order costs, to the minor unit.

A run names its schedule; there is no default, because a backtest without costs looks like one with costs.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from trading.costs import versioned
from trading.model import UNIT, Money, Side

SCHEDULES = Path(__file__).with_name("schedules")
_MILLION = 1_000_000


class FeeSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a broker and the regulators take. Amounts in minor units, shares of value in millionths."""

    version: str
    name: str
    source: str
    """Where the numbers are published."""
    per_share: int
    per_order_min: int
    of_value_max_ppm: int
    """The commission is never more than this share of what changes hands; 0 for no bound."""
    sell_value_ppm_tenths: int
    """Of what a sell brings, in tenths of a millionth: the fee under section 31."""
    sell_per_share: int
    sell_per_share_max: int
    """The trading activity fee, and what it is at most for an order; 0 for no bound."""

    def problems(self) -> list[str]:
        """Return everything that is wrong with the numbers: nobody is paid for trading."""
        found = [
            f"{name} is {value}, from 0 to {high} is meant"
            for name, value, high in (
                ("per_share", self.per_share, 100 * UNIT),
                ("per_order_min", self.per_order_min, 1000 * UNIT),
                ("of_value_max_ppm", self.of_value_max_ppm, _MILLION),
                ("sell_value_ppm_tenths", self.sell_value_ppm_tenths, 10 * _MILLION),
                ("sell_per_share", self.sell_per_share, 100 * UNIT),
                ("sell_per_share_max", self.sell_per_share_max, 1000 * UNIT),
            )
            if not 0 <= value <= high
        ]
        if self.version != "trading.fees/v1":
            found.append(f"version is {self.version}, trading.fees/v1 is meant")
        return found

    def commission(self, shares: int, notional: int) -> int:
        """Return the commission of an order of which so much has traded so far."""
        if shares == 0:
            return 0
        amount, least = self.per_share * shares, self.per_order_min
        if amount < least:
            amount = least
        if self.of_value_max_ppm:
            most = notional * self.of_value_max_ppm // _MILLION
            return most if most < amount else amount
        return amount

    def regulatory(self, side: Side, shares: int, notional: int) -> int:
        """Return what regulators take of an order of which so much has traded so far."""
        if side is Side.BUY:
            return 0
        activity, most = self.sell_per_share * shares, self.sell_per_share_max
        if most and activity > most:
            activity = most
        return notional * self.sell_value_ppm_tenths // (10 * _MILLION) + activity

    def total(self, side: Side, shares: int, notional: int) -> Money:
        """Return everything an order costs that has traded so much so far."""
        return Money(self.commission(shares, notional) + self.regulatory(side, shares, notional))

    def of_fill(self, side: Side, before: tuple[int, int], shares: int, notional: int) -> Money:
        """Return what one more fill costs, after shares and notional that the order has traded before.

        Minimum and maximum hold for an order, not for a fill: parts cost together what the whole would.
        """
        done, worth = before
        whole = self.total(side, done + shares, worth + notional)
        return Money(whole - self.total(side, done, worth)) if done else whole


def load(name: str) -> tuple[FeeSchedule, str]:
    """Return a schedule by name or file, and its digest; raise `Unusable` for what is none."""
    found, digest = versioned.load(FeeSchedule, SCHEDULES, name)
    problems = found.problems()
    if problems:
        raise versioned.Unusable(f"costs {name}: {'; '.join(problems)}")
    return found, digest


def names() -> tuple[str, ...]:
    """Return the schedules this program comes with."""
    return versioned.names(SCHEDULES)
