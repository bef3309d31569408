"""What patterns mean and which are refused, sentence by sentence of DESIGN §3, CONTRACT §1 and git's documentation."""

import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.collisions import folded
from orchestrator.core.globs import (
    BadPattern,
    Relation,
    Scope,
    ScopeIndex,
    TooComplex,
    caseless,
    is_path,
    overlap,
    parse,
    problems,
    relate,
    remarks,
    uncovered,
)
from orchestrator.core.globs.charset import charset

MEANING = [
    # pattern, what it covers, what it does not
    ("a", ["a", "a/b", "a/b/c"], ["b", "ab", "b/a", "A"]),
    ("a/b", ["a/b", "a/b/c"], ["a", "a/bc", "x/a/b"]),
    ("a/", ["a/b", "a/b/c"], ["a", "ab"]),
    ("a/**", ["a/b", "a/b/c", "a/.b"], ["a", "ab", "b/a"]),
    ("**", ["a", "a/b", ".a", ".a/.b"], []),
    ("*", ["a", ".a", "a.py"], ["a/b"]),
    ("**/x", ["x", "a/x", "a/b/x"], ["x/a", "ax", "a/xb"]),
    ("**/x/**", ["x/a", "a/x/b", "a/x/b/c"], ["x", "a/x"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a", "b", "ab", "a/b/c"]),
    ("a/**/**/b", ["a/b", "a/x/b"], ["a/x"]),
    ("a/*", ["a/b", "a/.b"], ["a", "a/b/c"]),
    ("a/*/c", ["a/b/c"], ["a/c", "a/b/b/c"]),
    ("a/**/*", ["a/b", "a/b/c"], ["a"]),
    ("*.py", ["x.py", ".py"], ["a/x.py", "x.pyc"]),
    ("src/*/gen", ["src/a/gen"], ["src/gen", "src/a/b/gen", "src/a/gen/x"]),
    ("a?c", ["abc", "a.c", "aéc", "a🚂c"], ["ac", "abbc", "a/c"]),
    ("[ab]x", ["ax", "bx"], ["cx", "abx", "Ax"]),
    ("[a-c]", ["a", "b", "c"], ["d", "-", "B"]),
    ("[!a-c]", ["d", "-", "é"], ["a", "b"]),
    ("[^a]", ["b", "^"], ["a"]),
    ("x[!a]y", ["xby", "x.y"], ["xay", "x/y", "xy"]),
    ("[]a]", ["]", "a"], ["b", "[]a]"]),
    ("[!]a]", ["b"], ["]", "a"]),
    ("[a-]", ["a", "-"], ["b"]),
    ("[-a]", ["a", "-"], ["b"]),
    ("[\\]]", ["]"], ["\\"]),
    ("[a\\-c]", ["a", "-", "c"], ["b"]),
    ("[\\\\-a]", ["\\", "]", "a"], ["-", "b"]),
    ("[à-ü]", ["é"], ["e"]),
    ("[[]", ["["], ["]"]),
    ("[[:digit:]x]", ["1", "x"], ["d", ":", "١"]),
    ("[![:alpha:]]", ["1", "é"], ["a"]),
    ("[[:a]", ["[", ":", "a"], ["b"]),
    ("\\*", ["*"], ["a", "\\*", "*/a"]),
    ("\\[id\\]/**", ["[id]/a"], ["i/a", "[id]"]),
    ("\\a", ["a"], ["\\a", "a/b"]),
    ("\\!x", ["!x"], ["x"]),
    ("a!", ["a!", "a!/b"], []),
    ("{a,b}", ["{a,b}"], ["a", "b"]),
    (".github/**", [".github/x"], ["github/x"]),
    ("Ünï", ["Ünï", "Ünï/x"], ["ünï"]),
    ("a b", ["a b"], ["a"]),
    (":(glob)a", [":(glob)a"], ["a"]),
    ("a*b*c", ["abc", "axbyc", "abcbc"], ["ab", "acb", "a/bc"]),
    ("*a*", ["a", "bab"], ["b"]),
]


@pytest.mark.parametrize(("pattern", "covered", "others"), MEANING)
def test_a_pattern_covers_what_the_contract_says(pattern: str, covered: list[str], others: list[str]) -> None:
    assert problems(pattern) == ()
    assert [path for path in covered if not parse(pattern).matches(path)] == []
    assert [path for path in others if parse(pattern).matches(path)] == []


@pytest.mark.parametrize("path", ["", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/./b", "a/..", "a\0b", "../a"])
def test_what_no_repository_can_hold_is_covered_by_nothing(path: str) -> None:
    assert not is_path(path)
    assert not parse("**").matches(path)
    assert not parse("a").matches(path)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "empty"),
        ("/a", "root"),
        ("/", "root"),
        ("//", "root"),
        ("./a", "`.` and `..`"),
        ("a/../b", "`.` and `..`"),
        ("a//b", "two `/`"),
        ("a///", "two `/`"),
        ("a*/", "write `a*/**`"),
        ("**/", "write `**/**`"),
        ("!a", "only add"),
        ("a\\", "nothing to escape"),
        ("a\\/b", "nothing to escape"),
        ("a[b", "never closed"),
        ("[]", "never closed"),
        ("[!]", "never closed"),
        ("[a/b]", "holds a `/`"),
        ("[!/]x", "holds a `/`"),
        ("[z-a]", "write `a-z`"),
        ("[[:letter:]]", "no class `[:letter:]`"),
        ("a\tb", "control"),
        ("a\nb", "control"),
        ("a\0", "control"),
        ("a\ud800", "control"),
        ("a**", "write `*`"),
        ("**a/b", "write `*`"),
        ("***", "write `*`"),
        ("[.]", "matches no name"),
        ("\\.", "matches no name"),
        ("a/[.][.]", "matches no name"),
        ("x" * 1025, "1025 characters"),
    ],
)
def test_a_bad_pattern_is_refused_with_a_remedy(pattern: str, said: str) -> None:
    assert any(said in problem for problem in problems(pattern)), problems(pattern)
    with pytest.raises(BadPattern, match="pattern `"):
        parse(pattern)


def test_every_mistake_of_every_pattern_is_told_at_once() -> None:
    assert len(problems("/../a**/[b")) == 4
    with pytest.raises(BadPattern) as caught:
        Scope.of(["a", "/b", "c**/[d"])
    assert len(caught.value.problems) == 3
    assert {problem.code for problem in caught.value.problems} == {"BadPattern"}


def test_the_longest_pattern_is_still_read() -> None:
    assert parse("x/" * 511 + "xx").matches("x/" * 511 + "xx")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("src/*.{ts,tsx}", "braces"), ("cafe\u0301", "decomposed"), (" a", "white space"), ("src/**", "")],
)
def test_what_is_legal_but_seldom_meant_is_remarked(pattern: str, said: str) -> None:
    assert [said in remark for remark in remarks(pattern)] == ([True] if said else [])


