"""Shapes of loose documents one by one: what is an item, what is said of it, what stays prose, and how names stay."""

from __future__ import annotations

import pytest

from orchestrator.core.roadmap import Form, Read, RoadmapItem, read, template
from orchestrator.core.roadmap.repair import repaired
from orchestrator.errors import Severity
from orchestrator.model.spec import Tier


def items(text: str) -> dict[str, RoadmapItem]:
    return {item.name: item for item in read(text, "r.md").items}


def one(body: str) -> RoadmapItem:
    (item,) = items(f"## Phase 1\n\n{body}").values()
    return item


def words(values: tuple[object, ...]) -> list[str]:
    return [value.text for value in values]  # type: ignore[attr-defined]


OPEN_AND_DONE = {
    "check boxes": ("## Tasks\n- [ ] One thing\n- [x] Other thing\n", ["one-thing"], ["other-thing"]),
    "marks in front": ("## Phase 1\n- ✅ Other thing\n- 🔜 One thing\n", ["one-thing"], ["other-thing"]),
    "marks behind": ("## Phase 1\n- Other thing (completed)\n- One thing (WIP)\n", ["one-thing"], ["other-thing"]),
    "damaged marks": ("## Phase 1\n- ‚úÖ Other thing\n- One thing\n", ["one-thing"], ["other-thing"]),
    "a word in front": ("## Phase 1\n- DONE: Other thing\n- TODO: One thing\n", ["one-thing"], ["other-thing"]),
    "a heading says so": ("## Completed\n- Other thing\n## Next\n- One thing\n", ["one-thing"], ["other-thing"]),
    "a marked heading": ("## Phase 1 ✅\n- Other thing\n## Phase 2\n- One thing\n", ["one-thing"], ["other-thing"]),
    "a box is stronger than its heading": (
        "## Phase 1 (Completed)\n- Other thing\n- [ ] One thing\n",
        ["one-thing"],
        ["other-thing"],
    ),
    "struck through": ("## Phase 1\n- ~~Other thing~~\n- One thing\n", ["one-thing"], ["other-thing"]),
    "a status column": (
        "| Task | Status |\n|-|-|\n| One thing | in progress |\n| Other thing | Done |\n",
        ["one-thing"],
        ["other-thing"],
    ),
    "a status line": (
        "## Phase 1: One thing\n**Files:** `a.py`\n## Phase 2: Other thing\n**Files:** `b.py`\n**Status:** shipped\n",
        ["one-thing"],
        ["other-thing"],
    ),
    "a bold heading": ("**v2 (Completed)**\n- Other thing\n\n**v3**\n- One thing\n", ["one-thing"], ["other-thing"]),
}


@pytest.mark.parametrize("shape", OPEN_AND_DONE)
def test_what_is_done_is_told_from_what_is_open(shape: str) -> None:
    text, opened, done = OPEN_AND_DONE[shape]
    found = items(text)
    assert [name for name, item in found.items() if not item.done] == opened
    assert [name for name, item in found.items() if item.done] == done
    assert all(item.origins["done"] for item in found.values() if item.done)


PROSE = {
    "asides": "# R\n## Overview\n- a b\n## Risks & mitigations\n- c d\n## References\n- e f\n## Non-goals\n- g h\n",
    "templates": "# R\n## Work Item Template\n- [ ] Objective\n",
    "features of what is there": "# Lib\n## Features\n- fast\n## Usage\n- call it\n",
    "a heading in a fence": "# R\n```\n## Phase 9\n- not work\n```\n",
    "an index of what has sections": "# R\n## Phases\n- [ ] **Phase 1: Start** - the base\n",
    "risks in a table": "# R\n| Risk | Mitigation |\n|-|-|\n| x | y |\n",
    "who and when": "# R\n## Phase 0\n- Owner: somebody\n- Duration: 2 weeks\n",
    "a quote about a gate": "# R\n> **Gate:** do the steps\n",
}


@pytest.mark.parametrize("what", PROSE)
def test_what_is_no_work_is_no_item(what: str) -> None:
    assert list(items(PROSE[what] + "\n## Phase 1: Start\n- Real work\n")) == ["real-work"]


def test_labels_below_an_item_are_its_fields_with_their_lines() -> None:
    item = one(
        "- Keep the ledger (Lane C + Lane D)\n"
        "  - Objective: nothing is lost\n"
        "  - Target Files: `ledger/**`, `tests/{unit,e2e}/ledger.py` (new), the docs\n"
        "  - D.O.D: a crash loses nothing\n"
        "  - How to verify: `pytest -q tests/unit`\n"
        "  - Out of scope: migration\n"
        "  - Tier: validity\n"
        "  - see `src/old.py` and src/new.py, https://example.org/a/b.html\n"
    )
    assert (item.name, item.summary, item.objective) == ("keep-ledger", "Keep the ledger", "nothing is lost")
    assert words(item.lanes) == ["lane-c", "lane-d"]
    assert words(item.paths) == ["ledger/**", "tests/unit/ledger.py", "tests/e2e/ledger.py"]
    assert words(item.acceptance) == ["a crash loses nothing"]
    assert [(each.name, each.run) for each in item.validation] == [("pytest", "pytest -q tests/unit")]
    assert words(item.out_of_scope) == ["migration"]
    assert item.tier is Tier.VALIDITY
    assert words(item.candidates) == ["src/old.py", "src/new.py"]
    assert (item.line_of("objective"), item.line_of("paths"), item.line_of("tier")) == (4, 5, 9)


