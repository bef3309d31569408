"""The page laid out as one HTML file: no script, no request, every text of others escaped.

Two guards stand between an agent's output and the reader's browser: everything is escaped by the template engine, and
the page's own policy forbids scripts, requests and forms. Control characters are spelled out, links go to http only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from orchestrator.cli.output import printable, without_escapes
from orchestrator.core.chronicle import Page
from orchestrator.core.chronicle.story import Mood, mood_of
from orchestrator.core.coverage import Coverage
from orchestrator.core.hotspots import HotSpot
from orchestrator.core.territory import Region
from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.decision import Verb

MOODS = {
    Mood.AGENT: "an agent works",
    Mood.CHECK: "checks and gates",
    Mood.LINE: "in line in the train",
    Mood.WAIT: "waits for the machine",
    Mood.PERSON: "waits for a person",
    Mood.STALLED: "stalled",
}
COLOURS = 10
"""Lanes that look different; the eleventh looks like the first."""
CROWD_MIN = 8
"""Items from which a picture of all of them says more than their rows."""
NARROW = "\u00a0"
"""Between a number and its unit: no line ends there."""
TALK_MAX = 80
"""Lines of one item's story; whoever needs more asks `interlock events`."""


def render(told: Page, *, title: str) -> str:
    """Return the page as HTML."""
    template = _environment().get_template("page.html")
    return (
        template.render(page=told, title=title, moods=MOODS, phases=Phase, talk_max=TALK_MAX, crowd_min=CROWD_MIN)
        + "\n"
    )


def render_coverage(found: Coverage, root: Region, hot: Sequence[HotSpot], *, title: str) -> str:
    """Return the tree of a repository with its owners as HTML; every folder opens without a script."""
    colours = {lane: number % COLOURS for number, lane in enumerate(found.by_lane)}
    template = _environment().get_template("coverage.html")
    return template.render(found=found, root=root, hot=hot, title=title, colours=colours) + "\n"


def _environment() -> Environment:
    folder = resources.files("orchestrator.cli.report")
    source = {
        name: (folder / name).read_text(encoding="utf-8")
        for name in ("page.html", "coverage.html", "parts.html", "page.css")
    }
    environment = Environment(
        loader=DictLoader(source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "text": text,
        "block": block,
        "words": words,
        "meaning": meaning,
        "span": span,
        "clock": clock,
        "day": day,
        "moment": moment,
        "iso": iso,
        "thousands": lambda number: f"{number:,}",
    }
    environment.globals |= {"link": link, "mood_of": mood_of, "css": Markup(small(source["page.css"]))}
    return environment


def text(value: object) -> str:
    """Return others' words as one line that drives nothing: no escapes, no control or direction characters."""
    return printable(" ".join(without_escapes(str(value)).split()))


def block(value: str) -> str:
    """Return others' output line by line, as harmless as `text`."""
    return "\n".join(printable(line.rstrip()) for line in without_escapes(value).splitlines())


def words(value: str) -> str:
    """Return `WaitingForClaim` as `waiting for claim`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(value)).lower()


def meaning(value: object) -> str:
    """Return the sentence the contract has for a word."""
    return value.description if isinstance(value, Phase | Reason | FailureClass | Verb) else ""


def span(seconds: float) -> str:
    """Return a span of time as read at a glance: 0.4 s, 42 s, 7 min 03 s, 3 h 12 min, 5 d 04 h."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}{NARROW}s"
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole}{NARROW}s"
    if whole < 3600:
        return f"{whole // 60}{NARROW}min {whole % 60:02d}{NARROW}s"
    if whole < 86_400:
        return f"{whole // 3600}{NARROW}h {whole % 3600 // 60:02d}{NARROW}min"
    return f"{whole // 86_400}{NARROW}d {whole % 86_400 // 3600:02d}{NARROW}h"


def clock(at: datetime) -> str:
    """Return the time of day, UTC."""
    return at.astimezone(UTC).strftime("%H:%M:%S")


def day(at: datetime) -> str:
    """Return the day and the minute, UTC."""
    return at.astimezone(UTC).strftime("%b %d %H:%M")


def moment(at: datetime) -> str:
    """Return day and time, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: datetime) -> str:
    """Return the time as machines read it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def link(url: str) -> str | None:
    """Return the address if a reader may be sent there: plain http or https, nothing odd in it."""
    return url if re.fullmatch(r"https?://[!-~]+", url) and not re.search(r"[\"'<>\\^`{|}]", url) else None


def small(css: str) -> str:
    """Return the style sheet without comments and indentation: it travels in every page."""
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)).strip()
