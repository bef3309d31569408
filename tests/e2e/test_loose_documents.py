"""Documents that people wrote for people, through the command line: lanes imported, plans made, trouble named."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.adapters.documents import load
from orchestrator.model.lane import Lane
from tests.e2e.cli_world import Shop, shop

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "loose"
GUIDE = (GOLDEN / "agent-swarm-implementation-guide.md").read_text(encoding="utf-8")


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def lanes_in(folder: Path) -> dict[str, tuple[str, ...]]:
    loaded = load([folder])
    assert loaded.problems == ()
    return {each.name: each.spec.own for each in loaded.resources if isinstance(each, Lane)}


def test_the_guides_five_lanes_become_files_and_the_inner_lane_owns_its_part(world: Shop) -> None:
    world.write("guide.md", GUIDE)
    done = world.ask("lanes", "import", "guide.md", "--out", "new")
    assert done.code == 0
    assert sorted(lanes_in(world.root / "new")) == ["lane-a", "lane-b", "lane-c", "lane-d", "lane-e"]
    assert lanes_in(world.root / "new")["lane-b"] == (
        "services/dorvud/technical-analysis-flink/**",
        "argocd/applications/torghut/ta/**",
    )
    path = "argocd/applications/torghut/ta/job.yaml"
    assert world.ask("lanes", "explain", path, "-f", "new", "-o", "json").document["owner"] == "lane-b"
    beside = "argocd/applications/torghut/tables.yaml"
    assert world.ask("lanes", "explain", beside, "-f", "new", "-o", "json").document["owner"] == "lane-c"
    # What is no path is a listed gap: with its line in what is printed, and where a person will look for it.
    assert "guide.md:59:1: warning: lane `lane-b`: `ClickHouse DDL sources` is no path" in done.err
    assert "TO DECIDE (line 59): 'ClickHouse DDL sources'" in (world.root / "new/lane-b.yaml").read_text()


def test_an_import_says_in_json_what_it_found_and_writes_nothing_without_a_folder(world: Shop) -> None:
    world.write("guide.md", GUIDE)
    before = sorted(world.root.rglob("*"))
    document = world.ask("lanes", "import", "guide.md", "-o", "json").document
    assert [(lane["name"], lane["line"], len(lane["gaps"])) for lane in document["lanes"]] == [
        ("lane-a", 55, 0),
        ("lane-b", 58, 1),
        ("lane-c", 61, 0),
        ("lane-d", 64, 1),
        ("lane-e", 67, 2),
    ]
    assert [(one["a"]["lane"], one["b"]["lane"], one["owner"]) for one in document["overlaps"]] == [
        ("lane-b", "lane-c", "lane-b")
    ]
    assert {problem["severity"] for problem in document["problems"]} == {"warning"}
    assert sorted(world.root.rglob("*")) == before


def test_an_import_never_overwrites_what_a_person_changed(world: Shop) -> None:
    world.write("guide.md", GUIDE)
    assert world.ask("lanes", "import", "guide.md", "--out", "new").code == 0
    commented = "# ours\n" + (world.root / "new/lane-a.yaml").read_text()
    world.write("new/lane-a.yaml", commented)
    world.write("new/lane-c.yaml", (world.root / "new/lane-c.yaml").read_text().replace("kubernetes/", "k8s/"))
    world.write("new/lane-d.yaml", "no lane at all")
    (world.root / "new/lane-e.yaml").unlink()
    refused = world.ask("lanes", "import", "guide.md", "--out", "new")
    assert refused.code == 1
    assert "new/lane-c.yaml, new/lane-d.yaml already there and different; nothing was written" in refused.err
    assert not (world.root / "new/lane-e.yaml").exists()
    assert world.ask("lanes", "import", "guide.md", "--out", "new", "--force").code == 0
    assert sorted(lanes_in(world.root / "new")) == ["lane-a", "lane-b", "lane-c", "lane-d", "lane-e"]
    assert (world.root / "new/lane-a.yaml").read_text() == commented, "it says the same, so it is left alone"


def test_an_import_defines_no_lane_twice(world: Shop) -> None:
    world.write("guide.md", GUIDE)
    world.write(
        "new/all.yaml", "apiVersion: interlock.dev/v1alpha1\nkind: Lane\nmetadata: {name: lane-d}\nspec: {own: [x]}\n"
    )
    refused = world.ask("lanes", "import", "guide.md", "--out", "new")
    assert (refused.code, "new/all.yaml: lane `lane-d` is defined here already" in refused.err) == (1, True)
    assert [path.name for path in (world.root / "new").iterdir()] == ["all.yaml"]


def test_lanes_that_contradict_each_other_are_refused_with_a_witness(world: Shop) -> None:
    world.write("doc.md", "# Lanes\n- Lane A: One\n  - Owns: `src/*/x/**`\n- Lane B: Two\n  - Owns: `src/y/**`\n")
    refused = world.ask("lanes", "import", "doc.md", "--out", "new", "-o", "json")
    assert refused.code == 1
    (problem,) = [each for each in refused.document["problems"] if each["severity"] == "error"]
    assert (problem["path"], problem["line"], problem["witness"]) == ("doc.md", 4, "src/y/x/x")
    assert not (world.root / "new").exists()


def test_a_document_without_lanes_is_refused_with_an_example(world: Shop) -> None:
    world.write("doc.md", "# Words\n\nNothing here.\n")
    refused = world.ask("lanes", "import", "doc.md")
    assert (refused.code, "a lane is a line such as `Lane A: Trading core`" in refused.err) == (1, True)


def test_the_lanes_of_the_repository_count_before_those_of_the_document(world: Shop) -> None:
    # `Lane A` is the lane that owns what the guide gives to it, whatever that is called here.
    world.write("guide.md", GUIDE)
    for path in (world.root / "lanes").iterdir():
        path.unlink()
    for name, own in {
        "trading-core": "services/torghut/app/trading/**', 'services/torghut/app/config.py', "
        "'services/torghut/tests/**",
        "gitops": "argocd/**', 'kubernetes/**', 'charts/**",
        "d": "packages/scripts/**",
    }.items():
        text = f"apiVersion: interlock.dev/v1alpha1\nkind: Lane\nmetadata: {{name: {name}}}\nspec: {{own: ['{own}']}}\n"
        world.write(f"lanes/{name}.yaml", text)
    done = world.ask("plan", "guide.md", "-o", "json")
    assert done.code == 0
    assert [item["lanes"] for item in done.document["items"]] == [
        ["trading-core", "gitops"],
        ["trading-core"],
        ["d"],
        ["trading-core"],
    ]


UNREADABLE = {
    "a folder": (None, 2, "is a folder"),
    "UTF-16": ("# Plan\n- [ ] x\n".encode("utf-16"), 2, "is UTF-16; save it as UTF-8"),
    "wrong bytes": (b"# Plan\n\n- [ ] caf\xe9\n", 2, "doc.md:3:10: byte 0xe9 is not UTF-8"),
    "a binary": (b"\x7fELF\x02\x01\x01\x00\x00", 2, "holds a NUL byte"),
    "nothing": (b"", 1, "no item found"),
    "a web page": (
        b"<!DOCTYPE html>\n<html><body><h2>Phase 1</h2><ul><li>x</li></ul></body></html>",
        1,
        "this is HTML",
    ),
    "too much": (b"- [ ] x\n" * (2 << 20) + b"-", 2, "is larger than 16 MiB"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_roadmap_is_refused_in_one_line(world: Shop, what: str) -> None:
    data, code, said = UNREADABLE[what]
    if data is None:
        (world.root / "doc.md").mkdir()
    else:
        (world.root / "doc.md").write_bytes(data)
    done = world.ask("plan", "doc.md", "--out", "new", "-o", "json")
    assert (done.code, done.document["items"]) == (code, [])
    assert said in done.err and "Traceback" not in done.err
    assert not (world.root / "new").exists()


def test_a_loose_plan_says_what_was_found_what_is_missing_and_what_is_next(world: Shop) -> None:
    for path in (world.root / "lanes").iterdir():
        path.unlink()
    world.write("guide.md", GUIDE)
    done = world.ask("plan", "guide.md")
    assert done.out.splitlines() == [
        "WAVE  ITEM                             TIER       LANE            MISSING",
        "   1  order-firewall-module            safety     lane-a, lane-c",
        "   1  cost-model-mvp                   validity   lane-a",
        "   1  replay-sim-harness-skeleton      execution  lane-d",
        "   1  research-ledger-schema-ci-gates  execution  lane-a",
        "",
        "Every one of the 4 open items lacks: objective, paths, acceptanceCriteria, validation",
        "",
        "guide.md:55: describes 5 lanes: lane-a (Trading service core), lane-b (Data / TA / features), "
        "lane-c (Infra + GitOps), lane-d (Research harness + scripts), lane-e (Observability + runbooks)",
        "guide.md:87: 4 guardrails, told to every item: Paper trading is the default. Do not introduce live enablement "
        "paths without explicit gates. …",
    ]
    assert done.err.splitlines()[-1] == "Next: interlock lanes import guide.md --out lanes/"


def test_drafts_of_a_loose_plan_keep_the_documents_words_for_a_person_to_complete(world: Shop) -> None:
    world.write("doc.md", "## Phase 1\n\n- [ ] Say hello (Lane A)\n  - Files: `src/a/hello.txt`\n")
    assert world.ask("plan", "doc.md", "--out", "new").code == 0
    text = (world.root / "new/say-hello.yaml").read_text()
    assert "lane: a\n" in text and "src/a/hello.txt" in text


def test_drafts_of_the_guide_hold_what_it_says_and_ask_for_the_rest(world: Shop) -> None:
    for path in (world.root / "lanes").iterdir():
        path.unlink()
    world.write("guide.md", GUIDE)
    assert world.ask("plan", "guide.md", "--out", "new").code == 0
    text = (world.root / "new/order-firewall-module.yaml").read_text()
    assert "tier: safety\n" in text and "credentials: unchanged" in text and "lane-c" in text
    assert "paths" in text.partition("apiVersion:")[0], "what is missing is asked for in front"
    assert world.ask("plan", "guide.md", "--out", "new", "--check").code == 1
