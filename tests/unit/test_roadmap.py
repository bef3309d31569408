"""Roadmaps in strict form: what is tolerated, what is a mistake and where, and that nothing makes reading raise."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.roadmap import Command, RoadmapItem, read_strict, template
from orchestrator.errors import Severity
from orchestrator.model.spec import Tier

FULL = """\
# Trading

Some words before the items.

### order-firewall: Order firewall

- Objective: Every order passes one gate that can only deny.
- Lane: trading
- Paths: `trading/firewall/**`, tests/firewall/**
- Out of scope:
  - No live trading path
- Acceptance:
  - An order without a fresh quote is denied
  - A missing limit denies
- Validation:
  - unit: `pytest -q tests`
  - make check
- Needs: ledger, replay-harness
- Tier: safety
- Priority: -5
- Agent: scripted
- Roadmap: desk
- Train: main

Write it as one pure function.

- Start from the denials.

### ledger: Research ledger
"""


def items(text: str) -> tuple[RoadmapItem, ...]:
    """Return the items of a text that has no mistakes."""
    read = read_strict(text, "roadmap.md")
    assert read.problems == ()
    return read.items


def one(fields: str) -> RoadmapItem:
    (item,) = items(f"### a: A\n{fields}")
    return item


def said(text: str) -> list[str]:
    return [str(problem) for problem in read_strict(text, "r.md").problems]


def words(values: tuple[object, ...]) -> list[str]:
    return [value.text for value in values]  # type: ignore[attr-defined]


def test_every_field_is_read_with_its_place() -> None:
    firewall, ledger = items(FULL)
    assert (firewall.name, firewall.summary, firewall.line) == ("order-firewall", "Order firewall", 5)
    assert firewall.objective == "Every order passes one gate that can only deny."
    assert [(path.text, path.line, path.column) for path in firewall.paths] == [
        ("trading/firewall/**", 9, 11),
        ("tests/firewall/**", 9, 33),
    ]
    assert [(lane.text, lane.line, lane.column) for lane in firewall.lanes] == [("trading", 8, 9)]
    assert [(need.text, need.line, need.column) for need in firewall.needs] == [
        ("ledger", 18, 10),
        ("replay-harness", 18, 18),
    ]
    assert [(each.text, each.line, each.column) for each in firewall.acceptance] == [
        ("An order without a fresh quote is denied", 13, 5),
        ("A missing limit denies", 14, 5),
    ]
    assert firewall.validation == (Command("unit", "pytest -q tests", 16), Command("make", "make check", 17))
    assert (firewall.tier, firewall.priority) == (Tier.SAFETY, -5)
    assert (firewall.agent, firewall.roadmap, firewall.train) == ("scripted", "desk", "main")
    assert words(firewall.out_of_scope) == ["No live trading path"]
    assert firewall.text == "Write it as one pure function.\n\n- Start from the denials."
    assert firewall.line_of("tier") == 19
    assert ledger == RoadmapItem("ledger", "Research ledger", "roadmap.md", 29)


PROSE = "Some words before the items.\n\n"


def full(*changes: tuple[str, str]) -> str:
    """Return the full roadmap with these texts replaced; each must be there."""
    text = FULL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


TOLERATED = {
    "another heading level": full(("###", "##")),
    "closing marks": full(("order-firewall: Order firewall", "order-firewall: Order firewall ####")),
    "other bullets": full(("\n- ", "\n* "), ("* Start", "- Start")),
    "plus signs": full(("\n- ", "\n+ "), ("+ Start", "- Start")),
    "bold keys": full(("- Objective:", "- **Objective:**"), ("- Tier:", "- **Tier**:")),
    "case": full(("Objective", "OBJECTIVE"), ("Out of scope", "out-of-Scope"), ("safety", "Safety")),
    "spellings of specs": full(("Acceptance", "acceptanceCriteria"), ("Needs", "dependsOn")),
    "names in backticks": full(("### order-firewall", "### `order-firewall`"), ("ledger, ", "`ledger`, ")),
    "words in backticks": full(("Lane: trading", "Lane: `trading`"), ("Tier: safety", "Tier: `safety`")),
    "line ends and byte order mark": "\ufeff" + full(("\n", "\r\n")),
    "a comment over several lines": full(("Lane: trading", "Lane: trading <!-- or\nanother\n### x: X\n-->")),
    "a comment for an item": full((PROSE, "<!--\n### x: X\n- Lane: y\n-->\n")),
    "blank lines between fields": full(("\n- Lane", "\n\n- Lane")),
    "indented fields": full(("\n- Lane", "\n - Lane")),
    "deeper values": full(("  - An order", "      - An order")),
    "numbered values": full(("  - A missing", "  2. A missing")),
    "check boxes": full(("  - A missing", "  - [ ] A missing")),
    "rules between items": full(("\n### ledger", "\n---\n### ledger"), (PROSE, "* * *\n")),
    "wrapped values": full(("one gate that", "one gate\n  that")),
    "wrapped where Markdown allows it": full(("one gate that", "one gate\nthat")),
}


def meaning(text: str) -> list[list[object]]:
    """Return everything a roadmap without mistakes says, without the places."""
    return [
        [i.name, i.summary, i.objective, i.text, i.tier, i.priority, i.agent, i.roadmap, i.train, i.done]
        + [words(values) for values in (i.lanes, i.paths, i.needs, i.out_of_scope, i.acceptance)]
        + [(command.name, command.run) for command in i.validation]
        for i in items(text)
    ]


@pytest.mark.parametrize("name", TOLERATED)
def test_what_does_not_change_the_meaning_is_tolerated(name: str) -> None:
    assert TOLERATED[name] != FULL
    assert meaning(TOLERATED[name]) == meaning(FULL)


def test_a_heading_in_a_code_fence_is_text() -> None:
    (item,) = items("## a: A\n- Lane: x\n\nLook:\n\n~~~\n### b: B\n- Lane: y\n~~~\ndone\n")
    assert item.text == "Look:\n\n~~~\n### b: B\n- Lane: y\n~~~\ndone"


def test_deeper_headings_and_their_lists_belong_to_the_text() -> None:
    (item,) = items("## a: A\n- Lane: x\n\n### Notes: important\n- first\n\n#### More\nend\n")
    assert item.text == "### Notes: important\n- first\n\n#### More\nend"


def test_a_heading_with_a_name_and_no_fields_above_deeper_items_is_a_title_for_them() -> None:
    assert [item.name for item in items("## phase-1: Foundations\n\n### a: A\n- Lane: x\n### b: B\n- Lane: x\n")] == [
        "a",
        "b",
    ]


def test_paths_with_commas_in_brackets_or_backticks_are_not_taken_apart() -> None:
    assert words(one("- Paths: `a,b/**`, [x,y].py, c,d\n  - e , f\n").paths) == [
        "a,b/**",
        "[x,y].py",
        "c",
        "d",
        "e",
        "f",
    ]


def test_a_list_wrapped_after_a_comma_goes_on() -> None:
    assert words(one("- Paths: a,\n  b,\nc\n").paths) == ["a", "b", "c"]


def test_text_right_below_a_word_is_text() -> None:
    item = one("- Lane: x\nDo it.\n")
    assert (words(item.lanes), item.text) == (["x"], "Do it.")


def test_a_list_after_an_empty_line_is_text() -> None:
    assert one("- Lane: x\n\n- First do this\n- Then that\n").text == "- First do this\n- Then that"


def test_commands_in_a_fence_are_one_each() -> None:
    item = one("- Validation:\n  ```sh\n  make check\n  pytest -q\n  ```\n- Lane: x\n")
    assert [command.run for command in item.validation] == ["make check", "pytest -q"]


def test_commands_without_names_are_called_by_their_programs() -> None:
    item = one(
        "- Validation:\n  - `pytest -q a`\n  - CI=1 ./scripts/Check.sh x\n  - pytest b\n  - '…'\n  - lint: make `x`\n"
    )
    assert [(each.name, each.run) for each in item.validation] == [
        ("pytest", "pytest -q a"),
        ("check-sh", "CI=1 ./scripts/Check.sh x"),
        ("pytest-2", "pytest b"),
        ("validation", "'…'"),
        ("lint", "make `x`"),
    ]


def test_needs_can_be_none() -> None:
    assert one("- Needs: none\n- Out of scope: -\n").needs == ()


def test_several_lanes_can_be_named_either_way() -> None:
    assert words(one("- Lanes: a, c\n").lanes) == words(one("- Lane:\n  - a\n  - c\n").lanes) == ["a", "c"]


@pytest.mark.parametrize(
    "heading", ["### a: A ✅", "### [x] a: A", "### ✅ a: A", "### a: A (Completed)", "### a: A [X]"]
)
def test_an_item_marked_as_done_is_done_and_its_title_stays_clean(heading: str) -> None:
    (item,) = items(heading)
    assert (item.name, item.summary, item.done) == ("a", "A", True)


def test_the_template_reads_cleanly() -> None:
    assert [item.name for item in items(template())] == ["order-firewall", "replay-harness"]


MISTAKES = {
    "unknown key": (
        "### a: A\n- Objectiv: x\n",
        [
            "r.md:2:3: no field is called `Objectiv` (did you mean `Objective`?); fields: `Objective`, `Paths`, "
            "`Out of scope`, `Acceptance`, `Validation`, `Needs`, `Tier`, `Lane`, `Lanes`, `Priority`, `Agent`, "
            "`Roadmap` and `Train`"
        ],
    ),
    "value that is not indented": (
        "### a: A\n- Acceptance: x\n- it holds\n",
        [
            "r.md:3:3: a list item without a field's name; indent it if it is a value of the field above, "
            "or put an empty line before it if it is text"
        ],
    ),
    "field without a value": (
        "### a: A\n- Acceptance:\n\n- it holds\n",
        ["r.md:2:3: `Acceptance` says nothing; give it a value or remove the line"],
    ),
    "field twice": (
        "### a: A\n- Paths: x\n- path: y\n",
        ["r.md:3:3: `path` is given twice, first in line 2; put all in one"],
    ),
    "lane and lanes": (
        "### a: A\n- Lane: x\n- Lanes: y, z\n",
        ["r.md:3:3: give `Lane`, or `Lanes` for work across several, not both"],
    ),
    "tier": (
        "### a: A\n- Tier: safty\n",
        ["r.md:2:9: a tier is `safety`, `validity`, `execution` or `strategy`, not `safty` (did you mean `safety`?)"],
    ),
    "priority": (
        "### a: A\n- Priority: high\n",
        ["r.md:2:13: a priority is a whole number from -1000000 to 1000000, not `high`"],
    ),
    "need that is no name": (
        "### a: A\n- Needs: b, Order Firewall\n",
        ["r.md:2:13: `Order Firewall` (did you mean `order-firewall`?) is no name: lowercase letters, digits and `-`"],
    ),
    "two commands of one name": (
        "### a: A\n- Validation:\n  - t: x\n  - t: y\n",
        ["r.md:4:5: two commands are called `t`; give this one another name"],
    ),
    "name that is none": (
        "### Order_Firewall: A\n- Lane: x\n",
        ["r.md:1:5: `Order_Firewall` is no name: lowercase letters, digits and `-`; write `order-firewall`"],
    ),
    "name that is too long": (
        f"### {'a' * 57}: A\n- Lane: x\n",
        [f"r.md:1:5: `{'a' * 57}` is longer than 56 characters; write `{'a' * 56}`"],
    ),
    "no title": (
        "### a:\n- Lane: x\n",
        ["r.md:1:5: `a` has no title; write `### a: what it does`"],
    ),
    "heading without a name": (
        "### Order firewall\n- Lane: x\n- Paths: y\n",
        ["r.md:1:5: fields below a heading that begins no item; write `### order-firewall: Order firewall`"],
    ),
    "heading of the wrong level": (
        "# a: A\n- Lane: x\n- Paths: y\n",
        ["r.md:1:3: fields below a heading that begins no item; write `## a: A`"],
    ),
    "fields before any heading": (
        "- Lane: x\n- Paths: y\n",
        ["r.md:1:3: fields before the first heading; an item begins with a heading such as `### name: Title`"],
    ),
    "nothing": (
        "# Roadmap\n\nWords.\n",
        [
            "r.md:1:1: no item found: an item begins with a heading such as `### order-firewall: Order firewall`; "
            "`interlock plan --template` prints an example"
        ],
    ),
    "fence never closed": (
        "### a: A\n- Lane: x\n\n```sh\n### b: B\n",
        ["r.md:4:1: this code fence is never closed, so the rest of the file is code; close it with ```"],
    ),
    "control character": (
        "\ufeff### a: A\r\n- Objective: \x1b[31m\r\n",
        ["r.md:2:14: the text holds the control character U+001B; remove it"],
    ),
    "comment never closed": (
        "### a: A\n- Lane: x\n<!-- so\n### b: B\n",
        ["r.md:3:1: this comment is never closed, so the rest of the file is a comment; close it with `-->`"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_in_its_place_with_its_remedy(name: str) -> None:
    text, expected = MISTAKES[name]
    assert said(text) == expected
    assert all(problem.severity is Severity.ERROR for problem in read_strict(text, "r.md").problems)


def test_a_field_below_the_text_is_a_warning_and_stays_text() -> None:
    read = read_strict("### a: A\n- Lane: x\n\nText.\n\n- Paths: y\n", "r.md")
    assert [(str(p), p.severity) for p in read.problems] == [
        ("r.md:6:3: `Paths` stands below free text and is read as text; move it above the text", Severity.WARNING)
    ]
    assert (read.items[0].paths, read.items[0].text) == ((), "Text.\n\n- Paths: y")


def test_one_field_like_line_in_prose_is_only_a_warning() -> None:
    (problem,) = read_strict("# Roadmap\n- Roadmap: ours\n## a: A\n- Lane: x\n", "r.md").problems
    assert (problem.line, problem.severity) == (1, Severity.WARNING)


def test_mistakes_in_every_item_come_together_and_the_rest_is_read() -> None:
    text = "### a: A\n- Tier: x\n- Lane: l\n### B: B\n- Lane: l\n### c: C\n- Nonsense: 1\n- Paths: p\n"
    read = read_strict(text, "r.md")
    assert [(problem.line, problem.code) for problem in read.problems] == [
        (2, "BadValue"),
        (4, "BadName"),
        (7, "UnknownField"),
    ]
    assert [(item.name, words(item.lanes), words(item.paths)) for item in read.items] == [
        ("a", ["l"], []),
        ("b", ["l"], []),
        ("c", [], ["p"]),
    ]


PIECES = [
    "### a: A\n",
    "## b: B\n",
    "# c\n",
    "- Lane: x\n",
    "- Paths: `a`, b\n",
    "  - v\n",
    "-\n",
    "- \n",
    "\n",
    "text\n",
    "```\n",
]
PIECES += [
    "<!--",
    "-->",
    "- Objective:\n",
    "**",
    "`",
    "[x] ",
    "✅",
    ": ",
    "\t- t\n",
    "  more\n",
    "- Needs: a,\n",
    "***\n",
    "~~~~\n",
    "\r",
    "1. x\n",
]
PIECES += [
    "- Validation: u: `x`\n",
    "- Tier: safety\n",
    "- Priority: 1\n",
    "\x00",
    "\ud800",
    "  ```\n",
    "#### \n",
    "- k: v\n",
    "#" * 9 + "\n",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=30).map("".join))
def test_no_text_makes_reading_raise(text: str) -> None:
    read = read_strict(text, "r.md")
    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in read.problems)
    assert all(1 <= item.line <= lines for item in read.items)


@pytest.mark.parametrize(
    "text",
    [
        "### a:" + " " * 200_000 + "✅",
        "# " + " #" * 100_000 + "x",
        "### a: A\n- Validation:\n" + "  - make x\n" * 20_000,
        "### a: A\n- Paths: " + "[," * 100_000,
        "<!-- " + "".join("`" * (at % 50) + " " for at in range(8_000)),
        "### a: A\n" + "- Foo: x\n" * 20_000,
    ],
    ids=["blanks", "marks", "commands", "brackets", "backticks", "unknown fields"],
)
def test_no_shape_of_text_takes_longer_than_its_length_explains(text: str) -> None:
    # What tries every pair of places takes minutes here; the slowest of these takes a second on a busy machine.
    begin = time.process_time()
    read_strict(text, "r.md")
    assert time.process_time() - begin < 10
