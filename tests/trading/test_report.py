"""The page of a run: every chart that was promised, whatever the run was, in one file that loads and runs nothing."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.engine import chart, report
from trading.engine.backtest import Day
from trading.model import UNIT

SUMMARY: dict[str, Any] = {
    "sessions": 0, "from": None, "until": None, "profile": "realistic", "costs": "none", "equity_end": 100_000 * UNIT,
    "return": 0.0, "sharpe": None, "drawdown_max": 0.0, "events": {}, "cost_estimated": 0, "cost_realised": 0,
}  # fmt: skip


def page(count: int) -> str:
    """Return the page of a run of so many days, with an equity that goes up and down."""
    made = [
        Day(
            (date(2007, 1, 3) + timedelta(days=n)).isoformat(),
            (100_000 + n % 700 * 31 - n * 2) * UNIT,
            50_000 * UNIT,
            n % 9 * 10_000 * UNIT,
            n * UNIT,
            n * UNIT + n % 3 * UNIT,
        )
        for n in range(count)
    ]
    span = {"sessions": count, "from": made[0].day, "until": made[-1].day} if made else {}
    return report.page("run-0", SUMMARY | span, made, [])


class Tags(HTMLParser):
    """Which tags are open at the end, and every tag there was."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect"):
            assert self.open.pop() == tag


@pytest.mark.parametrize("count", [0, 1, 2, 252, 5040])
def test_a_run_of_any_length_has_its_four_charts(count: int) -> None:
    text = page(count)
    tags = Tags()
    tags.feed(text)
    assert tags.open == [] and not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert re.findall("<h2>([^<:]*)", text) == ["Equity", "Drawdown, %", "Exposure, % of equity", "Cost, sum", "Trades"]
    assert tags.seen.count("svg") == (4 if count else 0)
    assert not re.search(r"\b(nan|None|inf)\b", text) and "http" not in text
    # Twenty years are drawn by the pixel and not by the day.
    assert len(text) < 120_000


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_the_marks_of_an_axis_are_round_few_and_around_what_is_drawn(low: float, width: float) -> None:
    high = low + max(width, abs(low) * 1e-6)
    marks = chart._marks(low, high)
    step = marks[1] - marks[0]
    assert 2 <= len(marks) <= 6
    assert marks[0] <= low + step * 1e-6 and high - step * 1e-6 <= marks[-1]
    mantissa = float(f"{step:.3e}".split("e")[0])
    assert mantissa in (1.0, 2.0, 5.0)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (98_600.28, 100_480.28, ["98,500", "99,000", "99,500", "100,000", "100,500"]),
        (-1.54, 0.0, ["-2.0", "-1.5", "-1.0", "-0.5", "0.0"]),
        (0.0, 0.0, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
    ],
)
def test_an_axis_says_round_numbers(low: float, high: float, said: list[str]) -> None:
    drawn = chart.chart("x", ["a", "b"], (chart.Line("l", [low, high]),))
    marks = re.findall(r'text-anchor="end" dominant-baseline="middle">([^<]*)<', drawn)
    assert marks == said
