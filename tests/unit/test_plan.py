"""Plans: what follows from items, lanes and trains, and every mistake with its line and remedy."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.documents import dump, load_bytes
from orchestrator.core.globs import Scope, overlap, parse
from orchestrator.core.plan import Document, PlanResult, plan, plan_documents, specs_of
from orchestrator.core.plan.waves import Surfer, waves
from orchestrator.core.roadmap import read, read_strict, template
from orchestrator.errors import Severity
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.spec import Tier
from orchestrator.model.train import Floor, MergeTrain, MergeTrainSpec


def lane(name: str, *own: str, shared: tuple[str, ...] = ()) -> Lane:
    return Lane(metadata=ObjectMeta(name=name), spec=LaneSpec(own=own, shared=shared))


def train(*floors: tuple[str, Tier], name: str = "main") -> MergeTrain:
    spec = MergeTrainSpec(floors=tuple(Floor(paths=(path,), tier=tier) for path, tier in floors))
    return MergeTrain(metadata=ObjectMeta(name=name), spec=spec)


LANES = (lane("trading", "trading/**", shared=("config.py",)), lane("research", "research/**"))


def item(name: str, paths: str = "", lane: str = "trading", **fields: str) -> str:
    """Return an item that says everything; `paths` default to a folder of its own."""
    said = {
        "Objective": "It is done",
        "Lane": lane,
        "Paths": paths or f"{lane}/{name}/**",
        "Acceptance": "it holds",
        "Validation": "make check",
        **{key.capitalize(): value for key, value in fields.items()},
    }
    return f"### {name}: Do {name}\n" + "".join(f"- {key}: {value}\n" for key, value in said.items() if value) + "\n"


def planned(text: str, **more: object) -> PlanResult:
    read = read_strict(text, "r.md")
    return plan(read.items, problems=read.problems, **{"lanes": LANES, **more})  # type: ignore[arg-type]


def said(text: str, **more: object) -> list[str]:
    return [str(problem) for problem in planned(text, **more).problems]


def test_an_item_that_says_everything_becomes_a_spec() -> None:
    result = planned(item("a", needs="b", tier="safety") + item("b", lane="research", priority="3"))
    (first, second) = result.items
    assert (first.wave, second.wave, first.branch, first.missing) == (2, 1, "interlock/a", ())
    assert [problem.code for problem in result.problems] == ["TierRaised"]
    spec = specs_of(result)[0]
    assert (spec.name, spec.spec.summary, spec.spec.lane, spec.spec.tier) == ("a", "Do a", "trading", Tier.SAFETY)
    assert (spec.spec.paths, spec.spec.depends_on) == (("trading/a/**",), ("b",))
    assert (spec.spec.source.path, spec.spec.source.line) == ("r.md", 1)
    assert [gate.name for gate in spec.spec.validation] == ["make"]


def test_what_the_document_does_not_say_is_missing_and_not_made_up() -> None:
    result = planned("### a: A\n### b: B\n- Paths: trading/x\n### c: C\n- Lane: trading\n- Paths: trading/y\n")
    missing = ("objective", "paths", "acceptanceCriteria", "validation", "lane")
    assert [each.missing for each in result.items] == [
        missing,
        ("objective", "acceptanceCriteria", "validation", "lane"),
        ("objective", "acceptanceCriteria", "validation"),
    ]
    assert result.problems == ()
    (spec,) = specs_of(result)
    assert dump(spec) == (
        "apiVersion: interlock.dev/v1alpha1\nkind: ImplementationSpec\nmetadata:\n  name: c\nspec:\n  summary: C\n"
        "  lane: trading\n  paths:\n    - trading/y\n  source:\n    path: r.md\n    line: 4\n"
    )


def test_work_across_lanes_names_them_all() -> None:
    result = planned(
        item("a", "trading/a/**, research/a/**", "").replace("- Paths", "- Lanes: trading, research\n- Paths")
    )
    assert result.problems == ()
    document = result.items[0].document()
    assert (document["lane"], document["lanes"]) == (None, ["trading", "research"])
    assert specs_of(result)[0].spec.lanes == ("trading", "research")


def test_the_template_plans_cleanly() -> None:
    lanes = (lane("trading", "trading/**", "tests/**"), lane("research", "research/**"))
    result = plan(read_strict(template(), "roadmap.md").items, lanes=lanes, trains=[train()])
    assert result.problems == ()
    assert [(each.missing, each.wave) for each in result.items] == [((), 1), ((), 2)]
    assert len(specs_of(result)) == 2


MISTAKES: dict[str, tuple[str, list[str]]] = {
    "cycle": (
        item("a", needs="b") + item("b", needs="c") + item("c", needs="a") + item("d", needs="a"),
        [
            "r.md:7:10: item `a`: can never start: a → b → c → a; drop one of these needs "
            "(items in r.md:1, r.md:9, r.md:17)"
        ],
    ),
    "duplicate name": (
        item("a") + item("a", "trading/other"),
        ["r.md:8:1: item `a`: is also the name of the item in r.md:1; rename one of them"],
    ),
    "unknown need": (
        item("order-firewall") + item("b", needs="order-firewal, nothing-like-it"),
        [
            "r.md:14:10: item `b`: needs `order-firewal` (did you mean `order-firewall`?), which no item defines; "
            "add it or drop the need",
            "r.md:14:25: item `b`: needs `nothing-like-it`, which no item defines; add it or drop the need",
        ],
    ),
    "need of itself": (
        item("a", needs="a"),
        [
            "r.md:7:10: item `a`: an item cannot need itself; drop the need",
            "r.md:7:10: item `a`: can never start: a → a; drop one of these needs (items in r.md:1)",
        ],
    ),
    "unknown lane": (
        item("a", lane="tradng"),
        [
            "r.md:3:9: item `a`: works in the lane `tradng` (did you mean `trading`?), which is not defined; "
            "define it or name another",
            "r.md:4:10: item `a`: `tradng/a/**` covers `tradng/a/x`, which no lane owns, so no run may write it; "
            "narrow the path or let a lane own it",
        ],
    ),
    "path of no lane where none is named": (
        item("a", "docs/x.md, trading/a", lane=""),
        [
            "r.md:3:10: item `a`: `docs/x.md` covers `docs/x.md`, which no lane owns, so no run may write it; "
            "narrow the path or let a lane own it"
        ],
    ),
    "folder that is all a lane owns": (
        item("a", "trading"),
        [
            "r.md:4:10: item `a`: `trading` reaches out of the lane `trading`: it covers `trading`, and no lane owns "
            "it; write `trading/**`, which is all there is in that folder"
        ],
    ),
    "rules of fields and of the whole": (
        "### a: A\n- Tier: x\n- Paths: docs/x\n- Lane: trading\n- Needs: nowhere\n- Acceptance: " + "y" * 5000 + "\n",
        [
            "r.md:2:9: a tier is `safety`, `validity`, `execution` or `strategy`, not `x`",
            "r.md:3:10: item `a`: `docs/x` reaches out of the lane `trading`: it covers `docs/x`, and no lane owns it; "
            "narrow the path or name the lanes it needs",
            "r.md:5:10: item `a`: needs `nowhere`, which no item defines; add it or drop the need",
            "r.md:6:1: item `a`: acceptanceCriteria: String should have at most 4096 characters",
        ],
    ),
    "item under a name that is none": (
        item("A_b", needs="nowhere") + item("c", needs="a-b"),
        [
            "r.md:1:5: `A_b` is no name: lowercase letters, digits and `-`; write `a-b`",
            "r.md:7:10: item `a-b`: needs `nowhere`, which no item defines; add it or drop the need",
        ],
    ),
    "field's rule where something else is missing": (
        "### a: A\n- Needs: a\n",
        [
            "r.md:2:10: item `a`: an item cannot need itself; drop the need",
            "r.md:2:10: item `a`: can never start: a → a; drop one of these needs (items in r.md:1)",
        ],
    ),
    "path in another lane": (
        item("a", "trading/a/**, research/replay/**"),
        [
            "r.md:4:24: item `a`: `research/replay/**` reaches out of the lane `trading`: it covers "
            "`research/replay/x`, and lane `research` owns it; narrow the path or name the lanes it needs"
        ],
    ),
    "path in no lane": (
        item("a", "docs/x.md"),
        [
            "r.md:4:10: item `a`: `docs/x.md` reaches out of the lane `trading`: it covers "
            "`docs/x.md`, and no lane owns it; narrow the path or name the lanes it needs"
        ],
    ),
    "path that is none": (
        item("a", "/trading/a"),
        [
            "r.md:4:10: item `a`: the pattern `/trading/a`: patterns start at the repository's root; "
            "drop the `/` at the beginning"
        ],
    ),
    "unknown train": (
        item("a", train="mian"),
        [
            "r.md:7:1: item `a`: lands through the train `mian` (did you mean `main`?), which is not defined; "
            "define it or name another"
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_in_its_line_with_its_remedy(name: str) -> None:
    text, expected = MISTAKES[name]
    result = planned(text, trains=[train()])
    assert [str(problem) for problem in result.problems] == expected
    assert result.has_errors


def test_all_mistakes_of_all_roadmaps_come_in_one_list_in_file_order() -> None:
    texts = {"b.md": item("a", needs="x") + "### c: C\n- Tire: x\n", "a.md": item("a", "docs/**")}
    reads = [read_strict(text, path) for path, text in texts.items()]
    items = [each for read in reads for each in read.items]
    result = plan(items, lanes=LANES, problems=[each for read in reads for each in read.problems])
    assert [(problem.path, problem.line, problem.code) for problem in result.problems] == [
        ("b.md", 7, "UnknownNeed"),
        ("b.md", 10, "UnknownField"),
        ("a.md", 1, "DuplicateName"),
        ("a.md", 4, "OutsideLane"),
    ]


def test_a_need_of_nothing_is_an_item_where_one_is_called_so() -> None:
    result = planned(item("nothing", needs="nothing") + item("b", needs="nothing") + item("c", needs="none"))
    assert result.problems == ()
    assert [tuple(need.text for need in each.item.needs) for each in result.items] == [(), ("nothing",), ()]
    assert [each.wave for each in result.items] == [1, 2, 1]


def test_a_path_that_was_only_guessed_stops_no_plan() -> None:
    text = "## Phase 1\n- Loader\n  - Lane: trading\n  - Files: the loader in research/x.py and its page\n"
    result = plan_documents([Document("r.md", read(text, "r.md"))], lanes=LANES)
    (outside,) = [problem for problem in result.problems if problem.code == "OutsideLane"]
    assert (outside.severity, outside.witness) == (Severity.WARNING, "research/x.py")
    assert not result.has_errors
    said = text.replace("the loader in research/x.py and its page", "research/x.py")
    assert plan_documents([Document("r.md", read(said, "r.md"))], lanes=LANES).has_errors, "what is listed is meant"


def test_a_gap_has_its_witness() -> None:
    (problem,) = planned(item("a", "trading/**, research/*.py")).problems
    assert problem.witness is not None
    assert parse("research/*.py").matches(problem.witness)


def test_what_a_safety_item_needs_becomes_safety_with_a_warning() -> None:
    result = planned(item("lib", tier="strategy") + item("mid", needs="lib") + item("gate", tier="safety", needs="mid"))
    assert [str(problem) for problem in result.problems] == [
        "r.md:7:1: item `lib`: lands as safety, not as strategy: `gate` needs it, and that is safety",
        "r.md:9:1: item `mid`: lands as safety: `gate` needs it, and that is safety",
    ]
    assert {problem.severity for problem in result.problems} == {Severity.WARNING} and not result.has_errors
    assert [each.tier for each in result.items] == [Tier.SAFETY] * 3
    # What the document says is what the spec says; the effective tier is derived again at run time.
    assert [spec.spec.tier for spec in specs_of(result)] == [Tier.STRATEGY, Tier.EXECUTION, Tier.SAFETY]


def test_a_path_that_can_touch_a_floor_raises_the_item_and_warns_if_it_says_otherwise() -> None:
    floors = train(("trading/firewall/**", Tier.SAFETY), ("**/x/*.md", Tier.VALIDITY))
    text = item("a", "trading/*/gate.py", tier="strategy") + item("b", "trading/x/**") + item("c", "trading/[ab].py")
    result = planned(text, trains=[floors])
    # `c` names single files; `trading/c.py` without a wildcard could also be a folder, with an `x` in it.
    assert [each.tier for each in result.items] == [Tier.SAFETY, Tier.VALIDITY, Tier.EXECUTION]
    assert [str(problem) for problem in result.problems] == [
        "r.md:7:1: item `a`: lands as safety, not as strategy: "
        "`trading/*/gate.py` touches the train's floor `trading/firewall/**`"
    ]


def test_a_floor_of_another_train_raises_nothing() -> None:
    other = train(("**", Tier.SAFETY), name="other")
    assert planned(item("a"), trains=[train(), other]).items[0].tier is Tier.EXECUTION


def test_without_lanes_paths_are_not_checked_and_that_is_said_once() -> None:
    result = planned(item("a") + item("b", "docs/**"), lanes=())
    assert [str(problem) for problem in result.problems] == [
        "r.md:3:1: item `a`: no lanes are defined here, so lanes and paths of the items were not checked"
    ]
    assert not result.has_errors and len(specs_of(result)) == 2


def test_lanes_that_are_not_proved_make_the_plan_an_error() -> None:
    result = planned(item("a"), lanes=(*LANES, lane("other", "trading/**")))
    assert [problem.code for problem in result.problems] == ["UnresolvedOverlap"]


def test_done_items_and_known_specs_meet_needs() -> None:
    text = item("a", needs="b, landed") + item("b").replace("Do b", "Do b ✅")
    result = planned(text, known=["landed"])
    assert result.problems == ()
    assert [(each.wave, each.item.done) for each in result.items] == [(1, False), (0, True)]
    assert [spec.name for spec in specs_of(result)] == ["a"]


def test_overlapping_claims_are_in_different_waves_the_earlier_item_first() -> None:
    text = (
        item("late", "trading/x/**", tier="strategy") + item("early", "trading/x/y.py", tier="safety") + item("apart")
    )
    assert {each.item.name: each.wave for each in planned(text).items} == {"early": 1, "apart": 1, "late": 2}


def test_what_stands_behind_a_cycle_has_no_wave() -> None:
    result = planned(item("a", needs="b") + item("b", needs="a") + item("c", needs="a") + item("d"))
    assert [each.wave for each in result.items] == [0, 0, 0, 1]


def test_the_json_form_is_the_contracts() -> None:
    document = planned(item("a", "docs/x") + item("b", needs="a")).document()
    assert json.loads(json.dumps(document)) == {
        "items": [
            {
                "name": "a",
                "summary": "Do a",
                "source": {"path": "r.md", "line": 1},
                "lane": "trading",
                "lanes": ["trading"],
                "tier": "execution",
                "paths": ["docs/x"],
                "needs": [],
                "wave": 1,
                "place": 1,
                "branch": "interlock/a",
                "done": False,
                "missing": [],
            },
            {
                "name": "b",
                "summary": "Do b",
                "source": {"path": "r.md", "line": 8},
                "lane": "trading",
                "lanes": ["trading"],
                "tier": "execution",
                "paths": ["trading/b/**"],
                "needs": ["a"],
                "wave": 2,
                "place": 2,
                "branch": "interlock/b",
                "done": False,
                "missing": [],
            },
        ],
        "problems": [
            {
                "severity": "error",
                "code": "OutsideLane",
                "path": "r.md",
                "line": 4,
                "column": 10,
                "message": "item `a`: `docs/x` reaches out of the lane `trading`: it covers `docs/x`, "
                "and no lane owns it; narrow the path or name the lanes it needs",
                "witness": "docs/x",
            }
        ],
    }


def test_every_spec_of_a_clean_plan_is_a_document_that_reads_without_a_problem() -> None:
    result = planned(item("a", "trading/**/*.py, config.py", tier="safety") + item("b", "trading/[ab]/**", needs="a"))
    assert result.problems == ()
    for spec in specs_of(result):
        loaded = load_bytes(dump(spec).encode(), "x.yaml")
        assert (loaded.problems, loaded.resources) == ((), (spec,))


def test_values_that_no_spec_can_hold_are_problems() -> None:
    long = "x" * 5000
    (problem,) = planned(item("a").replace("it holds", long)).problems
    assert (problem.code, problem.line) == ("BadValue", 5)


PATTERNS = st.sampled_from(
    [
        "a/**",
        "a/b",
        "a/b/",
        "a/*",
        "**/b",
        "a/b/c.py",
        "*.py",
        "c",
        "c/d/**",
        "[ac]/x",
        "**",
        "ab*",
        "a?",
        "\\a/b",
        "a/**/b",
        "a/b*",
    ]
)


@st.composite
def surfers(draw: st.DrawFn) -> list[Surfer]:
    names = [f"i{at}" for at in range(draw(st.integers(0, 8)))]
    return [
        Surfer(
            name,
            tuple(draw(st.lists(st.sampled_from([*names[:at], "elsewhere"]), max_size=2))),
            tuple(map(parse, draw(st.lists(PATTERNS, max_size=2)))),
        )
        for at, name in enumerate(names)
    ]


@given(surfers())
def test_an_items_wave_is_the_first_after_its_needs_and_earlier_overlaps(items: list[Surfer]) -> None:
    found = waves(items)
    for at, item_ in enumerate(items):
        before = [found[need] for need in item_.needs if need in found]
        before += [
            found[other.name]
            for other in items[:at]
            if other.patterns and item_.patterns and overlap(Scope(other.patterns), Scope(item_.patterns)) is not None
        ]
        assert found[item_.name] == max(before, default=0) + 1


@given(surfers())
def test_claims_in_one_wave_share_no_path(items: list[Surfer]) -> None:
    found = waves(items)
    for one, other in combinations(items, 2):
        if found[one.name] == found[other.name] and one.patterns and other.patterns:
            assert overlap(Scope(one.patterns), Scope(other.patterns)) is None


FIELDS = [
    "Needs: a, b",
    "Needs: c",
    "Tier: safety",
    "Tier: later",
    "Lane: trading",
    "Lane: x",
    "Paths: trading/**",
    "Paths: **",
]
FIELDS += [
    "Paths: /, [, a//b",
    "Paths: " + "*a" * 40,
    "Priority: 9",
    "Validation: x",
    "Validation: t: x",
    "Train: other",
    "Agent: A",
    "Lanes: trading, research",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a: A", "b: B", "c: C", "a", "x y: Z"]),
            st.lists(st.sampled_from(FIELDS) | st.text(max_size=8), max_size=5),
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_no_roadmap_makes_planning_raise(sections: list[tuple[str, list[str]]], has_lanes: bool) -> None:
    text = "\n".join(f"### {heading}\n" + "".join(f"- {field}\n" for field in fields) for heading, fields in sections)
    result = planned(text, lanes=LANES if has_lanes else (), trains=[train(("**/a", Tier.SAFETY))] if has_lanes else ())
    json.dumps(result.document())
    for spec in specs_of(result) if not result.has_errors else ():
        assert load_bytes(dump(spec).encode(), "x.yaml").errors == ()


CLEAN = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(CLEAN, CLEAN, CLEAN, CLEAN)
def test_whatever_the_words_a_plan_without_errors_makes_specs_that_read_back(a: str, b: str, c: str, d: str) -> None:
    result = planned(f"### a: {a}\n- Lane: trading\n- Paths: trading/x\n- Objective: {b}\n- Validation: {c}\n\n{d}\n")
    specs = specs_of(result) if not result.has_errors else ()
    for spec in specs:
        loaded = load_bytes(dump(spec).encode(), "x.yaml")
        assert (loaded.errors, loaded.resources) == ((), (spec,))


@given(st.text(max_size=60))
def test_no_text_makes_planning_raise(text: str) -> None:
    json.dumps(planned(text).document())


def test_items_whose_paths_meet_only_by_spelling_take_turns_and_are_named() -> None:
    text = item("a", paths="trading/Docs/**") + item("b", paths="trading/docs/guide.md") + item("c")
    result = planned(text)
    assert [each.wave for each in result.items] == [1, 2, 1]
    (problem,) = result.problems
    assert (problem.code, problem.severity, problem.witness) == (
        "SpelledTwice",
        Severity.WARNING,
        "trading/docs/guide.md",
    )
    assert "`b`" in problem.message
