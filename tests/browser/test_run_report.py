"""The page of a run, looked at: it fits its window, its words can be read, its lines told from the ground."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Tab, browser
from tests.trading.test_report import page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as running:
        yield running.tab()


@pytest.mark.parametrize("count", [0, 1, 5040])
@pytest.mark.parametrize("width", [390, 1000, 2000])
def test_the_page_of_a_run_fits_its_window_and_asks_for_nothing(
    tab: Tab, tmp_path: Path, count: int, width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(count), encoding="utf-8")
    tab.show(file, width=width)
    assert tab.complaints == [] and tab.requests == [file.as_uri()]
    assert tab.tell("document.documentElement.scrollWidth") <= width


def test_the_words_of_a_chart_can_be_read_on_a_telephone(tab: Tab, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(252), encoding="utf-8")
    tab.show(file, width=390)
    assert (
        tab.tell("Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))")
        >= 9
    )


@pytest.mark.parametrize("dark", [False, True])
def test_a_line_can_be_told_from_the_ground(tab: Tab, tmp_path: Path, dark: bool) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(252), encoding="utf-8")
    tab.show(file, width=1000, dark=dark)
    light = """(c => { const [r, g, b] = c.match(/\\d+/g).map(v => v / 255).map(
        v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b })"""
    lines = f"[...document.querySelectorAll('svg path[stroke-width]')].map(p => {light}(getComputedStyle(p).stroke))"
    ground = 0.006 if dark else 1.0
    found = tab.tell(lines)
    # WCAG asks for three to one of what is drawn.
    assert len(found) == 5
    assert all((max(line, ground) + 0.05) / (min(line, ground) + 0.05) >= 4.5 for line in found)
