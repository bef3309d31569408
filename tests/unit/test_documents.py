"""Documents in files: every mistake at once, in its place, with its remedy; never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.adapters.documents import load, load_bytes
from orchestrator.adapters.documents.tree import read_trees
from orchestrator.core.validate import breaks_schema
from orchestrator.errors import Severity
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Barrier, MergeTrain
from tests.unit.document_texts import CONTRACT, LANE, MISTAKES, PROVIDER, SPEC, TRAIN, said


def test_the_documents_of_the_contract_are_read_as_objects_with_their_lines() -> None:
    loaded = load_bytes(CONTRACT.encode(), "interlock.yaml")
    assert loaded.problems == ()
    assert loaded.dangling() == ()
    assert [(type(each.resource), each.resource.name, each.line) for each in loaded.objects] == [
        (MergeTrain, "main", 2),
        (AgentProvider, "scripted", 19),
        (Lane, "trading", 28),
        (ImplementationSpec, "order-firewall", 39),
    ]
    spec = loaded.objects[3].resource
    assert isinstance(spec, ImplementationSpec)
    assert (spec.spec.tier, spec.spec.safety_gates.paper_only) == (Tier.SAFETY, True)
    assert loaded.objects[3].line_of(("spec", "validation", 0, "timeout")) == 50


def test_off_is_a_word() -> None:
    (train,) = load_bytes((TRAIN + "spec: {tierBarrier: off, speculation: off}\n").encode(), "x").resources
    assert isinstance(train, MergeTrain)
    assert train.spec.tier_barrier is Barrier.OFF


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_in_its_place_with_its_remedy(name: str) -> None:
    text, expected = MISTAKES[name]
    assert said(text) == expected
    assert all(breaks_schema(problem) for problem in load_bytes(text.encode(), "x").problems)


@pytest.mark.parametrize("name", MISTAKES)
def test_line_ends_of_another_system_change_no_place(name: str) -> None:
    text, expected = MISTAKES[name]
    assert said("\ufeff" + text.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "{adapter: codex}",
            "x.yaml:4:8: the adapter `codex` is not built yet; use `adapter: command` and name a program in `command`",
        ),
        (
            "{adapter: command, command: [x], sandbox: landlock}",
            "x.yaml:4:40: the sandbox `landlock` is not built yet; use `auto`, which contains processes but not files",
        ),
    ],
)
def test_what_is_not_built_yet_is_refused_but_breaks_no_schema(spec: str, expected: str) -> None:
    (problem,) = load_bytes(f"{PROVIDER}spec: {spec}\n".encode(), "x.yaml").problems
    assert str(problem) == expected
    assert problem.severity is Severity.ERROR and not breaks_schema(problem)


def test_what_is_legal_but_seldom_meant_is_a_warning() -> None:
    loaded = load_bytes((LANE + 'spec: {own: ["src/{a,b}/**"]}\n').encode(), "x.yaml")
    assert [problem.severity for problem in loaded.problems] == [Severity.WARNING]
    assert loaded.errors == () and len(loaded.objects) == 1


def test_mistakes_in_every_document_of_every_file_come_together(tmp_path: Path) -> None:
    (tmp_path / "lanes" / "deep").mkdir(parents=True)
    (tmp_path / "b.yaml").write_text(f"{LANE}spec: {{}}\n---\na: b: c\n---\n{TRAIN}spec: {{runs: x, windw: 1}}\n")
    (tmp_path / "lanes" / "deep" / "a.yml").write_text(LANE + "spec: {maxRuns: 0}\n")
    (tmp_path / "lanes" / "c.json").write_text('{"apiVersion": "interlock.dev/v1alpha1",\n\t"kind": "Lan"}')
    (tmp_path / "lanes" / "notes.txt").write_text("no document")
    (tmp_path / "lanes" / ".hidden.yaml").write_text("no document")
    loaded = load([tmp_path / "b.yaml", tmp_path / "lanes", tmp_path / "gone"])
    places = [(Path(p.path).name, p.line, p.column, p.code) for p in loaded.problems]
    assert places == [
        ("b.yaml", 6, 5, "Syntax"),
        ("b.yaml", 11, 14, "WrongType"),
        ("b.yaml", 11, 17, "UnknownField"),
        ("c.json", 2, 10, "UnknownKind"),
        ("a.yml", 4, 17, "BadValue"),
        ("gone", 0, 0, "NotFound"),
    ]
    assert [each.resource.name for each in loaded.objects] == ["trading"]


def test_a_broken_field_does_not_hide_what_is_wrong_beside_it() -> None:
    text = LANE + 'spec:\n  maxRuns: x\n  own: ["/a"]\n  gates: [{name: t, run: a}, {name: t, run: b, tmeout: 1s}]\n'
    assert [problem.code for problem in load_bytes(text.encode(), "x").problems] == [
        "WrongType",
        "BadPattern",
        "DuplicateGate",
        "UnknownField",
    ]


def test_an_object_defined_in_two_files_names_both(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(f"# a lane\n{LANE}spec: {{}}\n")
    (problem,) = load([tmp_path]).problems
    what = f"Lane `trading` is also defined in {tmp_path / 'a.yaml'}:2; keep one of them"
    assert (problem.path, problem.line, problem.message) == (str(tmp_path / "b.yaml"), 4, what)


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{LANE}spec: {{}}\n")
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    loaded = load([tmp_path, tmp_path / "a.yaml", tmp_path / "link.yaml"])
    assert (len(loaded.objects), loaded.problems) == (1, ())


def test_what_is_no_readable_file_is_said_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    (tmp_path / "binary.yaml").write_bytes(b"a: 1\nb: \0\1\2")
    (tmp_path / "latin.yaml").write_bytes("a: x\nb: é".encode("latin-1"))
    (tmp_path / "wide.yaml").write_bytes("a: 1".encode("utf-16"))
    (tmp_path / "bell.yaml").write_bytes(b"a: 1\nb: \x07")
    (tmp_path / "large.yaml").write_bytes(b"#" * (5 << 20))
    found = {Path(p.path).name: (p.line, p.column, p.code) for p in load(sorted(tmp_path.iterdir())).problems}
    assert found == {
        "pipe.yaml": (0, 0, "NotAFile"),
        "loop.yaml": (0, 0, "Unreadable"),
        "dangling.yaml": (0, 0, "NotFound"),
        "binary.yaml": (2, 4, "Binary"),
        "latin.yaml": (2, 4, "Encoding"),
        "wide.yaml": (1, 1, "Encoding"),
        "bell.yaml": (2, 4, "Binary"),
        "large.yaml": (0, 0, "TooLarge"),
    }


def test_empty_documents_and_lists_of_objects_are_fine() -> None:
    assert load_bytes(b"", "x").problems == ()
    text = f"---\n# nothing\n---\n...\n%YAML 1.2\n---\n{LANE}spec: {{}}\n--- ~\n"
    assert [each.line for each in load_bytes(text.encode(), "x").objects] == [7]
    listed = "apiVersion: v1\nkind: List\nitems:\n- " + (LANE + "spec: {}\n").replace("\n", "\n  ") + "\n"
    assert [each.line for each in load_bytes(listed.encode(), "x").objects] == [4]


def test_names_that_nobody_bears_are_found_across_documents() -> None:
    text = (
        SPEC.replace("order-firewall", "a")
        + "spec:\n  summary: x\n  lane: tradin\n  paths: [x]\n  agent: codex\n  train: mian\n  dependsOn: [b, c]\n---\n"
        + SPEC.replace("order-firewall", "b")
        + "spec: {summary: x, lane: trading, paths: [x], dependsOn: [a, landed]}\n---\n"
        + f"{LANE}spec: {{agent: robot}}\n---\n{TRAIN}spec: {{}}\n"
    )
    found = load_bytes(text.encode(), "x").dangling(known=[("ImplementationSpec", "landed")])
    assert [str(problem) for problem in found] == [
        "x:6:3: spec `a`: works in the lane `tradin` (did you mean `trading`?), which is no Lane here; "
        "define the lane or name another",
        "x:8:3: spec `a`: is run by `codex`, which is no AgentProvider here; define the provider or name another",
        "x:9:3: spec `a`: lands through the train `mian` (did you mean `main`?), which is no MergeTrain here; "
        "define the train or name another",
        "x:10:15: spec `a`: can never start: a → b → a; drop one of these needs",
        "x:10:18: spec `a`: needs `c`, which is no ImplementationSpec here; add it or drop the need",
        "x:20:8: lane `trading`: is run by `robot`, which is no AgentProvider here; "
        "define the provider or name another",
    ]
    assert not any(breaks_schema(problem) for problem in found)


def test_argv_that_exists_beside_the_document_becomes_absolute(tmp_path: Path) -> None:
    (tmp_path / "agent.sh").write_text("")
    (tmp_path / "p.yaml").write_text(PROVIDER + 'spec: {adapter: command, command: [sh, agent.sh, -x, ., "gone.sh"]}\n')
    (each,) = load([tmp_path]).objects
    provider = each.anchored()
    assert isinstance(provider, AgentProvider)
    assert provider.spec.command == ("sh", str(tmp_path / "agent.sh"), "-x", ".", "gone.sh")


@pytest.mark.parametrize(
    "word", ["yes", "off", "1_000", "0b1", "012", "1:30", "2001-01-01", "=", "0x", "1e", ".", "nul"]
)
def test_only_the_words_of_the_core_schema_mean_something_else_than_themselves(word: str) -> None:
    (tree,) = read_trees(f"a: {word}\n", "x")[0]
    assert tree.plain() == {"a": 12 if word == "012" else word}