def test_a_mentioned_file_is_a_candidate_and_no_claim() -> None:
    item = one("- Rewrite `src/a.py:12` and docs/b.md\n")
    assert (item.paths, words(item.candidates)) == ((), ["src/a.py", "docs/b.md"])


def test_needs_are_items_however_they_are_called() -> None:
    found = items(
        "## Phase 1: Base\n- Build the parser\n- M7: Print it\n## Phase 2\n"
        "- Lint it (depends on M7)\n- Ship it\n  - Depends on: Phase 1\n- Sell it — blocked by Build the parser\n"
    )
    needs = {name: words(item.needs) for name, item in found.items() if item.needs}
    assert needs == {"lint-it": ["m7"], "ship-it": ["parser", "m7"], "sell-it": ["parser"]}


def test_a_need_that_is_nothing_here_is_a_warning() -> None:
    (problem,) = read("## Phase 1\n- Ship it\n  - Depends on: the weather\n", "r.md").problems
    assert (problem.code, problem.line, problem.severity) == ("UnclearNeed", 3, Severity.WARNING)


def test_criteria_of_a_phase_hold_for_its_items_and_for_no_other() -> None:
    found = items("## Phase 1\n- First thing\n\nExit criteria:\n- all is well\n## Phase 2\n- Other thing\n")
    assert words(found["first-thing"].acceptance) == ["all is well"]
    assert found["first-thing"].origins["acceptance"] == "criteria of `Phase 1`"
    assert found["other-thing"].acceptance == ()


def test_a_template_in_the_documents_words_is_not_rendered() -> None:
    assert one("- Print `{{ secret }}`\n").text == "{% raw %}Print `{{ secret }}`{% endraw %}"


STABLE = "## Phase 1\n- Write the parser\n- Print the tree with colours\n## Phase 2\n- Ship the tool\n"


@pytest.mark.parametrize(
    "edited",
    [
        STABLE.replace("## Phase 1\n", "Intro.\n\n## Phase 1\n- Collect samples\n"),
        STABLE.replace("## Phase 2", "## Phase 2: Later on\n\nWords."),
        STABLE.replace("with colours", "with colours and a legend, on any terminal"),
        "## Phase 2\n- Ship the tool\n## Phase 1\n- Print the tree with colours\n- Write the parser\n",
        STABLE.replace("- Write the parser", "- [x] Write the parser (Lane A)\n  - Files: `p.py`"),
    ],
    ids=["inserted", "headings", "the end of a title", "order", "marks and fields"],
)
def test_names_stay_when_something_else_changes(edited: str) -> None:
    assert set(items(STABLE)) == {"parser", "print-tree-colours", "ship-tool"} or set(items(STABLE)) <= set(
        items(edited)
    )
    assert set(items(STABLE)) <= set(items(edited))


@pytest.mark.parametrize(
    "line",
    ["- New words {#parser}", "- New words <!-- name: parser -->", "- `the-parser`: New words", "- X-1: New words"],
)
def test_a_reworded_title_keeps_a_name_that_is_written_beside_it(line: str) -> None:
    before, after = items(f"## Phase 1\n{line}\n"), items(f"## Phase 1\n{line.replace('New', 'Other')}\n")
    assert list(before) == list(after)
    assert [item.summary.endswith("New words") for item in before.values()] == [True]


def test_equal_titles_are_told_apart_by_where_they_stand() -> None:
    found = items("## Phase 1: Parser\n- Write tests\n## Phase 2: Printer\n- Write tests\n")
    assert sorted(found) == ["tests-parser", "tests-printer"]


def test_a_strict_document_stays_strict_and_its_phases_are_read_beside_it() -> None:
    strict = "### a: A\n- Lane: x\n- Paths: y\n\nText.\n\n- a list in the text\n"
    assert read(strict, "r.md").form is Form.STRICT
    mixed = read(f"## Background\n- no work\n\n{strict}\n## Phase 2\n- More work\n", "r.md")
    assert (mixed.form, [item.name for item in mixed.items]) == (Form.MIXED, ["a", "more-work"])
    assert read(template(), "r.md").form is Form.STRICT
    slip = read("### a: A\n- Lane: x\n- Pahts: y\n\n## Phase 2\n- More work\n", "r.md")
    assert [problem.code for problem in slip.problems] == ["UnknownField"]


