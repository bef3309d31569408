"""The capacity page: one HTML file with two pictures as SVG, no script, no request, in the report's own style sheet."""

from __future__ import annotations

from html import escape
from importlib import resources

from orchestrator.cli.report.html import small
from orchestrator.simulate.capacity.comparison import Compared, Point, Sweep
from orchestrator.simulate.file import Policy

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 300, 56, 40, 16
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
        f"<title>{name}: capacity</title>\n<style>{css}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{name}</h1>\n<p>{escape(said[0].upper() + said[1:])}.</p>\n"
        f"<p>{work.count} items, {work.arrivals_per_hour:g} an hour; run times of {work.run.median_minutes:g} minutes "
        f"in the median, {work.run.cap_minutes:g} at most; {work.fails:.0%} fail by themselves.</p>\n"
        "<table><thead><tr><th>policy</th><th>P50 min</th><th>P95 min</th><th>P99 min</th><th>runs per item</th>"
        f"<th>runners busy</th></tr></thead><tbody>{rows}</tbody></table>\n"
        f"<h2>Median turnaround against runners</h2>\n<p>Days of {sweep.items} items.</p>\n"
        f"{chart(sweep.runners, 'runners', as_share=False)}\n"
        "<h2>Median turnaround against failure rate</h2>\n"
        f"{chart(sweep.failures, 'failing by themselves', as_share=True)}\n"
        "</main>\n</body>\n</html>\n"
    )


def chart(points: tuple[Point, ...], label: str, *, as_share: bool) -> str:
    """Return the medians of every policy over what was varied, as an SVG picture with its numbers in words."""
    low, high = points[0].at, points[-1].at
    top = max(day.percentile(0.5) for point in points for day in point.days.values()) or 1.0

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - 110) * ((at - low) / (high - low) if high > low else 0.5)

    def y(minutes: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * minutes / top

    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = y(top * share)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 110}" y1="{at:.1f}" y2="{at:.1f}" stroke="currentColor" opacity="0.15"/>'
        )
        parts.append(_text(LEFT - 8, at + 4, f"{top * share:.0f}", anchor="end"))
    for point in points:
        word = f"{point.at:.0%}" if as_share else f"{point.at:g}"
        parts.append(_text(x(point.at), HEIGHT - BOTTOM + 18, word, anchor="middle"))
    parts.append(_text((WIDTH - 110 + LEFT) / 2, HEIGHT - 4, label, anchor="middle"))
    used: list[float] = []
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
        # Names at the lines' ends, pushed apart where they would lie on each other.
        end = y(medians[-1][1]) + 4
        while any(abs(end - other) < 14 for other in used):
            end -= 14
        used.append(end)
        parts.append(_text(WIDTH - 100, end, policy.value, colour=COLOURS[policy]))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="median turnaround in minutes against {label}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, said: str, *, anchor: str = "start", colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" fill="{colour}">{escape(said)}</text>'
