"""Line charts as SVG text: axes, a few labels, one path a line. No library, no floats longer than a pixel's tenth."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 900, 220, 70, 14, 22
_COLOURS = ("#2563eb", "#d97706", "#059669")
_POINTS_MAX = 900


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
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 1.0, high + 1.0
    paths = "".join(_path(line, _COLOURS[number % 3], low, high) for number, line in enumerate(lines))
    legend = "".join(
        f'<text x="{_LEFT + 6 + 170 * number}" y="{_TOP + 12}" style="fill:{_COLOURS[number % 3]}">'
        f"{escape(each.name)}</text>"
        for number, each in enumerate(lines)
    )
    return (
        f'{heading}<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_axes(labels, low, high)}{paths}{legend}</svg>"
    )


def _axes(labels: Sequence[str], low: float, high: float) -> str:
    drawn = []
    for part in range(5):
        value = low + (high - low) * part / 4
        y = _y(value, low, high)
        drawn.append(f'<path d="M{_LEFT} {y}H{_WIDTH}" stroke="#8884" fill="none"/>')
        drawn.append(f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{value:,.2f}</text>')
    for part, anchor in ((0, "start"), (1, "middle"), (2, "end")):
        label = labels[(len(labels) - 1) * part // 2]
        x = _LEFT + (_WIDTH - _LEFT) * part // 2
        drawn.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{escape(label)}</text>')
    return "".join(drawn)


def _path(line: Line, colour: str, low: float, high: float) -> str:
    count = len(line.values)
    # More points than pixels are drawn as their last in each pixel: the end is always there.
    step = max(1, -(-count // _POINTS_MAX))
    picked = [*range(step - 1, count - 1, step), count - 1]
    points = "L".join(
        f"{_LEFT + (_WIDTH - _LEFT) * at / max(1, count - 1):.1f} {_y(line.values[at], low, high)}" for at in picked
    )
    return f'<path d="M{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _y(value: float, low: float, high: float) -> str:
    return f"{_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low):.1f}"
