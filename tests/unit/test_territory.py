"""The tree of a repository with its owners, the hot spots of its history, and both as a person sees them."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from orchestrator.adapters.survey import recent_commits
from orchestrator.cli.main import main
from orchestrator.core.hotspots import COMMIT_FILES_MAX, HotSpot, hot_spots
from orchestrator.core.ownership import Ownership
from orchestrator.core.territory import Region, territory
from tests.unit import make
from tests.unit.test_report import HOSTILE, TAGS, Reader

LANES = Ownership.of([make.lane("shop", "shop/**"), make.lane("docs", "docs/**", shared=("shop/config.py",))])


def tree(*paths: str, hot: tuple[str, ...] = (), depth: int = 40) -> Region:
    return territory([LANES.explain(path) for path in paths], hot, depth=depth)


def outline(region: Region, indent: str = "") -> list[str]:
    held = " ".join(f"{share.holder}={share.files}" for share in region.shares)
    rows = [f"{indent}{region.name}/ {held}"]
    for folder in region.folders:
        rows += outline(folder, indent + "  ")
    return rows


def test_a_folder_in_one_hand_is_one_line_whatever_lies_below_it() -> None:
    found = tree("shop/a/b.py", "shop/c/d/e.py", "docs/x.md", "tools/y.sh")
    assert outline(found) == ["/ shop=2 docs=1 nobody=1", "  docs/ docs=1", "  shop/ shop=2", "  tools/ nobody=1"]


def test_a_folder_is_opened_where_its_files_are_in_several_hands_and_chains_are_one_name() -> None:
    found = tree("docs/guide/deep/a.md", "lib/one/two/x.py", "lib/one/two/three/y.py", "shop/z.py")
    assert outline(found)[1:] == ["  docs/guide/deep/ docs=1", "  lib/one/two/ nobody=2", "  shop/ shop=1"]


def test_files_directly_in_a_folder_are_told_beside_its_folders() -> None:
    found = tree("docs/a.md", "README.md", "Makefile")
    assert [(share.holder, share.files) for share in found.loose] == [("nobody", 2)]


def test_a_hot_spot_opens_the_folders_above_it() -> None:
    found = tree("shop/a/b.py", "shop/c/d.py", hot=("shop/c/d.py",))
    assert (found.hot, outline(found)) == (1, ["/ shop=2", "  shop/ shop=2", "    a/ shop=1", "    c/ shop=1"])


def test_depth_ends_the_tree_and_every_file_is_still_counted() -> None:
    paths = ["/".join(["shop", *"abcdefg"[:n], "x.py"]) for n in range(7)] + ["shop/a/b/c.txt", "lib/x"]
    for depth in range(5):
        found = tree(*paths, depth=depth)
        assert found.files == len(paths)
        for region in (found, *found.folders):
            if region.folders:
                assert region.files == sum(f.files for f in region.folders) + sum(s.files for s in region.loose)


def test_nothing_tracked_is_wholly_covered() -> None:
    assert (tree().files, tree().percent, tree().folders) == (0, 100.0, ())


OWNERS = {"shop/a": "shop", "shop/b": "shop", "docs/a": "docs", "docs/b": "docs", "shop/hot": "shop", "x": None}


def test_a_file_that_commits_of_other_lanes_keep_touching_is_hot() -> None:
    commits = [("shop/hot", "docs/a"), ("shop/hot", "docs/b"), ("shop/hot", "shop/a"), ("shop/a", "shop/b")]
    assert hot_spots(commits, OWNERS) == (HotSpot("shop/hot", "shop", 3, (("docs", 2), ("shop", 1))),)


def test_one_visit_is_an_exception_and_no_hot_spot() -> None:
    assert hot_spots([("shop/hot", "docs/a"), ("shop/hot", "shop/a"), ("shop/hot",)], OWNERS) == ()


def test_a_file_nobody_owns_is_hot_when_several_lanes_touch_it() -> None:
    found = hot_spots([("x", "docs/a"), ("x", "shop/a"), ("x",)], OWNERS)
    assert found == (HotSpot("x", None, 2, (("docs", 1), ("shop", 1))),)


def test_sweeping_commits_and_files_that_are_gone_say_nothing() -> None:
    sweep = ("shop/hot", "docs/a", *(f"docs/{n}" for n in range(COMMIT_FILES_MAX)))
    owners = OWNERS | {f"docs/{n}": "docs" for n in range(COMMIT_FILES_MAX)}
    assert hot_spots([sweep] * 5, owners) == ()
    assert hot_spots([("gone", "docs/a"), ("gone", "shop/a")] * 3, OWNERS) == ()


class Place:
    """A repository with two lanes, files in odd names, and a history of some commits."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        for lane in ("shop", "docs"):
            self.write(
                f"lanes/{lane}.yaml",
                "apiVersion: interlock.dev/v1alpha1\nkind: Lane\n"
                f"metadata: {{name: {lane}}}\nspec: {{own: ['{lane}/**']}}\n",
            )
        for path in ("shop/a.py", "shop/hot.py", "docs/a.md", "docs/deep/b.md", "tools/<img src=x>.sh"):
            self.write(path, "0")
        self.commit("Begin")
        for number in (1, 2):
            self.write("shop/hot.py", str(number))
            self.write("docs/a.md", str(number))
            self.commit("Go on")
        self.write("shop/hot.py", "3")
        self.write("shop/a.py", "3")
        self.commit("Go on")

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self.root), *words], check=True, capture_output=True)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("-c", "user.name=n", "-c", "user.email=n@example.invalid", "commit", "-q", "-m", message)

    def types(self, *words: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            assert main(["lanes", "coverage", "--repo", str(self.root), *words]) == 0
        return out.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("shop"))


