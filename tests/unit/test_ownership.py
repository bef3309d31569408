"""Who owns what, sentence by sentence of DESIGN §3 and the answers of `lanes check`, `explain`, `overlap`."""

import pytest

from orchestrator.core.coverage import Gap, coverage
from orchestrator.core.globs import BadPattern, Relation
from orchestrator.core.ownership import Ownership, PathClass
from orchestrator.core.spelling import collisions
from orchestrator.errors import Invalid, Severity
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Generated, Lane, LaneSpec


def lane(name: str, *own: str, shared: str = "", generated: str = "", protected: str = "") -> Lane:
    """Return a lane; patterns of the other classes are given as one text with spaces between."""
    spec = LaneSpec(
        own=own,
        shared=tuple(shared.split()),
        generated=tuple(Generated(paths=(text,), regenerate="make lock") for text in generated.split()),
        protected=tuple(protected.split()),
    )
    return Lane(metadata=ObjectMeta(name=name), spec=spec)


TORGHUT = Ownership.of(
    [
        lane(
            "trading",
            "services/torghut/app/trading/**",
            "services/torghut/tests/**",
            shared="services/torghut/app/config.py",
            generated="services/torghut/requirements.lock services/torghut/tests/*.snap",
            protected=".github/** services/torghut/tests/secret*",
        ),
        lane("features", "argocd/applications/torghut/ta/**", "services/dorvud/**"),
        lane("infra", "argocd/applications/torghut/**", "kubernetes/**"),
    ]
)


def errors(ownership: Ownership) -> list[tuple[str, str | None]]:
    """Return code and witness of every error."""
    return [(each.code, each.witness) for each in ownership.check().problems if each.severity is Severity.ERROR]


def test_the_inner_lane_owns_its_subtree() -> None:
    (overlap,) = TORGHUT.check().overlaps
    assert (overlap.a.lane, overlap.b.lane) == ("features", "infra")
    assert str(overlap.a.pattern) == "argocd/applications/torghut/ta/**"
    assert str(overlap.b.pattern) == "argocd/applications/torghut/**"
    assert (overlap.relation, overlap.owner) == (Relation.INSIDE, "features")
    assert overlap.witness == "argocd/applications/torghut/ta/x"
    assert TORGHUT.check().is_proved
    assert TORGHUT.explain("argocd/applications/torghut/ta/a.yaml").owner == "features"
    assert TORGHUT.explain("argocd/applications/torghut/app.yaml").owner == "infra"


@pytest.mark.parametrize(
    ("path", "owner", "path_class", "pattern", "listed_by"),
    [
        ("services/torghut/tests/a.py", "trading", "own", "services/torghut/tests/**", ("trading",)),
        ("services/torghut/tests/a.snap", "trading", "generated", "services/torghut/tests/*.snap", ("trading",)),
        ("services/torghut/tests/secret.snap", "trading", "protected", "services/torghut/tests/secret*", ("trading",)),
        ("services/torghut/app/config.py", None, "shared", "services/torghut/app/config.py", ("trading",)),
        (".github/workflows/ci.yml", None, "protected", ".github/**", ("trading",)),
        ("kubernetes/x", "infra", "own", "kubernetes/**", ("infra",)),
        ("kubernetes", None, None, None, ()),
        ("README.md", None, None, None, ()),
        ("kubernetes/../x", None, None, None, ()),
    ],
)
def test_a_path_has_one_owner_and_the_first_class_that_fits(
    path: str, owner: str | None, path_class: str | None, pattern: str | None, listed_by: tuple[str, ...]
) -> None:
    explained = TORGHUT.explain(path)
    assert (explained.path, explained.owner, explained.path_class) == (path, owner, path_class)
    assert (explained.pattern, explained.listed_by, explained.contested_by) == (pattern, listed_by, ())


def test_protected_comes_before_generated_before_shared_before_own() -> None:
    classes = []
    for count in range(4):
        spelled = {"shared": "x" * (count > 0), "generated": "x" * (count > 1), "protected": "x" * (count > 2)}
        explained = Ownership.of([lane("a", "x", **spelled)]).explain("x")
        classes.append(explained.path_class)
        assert explained.owner == "a"
    assert classes == ["own", "shared", "generated", "protected"]


def test_patterns_that_cross_are_an_error_with_a_witness() -> None:
    ownership = Ownership.of([lane("docs", "**/*.md"), lane("app", "app/**")])
    (overlap,) = ownership.check().overlaps
    assert (overlap.relation, overlap.owner, overlap.witness) == (Relation.CROSSES, None, "app/x.md")
    assert errors(ownership) == [("UnresolvedOverlap", "app/x.md")]
    assert not ownership.check().is_proved
    explained = ownership.explain("app/x.md")
    assert (explained.owner, explained.path_class, explained.contested_by) == (None, PathClass.OWN, ("docs", "app"))
    assert ownership.explain("x.md").owner == "docs"


