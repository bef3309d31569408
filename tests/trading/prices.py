"""Real prices from packages that were made for something else; `make setup` puts them below .venv/share/prices."""

from __future__ import annotations

import csv
import gzip
import sys
from datetime import date
from pathlib import Path

_FOLDER = Path(sys.prefix) / "share/prices"
STOCKS = _FOLDER / "bokeh_sampledata/_data/stocks.csv.gz"
"""AAPL, FB, GOOG, IBM and MSFT, 2000 to 2013, as they were traded."""
SP500 = _FOLDER / "arch/data/sp500/sp500.csv.gz"
"""The index, 1999 to 2018."""
TWENTY = _FOLDER / "skfolio/datasets/data/sp500_dataset.csv.gz"
"""Closes of twenty stocks, 1990 to 2022, adjusted."""


def twenty() -> tuple[list[date], dict[str, list[int]]]:
    """Return days and the closes of twenty stocks in cents."""
    with gzip.open(TWENTY, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "Date"]
    closes = {name: [max(round(100 * float(row[name])), 1) for row in rows] for name in names}
    return [date.fromisoformat(row["Date"]) for row in rows], closes


def column(path: Path, name: str) -> list[float]:
    """Return a column of a file as numbers."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file)]
