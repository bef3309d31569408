"""The report as a file: the same store gives the same bytes, nobody's words do anything in it, nothing is loaded."""

from __future__ import annotations

import io
import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestrator.cli.main import main
from orchestrator.cli.report import html
from tests.swarm import fill

SECTIONS = [
    "summary",
    "timeline",
    "time",
    "order",
    "lanes",
    "denied",
    "failures",
    "gates",
    "cost",
    "people",
    "provenance",
]
HOSTILE = (
    "</title></pre></script><script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)'>x</a>"
    '" onload="alert(4)" style=\'background:url(//evil)\' {{ 7*7 }} {% raw %} <!-- \x1b[31mred\x1b]8;;http://evil\x07 '
    "\x00\x07\u202egnp.exe\u2028 &lt;b&gt; ]]>"
)
TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "header",
        "main",
        "section",
        "footer",
        "nav",
        "ul",
        "ol",
        "li",
        "h1",
        "h2",
        "h3",
        "p",
        "b",
        "code",
        "pre",
        "span",
        "a",
        "div",
        "dl",
        "dt",
        "dd",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "details",
        "summary",
        "figure",
        "figcaption",
        "svg",
        "rect",
        "line",
        "text",
        "g",
        "use",
        "defs",
        "path",
        "time",
    ]
)


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its text. What is opened must be closed."""

    VOID = frozenset({"meta", "link", "rect", "line", "use"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


class Place:
    """A repository with a state folder, and `interlock report` typed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        (folder / "shop/.git").mkdir(parents=True)

    def types(self, *words: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["report", "--repo", str(self.folder / "shop"), "--state", str(self.state), *words])
        return code, out.getvalue(), err.getvalue()

    def page(self) -> str:
        code, text, _ = self.types("--out", "-")
        assert code == 0
        return text


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("swarm"))
    fill(place.state)
    return place


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("hostile"))
    fill(place.state, words=lambda text: f"{text}{HOSTILE}", url="javascript:alert(5)//")
    return place


def test_the_same_store_gives_the_same_bytes(swarm: Place, tmp_path: Path) -> None:
    again = Place(tmp_path)
    shutil.copytree(swarm.state, again.state)
    # Opening a store writes to it (its owner's name, its journal): none of that may show.
    assert again.page() == swarm.page() == swarm.page()


def test_every_section_is_there_with_a_heading_and_a_way_to_it(swarm: Place) -> None:
    page = Reader(swarm.page())
    assert [section["id"] for section in page.all("section")] == SECTIONS
    assert [section["aria-labelledby"] for section in page.all("section")] == [f"h-{name}" for name in SECTIONS]
    assert {link["href"] for link in page.all("a") if link["href"].startswith("#")} == {f"#{name}" for name in SECTIONS}
    assert len(page.all("h1")) == 1
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("caption")) == len(page.all("table"))
    assert [s for s in page.all("svg") if not (s.get("aria-label") or s.get("aria-hidden"))] == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_it_tells_the_story_of_the_swarm(swarm: Place) -> None:
    said = " ".join(" ".join(Reader(swarm.page()).text).split())
    for expected in (
        "10 of 14 items landed",
        "1 stalled",
        "whoever holds it has to release it",
        "its paths touch src/guard-*/**",
        "1 denied, 1 listed",
        "E assert 2 == 3",
        "an-operator",
        "not before the audit",
        "sha256:" + "9" * 64,
        "landed as number 10",
        "$0.56",
    ):
        assert expected in said, expected


def test_nobodys_words_become_markup(hostile: Place) -> None:
    text = hostile.page()
    page = Reader(text)
    assert {tag for tag, _ in page.elements} <= TAGS
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []
    # What was said is there to be read, letter by letter, and drives nothing.
    said = "".join(page.text)
    assert "<script>alert(1)</script>" in said
    assert "{{ 7*7 }}" in said
    assert "49" not in re.findall(r"hold what it says\S* (\d+)", said)
    assert "\\x202egnp.exe" in said
    assert {ord(char) for char in text if not char.isprintable() and char != "\xa0"} <= {ord("\n")}