def test_equal_patterns_of_two_lanes_are_an_error_however_they_are_spelled() -> None:
    ownership = Ownership.of([lane("a", "src/**"), lane("b", "src/**/*")])
    assert [overlap.owner for overlap in ownership.check().overlaps] == [None]
    assert errors(ownership) == [("UnresolvedOverlap", "src/x")]


def test_a_lane_may_overlap_itself() -> None:
    ownership = Ownership.of([lane("a", "src/**", "**/*.py", "src/**")])
    assert ownership.check().overlaps == ()
    assert ownership.explain("src/x.py").owner == "a"


def test_three_lanes_nest_and_the_innermost_owns() -> None:
    ownership = Ownership.of([lane("a", "src/**"), lane("b", "src/b/**"), lane("c", "src/b/c/**", "src/b/c.py")])
    assert ownership.check().is_proved
    paths = ("src/x", "src/b/x", "src/b/c/x", "src/b/c.py")
    assert [ownership.explain(path).owner for path in paths] == ["a", "b", "c", "c"]
    witnesses = {(each.a.lane, each.b.lane): ownership.explain(each.witness).owner for each in ownership.overlaps}
    assert witnesses == {("a", "b"): "b", ("a", "c"): "c", ("b", "c"): "c"}


def test_a_lane_may_take_back_a_part_of_what_lies_inside_it() -> None:
    ownership = Ownership.of([lane("a", "src/**", "src/b/keep/**"), lane("b", "src/b/**")])
    assert ownership.check().is_proved
    assert [ownership.explain(path).owner for path in ("src/x", "src/b/x", "src/b/keep/x")] == ["a", "b", "a"]
    assert ownership.scope_gap(["a"], ["src/b/keep/x/**", "src/x/**"]) is None
    assert ownership.scope_gap(["b"], ["src/b/**"]) == "src/b/keep/x"


def test_a_pattern_whose_paths_are_all_taken_is_warned_about() -> None:
    ownership = Ownership.of([lane("a", "src/?"), lane("b", "src/[a-m]"), lane("c", "src/[!a-m]")])
    assert [(each.code, each.severity) for each in ownership.problems] == [("OwnsNothing", Severity.WARNING)]
    assert ownership.check().is_proved


def test_every_bad_pattern_is_listed_with_its_place() -> None:
    ownership = Ownership.of([lane("a", "/src", "ok", shared="a**"), lane("b", generated="[x", protected="./y")])
    assert {each.code for each in ownership.check().problems} == {"BadPattern"}
    places = [each.message.split(": pattern")[0] for each in ownership.check().problems]
    assert places == [
        "lane `a`: own[0]",
        "lane `a`: shared[0]",
        "lane `b`: protected[0]",
        "lane `b`: generated[0].paths[0]",
    ]
    assert not ownership.check().is_proved


def test_two_lanes_of_one_name_are_an_error() -> None:
    assert errors(Ownership.of([lane("a", "x"), lane("a", "y")])) == [("DuplicateLane", None)]


def test_odd_patterns_are_warned_about() -> None:
    (problem,) = Ownership.of([lane("a", "src/*.{ts,tsx}")]).check().problems
    assert (problem.code, problem.severity) == ("OddPattern", Severity.WARNING)


@pytest.mark.parametrize(
    ("lanes", "paths", "gap"),
    [
        ("trading", "services/torghut/app/trading/firewall/**", None),
        ("trading", "services/torghut/app/trading/** services/torghut/tests/test_*.py", None),
        ("trading", "services/torghut/app/config.py/", None),
        ("features", "services/torghut/app/config.py", None),
        ("features", "services/torghut/requirements.lock", None),
        ("trading", "services/torghut/**", "services/torghut/x"),
        ("trading", "services/torghut/app/trading", "services/torghut/app/trading"),
        ("trading", ".github/**", ".github/x"),
        ("infra", "argocd/applications/torghut/**", "argocd/applications/torghut/ta/x"),
        ("infra", "argocd/applications/torghut/*", None),
        ("infra", "argocd/applications/torghut/ta*/**", "argocd/applications/torghut/ta/x"),
        ("infra", "argocd/applications/torghut/t[!a]/**", None),
        ("infra features", "argocd/applications/torghut/**", None),
        ("features", "argocd/applications/torghut/ta/x/**", None),
        ("features", "argocd/applications/torghut/**", "argocd/applications/torghut/x"),
        ("trading features", "**", "x"),
    ],
)
def test_a_scope_lies_inside_what_its_lanes_effectively_own(lanes: str, paths: str, gap: str | None) -> None:
    assert TORGHUT.scope_gap(lanes.split(), paths.split()) == gap


def test_what_is_unresolved_is_nobodys_to_write() -> None:
    ownership = Ownership.of([lane("docs", "**/*.md"), lane("app", "app/**")])
    assert ownership.scope_gap(["app"], ["app/x.md"]) == "app/x.md"
    assert ownership.scope_gap(["app"], ["app/*.py"]) is None
    assert ownership.scope_gap(["app", "docs"], ["app/**"]) is None
    assert not ownership.may_write(["app"], "app/x.md")


