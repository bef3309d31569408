"""Documents in files: every mistake at once, in its place, with its remedy; never a traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.documents import load, load_bytes, tree
from orchestrator.adapters.documents.tree import read_trees
from orchestrator.core.validate import breaks_schema
from orchestrator.errors import Severity
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Barrier, MergeTrain

HEAD = "apiVersion: interlock.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
TRAIN = HEAD.format(kind="MergeTrain", name="main")
LANE = HEAD.format(kind="Lane", name="trading")
SPEC = HEAD.format(kind="ImplementationSpec", name="order-firewall")
PROVIDER = HEAD.format(kind="AgentProvider", name="scripted")

# The documents of CONTRACT §1, comments included.
CONTRACT = """\
# interlock.yaml: several documents in one file are fine
apiVersion: interlock.dev/v1alpha1
kind: MergeTrain
metadata: {name: main}
spec:
  repository: .                     # a path, or https://github.com/OWNER/NAME
  base: main
  gates: [{name: test, run: "make check", timeout: 5m}]
  runs: 2                           # validations running at once
  window: {start: 4, min: 1, max: 16}
  batch: {max: 1}                   # 1 = no batching
  speculation: bestFirst            # bestFirst | prefix | off
  tierBarrier: strict               # strict | ready | off
  retries: {flaky: 1, infra: 3}
  approvals: {safety: 0, validity: 0, execution: 0, strategy: 0}
  floors: [{paths: ["**/firewall/**"], tier: safety}]
  patch: {maxFiles: 300, maxLines: 10000}
---
apiVersion: interlock.dev/v1alpha1
kind: AgentProvider
metadata: {name: scripted}
spec:
  adapter: command                  # command | codex | claude | opencode
  command: ["sh", "agent.sh"]       # argv, run in the workspace
  env: {allow: [LANG]}
  limits: {timeout: 10m}
---
apiVersion: interlock.dev/v1alpha1
kind: Lane                          # lanes/trading.yaml
metadata: {name: trading}
spec:
  own: ["services/torghut/app/trading/**", "services/torghut/tests/**"]
  shared: ["services/torghut/app/config.py"]
  generated: [{paths: ["services/torghut/requirements.lock"], regenerate: "make lock"}]
  protected: [".github/**"]
  maxRuns: 2
  agent: scripted
---
apiVersion: interlock.dev/v1alpha1
kind: ImplementationSpec            # specs/order-firewall.yaml
metadata: {name: order-firewall}
spec:
  summary: Order firewall and kill switch contract
  objective: Every order passes one gate that can only deny.
  text: "…the prompt, jinja2…"
  lane: trading
  paths: ["services/torghut/app/trading/firewall/**"]
  outOfScope: ["No live trading path"]
  acceptanceCriteria: ["An order without a fresh quote is denied"]
  validation: [{name: unit, run: "pytest -q services/torghut/tests", timeout: 10m}]
  tier: safety                      # safety | validity | execution | strategy
  roadmap: default                  # the barrier holds inside one roadmap
  train: main
  contract: {requiredKeys: [repository, base, head, stage]}
  dependsOn: []
  priority: 0
  safetyGates: {paperOnly: true, credentials: unchanged}
