"""What a change may contain, row by row, and against a second, slower way of saying it."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.collisions import beside, collisions, folded
from orchestrator.core.globs import BadPattern
from orchestrator.core.policy import DENIED_MAX, WHOLE_CHANGE, failure_class, judge, shown
from orchestrator.model.action import ScopePolicy
from orchestrator.model.condition import FailureClass
from orchestrator.model.facts import Change, Diff
from orchestrator.model.run import ScopeVerdict
from orchestrator.model.train import PatchLimits

FILE, PROGRAM, LINK, MODULE, NONE = "100644", "100755", "120000", "160000", "000000"

THERE = ("README.md", "src/a.py", "src/deep/b.py", "src/link", "docs/guide.md", "ci/deploy.sh", "poetry.lock")


def added(path: str, mode: str = FILE, target: str | None = None) -> Change:
    """Return a change that adds the path."""
    return Change(path, "A", NONE, mode, target)


def changed(path: str, old: str = FILE, new: str = FILE, target: str | None = None) -> Change:
    """Return a change of a path that is there."""
    return Change(path, "M" if old == new else "T", old, new, target)


def removed(path: str, mode: str = FILE) -> Change:
    """Return a change that removes the path."""
    return Change(path, "D", mode, NONE)


def verdict(
    *changes: Change, there: tuple[str, ...] = THERE, lines: int = 1, size: int = 1, **policy: object
) -> ScopeVerdict:
    """Return the verdict on the changes for a run that may write below `src` (or as `policy` says)."""
    fields: dict[str, object] = {
        "paths": ("src/**",),
        "generated": ("poetry.lock",),
        "protected": ("ci/**", "src/secret/**"),
        "approved_protected": False,
        "limits": PatchLimits(),
        **policy,
    }
    return judge(Diff(changes, lines, size), there, ScopePolicy(**fields))  # type: ignore[arg-type]


def denied(found: ScopeVerdict) -> list[str]:
    """Return the denied paths."""
    return [entry.path for entry in found.denied]


# the scope


def test_a_change_inside_the_scope_is_allowed() -> None:
    found = verdict(changed("src/a.py"), added("src/new/c.py"), removed("src/deep/b.py"))
    assert found == ScopeVerdict(allowed=True)
    assert failure_class(found) is None


def test_no_change_is_allowed() -> None:
    assert verdict().allowed


@pytest.mark.parametrize(
    "change",
    [
        changed("README.md"),
        added("other/new.py"),
        added("srcs/a.py"),
        added("src"),
        removed("docs/guide.md"),
        changed("docs/guide.md", FILE, PROGRAM),
        added("README", LINK, "src/a.py"),
        added("vendor", MODULE),
        added(".github/workflows/ci.yml"),
        changed("ci/deploy.sh"),
        added("docs/\udcff.md"),
    ],
    ids=lambda change: ascii(change.path),
)
def test_a_path_outside_the_scope_is_a_scope_violation_whatever_else_it_is(change: Change) -> None:
    found = verdict(changed("src/a.py"), change)
    assert denied(found) == [shown(change.path)]
    assert found.denied[0].reason.startswith("outside the scope: ")
    assert failure_class(found) is FailureClass.SCOPE_VIOLATION


def test_a_generated_file_needs_no_claim() -> None:
    assert verdict(changed("poetry.lock")).allowed


def test_both_sides_of_a_rename_across_the_scope_count() -> None:
    assert denied(verdict(removed("docs/guide.md"), added("src/guide.md"))) == ["docs/guide.md"]
    assert denied(verdict(removed("src/a.py"), added("docs/a.py"))) == ["docs/a.py"]


def test_a_change_of_mode_alone_is_a_change() -> None:
    assert verdict(changed("src/a.py", FILE, PROGRAM)).allowed
    assert denied(verdict(changed("ci/deploy.sh", PROGRAM, FILE))) == ["ci/deploy.sh"]


def test_a_policy_without_patterns_allows_nothing() -> None:
    assert not verdict(changed("src/a.py"), paths=()).allowed


def test_a_policy_whose_patterns_cannot_be_read_is_refused_not_ignored() -> None:
    with pytest.raises(BadPattern):
        verdict(changed("src/a.py"), protected=("src/[",))


# what no scope allows

FORBIDDEN = {
    "protected": (changed("src/secret/key.py"), "it is protected"),
    "submodule": (added("src/vendor", MODULE), "submodule"),
    "file becomes submodule": (changed("src/a.py", FILE, MODULE), "submodule"),
    "submodule removed": (removed("src/vendor", MODULE), "submodule"),
    "submodule moved": (changed("src/vendor", MODULE, MODULE), "submodule"),
    "unknown mode": (added("src/odd", "100666"), "mode 100666"),
    "tree mode": (added("src/odd", "040000"), "mode 040000"),
    "link to an absolute path": (added("src/l", LINK, "/etc/passwd"), "'/etc/passwd', which leaves the tree"),
    "link above the root": (added("src/l", LINK, "../../x"), "leaves the tree"),
    "link far above the root": (added("src/deep/l", LINK, "../../../../../etc"), "leaves the tree"),
    "link to the parent of the root": (added("src/l", LINK, "../.."), "leaves the tree"),
    "link with dots and slashes": (added("src/l", LINK, ".//.././/../x"), "leaves the tree"),
    "link that climbs after a name": (added("src/l", LINK, "deep/../../../x"), "climbs after it went down"),
    "link that climbs through what may be a link": (added("src/l", LINK, "link/../x"), "climbs after it went down"),
    "link into the repository": (added("src/l", LINK, "../.git/hooks"), "the repository itself"),
    "link into the repository, otherwise spelled": (added("src/l", LINK, "../.GIT/config"), "the repository itself"),
    "link without a readable target": (added("src/l", LINK, None), "cannot be read"),
    "link with an empty target": (added("src/l", LINK, ""), "cannot be read"),
    "link in place of a file": (changed("src/a.py", FILE, LINK, "/etc"), "leaves the tree"),
    "link in place of a folder": (added("src/deep", LINK, "../../x"), "leaves the tree"),
    "link turned elsewhere": (changed("src/link", LINK, LINK, "../../x"), "leaves the tree"),
    "control character": (added("src/a\nb.py"), "cannot be printed"),
    "escape": (added("src/\x1b[2J"), "cannot be printed"),
    "right-to-left override": (added("src/\u202egnp.py"), "cannot be printed"),
    "line separator": (added("src/a\u2028b"), "cannot be printed"),
    "not UTF-8": (added("src/\udcff.py"), "not UTF-8"),
    "repository folder": (added("src/.git/config"), "the repository itself"),
    "repository folder in capitals": (added("src/.GIT/config"), "the repository itself"),
    "repository folder with a character nobody sees": (added("src/.g\u200cit/config"), "the repository itself"),
    "repository folder's short name": (added("src/GIT~1/config"), "the repository itself"),
    "case collision with a file": (added("src/A.py"), "'src/A.py' and 'src/a.py' differ only by case"),
    "case collision with a folder": (added("src/Deep/c.py"), "'src/Deep' and 'src/deep' differ only by case"),
    "file where a folder differs by case": (added("src/DEEP"), "'src/DEEP' and 'src/deep' differ only by case"),
    "file below a file": (added("src/a.py/x"), "'src/a.py' would be both a file and a folder"),
    "file in place of a folder that stays": (added("src/deep"), "'src/deep' would be both a file and a folder"),
}


@pytest.mark.parametrize(("change", "words"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_inside_the_scope_what_no_scope_allows_is_denied_by_policy(change: Change, words: str) -> None:
    found = verdict(changed("src/link", LINK, LINK, "a.py"), change) if change.path != "src/link" else verdict(change)
    assert denied(found) == [shown(change.path)]
    assert found.denied[0].reason.startswith("policy: ")
    assert words in found.denied[0].reason
    assert failure_class(found) is FailureClass.POLICY_DENIED


PERSONS = [
    ".agents/rules.md", ".aider.conf.yml", ".aiderignore", ".aider", ".claude/settings.json", ".codex/config.toml",
    ".cursor/rules", ".env", ".gitattributes", ".githooks/pre-commit", ".github/workflows/ci.yml", ".gitmodules",
    ".husky/pre-push", ".mcp.json", ".opencode/plugin.js", ".vscode/tasks.json", "AGENTS.md", "CLAUDE.md",
    "hooks/pre-commit", "hooks/post-checkout",
    # other spellings that some file system, and so some tool, reads as the same
    "agents.md", "Claude.md", ".GitHub/workflows/ci.yml", ".GITATTRIBUTES", "AGENTS\u200b.md", ".env.", "AGENTS.MD ",
    "\uff21GENTS.md",
]  # fmt: skip


@pytest.mark.parametrize("folder", ["", "src/", "src/a/b/"])
@pytest.mark.parametrize("name", PERSONS, ids=ascii)
def test_what_configures_agents_or_git_is_denied_in_every_lane_at_any_depth(name: str, folder: str) -> None:
    for change in (added(folder + name), changed(folder + name), removed(folder + name)):
        found = verdict(change, paths=("**",), protected=())
        assert denied(found) == [shown(folder + name)]
        assert failure_class(found) is FailureClass.POLICY_DENIED


@pytest.mark.parametrize("name", [*PERSONS, "src/secret/key.py"], ids=ascii)
def test_a_person_may_approve_what_is_protected(name: str) -> None:
    assert verdict(added(name), paths=("**",), approved_protected=True).allowed


@pytest.mark.parametrize("name", [name for name, (change, _) in FORBIDDEN.items() if name != "protected"])
def test_nobody_can_approve_the_rest(name: str) -> None:
    assert not verdict(FORBIDDEN[name][0], approved_protected=True).allowed


@pytest.mark.parametrize(
    "path",
    [
        "src/hooks/useOrder.ts", "hooks/README.md", "src/agents.py", "src/environment", "src/.envrc", "src/github/x",
        "src/claude.py", "src/AGENTS.md.j2", "src/git/config", "src/.gitignore", "src/.gitkeep", "src/ünïcödé.py",
        "src/日本語.md", "src/with space.py", "src/...", "src/update",
    ],
)  # fmt: skip
def test_names_that_only_look_alike_are_allowed(path: str) -> None:
    found = verdict(added(path), paths=("**",))
    assert found.denied == ()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("src/l", "a.py"), ("src/l", "deep/b.py"), ("src/l", "../README.md"), ("src/l", ".."), ("src/deep/l", "../.."),
        ("src/l", "./a.py"), ("src/l", "nowhere"), ("src/deep/l", "../../docs/guide.md"), ("src/l", "..a/b.."),
    ],
)  # fmt: skip
def test_a_symlink_that_stays_in_the_tree_is_allowed(path: str, target: str) -> None:
    assert verdict(added(path, LINK, target)).allowed


# collisions


def test_names_that_differ_by_unicode_form_collide() -> None:
    composed, decomposed = "src/caf\u00e9.py", "src/cafe\u0301.py"
    found = verdict(added(decomposed), there=(composed,))
    assert denied(found) == [decomposed]
    assert "Unicode form" in found.denied[0].reason


def test_two_added_names_that_collide_are_both_denied() -> None:
    assert denied(verdict(added("src/New.py"), added("src/new.py"))) == ["src/New.py", "src/new.py"]


def test_a_file_may_be_renamed_to_another_case() -> None:
    assert verdict(removed("src/a.py"), added("src/A.py")).allowed


def test_a_folder_may_take_the_place_of_a_file_and_back() -> None:
    assert verdict(removed("src/a.py"), added("src/a.py/x")).allowed
    assert verdict(removed("src/deep/b.py"), added("src/deep")).allowed


def test_a_collision_that_was_there_before_is_nobodys_fault() -> None:
    there = ("src/Makefile", "src/makefile", "src/Lib/a", "src/lib/b")
    assert verdict(changed("src/makefile"), added("src/lib/c"), added("src/Lib/d"), there=there).allowed


def test_a_third_spelling_of_a_collision_that_was_there_is_denied() -> None:
    assert denied(verdict(added("src/LIB/c"), there=("src/Lib/a", "src/lib/b"))) == ["src/LIB/c"]


# limits


@pytest.mark.parametrize(
    ("limits", "lines", "size", "words"),
    [
        (PatchLimits(max_files=1), 1, 1, "touches 2 files, over the limit of 1"),
        (PatchLimits(max_lines=10), 11, 1, "has 11 changed lines, over the limit of 10"),
        (PatchLimits(max_bytes=10), 1, 11, "brings 11 bytes, over the limit of 10"),
    ],
)
def test_a_change_over_a_limit_is_denied_as_a_whole(limits: PatchLimits, lines: int, size: int, words: str) -> None:
    found = verdict(changed("src/a.py"), added("src/c.py"), limits=limits, lines=lines, size=size)
    assert denied(found) == [WHOLE_CHANGE]
    assert words in found.denied[0].reason
    assert failure_class(found) is FailureClass.POLICY_DENIED


def test_a_change_at_its_limits_is_allowed() -> None:
    limits = PatchLimits(max_files=2, max_lines=10, max_bytes=10)
    assert verdict(changed("src/a.py"), added("src/c.py"), limits=limits, lines=10, size=10).allowed


def test_every_exceeded_limit_is_named() -> None:
    found = verdict(
        changed("src/a.py"), added("src/c"), limits=PatchLimits(max_files=1, max_lines=1, max_bytes=1), lines=2, size=2
    )
    assert len(found.denied) == 3


# the verdict


def test_a_long_list_is_cut_and_counted_and_keeps_its_class() -> None:
    """Two hundred policy denials come first in the diff; the one path outside must not be cut off with the rest."""
    found = verdict(*(added(f"src/v{number}", MODULE) for number in range(200)), changed("README.md"))
    assert (len(found.denied), found.denied_total) == (DENIED_MAX, 201)
    assert denied(found)[0] == "README.md"
    assert failure_class(found) is FailureClass.SCOPE_VIOLATION


def test_a_path_cannot_write_a_reason_or_a_class() -> None:
    path = "src/outside the scope: x\n/etc/passwd\x1b[31m"
    found = verdict(added(path), added("src/l", LINK, "/outside the scope: \udcff\n" + "x" * 5000))
    assert failure_class(found) is FailureClass.POLICY_DENIED
    for entry in found.denied:
        assert (entry.path + entry.reason).isprintable()
        assert len(entry.path) <= 400
        assert len(entry.reason) < 1000
    ScopeVerdict.model_validate_json(found.model_dump_json())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("src/a.py", "src/a.py"),
        ("a\nb", "a\\x0ab"),
        ("a\udcffb", "a\\xffb"),
        ("a\u202eb", "a\\u202eb"),
        ("ü日", "ü日"),
        ("x" * 401, "x" * 399 + "…"),
    ],
)
def test_a_path_is_shown_printable_and_bounded(text: str, expected: str) -> None:
    assert shown(text) == expected


# properties

NAMES = st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "\u00c9", "src", "Src"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def a_tree(paths: set[str]) -> frozenset[str]:
    """Return those of the paths that can be files of one tree: no file is a folder of another."""
    return frozenset(path for path in paths if not any(other.startswith(path + "/") for other in paths))


TREES = st.sets(PATHS, max_size=8).map(a_tree)


def entries(tree: frozenset[str]) -> set[str]:
    """Return every file and folder of a tree."""
    return {"/".join(path.split("/")[:end]) for path in tree for end in range(1, path.count("/") + 2)}


def clashing(tree: frozenset[str]) -> set[frozenset[str]]:
    """Return every pair of names of one tree that differ only by case or Unicode form, the slow way."""

    def key(name: str) -> str:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

    names = entries(tree)
    return {frozenset((a, b)) for a in names for b in names if a != b and key(a) == key(b)}


@given(TREES, TREES)
def test_exactly_the_added_paths_that_bring_a_new_collision_are_denied(
    before: frozenset[str], after: frozenset[str]
) -> None:
    changes = [*map(removed, before - after), *map(added, after - before), *map(changed, after & before)]
    new_names = entries(after) - entries(before & after)
    guilty = {
        path
        for path in after - before
        for pair in clashing(after)
        for name in pair & new_names
        if path == name or path.startswith(name + "/")
    }
    found = verdict(*changes, there=tuple(before), paths=("**",), protected=())
    assert set(denied(found)) == guilty


@given(
    st.sets(PATHS, max_size=6),
    st.sets(st.sampled_from(["a", "a/**", "src/*", "**/b", "?", "Src/**", "**"]), max_size=3),
)
def test_the_verdict_is_allowed_exactly_if_every_path_is_in_the_scope(paths: set[str], globs: set[str]) -> None:
    changes = [changed(path) for path in sorted(paths)]
    outside = [path for path in sorted(paths) if not any(matches(glob, path) for glob in globs)]
    found = verdict(*changes, paths=tuple(sorted(globs)), protected=(), generated=())
    assert denied(found) == outside
    assert failure_class(found) is (FailureClass.SCOPE_VIOLATION if outside else None)


def matches(glob: str, path: str) -> bool:
    """Return whether the glob covers the path, said once more as a regular expression."""
    return re.fullmatch(
        {
            "a": "a(/.*)?",
            "a/**": "a/.*",
            "src/*": "src/[^/]*",
            "**/b": "(.*/)?b",
            "?": "[^/]",
            "Src/**": "Src/.*",
            "**": ".*",
        }[glob],
        path,
    ) is not None  # fmt: skip


@given(TREES)
def test_a_tree_beside_itself_has_no_new_collision(tree: frozenset[str]) -> None:
    assert collisions((), tree) == ()


@given(PATHS)
def test_folding_twice_is_folding_once(path: str) -> None:
    assert folded(folded(path)) == folded(path)
    assert folded(path) == folded(path.upper()) == folded(unicodedata.normalize("NFD", path))


@given(TREES, TREES)
def test_the_few_paths_said_to_stand_beside_give_the_verdict_of_the_whole_tree(
    before: frozenset[str], after: frozenset[str]
) -> None:
    changes = [*map(removed, before - after), *map(added, after - before), *map(changed, after & before)]
    few = beside(after - before, sorted(before & after))
    assert set(few) <= before & after
    whole = verdict(*changes, there=tuple(before), paths=("**",), protected=())
    assert verdict(*changes, there=few, paths=("**",), protected=()) == whole