def test_a_lane_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid, match="lane nowhere does not exist; the lanes are trading, features, infra"):
        TORGHUT.scope_gap(["nowhere"], ["x"])
    with pytest.raises(Invalid, match="lane nowhere does not exist"):
        TORGHUT.relate("lane:nowhere", "x")
    with pytest.raises(BadPattern):
        TORGHUT.scope_gap(["infra"], ["/x"])


def test_protected_paths_are_found_inside_a_scope_and_written_by_no_run() -> None:
    assert TORGHUT.protected_in(["services/torghut/tests/**"]) == "services/torghut/tests/secret"
    assert TORGHUT.protected_in(["services/torghut/app/**"]) is None
    assert not TORGHUT.may_write(["trading"], "services/torghut/tests/secret")
    assert TORGHUT.may_write(["trading"], "services/torghut/tests/a.py")
    assert not TORGHUT.may_write(["infra"], "services/torghut/tests/a.py")
    assert TORGHUT.may_write(["infra"], "services/torghut/app/config.py")
    assert TORGHUT.may_write(["infra"], "services/torghut/requirements.lock")
    assert not TORGHUT.may_write(["infra"], "README.md")


def test_what_is_protected_everywhere_is_protected_whatever_lanes_say() -> None:
    ownership = Ownership.of([lane("a", "**", shared="CLAUDE.md")], protected=["**/CLAUDE.md", "lanes/**"])
    explained = ownership.explain("CLAUDE.md")
    assert (explained.owner, explained.path_class, explained.listed_by) == ("a", PathClass.PROTECTED, ())
    assert ownership.protected_in(["src/**"]) == "src/CLAUDE.md"


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        ("lane:features", "lane:infra", "crosses"),
        ("kubernetes/x", "lane:infra", "inside"),
        ("lane:trading", "lane:infra", "disjoint"),
        ("a/**", "a/b", "contains"),
    ],
)
def test_lanes_and_patterns_are_related_alike(a: str, b: str, relation: str) -> None:
    assert TORGHUT.relate(a, b).relation == relation


def test_coverage_counts_every_path_once_and_names_the_gaps() -> None:
    paths = [
        *(f"kubernetes/{n}" for n in range(3)),
        "services/torghut/app/config.py",
        ".github/ci.yml",
        "services/torghut/requirements.lock",
        "docs/a.md",
        "docs/b/c.md",
        "services/other/x/y",
        "services/torghut/main.py",
        "Makefile",
        "README.md",
        "we[i]rd/a",
    ]
    found = coverage(TORGHUT, paths)
    assert (found.total, found.covered, found.contested, found.uncovered, found.owned) == (13, 6, 0, 7, 3)
    assert found.by_lane == {"trading": 0, "features": 0, "infra": 3}
    assert found.by_class == {"protected": 1, "generated": 1, "shared": 1, "own": 3}
    assert found.gaps == (
        Gap("*", 2, "Makefile"),
        Gap("docs/**", 2, "docs/a.md"),
        Gap("services/other/**", 1, "services/other/x/y"),
        Gap("services/torghut/*", 1, "services/torghut/main.py"),
        Gap("we\\[i]rd/**", 1, "we[i]rd/a"),
    )
    assert round(found.percent, 1) == 46.2


def test_contested_paths_are_not_covered_and_an_empty_tree_is() -> None:
    ownership = Ownership.of([lane("docs", "**/*.md"), lane("app", "app/**")])
    found = coverage(ownership, ["app/x.md", "app/x"])
    assert (found.covered, found.contested, found.uncovered, found.owned) == (1, 1, 0, 1)
    assert coverage(ownership, []).percent == 100.0


@pytest.mark.parametrize(
    ("paths", "existing", "found"),
    [
        (["src/a"], ["src/A"], [("src/a", "src/A")]),
        (["Src/a"], ["src/b"], [("Src/a", "src/b")]),
        (["src/c"], ["src/b"], []),
        (["src/b"], ["src/b"], []),
        (["a", "A"], [], [("A", "a")]),
        (["caf\u00e9"], ["cafe\u0301"], [("caf\u00e9", "cafe\u0301")]),
        (["CAF\u00c9/x"], ["cafe\u0301/y"], [("CAF\u00c9/x", "cafe\u0301/y")]),
        (["stra\u00dfe"], ["STRASSE"], [("stra\u00dfe", "STRASSE")]),
        (["a/B/c"], ["a/b/d", "A"], [("a/B/c", "a/b/d")]),
        (["readme", "new"], ["readme", "README"], []),
        (["a/b"], ["A"], [("a/b", "A")]),
        (["ab/c"], ["a/BC"], []),
    ],
)
def test_paths_that_differ_by_spelling_only_collide(
    paths: list[str], existing: list[str], found: list[tuple[str, str]]
) -> None:
    assert collisions(paths, existing) == found
