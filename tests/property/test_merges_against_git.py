"""Made-up histories, merged by us without a work tree and by `git merge` in one: the same trees or the same refusal.

Then what was built is landed, and git itself is asked what the base gained: the tested tree, one merge commit for each
member by first parents, every head in it, and objects that pass `fsck`. Histories cross, paths swap with folders, names
are what nobody should choose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, Conflicted, LandResult
from orchestrator.model.train import Member
from tests.contract.git_world import Mode, RealWorld, lines, run_git, trailers

SOAK_EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "2000"))
PATHS = (
    "a", "b.txt", "c.txt", "d/a", "d/b.txt", "d/e/f", "d", "e", "moved/a", "moved/d/b.txt",
    "A", "D/a", "stra\u00dfe", "STRASSE", "x\ny", "\udcff\udcfe", "-dash", 'q"u\\ote', "tab\there", " ", "w" * 200,
)  # fmt: skip
LONG = lines(40)
CONTENTS = (
    "1\n", "2\n", "", "no end", LONG, lines(40, l3="x"), lines(40, l3="y"), lines(40, l38="z"),
    lines(40, l3="x", l38="z"),
    "a\r\nb\r\n", "\x00\x01binary", "big\n" * 100_000,
)  # fmt: skip
ATTRIBUTES = (
    None,
    "*.txt text eol=crlf\n",
    "*.txt -merge\n",
    "*.txt merge=union\n",
    "* binary\n",
    "d/** merge=union\n",
)
Entry = tuple[str, str]
"""Mode and content, as git has them."""
Tree = dict[str, Entry]


def written(tree: Tree, path: str, entry: Entry) -> None:
    """Put an entry into a tree in place of whatever cannot be there beside it."""
    for other in list(tree):
        if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
            del tree[other]
    tree[path] = entry


@dataclass
class Histories:
    """Some commits by number, each with its tree, on a few branches that begin at one root and may cross."""

    world: RealWorld
    trees: dict[Sha, Tree]
    branches: list[Sha]

    def commit(self, parents: Sequence[Sha], tree: Tree) -> Sha:
        """Store a commit with exactly this tree."""
        before = self.trees[parents[0]] if parents else {}
        files: dict[str, str | Mode | None] = {path: None for path in before if path not in tree}
        files |= {path: Mode(*entry) for path, entry in tree.items() if before.get(path) != entry}
        made = self.world.commit(*parents, files=files)
        self.trees[made] = tree
        return made


def entries(text: bool) -> st.SearchStrategy[Entry]:
    """Return what may stand at a path. Declared text has no CRLF: git itself calls such a file changed at once."""
    contents = st.sampled_from([one for one in CONTENTS if not (text and "\r" in one)])
    files = st.tuples(st.sampled_from(["100644", "100644", "100644", "100755"]), contents)
    links = st.tuples(st.just("120000"), st.sampled_from(["a", "../out", "d/e"]))
    modules = st.tuples(st.just("160000"), st.sampled_from(["1" * 40, "2" * 40]))
    return st.one_of(files, files, files, links, modules)


@st.composite
def changed(draw: st.DrawFn, tree: Tree, text: bool) -> Tree:
    """Return the tree with some paths written, removed or moved; often none: commits may be empty."""
    after = dict(tree)
    for _ in range(draw(st.integers(0, 3))):
        there = sorted(path for path in after if path != ".gitattributes")
        match draw(st.sampled_from(["write", "write", "remove", "move"])):
            case "remove" if there:
                del after[draw(st.sampled_from(there))]
            case "move" if there:
                entry = after.pop(draw(st.sampled_from(there)))
                written(after, draw(st.sampled_from(PATHS)), entry)
            case _:
                written(after, draw(st.sampled_from(PATHS)), draw(entries(text)))
    return after


def grown(world: RealWorld, data: st.DataObject) -> Histories:
    """Return histories that were made up just now: a base branch and up to three heads."""
    attributes = data.draw(st.sampled_from(ATTRIBUTES))
    text = attributes is not None and "text" in attributes
    start: Tree = {"a": ("100644", LONG), "d/b.txt": ("100644", lines(40, l20="b"))}
    if attributes:
        start[".gitattributes"] = ("100644", attributes)
    made = Histories(world, {}, [])
    root = made.commit((), data.draw(changed(start, text)))
    made.branches = [root] * data.draw(st.integers(2, 4))
    for _ in range(data.draw(st.integers(1, 6))):
        number = data.draw(st.integers(0, len(made.branches) - 1))
        mine = made.branches[number]
        parents = [mine]
        if data.draw(st.integers(0, 3)) == 0:
            # A merge as somebody resolved it: the tree is whatever they made of it. Done both ways, histories cross.
            parents += sorted({each for each in made.branches if each != mine})[: data.draw(st.integers(1, 3))]
        made.branches[number] = made.commit(parents, data.draw(changed(made.trees[mine], text)))
    if data.draw(st.integers(0, 9)) == 0:
        made.branches[-1] = made.commit((), dict(made.trees[made.branches[-1]]))
    return made


class Oracle:
    """A clone with a work tree, in which git merges as a person would."""

    def __init__(self, world: RealWorld) -> None:
        self.folder = world.folder / "oracle"
        run_git(world.folder, "clone", "-q", "--shared", "--no-checkout", str(world.path), str(self.folder))

    def merged(self, base: Sha, heads: Sequence[Sha]) -> list[str] | None:
        """Return the tree after each merge; None where one of them asks for a choice."""
        run_git(self.folder, "checkout", "-q", "--force", "--detach", base)
        found = []
        for head in heads:
            arguments = ("-c", "merge.renames=true", "merge", "-q", "--no-ff", "-m", "x", head)
            before = run_git(self.folder, "rev-parse", "HEAD")
            run_git(self.folder, *arguments, check=False)
            unmerged = run_git(self.folder, "ls-files", "--unmerged")
            contained = run_git(self.folder, "rev-list", "--max-count=1", f"HEAD..{head}", check=False)
            if unmerged or contained:
                self.forget(before.decode().strip())
                return None
            found.append(run_git(self.folder, "rev-parse", "HEAD^{tree}").decode().strip())
        return found

    def forget(self, back: str) -> None:
        """Leave no trace of a merge that was not finished."""
        run_git(self.folder, "reset", "-q", "--hard", back)
        run_git(self.folder, "clean", "-q", "-f", "-f", "-d", "-x")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealWorld, Oracle]]:
    world = RealWorld(tmp_path_factory.mktemp("merges"))
    yield world, Oracle(world)
    # Once for all that was ever made: it reads every object there is.
    assert run_git(world.path, "fsck", "--full", "--strict", "--no-dangling") == b""


def hold(world: RealWorld, oracle: Oracle, data: st.DataObject) -> None:
    """Merge and land one made-up history, and ask git about it."""
    made = grown(world, data)
    base, *heads = made.branches
    names = [f"spec-{number}" for number in range(len(heads))]
    built = world.git.build(base, heads, [trailers(name) for name in names])
    theirs = oracle.merged(base, heads)
    if isinstance(built, Conflicted) and "nothing of it is left to land" in built.output:
        assert heads[0] == base
        return
    if isinstance(built, Conflicted):
        assert theirs is None, f"we found a conflict in {built.paths}: {built.output}"
        return
    assert theirs is not None, "git asked for a choice"
    steps = [one.commit or Sha("") for one in built.brought]
    assert [world.tree(step) for step in steps] == theirs
    landed(world, base, heads, names, built)


def landed(world: RealWorld, base: Sha, heads: Sequence[Sha], names: Sequence[str], built: Built) -> None:
    """Land the candidate; assert that the base gained exactly what was tested."""
    world.set_ref("refs/heads/main", base)
    steps = [one.commit or Sha("") for one in built.brought]
    members = tuple(
        Member(spec=name, run=f"{name}-1", head=head, commit=step)
        for name, head, step in zip(names, heads, steps, strict=True)
    )
    landing = world.landing(names[-1], heads[-1], built.commit, base).model_copy(update={"members": members})
    outcome = world.forge.land("main", landing)
    assert outcome.result is LandResult.LANDED, outcome.message
    gained = run_git(world.path, "log", "--first-parent", "--reverse", "--format=%H %P", f"{base}..main").decode()
    grounds = [base, *steps]
    assert [line.split() for line in gained.splitlines()] == [
        [step, ground, head] for step, ground, head in zip(steps, grounds, heads, strict=False)
    ]
    assert run_git(world.path, "rev-parse", "main^{tree}").decode().strip() == built.tree
    assert run_git(world.path, "rev-list", f"main..{heads[-1]}") == b""
    assert set(world.git.observe("main", base).landed) >= set(names)


@settings(max_examples=60)
@given(data=st.data())
def test_what_is_merged_tested_and_landed_is_what_git_would_have_merged(
    places: tuple[RealWorld, Oracle], data: st.DataObject
) -> None:
    hold(*places, data)


@pytest.mark.soak
@settings(max_examples=SOAK_EXAMPLES)
@given(data=st.data())
def test_many_more_histories_are_merged_as_git_would_have(
    places: tuple[RealWorld, Oracle], data: st.DataObject
) -> None:
    hold(*places, data)
