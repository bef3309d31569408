"""A market that goes up and down like a clock: the one in which following a trend is no luck."""

from __future__ import annotations

from datetime import date
from math import pi, sin
from pathlib import Path

from trading.data import bars as bars_module
from trading.data.bars import Bars
from trading.data.catalog import Catalog
from trading.data.generate import PENNY, sessions
from trading.model import Symbol

SYMBOLS = (Symbol.parse("AAPL.NASDAQ"), Symbol.parse("XOM.NYSE"))
CROSS = Path(__file__).resolve().parents[2] / "docs/trading/cross.toml"
SESSIONS = 520
"""From the start of 2019; the documentation's run begins with 2020, so 267 of them are judged."""


def waves(count: int = SESSIONS) -> Bars:
    """Return daily bars of two symbols, 24 sessions a wave."""

    def price(session: float, number: int) -> int:
        return round(10_000 * (1 + 0.1 * sin(2 * pi * (session + 9 * number) / 24)))

    rows = []
    for session, day in enumerate(sessions(date(2019, 1, 2), count)):
        for number in range(len(SYMBOLS)):
            opened, closed = price(session - 0.9, number), price(session, number)
            high, low = max(opened, closed) + 5, min(opened, closed) - 5
            rows.append((number, day.opens, day.closes, opened, high, low, closed, 3_000_000))
    return bars_module.made([(symbol, PENNY) for symbol in SYMBOLS], rows)


def run_file(folder: Path, name: str = "cross.toml", **changes: str) -> Path:
    """Write the documentation's run for this market, with some of its lines replaced."""
    said = {"dataset": '"waves"', "fast": "2", "slow": "6", "stop_bps": "3000", "tvar_bps": "0", "weight_bps": "600"}
    said |= changes
    lines = []
    for line in CROSS.read_text().splitlines():
        word = line.split(" = ")[0]
        lines.append(f"{word} = {said[word]}" if word in said else line)
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def desk(folder: Path) -> Path:
    """Make a folder with the market in a catalog and the run beside it."""
    Catalog(folder / "catalog").save("waves", waves(), "made by hand")
    run_file(folder)
    return folder
