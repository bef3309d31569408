"""How orders are executed in a simulation: spread, slippage, impact, partial fills, latency and rejects, as data.

Three profiles come with the program. They are part of what a result depends on, so each has a digest that the run's
manifest names.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from trading.costs import versioned

PROFILES = Path(__file__).with_name("profiles")
DEFAULT = "realistic"
IMPACTS = ("none", "square-root", "volume-share")
REFERENCES = ("open", "line")


class ExecutionProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to an order between its sending and its fills. `bps` are hundredths of a percent."""

    version: str
    name: str
    about: str
    reference: str
    """Where the market stands when an order arrives in a bar: at its `open`, or on the `line` from open to close."""
    spread_bps: int
    """Between bid and ask, of the middle; each side pays half."""
    spread_ticks_min: int
    slippage_bps: int
    """Beyond the touch, whatever the size."""
    impact: str
    """`none`, `square-root` (of the share of a day's volume), `volume-share` (squared, of the bar's volume)."""
    impact_factor_pct: int
    """Hundredths that the model's term is multiplied by."""
    volatility_bps_default: int
    """A day's, while fewer days than two are known."""
    participation_bps_max: int
    """Of a bar's volume that all our orders may take; 0 for no bound."""
    latency_ms: int
    reject_bps: int
    """Orders that the venue refuses."""

    def problems(self) -> list[str]:
        """Return everything that is wrong with the numbers."""
        found = [
            f"{name} is {value}, from {low} to {high} is meant"
            for name, value, low, high in (
                ("spread_bps", self.spread_bps, 0, 2000),
                ("spread_ticks_min", self.spread_ticks_min, 0, 1000),
                ("slippage_bps", self.slippage_bps, 0, 1000),
                ("impact_factor_pct", self.impact_factor_pct, 0, 10_000),
                ("volatility_bps_default", self.volatility_bps_default, 0, 10_000),
                ("participation_bps_max", self.participation_bps_max, 0, 10_000),
                ("latency_ms", self.latency_ms, 0, 3_600_000),
                ("reject_bps", self.reject_bps, 0, 10_000),
            )
            if not low <= value <= high
        ]
        if self.impact not in IMPACTS:
            found.append(f"impact is {self.impact!r}, one of {', '.join(IMPACTS)} is meant")
        if self.reference not in REFERENCES:
            found.append(f"reference is {self.reference!r}, one of {', '.join(REFERENCES)} is meant")
        if self.version != "trading.profile/v1":
            found.append(f"version is {self.version}, trading.profile/v1 is meant")
        return found


def load(name: str) -> tuple[ExecutionProfile, str]:
    """Return a profile by name or file, and its digest; raise `Unusable` for what is none."""
    found, digest = versioned.load(ExecutionProfile, PROFILES, name)
    problems = found.problems()
    if problems:
        raise versioned.Unusable(f"profile {name}: {'; '.join(problems)}")
    return found, digest


def names() -> tuple[str, ...]:
    """Return the profiles this program comes with."""
    return versioned.names(PROFILES)