RELATIONS = [
    ("a", "a", "equal"),
    ("a/**", "a", "inside"),
    ("a", "b", "disjoint"),
    ("a/**", "a/b/**", "contains"),
    ("argocd/applications/torghut/ta/**", "argocd/applications/torghut/**", "inside"),
    ("**/firewall/**", "services/**", "crosses"),
    ("a/*", "a/*/*", "disjoint"),
    ("a/**", "a/**/*", "equal"),
    ("a/", "a/**", "equal"),
    ("**", "**/*", "equal"),
    ("*/**", "**/*/*", "equal"),
    ("**/**/a", "**/a", "equal"),
    ("*?", "?*", "equal"),
    ("?*", "*", "equal"),
    ("[a-c]", "[cab]", "equal"),
    ("[!a]", "[^a]", "equal"),
    ("?", "[!.]", "equal"),
    ("??", "*", "inside"),
    ("\\a", "a", "inside"),
    ("*.py", "test_*", "crosses"),
    ("*.py", "*.md", "disjoint"),
    ("a*", "*b", "crosses"),
    ("[ab]*", "[bc]*", "crosses"),
    ("[ab]*", "[cd]*", "disjoint"),
    ("a?", "a", "disjoint"),
    ("src/**/x", "src/x", "crosses"),
    ("src/**/x", "src/[x]", "contains"),
    ("src/A", "src/a", "disjoint"),
    ("caf\u00e9", "cafe\u0301", "disjoint"),
    ("?", "é", "crosses"),
    ("*", "a", "crosses"),
    (".github/**", "**/*.yml", "crosses"),
    (".*/**", "**/.*", "crosses"),
    ("..?", "..*", "inside"),
    (".?", "?.", "disjoint"),
    (".??", "??.", "crosses"),
]