"""


def said(text: str, path: str = "x.yaml") -> list[str]:
    """Return every problem of a file with this text, as a person reads it."""
    return [str(problem) for problem in load_bytes(text.encode(), path).problems]


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


MISTAKES = {
    # name: (text, what is said)
    "unknown field": (
        TRAIN + "spec:\n  gates:\n  - {name: test, runs: make}\n",
        [
            "x.yaml:6:5: `spec.gates[0].run` is missing: the command, such as `make check`",
            "x.yaml:6:18: no field in `spec.gates[0]` is called `runs` (did you mean `run`?); "
            "fields: `couldNotRun`, `inputs`, `name`, `run` and `timeout`",
        ],
    ),
    "field in Python's spelling": (
        LANE + "spec:\n  max_runs: 2\n",
        [
            "x.yaml:5:3: no field in `spec` is called `max_runs` (did you mean `maxRuns`?); "
            "fields: `agent`, `gates`, `generated`, `maxRuns`, `own`, `protected`, `reviewers` and `shared`"
        ],
    ),
    "unknown kind": (
        "apiVersion: interlock.dev/v1alpha1\nkind: Lanes\n",
        [
            "x.yaml:2:7: no kind is called `Lanes` (did you mean `Lane`?); kinds: `Roadmap`, `Lane`, "
            "`ImplementationSpec`, `AgentRun`, `AgentProvider`, `MergeTrain`, `Decision` or `Validation`"
        ],
    ),
    "no kind": (
        "apiVersion: interlock.dev/v1alpha1\nmetadata: {name: x}\n",
        [
            "x.yaml:1:1: `kind` is missing: `Roadmap`, `Lane`, `ImplementationSpec`, `AgentRun`, `AgentProvider`, "
            "`MergeTrain`, `Decision` or `Validation`"
        ],
    ),
    "another project's document": (
        "apiVersion: apps/v1\nkind: Deployment\n",
        ["x.yaml:1:13: apiVersion is `interlock.dev/v1alpha1`, not `apps/v1`: this is no Interlock document"],
    ),
    "another version": (
        LANE.replace("v1alpha1", "v2") + "spec: {}\n",
        ["x.yaml:1:13: apiVersion is `interlock.dev/v1alpha1`, not `interlock.dev/v2`"],
    ),
    "no spec": (
        LANE,
        ["x.yaml:1:1: `spec` is missing: everything but apiVersion, kind and metadata stands below it"],
    ),
    "no name": (
        LANE.replace("{name: trading}", "{}") + "spec: {}\n",
        ["x.yaml:3:1: `metadata.name` is missing: a short name"],
    ),
    "a name that is none": (
        LANE.replace("trading", "Trading_Lane") + "spec: {}\n",
        [
            "x.yaml:3:12: `metadata.name` is a name of lowercase letters, digits and `-`, such as `order-firewall`, "
            "not `Trading_Lane`"
        ],
    ),
    "a spec's name that leaves no room for a run's number": (
        SPEC.replace("order-firewall", "a" * 57) + "spec: {summary: x, lane: a, paths: [x]}\n",
        ["x.yaml:3:12: `metadata.name` is longer than 56 characters"],
    ),
    "number for text": (
        TRAIN + "spec:\n  base: 5\n",
        ["x.yaml:5:9: `spec.base` is a text, not `5`; put quotes around it"],
    ),
    "text for number": (
        TRAIN + "spec:\n  runs: two\n",
        ["x.yaml:5:9: `spec.runs` is a whole number, not `two`"],
    ),
    "quoted number": (
        TRAIN + 'spec:\n  runs: "2"\n',
        ["x.yaml:5:9: `spec.runs` is a whole number, not `2`; remove the quotes"],
    ),
    "number out of bounds": (
        TRAIN + "spec:\n  runs: 0\n  retries: {flaky: 99}\n",
        ["x.yaml:5:9: `spec.runs` is at least 1, not `0`", "x.yaml:6:20: `spec.retries.flaky` is at most 10, not `99`"],
    ),
    "yes for true": (
        TRAIN + "spec:\n  paused: yes\n",
        ["x.yaml:5:11: `spec.paused` is `true` or `false`, not `yes`; write `true`"],
    ),
    "text for list": (
        LANE + "spec:\n  own: src/**\n",
        ["x.yaml:5:8: `spec.own` is a list, not `src/**`; write `[src/**]`"],
    ),
    "list for mapping": (
        TRAIN + "spec:\n  window:\n  - 1\n",
        ["x.yaml:5:3: `spec.window` is a mapping, not a list"],
    ),
    "word outside its list": (
        TRAIN + "spec:\n  speculation: bestfirst\n",
        [
            "x.yaml:5:16: `spec.speculation` is `bestFirst`, `prefix` or `off`, not `bestfirst` "
            "(did you mean `bestFirst`?)"
        ],
    ),
    "duration": (
        PROVIDER + "spec: {adapter: command, command: [x], limits: {timeout: 5 minutes}}\n",
        ["x.yaml:4:58: `spec.limits.timeout` is a span of time such as `90s`, `5m` or `1h30m`, not `5 minutes`"],
    ),
    "no time at all": (
        PROVIDER + "spec: {adapter: command, command: [x], limits: {timeout: 0s}}\n",
        ["x.yaml:4:49: a limit is at least a millisecond and at most a year of 366 days, not `0s`"],
    ),
    "field without value": (
        TRAIN + "spec:\n  gates:\n",
        ["x.yaml:5:3: `spec.gates` has no value; give it one or remove the line"],
    ),
    "empty list where something must be": (
        SPEC + "spec:\n  summary: x\n  lane: a\n  paths: []\n",
        ["x.yaml:7:3: `spec.paths` is empty; it needs at least 1 element"],
    ),
    "key given twice": (
        LANE + "spec:\n  maxRuns: 1\n  maxRuns: 2\n",
        ["x.yaml:6:3: the key `maxRuns` is given twice, first in line 5; keep one of them"],
    ),
    "key that is no text": (
        LANE + "spec:\n  1: x\n",
        ["x.yaml:5:3: the key `1` is no text; put quotes around it"],
    ),
    "key that is a list": (
        LANE + "spec:\n  ? [a]\n  : x\n",
        ["x.yaml:5:5: a key is one word or text, not a mapping or list"],
    ),
    "tab": (
        LANE + "spec:\n\tmaxRuns: 1\n",
        ["x.yaml:5:1: a tab stands where YAML wants spaces; indent with spaces"],
    ),
    "pattern without quotes": (
        LANE + "spec:\n  own:\n    - *.py\n",
        ["x.yaml:6:7: `*.py` names no anchor above it; put quotes around a pattern that begins with `*`"],
    ),
    "pattern with two stars without quotes": (
        LANE + "spec:\n  own:\n    - **/x\n",
        [
            "x.yaml:6:7: `**/x` names no anchor above it; put quotes around a pattern that begins with `*`",
        ],
    ),
    "colon in a text": (
        SPEC + "spec:\n  summary: Firewall: deny\n",
        [
            "x.yaml:5:20: a `:` stands where no value can begin: check the indentation, "
            "and put quotes around text with `: ` in it"
        ],
    ),
    "quote never closed": (
        SPEC + "spec:\n  summary: 'Firewall\n",
        ["x.yaml:5:12: a quote is opened and never closed"],
    ),
    "bracket never closed": (
        LANE + "spec:\n  own: [a, b\n  maxRuns: 2\n",
        ["x.yaml:5:8: a `[` is never closed, or a comma is missing"],
    ),
    "tag": (
        LANE + "spec:\n  own: [!!python/name:os.system x]\n",
        ["x.yaml:5:9: the tag `python/name:os.system` means nothing here; remove it"],
    ),
    "no mapping": (
        "hello\n",
        ["x.yaml:1:1: a document is a mapping with apiVersion, kind, metadata and spec, not `hello`"],
    ),
    "pattern": (
        LANE + 'spec:\n  own: ["/src", "a/b"]\n',
        ["x.yaml:5:9: the pattern `/src`: patterns start at the repository's root; drop the `/` at the beginning"],
    ),
    "two gates of one name": (
        TRAIN + "spec:\n  gates:\n  - {name: t, run: a}\n  - {name: t, run: b}\n",
        ["x.yaml:7:6: two gates have one name; give one of them another (`t`)"],
    ),
    "window": (
        TRAIN + "spec:\n  window: {start: 20}\n",
        ["x.yaml:5:3: a window has min ≤ start ≤ max, not 1 ≤ 20 ≤ 16"],
    ),
    "lane and lanes": (
        SPEC + "spec:\n  summary: x\n  paths: [x]\n  lane: a\n  lanes: [b]\n",
        ["x.yaml:8:3: give `lane`, or `lanes` for work across several, not both"],
    ),
    "no lane": (
        SPEC + "spec:\n  summary: x\n  paths: [x]\n",
        ["x.yaml:4:1: `spec.lane` is missing: the lane whose files it writes (or `lanes`)"],
    ),
    "a summary that would smuggle in trailers": (
        SPEC + 'spec:\n  summary: "x\\n\\nInterlock-Spec: y"\n  paths: [x]\n  lane: a\n',
        ["x.yaml:5:3: `spec.summary` is one line that says what is done"],
    ),
    "control character": (
        SPEC + 'spec:\n  summary: "\\0"\n  paths: [x]\n  lane: a\n',
        ["x.yaml:5:12: a text holds the control character U+0000; remove it"],
    ),
    "command adapter without a command": (
        PROVIDER + "spec: {adapter: command}\n",
        ["x.yaml:4:1: `spec.command` is missing: the program and its arguments, such as `[sh, agent.sh]`"],
    ),
    "twice the same object": (
        LANE + "spec: {}\n---\n" + LANE + "spec: {maxRuns: 2}\n",
        ["x.yaml:8:12: Lane `trading` is also defined in x.yaml:1; keep one of them"],
    ),
}


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


def test_anchors_and_merges_work_and_a_bomb_of_aliases_does_not() -> None:
    text = TRAIN + "spec:\n  gates:\n  - &g {name: a, run: x, timeout: 1m}\n  - {<<: *g, name: b}\n"
    (train,) = load_bytes(text.encode(), "x").resources
    assert isinstance(train, MergeTrain)
    assert [(gate.name, gate.run) for gate in train.spec.gates] == [("a", "x"), ("b", "x")]
    bomb = "a0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [{f'*a{at - 1},' * 9}]\n" for at in range(1, 12))
    assert [problem.code for problem in load_bytes(bomb.encode(), "x").problems] == ["TooLarge"]


def test_documents_without_number_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("---\n" * 50_000) == []
    monkeypatch.setattr(tree, "DOCUMENTS_MAX", 20)
    assert said("--- 1\n" * 21)[-1] == "x.yaml:21:1: holds more than 20 documents; split the file"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "&a [", "{? "])
def test_nesting_without_end_is_cut_off(opening: str) -> None:
    assert len(said(opening * 20_000)) == 1


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


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_reading_raise(data: bytes) -> None:
    load_bytes(data, "x.yaml").dangling()


TOKENS = [
    "\n",
    " ",
    "  ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "*a",
    "&a ",
    "!!int ",
    "---\n",
    "|",
    ">",
    "#",
    "<<: ",
]
TOKENS += ["\t", "?", "%", "null", "0x1", "1e999", "9" * 5000, "kind", "\x85", "\ud7ff", "\\", "~", "true", ",", "\r"]


@given(
    st.lists(
        st.tuples(st.integers(0, len(CONTRACT)), st.integers(0, 12), st.sampled_from(TOKENS) | st.text(max_size=5)),
        min_size=1,
        max_size=6,
    )
)
def test_no_damage_to_good_documents_makes_reading_raise(cuts: list[tuple[int, int, str]]) -> None:
    text = CONTRACT
    for at, length, token in cuts:
        text = text[:at] + token + text[at + length :]
    loaded = load_bytes(text.encode("utf-8", "surrogatepass"), "x.yaml")
    loaded.dangling()
    lines = text.count("\n") + text.count("\r") + 1
    for problem in loaded.problems:
        assert problem.message and 1 <= problem.line <= lines and problem.column >= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["spec", "metadata", "kind", "apiVersion", "status"]),
    st.sampled_from([LANE, TRAIN, SPEC, PROVIDER]),
)
def test_no_value_in_any_place_makes_reading_raise(value: object, key: str, head: str) -> None:
    lines = [line for line in head.splitlines() if not line.startswith(key)]
    load_bytes("\n".join([*lines, f"{key}: {json.dumps(value)}"]).encode(), "x.json").dangling()


@pytest.mark.parametrize(
    "word", ["yes", "off", "1_000", "0b1", "012", "1:30", "2001-01-01", "=", "0x", "1e", ".", "nul"]
)
def test_only_the_words_of_the_core_schema_mean_something_else_than_themselves(word: str) -> None:
    (tree,) = read_trees(f"a: {word}\n", "x")[0]
    assert tree.plain() == {"a": 12 if word == "012" else word}
