"""The capacity page: one HTML file with two pictures as SVG, no script, no request, in the report's own style sheet."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib import resources
from math import ceil

from orchestrator.cli.report.html import small
from orchestrator.simulate.capacity.comparison import Compared, Point, Sweep
from orchestrator.simulate.file import Policy

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 300, 56, 40, 24
NAME_STEP = 15
"""From one line's name to the next, where lines end close to each other."""
STYLE = (
    "h2{margin-top:36px}.table{overflow-x:auto}th,td{text-align:right}th:first-child,td:first-child{text-align:left}"
)
COLOURS = {Policy.OURS: "#0b6bcb", Policy.ORACLE: "#2e8540", Policy.SINGLE: "#8a5a00", Policy.PREFIX: "#b3261e"}
DASHES = {Policy.OURS: "", Policy.ORACLE: "2 3", Policy.SINGLE: "8 4", Policy.PREFIX: "5 2"}
"""Lines are told apart without their colours, too."""


def render(told: Compared, sweep: Sweep, said: str) -> str:
    """Return the page."""
    css = small((resources.files("orchestrator.cli.report") / "page.css").read_text(encoding="utf-8"))
    name = escape(told.name)
    rows = "".join(
        f"<tr><td>{policy.value}</td>"
        + "".join(f"<td>{day.percentile(share):.1f}</td>" for share in (0.50, 0.95, 0.99))
        + f"<td>{day.runs_per_item:.2f}</td><td>{day.utilisation:.0%}</td></tr>"
        for policy, day in told.days.items()
    )
    work = told.workload
    policy_rule = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy_rule}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: capacity</title>\n<style>{css}{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{name}</h1>\n<p>{escape(said[0].upper() + said[1:])}.</p>\n"
        f"<p>{work.count} items, {work.arrivals_per_hour:g} an hour; run times of {work.run.median_minutes:g} minutes "
        f"in the median, {work.run.cap_minutes:g} at most; {work.fails:.0%} fail by themselves.</p>\n"
        '<div class="table"><table><thead><tr><th>policy</th><th>P50 min</th><th>P95 min</th><th>P99 min</th>'
        f"<th>runs per item</th><th>runners busy</th></tr></thead><tbody>{rows}</tbody></table></div>\n"
        f"<h2>Median turnaround against runners</h2>\n<p>In minutes, of days of {sweep.items} items.</p>\n"
        f"{chart(sweep.runners, 'runners', as_share=False)}\n{_medians(sweep.runners, 'runners', as_share=False)}\n"
        f"<h2>Median turnaround against failure rate</h2>\n<p>In minutes, of days of {sweep.items} items.</p>\n"
        f"{chart(sweep.failures, 'failing by themselves', as_share=True)}\n"
        f"{_medians(sweep.failures, 'failing', as_share=True)}\n"
        "</main>\n</body>\n</html>\n"
    )


def _medians(points: tuple[Point, ...], label: str, *, as_share: bool) -> str:
    """Return the numbers of a picture as a table: lines that lie close together are told apart there."""
    head = "".join(f"<th>{policy.value}</th>" for policy in points[0].days)
    rows = "".join(
        f"<tr><td>{_at(point, as_share=as_share)}</td>"
        + "".join(f"<td>{day.percentile(0.5):.1f}</td>" for day in point.days.values())
        + "</tr>"
        for point in points
    )
    table = f"<table><thead><tr><th>{label}</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="table">{table}</div>'


def _at(point: Point, *, as_share: bool) -> str:
    return f"{point.at:.0%}" if as_share else f"{point.at:g}"


def _ticks(most: float) -> list[float]:
    """Return round numbers from 0 to the first that is not below `most`, at most seven."""
    step = next(
        unit * 10**power for power in range(-3, 8) for unit in (1, 2, 2.5, 5) if ceil(most / (unit * 10**power)) <= 6
    )
    return [step * number for number in range(max(1, ceil(most / step)) + 1)]


def _apart(ends: Mapping[Policy, float]) -> dict[Policy, float]:
    """Return where the names at the lines' ends stand: in their order, none on another, all in the picture."""
    found: dict[Policy, float] = {}
    least = float("-inf")
    for policy, end in sorted(ends.items(), key=lambda each: each[1]):
        least = found[policy] = max(end, least + NAME_STEP)
    over = max(0.0, least - (HEIGHT - BOTTOM + 8))
    return {policy: end - over for policy, end in found.items()}


def chart(points: tuple[Point, ...], label: str, *, as_share: bool) -> str:
    """Return the medians of every policy over what was varied, as an SVG picture with its numbers in words."""
    low, high = points[0].at, points[-1].at
    ticks = _ticks(max(day.percentile(0.5) for point in points for day in point.days.values()))
    top = ticks[-1]

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - 110) * ((at - low) / (high - low) if high > low else 0.5)

    def y(minutes: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * minutes / top

    parts = []
    for tick in ticks:
        at = y(tick)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 110}" y1="{at:.1f}" y2="{at:.1f}" stroke="currentColor" opacity="0.15"/>'
        )
        parts.append(_text(LEFT - 8, at + 4, f"{tick:g}", anchor="end"))
    for point in points:
        parts.append(_text(x(point.at), HEIGHT - BOTTOM + 18, _at(point, as_share=as_share), anchor="middle"))
    parts.append(_text((WIDTH - 110 + LEFT) / 2, HEIGHT - 4, label, anchor="middle"))
    names = _apart({policy: y(day.percentile(0.5)) + 4 for policy, day in points[-1].days.items()})
    for policy in points[0].days:
        medians = [(point.at, point.days[policy].percentile(0.5)) for point in points]
        line = " ".join(f"{x(at):.1f},{y(minutes):.1f}" for at, minutes in medians)
        dash = f' stroke-dasharray="{DASHES[policy]}"' if DASHES[policy] else ""
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[policy]}" stroke-width="2"{dash}/>')
        for at, minutes in medians:
            word = f"{policy.value}, {at:.0%}" if as_share else f"{policy.value}, {at:g} runners"
            parts.append(
                f'<circle cx="{x(at):.1f}" cy="{y(minutes):.1f}" r="3.5" fill="{COLOURS[policy]}">'
                f"<title>{word}: {minutes:.1f} min</title></circle>"
            )
        parts.append(_text(WIDTH - 100, names[policy], policy.value, colour=COLOURS[policy]))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="median turnaround in minutes against {label}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, said: str, *, anchor: str = "start", colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" fill="{colour}">{escape(said)}</text>'