def test_links_lead_inside_or_to_plain_http_and_nothing_is_loaded(swarm: Place, hostile: Place) -> None:
    for place in (swarm, hostile):
        page = Reader(place.page())
        loads = {"src", "srcset", "action", "formaction", "data", "poster", "background", "xlink:href", "srcdoc"}
        assert [a for _, a in page.elements if loads & set(a)] == []
        links = [link["href"] for link in page.all("a")]
        assert [one for one in links if not re.match(r"#|https?://", one)] == []
        assert [one["href"] for one in page.all("use") if not one["href"].startswith("#")] == []
        assert [one["href"] for one in page.all("link")] == [
            one["href"] for one in page.all("link") if one["rel"] == "icon"
        ]
        assert all(one["href"].startswith("data:image/svg+xml,") for one in page.all("link"))
        assert "@import" not in place.page() and not re.search(r"url\((?!//evil)", place.page())
        policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert any(link["href"].startswith("https://forge.example/pr/") for link in Reader(swarm.page()).all("a"))
    assert not any("alert" in link["href"] for link in Reader(hostile.page()).all("a"))


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://forge.example/a/b/pull/7?x=1#y", True),
        ("http://forge.example/pr/1", True),
        ("javascript:alert(1)", False),
        ("JaVaScript:alert(1)", False),
        (" https://forge.example", False),
        ("https://forge.example/\"onclick='x'", False),
        ("https://forge.example/ a", False),
        ("https://forge.example/\u202e", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("//forge.example", False),
    ],
)
def test_only_plain_http_addresses_are_links(url: str, linked: bool) -> None:
    assert (html.link(url) is not None) is linked


def test_the_page_goes_to_the_state_folder_and_its_path_to_stdout(swarm: Place) -> None:
    code, out, err = swarm.types()
    assert (code, out.strip()) == (0, str((swarm.state / "report.html").resolve()))
    assert "14 items: 1 waiting, 1 running, 1 proposed, 10 landed, 1 stalled" in err
    assert (swarm.state / "report.html").read_text() == swarm.page()
    assert [path.name for path in swarm.state.iterdir() if path.name.startswith(".report")] == []


def test_a_place_that_cannot_be_written_is_named_with_a_way_out(swarm: Place, tmp_path: Path) -> None:
    code, _, err = swarm.types("--out", str(tmp_path / "absent/report.html"))
    assert code == 1
    assert f"--out {tmp_path / 'absent/report.html'} cannot be written: No such file or directory" in err
    code, _, err = swarm.types("--out", str(tmp_path))
    assert code == 1
    assert f"--out {tmp_path} is a folder; name a file in it" in err


def test_a_store_nothing_was_applied_to_has_nothing_to_report(tmp_path: Path) -> None:
    code, out, err = Place(tmp_path).types()
    assert (code, out) == (1, "")
    assert "nothing to report" in err and "interlock run" in err


def test_the_facts_behind_the_page_come_as_a_document(swarm: Place) -> None:
    code, out, _ = swarm.types("-o", "json")
    document = json.loads(out)
    assert code == 0
    assert document["items"] == 14
    assert [one["landedAs"] for one in document["places"] if one["landedAs"]] != []
    assert {"begin", "end", "reason", "message", "mood"} <= document["timeline"][0]["stretches"][0].keys()
    assert document["bill"]["total"]["costUsd"] == "0.5603"
    assert document["asOf"] == "2026-11-21T09:30:40Z"


def _palette(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", css))


def _light(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_contrast_in_light_in_dark_and_on_paper() -> None:
    css = (Path(html.__file__).parent / "page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        colours = _palette(block)
        pairs = [
            (text, ground) for text in ("ink", "soft", "link", "good", "bad", "warn") for ground in ("sheet", "wash")
        ]
        pairs += [("ink", "ground"), ("soft", "ground"), ("link", "ground")]
        for text, ground in pairs:
            bright, dim = sorted((_light(colours[text]), _light(colours[ground])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, colours[text], ground, colours[ground])
