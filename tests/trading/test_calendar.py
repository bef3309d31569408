"""The sessions of the exchange: against published counts, and against an independent calendar day by day."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading.data import calendar
from trading.model import SECOND

NEW_YORK = ZoneInfo("America/New_York")
ROOT = Path(__file__).resolve().parents[2]


def sessions(year: int) -> list[calendar.Session]:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return [found for day in days if day.year == year and (found := calendar.session(day)) is not None]


@pytest.mark.parametrize(("year", "count"), [(2024, 252), (2025, 250), (2026, 251)])
def test_a_year_has_as_many_sessions_as_the_exchange_says(year: int, count: int) -> None:
    assert len(sessions(year)) == count


def test_early_closes_are_those_the_exchange_announced() -> None:
    early = [found.day.isoformat() for year in (2024, 2025, 2026) for found in sessions(year) if found.is_early]
    assert early == [
        *("2024-07-03", "2024-11-29", "2024-12-24"),
        *("2025-07-03", "2025-11-28", "2025-12-24"),
        *("2026-11-27", "2026-12-24"),
    ]


@given(st.dates(date(2007, 1, 1), date(2037, 12, 31)))
def test_a_session_opens_at_half_past_nine_in_new_york(day: date) -> None:
    found = calendar.session(day)
    if found is not None:
        opens, closes = (datetime.fromtimestamp(at // SECOND, NEW_YORK) for at in (found.opens, found.closes))
        assert (opens.date(), opens.hour, opens.minute) == (day, 9, 30)
        assert (closes.hour, closes.minute) == ((13, 0) if found.is_early else (16, 0))


# An hour before midnight, of the day before the clocks change.
@example(1_710_043_200)
@example(1_730_606_400)
@given(st.integers(1_167_700_000, 2_145_000_000))
def test_the_day_in_new_york_is_the_one_of_the_time_zone_files(second: int) -> None:
    assert calendar.day_of(second * SECOND) == datetime.fromtimestamp(second, NEW_YORK).date()


def test_nobody_is_told_about_years_that_nobody_knows() -> None:
    for day in (date(2006, 6, 1), date(2051, 6, 1)):
        assert calendar.session(day) is None
        assert calendar.sessions_since(day, day) is None
    assert calendar.day_of(-1) is None and calendar.session_at(2**62) is None
    assert calendar.sessions_since(date(2026, 3, 12), date(2026, 3, 11)) is None


_COMPARE = """
import sys, datetime as dt, exchange_calendars
sys.path.insert(0, sys.argv[1])
from trading.data import calendar
known = exchange_calendars.get_calendar("XNYS", start="2007-01-01", end="2049-12-31").schedule
theirs = {i.date(): (r["open"].value, r["close"].value) for i, r in known.iterrows()}
day, wrong = dt.date(2007, 1, 1), []
while day <= dt.date(2049, 12, 31):
    ours = calendar.session(day)
    if theirs.get(day) != (ours and (ours.opens, ours.closes)):
        wrong.append(str(day))
    day += dt.timedelta(days=1)
print(len(theirs), wrong)
"""


@pytest.mark.slow
def test_every_day_until_2049_is_the_one_of_an_independent_calendar(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    python = tmp_path / "v/bin/python"
    install = ["uv", "pip", "install", "--quiet", "--python", str(python), "exchange-calendars==4.13.2", "msgspec"]
    mirror = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    index = ["--default-index", mirror.stdout.strip()] if mirror.returncode == 0 else []
    subprocess.run([*install, *index], check=True)
    done = subprocess.run([str(python), "-c", _COMPARE, str(ROOT)], check=True, capture_output=True, text=True)
    assert done.stdout == "10805 []\n"