@pytest.mark.parametrize(("a", "b", "relation"), RELATIONS)
def test_two_patterns_relate_as_their_paths_do(a: str, b: str, relation: str) -> None:
    related = relate(a, b)
    assert related.relation == relation
    assert (related.witness is None) == (relation == "disjoint")
    if related.witness is not None:
        assert parse(a).matches(related.witness)
        assert parse(b).matches(related.witness)
    index: ScopeIndex[str] = ScopeIndex()
    index.add("b", Scope.of([b]))
    assert index.overlapping(Scope.of([a])) == ([] if relation == "disjoint" else ["b"])


@pytest.mark.parametrize(
    ("a", "b", "witness"),
    [
        ("a/**", "a", "a/x"),
        ("src/*.py", "src/t*", "src/t.py"),
        ("**/firewall/**", "services/**", "services/firewall/x"),
        ("**/*.md", "docs/**", "docs/x.md"),
        ("*", "?", "x"),
        ("[!x]", "?", "y"),
    ],
)
def test_a_witness_is_short_and_readable(a: str, b: str, witness: str) -> None:
    assert overlap(a, b) == witness


def test_a_union_covers_what_no_single_pattern_of_it_covers() -> None:
    halves = Scope.of(["src/[!m]*/**", "src/m*/**"])
    assert uncovered("src/*/**", halves) is None
    assert relate("src/*/**", halves).relation is Relation.EQUAL
    assert uncovered("src/**", halves) == "src/m"


def test_nothing_lies_inside_everything_and_overlaps_nothing() -> None:
    nothing = Scope(())
    assert relate(nothing, "**").relation is Relation.DISJOINT
    assert uncovered(nothing, "a") is None
    assert uncovered("a", nothing) == "a"
    index: ScopeIndex[str] = ScopeIndex()
    index.add("nothing", nothing)
    assert index.overlapping(Scope.of(["**"])) == []
    assert "nothing" in index


MANY_STARS = [
    ("**/*a*b*/**", "**/*b*a*/**", "crosses"),
    ("/".join(["**/*a*b*"] * 8), "/".join(["**/*b*a*"] * 8), "crosses"),
    ("*a" + "?" * 30, "*[ab]" + "?" * 30, "inside"),
    ("**/a" + "/*" * 30, "**/[ab]" + "/*" * 30, "inside"),
    ("*a" * 100 + "*", "*aa" * 60 + "*", "contains"),
    ("*[ab]" * 200, "*[bc]" * 200, "crosses"),
    ("?" * 500 + "*", "*" + "?" * 500 + "a", "contains"),
    ("/".join("abcdefgh" * 60), "**", "inside"),
    ("**/" * 100 + "a", "**/a", "equal"),
]


@pytest.mark.parametrize(("a", "b", "relation"), MANY_STARS)
def test_patterns_full_of_wildcards_are_still_decided(a: str, b: str, relation: str) -> None:
    assert relate(a, b).relation == relation


def test_a_question_nobody_would_wait_for_is_refused_not_guessed() -> None:
    # Whether some word has no two equal letters 17 apart: every half of 17 letters has to be remembered.
    repeats = Scope.of([f"*{letter}{'?' * 16}{letter}*" for letter in "ab"])
    words = "[ab]" * 40
    with pytest.raises(TooComplex, match="fewer wildcards"):
        uncovered(words, repeats)
    assert overlap(words, repeats) is not None


def test_the_index_forgets_what_is_removed_and_keeps_the_rest() -> None:
    index: ScopeIndex[int] = ScopeIndex()
    for key in range(40):
        index.add(key, Scope.of([f"a{key}/**", "shared/*.py"]))
    for key in range(35):
        index.remove(key)
    index.remove(7)
    index.add(36, Scope.of(["b/**"]))
    assert index.overlapping(Scope.of(["shared"])) == [35, 37, 38, 39]
    assert index.overlapping(Scope.of(["a36/x", "b/x"])) == [36]
    assert len(index) == 5


def test_the_index_finds_what_sorts_late_inside_a_folder_and_nothing_beside_it() -> None:
    index: ScopeIndex[str] = ScopeIndex()
    for text in ("a/é/x/**", "a/🚂/x", "a/~/[x]", "a0/x/y/**", "a./x/y", "a", "b/􏿿/**"):
        index.add(text, Scope.of([text]))
    assert index.overlapping(Scope.of(["a/**"])) == ["a/é/x/**", "a/🚂/x", "a/~/[x]", "a"]
    assert index.overlapping(Scope.of(["a/*/?"])) == ["a/🚂/x", "a/~/[x]", "a"]
    assert index.overlapping(Scope.of(["b"])) == ["b/􏿿/**"]
    assert index.first_overlapping(Scope.of(["**/x"])) == "a/é/x/**"
    assert index.first_overlapping(Scope.of(["c"])) is None


