"""Whatever a document holds, it is read: nothing raises, names are names, places are places, nothing renames."""

from __future__ import annotations

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.adapters.documents import decode
from orchestrator.core.plan import Document, PlanResult, plan_documents
from orchestrator.core.roadmap import Read, read
from orchestrator.core.validate import SPEC_NAME_MAX, is_name

PIECES = [
    *(
        "# Roadmap\n",
        "## Phase 1: Start\n",
        "### 1.2 Part (Lane A) ✅\n",
        "## Lanes\n",
        "## Merge order\n",
        "Title\n=====\n",
    ),
    *(
        "## Completed\n",
        "### Target Files\n",
        "**D.O.D:**\n",
        "Acceptance:\n",
        "Depends on: Phase 1\n",
        "Owns: `a/**`\n",
    ),
    *("- [ ] thing `src/a.py` (Lane A + Lane C)\n", "- [x] ~~done~~ thing\n", "* ✅ x: y\n", "1. step\n"),
    *("  - Owns: `a/**`, b\n", "- Lane A: Core\n", "    - nested\n", "\t- tab\n", "> quote\n"),
    *("- Merge in order: safety first → strategy last\n", "| Task | Status |\n|---|---|\n| a | done |\n"),
    *("| Milestone | Exit |\n|-|-|\n", "|x|\n", "```\n", "~~~\n", "<!--", "-->", "<div>\n", "</div>\n", "---\n", "\n"),
    *(
        "text\n",
        "‚úÖ ",
        "FÃ¼r ",
        "\r",
        "\u2028",
        "\x00",
        "\x1b[31m",
        "\ud800",
        "{{ x }}",
        "{#n}",
        "### a: A\n- Lane: x\n",
    ),
    *("- Files: `{a,b}/c.py`, [x\n", "(depends on thing)", "**bold**", "`", "[", "(", ")", "M1: ", "#12 "),
]
DOCUMENTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=24).map("".join)


def checked(text: str) -> tuple[Read, PlanResult]:
    """Return what is read and planned of the text, after every promise was held against it."""
    found = read(text, "r.md")
    lines = text.count("\n") + text.count("\r") + 1
    assert all(0 < problem.line <= lines and problem.column > 0 for problem in found.problems)
    for item in found.items:
        assert is_name(item.name) and len(item.name) <= SPEC_NAME_MAX
        said = (*item.lanes, *item.paths, *item.needs, *item.acceptance, *item.candidates, *item.out_of_scope)
        assert all(0 < each.line <= lines for each in said)
        assert 0 < item.line <= lines and all(0 < line <= lines for line in item.lines.values())
        assert item.summary
    loose = [item.name for item in found.items if item.is_loose]
    assert len(set(loose)) == len(loose)
    result = plan_documents([Document("r.md", found)])
    json.dumps([result.document(), *(item.draft() for item in result.items)])
    return found, result


@given(DOCUMENTS)
def test_no_text_makes_reading_or_planning_raise(text: str) -> None:
    checked(text)


@given(st.binary(max_size=200) | DOCUMENTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_plan_raise(data: bytes) -> None:
    text, problems = decode(data, "r.md")
    assert (text is None) == bool(problems)
    if text is not None:
        checked(text)


WORDS = st.text(alphabet="abcdefghij", min_size=4, max_size=9)
TITLES = st.lists(st.lists(WORDS, min_size=2, max_size=5).map(" ".join), min_size=2, max_size=7, unique=True)


@given(TITLES, st.data())
def test_editing_one_place_renames_nothing_elsewhere(titles: list[str], data: st.DataObject) -> None:
    assume(len({title.split()[0] for title in titles}) == len(titles))

    def names(of: list[str], intro: str = "") -> dict[str, str]:
        text = f"# Roadmap\n\n{intro}\n\n## Phase 1\n\n" + "".join(f"- {title.capitalize()}\n" for title in of)
        found = read(text, "r.md").items
        assert [item.summary.casefold() for item in found] == of
        return {item.summary.casefold(): item.name for item in found}

    before = names(titles)
    dropped = data.draw(st.sampled_from(titles))
    without = names([title for title in titles if title != dropped], intro="Other words, in another number of lines.\n")
    moved = names(list(data.draw(st.permutations(titles))))
    assert moved == before
    assert without == {title: name for title, name in before.items() if title != dropped}