def test_the_newest_commits_are_read_without_their_merges_and_the_beginning(place: Place, tmp_path: Path) -> None:
    assert recent_commits(place.root) == (("shop/a.py", "shop/hot.py"), *([("docs/a.md", "shop/hot.py")] * 2))
    assert len(recent_commits(place.root, 1)) == 1
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert recent_commits(tmp_path) == ()


def test_reading_the_history_runs_nothing_the_repository_names(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop")
    place.git("config", "log.showSignature", "true")
    place.git("config", "gpg.program", f"touch {tmp_path}/ran #")
    place.git("config", "diff.external", f"touch {tmp_path}/ran #")
    assert len(recent_commits(place.root)) == 3
    assert not (tmp_path / "ran").exists()


def test_piped_the_tree_is_plain_text_with_gaps_and_hot_spots(place: Place) -> None:
    lines = [line.rstrip() for line in place.types().splitlines()]
    at = lines.index("FOLDER    FILES  COVERED  OWNERS")
    assert lines[at + 1 : at + 6] == [
        "./            7      57%  nobody 43%, docs 29%, shop 29%  1 hot spot",
        "  docs/       2     100%  docs",
        "  lanes/      2       0%  nobody",
        "  shop/       2     100%  shop  1 hot spot",
        "  tools/      1       0%  nobody",
    ]
    assert "shop/hot.py  shop         3  docs 2, shop 1" in lines


def test_depth_bounds_what_is_printed(place: Place) -> None:
    assert "  docs/" not in place.types("--depth", "0")
    assert "./" in place.types("--depth", "0")


def test_the_document_keeps_its_shape_and_gains_the_hot_spots(place: Place) -> None:
    document = json.loads(place.types("-o", "json"))
    assert {"files", "covered", "contested", "uncovered", "coverage", "lanes", "classes", "gaps", "unowned"} < set(
        document
    )
    assert document["hotSpots"] == [
        {
            "path": "shop/hot.py",
            "owner": "shop",
            "commits": 3,
            "lanes": [{"name": "docs", "commits": 2}, {"name": "shop", "commits": 1}],
        }
    ]


def test_the_page_opens_folder_by_folder_and_holds_no_script(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "coverage.html"
    assert place.types("--html", str(file)).strip() == str(file)
    page = Reader(file.read_text())
    assert {tag for tag, _ in page.elements} <= TAGS | {"circle"}
    said = " ".join(" ".join(page.text).split())
    assert "<img src=x>.sh" in said and "shop/hot.py" in said
    assert [section["id"] for section in page.all("section")] == ["lanes", "tree", "gaps", "hot"]
    assert [s for s in page.all("svg") if not (s.get("aria-label") or s.get("aria-hidden"))] == []
    again = file.read_bytes()
    place.types("--html", str(file))
    assert file.read_bytes() == again


def test_names_of_any_bytes_are_shown_and_drive_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop")
    (place.root / b"tools/\xff\xfe\x1b[31m.sh".decode("utf-8", "surrogateescape")).write_text("")
    place.write("tools/" + HOSTILE.replace("/", "-").replace("\x00", "")[:60] + "/x", "")
    place.commit("Odd")
    file = tmp_path / "coverage.html"
    place.types("--html", str(file))
    assert {tag for tag, _ in Reader(file.read_text()).elements} <= TAGS | {"circle"}
    assert "\x1b" not in file.read_text() + place.types("--all")
