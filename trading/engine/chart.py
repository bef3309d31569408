"""Line charts as SVG text: axes, a few labels, one path a line. No library, no floats longer than a pixel's tenth."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import count
from math import ceil, floor, log10
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 900, 240, 80, 30, 26
_COLOURS = ("var(--line0)", "var(--line1)", "var(--line2)", "var(--line3)")
STYLE = """:root{--line0:#1d4ed8;--line1:#b45309;--line2:#047857;--line3:#7e22ce}
@media(prefers-color-scheme:dark){:root{--line0:#7aa8ff;--line1:#f5a742;--line2:#4fd1a0;--line3:#cf9bff}}
.chart{overflow-x:auto}
svg{width:100%;min-width:40rem;height:auto;display:block}svg text{fill:currentColor;font:12px system-ui,sans-serif}
"""
"""What a page with charts needs: colours that can be told from either ground; a narrow window scrolls a chart."""
_POINTS_MAX = 900
_LINES_MAX = 6


class Line(NamedTuple):
    """A series under a name."""

    name: str
    values: Sequence[float]


def chart(title: str, labels: Sequence[str], lines: Sequence[Line]) -> str:
    """Return a heading and a chart of lines over the same labels."""
    heading = f"<h2>{escape(title)}</h2>"
    values = [value for line in lines for value in line.values]
    if not values:
        return heading + "<p>Nothing to show.</p>"
    marks = _marks(min(values), max(values))
    low, high = min(marks[0], min(values)), max(marks[-1], max(values))
    paths = "".join(
        _path(line, _COLOURS[number % len(_COLOURS)], low, high, number > 0) for number, line in enumerate(lines)
    )
    legend = "".join(
        f'<text x="{_LEFT + 170 * number}" y="{_TOP - 14}" style="fill:{_COLOURS[number % len(_COLOURS)]}">'
        f"{escape(each.name)}</text>"
        for number, each in enumerate(lines)
    )
    return (
        f'{heading}<div class="chart"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_axes(labels, marks, low, high)}{paths}{legend}</svg></div>"
    )


def _marks(low: float, high: float) -> list[float]:
    """Return round values that span a range: one, two or five of some power of ten apart."""
    if low == high:
        low, high = low - 1.0, high + 1.0
    power = floor(log10((high - low) / _LINES_MAX))
    for n in count():
        step = (1, 2, 5)[n % 3] * 10.0 ** (power + n // 3)
        first, last = floor(low / step), ceil(high / step)
        if last - first < _LINES_MAX:
            return [number * step for number in range(first, last + 1)]
    raise AssertionError("steps grow without end")


def _axes(labels: Sequence[str], marks: Sequence[float], low: float, high: float) -> str:
    drawn = []
    digits = max(0, -floor(log10(marks[1] - marks[0]) + 1e-9))
    for value in marks:
        y = _y(value, low, high)
        drawn.append(f'<path d="M{_LEFT} {y}H{_WIDTH}" stroke="#8884" fill="none"/>')
        drawn.append(
            f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{value:,.{digits}f}</text>'
        )
    for part, anchor in ((0, "start"), (1, "middle"), (2, "end")):
        label = labels[(len(labels) - 1) * part // 2]
        x = _LEFT + (_WIDTH - _LEFT) * part // 2
        drawn.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{escape(label)}</text>')
    return "".join(drawn)


def _path(line: Line, colour: str, low: float, high: float, is_broken: bool) -> str:
    count = len(line.values)
    # More points than pixels are drawn as their last in each pixel: the end is always there.
    step = max(1, -(-count // _POINTS_MAX))
    picked = [*range(step - 1, count - 1, step), count - 1]
    points = "L".join(
        f"{_LEFT + (_WIDTH - _LEFT) * at / max(1, count - 1):.1f} {_y(line.values[at], low, high)}" for at in picked
    )
    # Lines that agree lie on each other: a broken one lets the other be seen.
    broken = ' stroke-dasharray="7 5"' if is_broken else ""
    return (
        f'<path d="M{points}" fill="none" style="stroke:{colour}" stroke-width="1.5" stroke-linejoin="round"{broken}/>'
    )


def _y(value: float, low: float, high: float) -> str:
    return f"{_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low):.1f}"


def stacked(title: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Return a heading and a bar for each row, with a piece for each name; what is negative goes to the left."""
    heading = f"<h2>{escape(title)}</h2>"
    if not rows:
        return heading + "<p>Nothing to show.</p>"
    right = max(sum(max(value, 0.0) for value in values) for _, values in rows)
    left = max(sum(max(-value, 0.0) for value in values) for _, values in rows)
    scale = (_WIDTH - 2 * _LEFT - 90) / ((right + left) or 1.0)
    zero = _LEFT + 90 + left * scale
    drawn = []
    for number, (label, values) in enumerate(rows):
        y, ends = 34 + 22 * number, [zero, zero]
        drawn.append(f'<text x="{_LEFT + 84:.1f}" y="{y + 12}" text-anchor="end">{escape(label)}</text>')
        for piece, value in enumerate(values):
            width = abs(value) * scale
            start = ends[0] if value >= 0 else ends[1] - width
            ends[0 if value >= 0 else 1] += width if value >= 0 else -width
            drawn.append(_box(start, y, width, piece, f"{names[piece]}: {value:.2f}"))
        drawn.append(f'<text x="{ends[0] + 6:.1f}" y="{y + 12}">{sum(values):.2f}</text>')
    legend = "".join(
        _box(_LEFT + 170 * piece, 6, 10, piece, name)
        + f'<text x="{_LEFT + 16 + 170 * piece}" y="15">{escape(name)}</text>'
        for piece, name in enumerate(names)
    )
    height = 44 + 22 * len(rows)
    return (
        f'{heading}<div class="chart"><svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f'<path d="M{zero:.1f} 28V{height}" stroke="#8888"/>{legend}{"".join(drawn)}</svg></div>'
    )


def _box(x: float, y: float, width: float, piece: int, words: str) -> str:
    colour = _COLOURS[piece % len(_COLOURS)]
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{14 if y > 6 else 10}" style="fill:{colour}">'
        f"<title>{escape(words)}</title></rect>"
    )
