"""Documents in loose form, read line by line as a person would: every item with its lane, tier, gaps and why.

The two roadmaps are the project's own; the others are written in the manner of people who have never heard of it. After
a change that is meant, write the files anew with `python -m tests.unit.test_loose_golden` and read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.documents import read_text
from orchestrator.core.plan import Document, PlanResult, plan_documents
from orchestrator.core.roadmap import read

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "loose"
DOCUMENTS = sorted(path.stem for path in GOLDEN.glob("*.md"))


def planned(name: str) -> PlanResult:
    """Return the plan of a golden document in a repository without lanes."""
    text, problems = read_text(GOLDEN / f"{name}.md")
    assert text is not None and problems == []
    return plan_documents([Document(f"{name}.md", read(text, f"{name}.md"))])


def as_json(result: PlanResult) -> str:
    return json.dumps(result.document(), indent=1, ensure_ascii=False) + "\n"


def brief(result: PlanResult) -> dict[str, Any]:
    """Return what the tables below say of each item: done, lanes, tier as said (not the default), paths, candidates."""
    return {
        each.item.name: (
            each.item.line,
            "done" if each.item.done else "open",
            [lane.text for lane in each.item.lanes],
            each.item.tier and str(each.item.tier),
            list(each.missing),
        )
        for each in result.items
    }


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_plan_of_a_loose_document_is_the_golden_one_byte_for_byte(name: str) -> None:
    assert as_json(planned(name)) == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


FOUR = ["objective", "paths", "acceptanceCriteria", "validation"]
FIVE = [*FOUR, "lane"]


def test_the_guides_first_wave_is_its_work_and_nothing_else_in_it_is() -> None:
    result = planned("agent-swarm-implementation-guide")
    # Only `Suggested First Swarm Wave` says that what it lists is work. `Swarm Model` describes, `Work Item Template`
    # is an example, `How To Operationalize` is a procedure. The lanes are the brackets' own words. Order of merging
    # (lines 101-104): "order firewall" is in line 101's list (safety), "cost model" in line 102's (validity). No line
    # names a replay harness or a research ledger: "strategy expansions" is not "strategy edits". So these two have no
    # tier of their own and plan as execution, the default. No item says how it is accepted, proved, or which files it
    # writes.
    assert brief(result) == {
        "order-firewall-module": (108, "open", ["lane-a", "lane-c"], "safety", FOUR),
        "cost-model-mvp": (109, "open", ["lane-a"], "validity", FOUR),
        "replay-sim-harness-skeleton": (110, "open", ["lane-d"], None, FOUR),
        "research-ledger-schema-ci-gates": (111, "open", ["lane-a"], None, FOUR),
    }
    (document,) = result.documents
    assert [(lane.name, lane.title, [path.text for path in lane.paths]) for lane in document.read.lanes] == [
        (
            "lane-a",
            "Trading service core",
            ["services/torghut/app/trading/**", "services/torghut/app/config.py", "services/torghut/tests/**"],
        ),
        (
            "lane-b",
            "Data / TA / features",
            ["services/dorvud/technical-analysis-flink/**", "argocd/applications/torghut/ta/**"],
        ),
        ("lane-c", "Infra + GitOps", ["argocd/applications/torghut/**", "kubernetes/**", "charts/**"]),
        ("lane-d", "Research harness + scripts", ["packages/scripts/**"]),
        ("lane-e", "Observability + runbooks", ["docs/torghut/**"]),
    ]
    # What the guide gives to lanes in words is a gap for a person to close, not a guess.
    assert [(gap.text, gap.line) for lane in document.read.lanes for gap in lane.gaps] == [
        ("ClickHouse DDL sources", 59),
        ("new replay/sim harness modules", 65),
        ("dashboards manifests (if present)", 68),
        ("alert rules", 68),
    ]
    # The guardrails of lines 87-90 hold for every item: two of them are gates that a spec has.
    assert [said.line for said in document.read.guardrails] == [87, 88, 89, 90]
    assert {tuple((gate, said.line) for gate, said in each.item.safety_gates) for each in result.items} == {
        (("paperOnly", 87), ("credentials", 89))
    }
    assert not result.has_errors


def test_the_roadmap_has_four_open_items_and_fifteen_done_ones() -> None:
    result = planned("implementation-roadmap")
    # Every bullet below a phase is an item. `‚úÖ` is a check mark that went through the wrong alphabet, `‚Äî` a dash
    # and `üîú` a "soon" mark: repaired, and said. Phase 0 has no mark at all, so nobody has said that it is done,
    # though the phases behind it are. `Dependencies & Risks` is no work. The milestones are checked, not worked on:
    # their criteria belong to no bullet, so no bullet gets them. Files that an item mentions are candidates, never
    # claims.
    assert [each.item.line for each in result.items if not each.item.done] == [8, 9, 10, 34]
    done = [each.item.line for each in result.items if each.item.done]
    assert done == [13, 14, 15, 16, 17, 20, 21, 22, 25, 26, 27, 28, 31, 32, 33]
    assert all(each.missing == (() if each.item.done else tuple(FIVE)) for each in result.items)
    assert all(each.item.tier is None and not each.item.lanes and not each.item.paths for each in result.items)
    (document,) = result.documents
    assert [point.title.partition(":")[0] for point in document.read.checkpoints] == ["M1", "M2", "M3", "M4", "M5"]
    (repaired,) = result.problems
    assert (repaired.code, repaired.line) == ("Repaired", 7)
    (readiness,) = [each for each in result.items if each.item.line == 34]
    assert (readiness.item.summary.partition(":")[0], [each.path for each in readiness.candidates]) == (
        "Post-phase readiness",
        ["docs/READINESS_CHECKLIST.md"],
    )


def test_rows_of_a_milestone_table_are_items_where_nothing_else_is_the_work() -> None:
    result = planned("milestone-table")
    # Each row has files, a status, criteria: work, not a check of other work. `T1` is what people call it, so that is
    # its name, and a reworded title keeps it. Issues have no such key (`#57` is a number of the tracker): their names
    # are their titles. The check box and the `Done` cell say done; `In progress`, `Planned` and `Not started` do not.
    # Risks and glossary are no work. `(depends on T2)` is the need of #57. A file that #60 mentions is a candidate.
    assert brief(result) == {
        "t1": (7, "done", [], None, []),
        "t2": (8, "open", [], None, ["objective", "validation", "lane"]),
        "t3": (9, "open", [], None, ["objective", "validation", "lane"]),
        "t4": (10, "open", [], None, FIVE),
        "pin-base-image": (14, "done", [], None, []),
        "gateway-drops-last-batch-sigterm": (15, "open", [], None, FIVE),
        "document-wire-format": (16, "open", [], None, FIVE),
    }
    by_name = {each.item.name: each for each in result.items}
    assert [path.text for path in by_name["t2"].item.paths] == ["registry/**", "proto/*.proto"]
    assert [said.text for said in by_name["t2"].item.acceptance] == [
        "Incompatible change is refused",
        "old readers keep working",
    ]
    assert [need.text for need in by_name["gateway-drops-last-batch-sigterm"].item.needs] == ["t2"]
    assert [each.path for each in by_name["document-wire-format"].candidates] == ["docs/wire-format.md"]


def test_phases_with_labelled_parts_are_the_items_of_a_proposal() -> None:
    result = planned("rfc-plan")
    # A phase that says its target files is one item, and its D.O.D is how it is accepted. Motivation, design,
    # alternatives and questions are prose; so is the heading in the fence, and the front matter. `Depends on: Phase
    # 1` means the item of that heading. Phase 3 says nothing but what to do and what not: it stays an item, with its
    # gaps. Names leave the phase's number out: inserting a phase renames no other.
    assert brief(result) == {
        "extract-loop": (22, "open", [], None, ["lane"]),
        "socket-protocol": (36, "open", [], None, ["validation", "lane"]),
        "switch-over": (53, "open", [], None, FIVE),
    }
    extract, socket, switch = (each.item for each in result.items)
    assert [path.text for path in extract.paths] == ["internal/sched/loop.go", "internal/sched/loop_test.go"]
    assert [command.run for command in extract.validation] == ["go test ./internal/sched/..."]
    assert [said.text for said in socket.acceptance] == [
        "A frame larger than 1 MiB is refused",
        "Fuzzing for an hour finds nothing",
    ]
    assert [[need.text for need in item.needs] for item in (socket, switch)] == [["extract-loop"], ["socket-protocol"]]
    assert [said.text for said in switch.out_of_scope] == ["Multi-node scheduling"]


def test_a_casual_list_of_things_to_do_is_read_with_its_moods() -> None:
    result = planned("todo")
    # Every first-level line is an item, with a check box or without: NOW and LATER say so. Deeper lines are notes or
    # steps of the line above, also with check boxes. A line that is struck through is no longer to do, and what
    # stands below `done` is done. Faces are no words: they are in no name.
    done = ["upgrade-react-19", "rate-limit-api", "new-landing-page"]
    assert [each.item.name for each in result.items if each.item.done] == done
    assert [each.item.name for each in result.items if not each.item.done] == [
        "fix-flaky-login-test",
        "avatar-upload-500s-5mb",
        "dark-mode",
        "i18n-maybe-fluent",
        "code-split-editor",
        "get-rid-moment-js",
        "pwa",
    ]
    assert {each.path for item in result.items for each in item.candidates} == {
        "tests/test_login.py",
        "src/editor/index.tsx",
    }


def test_a_german_roadmap_with_an_encoding_accident_is_read_and_named_in_ascii() -> None:
    result = planned("fahrplan")
    # Half of its umlauts went through the wrong alphabet, half did not: the first are repaired, the others stay. The
    # milestone's own goal is no item's; `Risiken` and `Offene Fragen` are no work; `(in Arbeit)` is not done.
    assert brief(result) == {
        "mandantenfahige-tabellen": (11, "done", [], None, []),
        "prufprotokoll-alle-buchungen": (12, "done", [], None, []),
        "nachtlicher-lauf-alle-mandanten": (18, "open", [], None, ["objective", "validation", "lane"]),
        "grossenbegrenzung-anhange": (21, "open", [], None, FIVE),
        "pdf-erzeugung": (22, "open", [], None, FIVE),
    }
    nightly, _, pdf = (each.item for each in result.items[2:])
    assert (nightly.summary, nightly.group) == ("Nächtlicher Lauf für alle Mandanten", "Meilenstein 2: Rechnungsläufe")
    assert [path.text for path in nightly.paths] == ["abrechnung/lauf/**"]
    assert [need.text for need in pdf.needs] == ["nachtlicher-lauf-alle-mandanten"]
    assert [problem.code for problem in result.problems] == ["Repaired"]


def test_tasks_of_agents_are_items_in_the_lane_that_the_agent_owns() -> None:
    result = planned("agents")
    # An agent that owns paths is a lane, and the tasks below its heading are its items. Success criteria of an agent
    # hold for each of its tasks. `Integration order` names the tiers, and tasks by phrases of their titles; a task
    # that it does not name has no tier of its own. `Timeline` is no work. "Paper prototypes" is no paper trading.
    criteria = ["objective", "paths", "validation"]
    assert brief(result) == {
        "rest-endpoints-recipes": (14, "open", ["agent-1"], None, criteria),
        "full-text-search": (15, "open", ["agent-1"], "validity", criteria),
        "rate-limiting-middleware": (16, "open", ["agent-1"], "safety", criteria),
        "recipe-list-detail-pages": (26, "open", ["agent-2"], None, FOUR),
        "editor-autosave": (27, "open", ["agent-2"], "execution", FOUR),
        "offline-mode": (28, "open", ["agent-2"], "strategy", FOUR),
        "staging-cluster": (34, "done", ["agent-3"], None, []),
        "production-cluster": (35, "open", ["agent-3"], None, FOUR),
        "nightly-backups": (36, "open", ["agent-3"], None, FOUR),
    }
    assert all(each.item.safety_gates == () for each in result.items)
    assert [problem.code for problem in result.problems] == ["LaneGap"]


if __name__ == "__main__":
    for document_name in DOCUMENTS:
        (GOLDEN / f"{document_name}.json").write_text(as_json(planned(document_name)), encoding="utf-8")