CLUMSY = {
    "line ends": STABLE.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + STABLE,
    "tabs": STABLE.replace("- ", "-\t"),
    "other bullets": STABLE.replace("- ", "* "),
    "numbers": STABLE.replace("- ", "1) "),
    "underlined headings": STABLE.replace("## Phase 1\n", "Phase 1\n-------\n"),
    "front matter": "---\ntitle: x\ntags: [a]\n---\n" + STABLE,
    "comments": STABLE.replace("## Phase 2", "<!--\n## Phase 9\n- Hidden\n-->\n## Phase 2"),
    "folded": STABLE.replace("## Phase 2", "<details>\n<summary>More</summary>\n\n## Phase 2") + "\n</details>\n",
    "bold": STABLE.replace("Ship the tool", "**Ship the tool**: to all"),
    "links": STABLE.replace("Ship the tool", "[Ship the tool](https://example.org/tool)"),
}


@pytest.mark.parametrize("how", CLUMSY)
def test_how_it_is_written_does_not_change_what_it_says(how: str) -> None:
    assert list(items(CLUMSY[how])) == list(items(STABLE))


def test_ten_megabytes_of_words_are_read_and_refused_for_what_they_are() -> None:
    found: Read = read("Some words that are no plan at all.\n" * 280_000, "r.md")
    assert (found.items, [problem.code for problem in found.problems]) == ((), ["NoItems"])


def test_a_line_nobody_writes_is_cut_and_said() -> None:
    found = read("## Phase 1\n- Do " + "very " * 2_000 + "much\n", "r.md")
    assert [(problem.code, problem.line) for problem in found.problems] == [("LongLine", 2)]
    assert len(found.items) == 1


def test_only_what_is_damaged_is_repaired() -> None:
    sound = "naïve “x” — école «été» 🎉 größe\n"
    assert repaired(sound, "r.md") == repaired(sound, "r.md").__class__(sound, ())
    found = repaired(f"{sound}FÃ¼r GrÃ¶ÃŸe â€“ gut\n", "r.md")
    assert found.text == f"{sound}Für Größe – gut\n"
    assert [(problem.line, problem.severity) for problem in found.problems] == [(2, Severity.WARNING)]


def test_a_table_of_tasks_with_a_lane_and_files_is_work_and_no_table_of_lanes() -> None:
    text = (
        "# Q3\n| Key | Summary | Status | Lane | Files | Acceptance criteria |\n|-|-|-|-|-|-|\n"
        "| PLAT-12 | Move the config loader | In Progress | core | `src/config.py`, `src/settings/**` | Strict |\n"
        "| PLAT-13 | Drop Python 3.8 | Done | core | setup.py | CI is green |\n"
    )
    found = read(text, "r.md")
    assert found.lanes == ()
    assert [(item.name, item.done, words(item.lanes), words(item.paths)) for item in found.items] == [
        ("plat-12", False, ["core"], ["src/config.py", "src/settings/**"]),
        ("plat-13", True, ["core"], ["setup.py"]),
    ]
    assert items("| Task | Lane | Files |\n|-|-|-|\n| Do it | core | a.py |\n").keys() == {"do-it"}
    lanes = read("| Lane | Description | Paths |\n|-|-|-|\n| core | All of it | `src/**` |\n", "r.md").lanes
    assert [lane.name for lane in lanes] == ["core"]


def test_rows_that_are_numbered_are_called_by_what_they_are_about() -> None:
    text = "# Plan\n| Week | Goal | Deliverables |\n|-|-|-|\n| 1 | Set up the project | repo |\n| 2 | Log in | page |\n"
    assert list(items(text)) == ["project", "log"]
    assert list(items(text.replace("| 1 |", "| Week 1 |").replace("| 2 |", "| Week 2 |"))) == ["project", "log"]


def test_a_path_found_among_words_is_a_guess_and_one_in_a_list_is_said() -> None:
    item = one("- Loader\n  - Files: the loader in `deploy/values.yaml`, `src/a.py` (new), b.py\n")
    assert [(path.text, path.is_guess) for path in item.paths] == [
        ("deploy/values.yaml", True),
        ("src/a.py", False),
        ("b.py", False),
    ]
    item = one("- Loader\n  - Files: the loader in src/config.py and perhaps deploy/values.yaml\n")
    assert [(path.text, path.is_guess) for path in item.paths] == [
        ("src/config.py", True),
        ("deploy/values.yaml", True),
    ]


def test_a_line_that_says_the_lane_of_the_one_above_is_no_item() -> None:
    (item,) = items("## Phase 1\n- Loader\n  - Lane: trading\n  - Files: src/a.py\n").values()
    assert (item.name, words(item.lanes), words(item.paths)) == ("loader", ["trading"], ["src/a.py"])


def test_code_that_a_lane_owns_and_is_no_path_is_a_gap() -> None:
    (lane,) = read("## Lane F: Front\n- Owns: `/abs/path`, `a b/c.ts`, `src/x.py`, `**`\n", "r.md").lanes
    assert [path.text for path in lane.paths] == ["src/x.py"]
    assert [gap.text for gap in lane.gaps] == ["`/abs/path`", "`a b/c.ts`", "`**`"]
