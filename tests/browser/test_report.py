"""The report in a real browser, scripts off: on a phone, on a desk, in the dark, on paper, and read aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.cli.report import gather, html
from orchestrator.core.chronicle import page
from orchestrator.core.coverage import coverage_of
from orchestrator.core.hotspots import hot_spots
from orchestrator.core.ownership import Ownership
from orchestrator.core.territory import territory
from tests.browser import png
from tests.browser.chromium import Tab, browser
from tests.swarm import fill
from tests.unit import make
from tests.unit.test_report import HOSTILE, SECTIONS

pytestmark = pytest.mark.browser

PHONE, TABLET, DESK = 360, 768, 1280
BOXES = """[...document.querySelectorAll('section, .row, .tiles > div, .asks > li, tbody tr')]
    .map(e => e.getBoundingClientRect()).map(r => [r.x, r.y, r.width, r.height].map(Math.round))"""
STICKING_OUT = """[...document.querySelectorAll('body *')].filter(e => !e.closest('pre, .stack thead, svg'))
    .map(e => [e, e.getBoundingClientRect()])
    .filter(([e, r]) => r.width && (r.right > innerWidth + 0.5 || r.left < -0.5)).map(([e, r]) => e)
    .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))"""


def written(folder: Path, items: int, **more: object) -> Path:
    """Return the report of a made-up swarm as a file."""
    fill(folder / "state", items, **more)  # type: ignore[arg-type]
    with SqliteCluster(folder / "state", SystemClock()) as store:
        text = html.render(page(gather.facts_of(store, store)), title="shop")
    file = folder / "report.html"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as running:
        yield running.tab()


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("swarm"), 14)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("crowd"), 300)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("hostile"), 14, words=lambda text: text + HOSTILE + "W" * 500)


@pytest.mark.parametrize("which", ["swarm", "crowd", "hostile"])
@pytest.mark.parametrize("width", [PHONE, TABLET, DESK])
def test_the_page_fits_its_window_asks_for_nothing_and_complains_of_nothing(
    request: pytest.FixtureRequest, tab: Tab, which: str, width: int
) -> None:
    file: Path = request.getfixturevalue(which)
    tab.show(file, width=width)
    # Everything that can be opened counts too.
    tab.tell("document.querySelectorAll('details').forEach(e => { e.open = true })")
    assert tab.tell("document.documentElement.scrollWidth") == width
    assert tab.tell(STICKING_OUT) == []
    assert (tab.requests, tab.complaints) == ([file.as_uri()], [])


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_section_can_be_seen_in_order(tab: Tab, swarm: Path, width: int) -> None:
    tab.show(swarm, width=width)
    sections = tab.tell(
        "[...document.querySelectorAll('section')].map(e => [e.id, e.getBoundingClientRect().y,"
        " e.getBoundingClientRect().height, e.querySelector('h2').getBoundingClientRect().height])"
    )
    assert [one[0] for one in sections] == SECTIONS
    assert all(height > 60 and heading > 15 for _, _, height, heading in sections)
    assert [one[1] for one in sections] == sorted(one[1] for one in sections)


def test_the_dark_page_is_the_light_page_in_other_colours(tab: Tab, swarm: Path) -> None:
    tab.show(swarm, width=DESK)
    light, boxes = png.read(tab.picture(whole=False)), tab.tell(BOXES)
    tab.show(swarm, width=DESK, dark=True)
    dark = png.read(tab.picture(whole=False))
    assert tab.tell(BOXES) == boxes
    assert min(light.at(2, 2)) > 230
    assert max(dark.at(2, 2)) < 40
    assert (light.width, light.height) == (dark.width, dark.height) == (DESK, 900)


@pytest.mark.parametrize("dark", [False, True])
def test_what_the_timeline_means_is_painted_in_its_colour(tab: Tab, swarm: Path, dark: bool) -> None:
    tab.show(swarm, width=DESK, dark=dark)
    tab.tell("document.querySelector('#timeline .gantt').scrollIntoView({behavior: 'instant'})")
    picture = png.read(tab.picture(whole=False))
    for name in ("agent", "check", "line", "wait"):
        painted, x, y = tab.tell(
            f"(() => {{ const all = [...document.querySelectorAll('.row svg .f-{name}')]; const found = all.map(e =>"
            " [e, e.getBoundingClientRect()]).find(([e, r]) => r.width > 4 && r.top > 0 && r.bottom < innerHeight);"
            " return [getComputedStyle(found[0]).fill, found[1].x + found[1].width / 2, found[1].y + 2] })()"
        )
        assert picture.at(int(x), int(y)) == tuple(map(int, re.findall(r"\d+", painted))), name


def test_an_item_opens_to_its_story_without_scripts(tab: Tab, swarm: Path) -> None:
    tab.show(swarm, width=PHONE)
    tab.tell("document.querySelector('.row').scrollIntoView({behavior: 'instant'})")
    told = "document.querySelector('.row .tale').checkVisibility({contentVisibilityAuto: true})"
    assert not tab.tell(told)
    x, y = tab.tell("[document.querySelector('.row .name').getBoundingClientRect()].flatMap(r => [r.x + 5, r.y + 5])")
    for kind in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    assert tab.tell(told)


def test_words_of_others_stay_words(tab: Tab, hostile: Path) -> None:
    tab.show(hostile, width=DESK, scripts=True)
    assert (
        tab.tell("document.scripts.length + document.images.length + document.querySelectorAll('iframe').length") == 0
    )
    names = tab.tell("[...new Set([...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()))]")
    assert [name for name in names if name.startswith("on")] == []
    assert tab.tell("document.body.textContent.includes('<script>alert(1)</script>')")
    assert (tab.requests, tab.complaints) == ([hostile.as_uri()], [])


def test_the_printed_report_is_a_few_pages_of_ink_on_white(tab: Tab, swarm: Path) -> None:
    tab.show(swarm, width=DESK, dark=True)
    printed = tab.printed()
    pages = len(re.findall(rb"/Type\s*/Page[^s]", printed))
    assert 4 <= pages <= 12
    tab.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert tab.tell("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.tell("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.tell("getComputedStyle(document.body).color") == "rgb(17, 17, 17)"


def test_a_screen_reader_finds_its_way(tab: Tab, swarm: Path) -> None:
    tab.show(swarm, width=DESK)
    spoken = [(node["role"]["value"], node.get("name", {}).get("value", ""), node) for node in tab.spoken()]
    roles = {role for role, _, _ in spoken}
    assert {"main", "navigation", "banner", "contentinfo", "region"} <= roles
    levels = [
        prop["value"]["value"]
        for role, _, node in spoken
        if role == "heading"
        for prop in node.get("properties", [])
        if prop["name"] == "level"
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    nameless = [role for role, name, _ in spoken if role in ("image", "link", "table", "region", "button") and not name]
    assert nameless == []
    assert sum(role == "region" for role, _, _ in spoken) >= len(SECTIONS)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the coverage page of a repository with owners, gaps, hot spots and names nobody would choose."""
    lanes = Ownership.of([make.lane(name, f"{name}/**", f"*/{name}-*/**") for name in ("billing", "catalog", "web")])
    paths = [f"{top}/{name}-{n % 9}/{'deep/' * (n % 5)}file-{n}.py"
             for n in range(400) for top in ("billing", "web", "libs") for name in ("catalog", "other")]  # fmt: skip
    paths += [f"{HOSTILE.replace('/', '-')}/{'W' * 200}/{n}.txt" for n in range(3)]
    charted = [lanes.explain(path) for path in paths]
    hot = hot_spots([(paths[0], paths[n]) for n in range(1, 40)], {said.path: said.owner for said in charted})
    assert hot
    file = tmp_path_factory.mktemp("tree") / "coverage.html"
    found, root = coverage_of(lanes.lanes, charted), territory(charted, [spot.path for spot in hot])
    file.write_text(html.render_coverage(found, root, hot, title="shop"), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", [PHONE, TABLET, DESK])
def test_the_tree_of_a_repository_fits_its_window_and_asks_for_nothing(tab: Tab, tree: Path, width: int) -> None:
    tab.show(tree, width=width)
    tab.tell("document.querySelectorAll('details').forEach(e => { e.open = true })")
    assert tab.tell("document.documentElement.scrollWidth") == width
    assert tab.tell(STICKING_OUT) == []
    assert (tab.requests, tab.complaints) == ([tree.as_uri()], [])
    assert tab.tell("[...document.querySelectorAll('section')].map(e => e.id)") == ["lanes", "tree", "gaps", "hot"]