def test_two_character_names_that_could_be_dots_are_told_apart() -> None:
    index: ScopeIndex[str] = ScopeIndex()
    index.add("front", Scope.of([".?/x", "z"]))
    index.add("back", Scope.of(["?./x"]))
    index.add("both", Scope.of(["??/x", "[.a][.b]"]))
    assert index.overlapping(Scope.of([".?/x"])) == ["front", "both"]
    assert index.overlapping(Scope.of(["?./x"])) == ["back", "both"]
    assert index.overlapping(Scope.of(["[.][.b]"])) == ["both"]
    assert index.overlapping(Scope.of(["[.c][.d]/x"])) == ["front", "back", "both"]


NAMED_CLASSES = ["alnum", "alpha", "blank", "cntrl", "digit", "graph"]
NAMED_CLASSES += ["lower", "print", "punct", "space", "upper", "xdigit"]


def test_named_classes_are_those_of_git(tmp_path: Path) -> None:
    printable = [chr(code) for code in range(33, 127) if chr(code) not in "/."]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    blob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    subprocess.run(
        ["git", "-C", str(tmp_path), "update-index", "-z", "--index-info"],
        input="".join(f"100644 {blob}\tx{char}x\0" for char in [*printable, " ", "\t", "\x7f", "\x01", "."]).encode(),
        check=True,
    )
    names = [
        "alnum",
        "alpha",
        "blank",
        "cntrl",
        "digit",
        "graph",
        "lower",
        "print",
        "punct",
        "space",
        "upper",
        "xdigit",
    ]
    for name in names:
        for pattern in (f"x[[:{name}:]]x", f"x[![:{name}:]_]x"):
            listed = subprocess.run(
                ["git", "-C", str(tmp_path), "ls-files", "-z", f":(glob){pattern}"], check=True, capture_output=True
            ).stdout.decode()
            paths = [f"x{char}x" for char in [*printable, " ", "\t", "\x7f", "\x01", "."]]
            assert set(listed.split("\0")[:-1]) == {path for path in paths if parse(pattern).matches(path)}, pattern


def test_a_set_prefers_letters_when_one_has_to_be_shown() -> None:
    assert charset([(1, 0x10FFFF)]).pick == "x"
    assert charset([(1, 31), (0x4E00, 0x4E10)]).pick == "一"
    assert charset([(0xD800, 0xD801)]).pick == "\ud800"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Src/A*.py", "sRC/aB.PY"),
        ("src/[A-C]x", "SRC/bX"),
        ("src/[!a]", "src/a"),
        ("\\A/b", "a/B"),
        ("Stra\u00dfe", "STRASSE/x"),
        ("\u00c9?/**", "e\u0301a/b"),
        ("x[[:upper:]]/Y", "Xq/y"),
    ],
)
def test_a_caseless_pattern_matches_what_any_spelling_of_a_path_folds_to(text: str, path: str) -> None:
    assert caseless(parse(text)).matches(unicodedata.normalize("NFC", folded(path)))


@pytest.mark.parametrize("text", ["src/**", "a/*.py", "a/[a-z0-9]", "**/x?", "a\\*b"])
def test_a_pattern_with_one_spelling_is_its_own_caseless_one(text: str) -> None:
    assert caseless(parse(text)) is parse(text)


PIECES = st.lists(
    st.sampled_from(["a", "A", "b", "B", "*", "?", "/", "[aB]", "[!A]", "\u00e9", "e\u0301", "\\A"]), max_size=6
)


@given(PIECES, st.text(alphabet="aAbBe\u00e9\u0301/", min_size=1, max_size=5))
def test_what_a_pattern_matches_its_caseless_one_matches_folded(pieces: list[str], path: str) -> None:
    text = "".join(pieces)
    if problems(text) or not is_path(path) or "\u0301" in path.replace("e\u0301", ""):
        return
    pattern = parse(text)
    if pattern.matches(path) and "?" not in text and "[" not in text:
        assert caseless(pattern).matches(unicodedata.normalize("NFC", folded(path)))
    if pattern.matches(path) and path.isascii():
        assert caseless(pattern).matches(folded(path))
