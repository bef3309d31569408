"""What every `Git` promises, sentence by sentence of the port; an adapter's test class inherits it, giving `world`.

A world is one repository with strangers in it. Commits and trees are opaque ids here, so a fake runs the same suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pytest

from orchestrator.errors import Unusable
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, CandidateKey, Conflicted, Edit
from orchestrator.ports import Git


class GitWorld(Protocol):
    """What the suite needs beside the port: somebody who makes commits and moves refs as strangers do."""

    git: Git
    root: Sha
    """The first commit, where `main` begins: README, src/app.py and src/lib.py of twenty lines."""

    def commit(self, *parents: Sha, files: Mapping[str, Any] | None = None, message: str = "") -> Sha:
        """Store a commit: the first parent's tree with these paths changed (None removes one)."""
        ...

    def set_ref(self, ref: str, commit: Sha | None) -> None:
        """Move any ref anywhere, or delete it."""
        ...

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        ...

    def parents(self, commit: Sha) -> list[Sha]:
        """Return a commit's parents."""
        ...

    def open(self) -> None:
        """Make the adapters anew, as a restarted process does."""
        ...


def lines(count: int = 20, **replaced: str) -> str:
    """Return numbered lines, some replaced: `l3="x"` makes line 3 say x."""
    return "".join(f"{replaced.get(f'l{number}', f'line {number}')}\n" for number in range(1, count + 1))


def landing_message(spec: str, run: str = "") -> str:
    """Return the message of a landing's merge commit."""
    return f"Land {spec}\n\nInterlock-Spec: {spec}\nInterlock-Run: {run or spec + '-1'}\n"


class GitSuite:
    """The promises."""

    @pytest.fixture
    def world(self) -> GitWorld:
        raise NotImplementedError

    def test_the_tip_and_its_tree_are_the_base_branch_now(self, world: GitWorld) -> None:
        facts = world.git.observe("main", None)
        assert (facts.tip, facts.tip_tree) == (world.root, world.git.tree_of(world.root))
        assert facts.contains_previous
        assert (facts.landed, facts.branches, facts.work, facts.candidates) == ({}, {}, {}, {})

    def test_a_missing_base_is_unusable_and_named(self, world: GitWorld) -> None:
        with pytest.raises(Unusable, match="release"):
            world.git.observe("release", None)

    def test_a_base_that_moved_on_contains_the_previous_tip(self, world: GitWorld) -> None:
        later = world.commit(world.root, files={"a": "1\n"})
        world.set_ref("refs/heads/main", later)
        assert world.git.observe("main", world.root).contains_previous

    def test_a_base_that_was_rewritten_does_not_contain_the_previous_tip(self, world: GitWorld) -> None:
        gone = world.commit(world.root, files={"a": "1\n"})
        world.set_ref("refs/heads/main", gone)
        assert world.git.observe("main", gone).contains_previous
        world.set_ref("refs/heads/main", world.commit(world.root, files={"b": "1\n"}))
        facts = world.git.observe("main", gone)
        assert not facts.contains_previous
        assert facts.rewrite is not None
        assert (facts.rewrite.lost.total, facts.rewrite.added.total) == (1, 1)
        assert facts.rewrite.lost.first[0].startswith(gone[:7])

    def test_a_head_that_is_the_base_itself_is_no_merge(self, world: GitWorld) -> None:
        assert isinstance(world.git.build(world.root, [world.root], ["Nothing"]), Conflicted)
        made = world.git.observe("main", None).candidates
        assert isinstance(made[CandidateKey(world.root, (world.root,))], Conflicted)

    def test_of_a_rewritten_base_the_newest_commits_are_named_on_both_sides(self, world: GitWorld) -> None:
        old = new = world.root
        for number in range(7):
            old = world.commit(old, files={"old": f"{number}\n"}, message=f"Old {number}\n\nBody")
            new = world.commit(new, files={"new": f"{number}\n"}, message=f"New {number}") if number < 3 else new
        world.set_ref("refs/heads/main", new)
        rewrite = world.git.observe("main", old).rewrite
        assert rewrite is not None
        assert [line.partition(" ")[2] for line in rewrite.lost.first] == [
            f"Old {number}" for number in (6, 5, 4, 3, 2)
        ]
        assert [line.partition(" ")[2] for line in rewrite.added.first] == ["New 2", "New 1", "New 0"]
        assert (rewrite.lost.total, rewrite.added.total) == (7, 3)

    def test_a_previous_tip_that_is_gone_for_good_is_a_rewrite_of_which_nothing_is_known(self, world: GitWorld) -> None:
        facts = world.git.observe("main", Sha("7" * len(world.root)))
        assert (facts.contains_previous, facts.rewrite) == (False, None)

    def test_what_stands_on_a_former_tip_that_the_base_lacks_is_astray(self, world: GitWorld) -> None:
        kept = world.commit(world.root, files={"kept": "1\n"})
        gone = world.commit(kept, files={"gone": "1\n"})
        work, twice = world.commit(gone, files={"work": "1\n"}), world.commit(kept, files={"other": "1\n"})
        merged = world.commit(twice, work, files={"work": "1\n"})
        heads = (work, twice, merged, kept)

        def astray(tip: Sha, *bases: Sha, heads: tuple[Sha, ...] = heads) -> frozenset[Sha]:
            world.set_ref("refs/heads/main", tip)
            return world.git.astray("main", tip, bases, heads)

        assert astray(gone, world.root, kept, gone) == frozenset()
        tip = world.commit(kept, files={"instead": "1\n"})
        later = world.commit(tip, files={"later": "1\n"})
        for now in (tip, tip, later):
            assert astray(now, world.root, kept, gone) == {gone, work, merged}
            assert astray(now, world.root, kept) == frozenset()
            assert astray(now, gone, heads=(work,)) == {gone, work}, "no answer is that to another question"
        back = world.commit(later, gone, files={"gone": "1\n"})
        assert astray(back, world.root, kept, gone) == frozenset(), "merged again it is in the base"
        assert astray(tip, gone) == {gone, work, merged}

    def test_nothing_is_astray_on_a_look_at_the_base_that_is_old(self, world: GitWorld) -> None:
        later = world.commit(world.root, files={"later": "1\n"})
        world.set_ref("refs/heads/main", later)
        assert world.git.astray("main", world.root, (later,), (later,)) == frozenset()

    def test_a_former_tip_that_nobody_knows_any_more_is_astray_until_it_is_known_again(self, world: GitWorld) -> None:
        unknown = Sha("7" * len(world.root))
        for _ in range(2):
            assert world.git.astray("main", world.root, (unknown,), (world.root, unknown)) == {unknown}

    def test_branches_and_work_are_seen_by_spec_and_by_run(self, world: GitWorld) -> None:
        head = world.commit(world.root, files={"a": "1\n"})
        world.set_ref("refs/heads/interlock/order-firewall", head)
        world.git.keep("refs/interlock/runs/order-firewall-3", head)
        facts = world.git.observe("main", None)
        assert facts.branches == {"order-firewall": head}
        assert facts.work == {"order-firewall-3": head}

    def test_a_kept_ref_is_moved_by_keeping_again(self, world: GitWorld) -> None:
        head = world.commit(world.root, files={"a": "1\n"})
        for commit in (world.root, head, head):
            world.git.keep("refs/interlock/runs/a-1", commit)
            assert world.git.observe("main", None).work == {"a-1": commit}

    def test_a_first_parent_merge_with_a_trailer_has_landed_its_spec(self, world: GitWorld) -> None:
        head = world.commit(world.root, files={"a": "1\n"})
        landed = world.git.build(world.root, [head], [landing_message("spec-a", "spec-a-4")])
        assert isinstance(landed, Built)
        world.set_ref("refs/heads/main", landed.commit)
        found = world.git.observe("main", None).landed
        assert {name: (fact.commit, fact.run) for name, fact in found.items()} == {
            "spec-a": (landed.commit, "spec-a-4")
        }

    def test_trailers_count_only_in_merges_on_the_first_parent_line(self, world: GitWorld) -> None:
        plain = world.commit(world.root, files={"a": "1\n"}, message=landing_message("in-a-plain-commit"))
        inner = world.commit(
            plain, world.commit(world.root, files={"b": "1\n"}), files={"b": "1\n"}, message=landing_message("inside")
        )
        outer = world.git.build(world.root, [inner], [landing_message("real")])
        assert isinstance(outer, Built)
        top = world.commit(outer.commit, files={"c": "1\n"}, message=landing_message("on-top"))
        world.set_ref("refs/heads/main", top)
        assert set(world.git.observe("main", None).landed) == {"real"}

    def test_landings_read_step_by_step_are_those_read_at_once(self, world: GitWorld) -> None:
        tip = world.root
        for number in range(4):
            head = world.commit(world.root, files={f"f{number}": "1\n"})
            built = world.git.build(tip, [head], [landing_message(f"spec-{number}")])
            assert isinstance(built, Built)
            tip = world.commit(built.commit, files={f"stranger-{number}": "1\n"}) if number % 2 else built.commit
            world.set_ref("refs/heads/main", tip)
            stepped = world.git.observe("main", None).landed
        world.open()
        assert set(stepped) == {f"spec-{number}" for number in range(4)}
        assert world.git.observe("main", None).landed == stepped

    def test_a_rewritten_base_has_landed_only_what_is_still_in_it(self, world: GitWorld) -> None:
        head = world.commit(world.root, files={"a": "1\n"})
        built = world.git.build(world.root, [head], [landing_message("spec-a")])
        assert isinstance(built, Built)
        world.set_ref("refs/heads/main", built.commit)
        assert set(world.git.observe("main", None).landed) == {"spec-a"}
        world.set_ref("refs/heads/main", world.commit(world.root, files={"b": "1\n"}))
        assert set(world.git.observe("main", None).landed) == set()

    def test_a_candidate_merges_the_heads_one_by_one(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"src/lib.py": lines(l2="from a")})
        b = world.commit(world.root, files={"src/lib.py": lines(l18="from b")})
        built = world.git.build(world.root, [a, b], [landing_message("a"), landing_message("b")])
        both = world.commit(world.root, files={"src/lib.py": lines(l2="from a", l18="from b")})
        assert isinstance(built, Built)
        assert built.tree == world.git.tree_of(built.commit) == world.git.tree_of(both)
        first, second = world.parents(built.commit)
        assert second == b
        assert world.parents(first) == [world.root, a]

    def test_a_candidate_says_what_each_head_brought_into_the_tree_before_it(self, world: GitWorld) -> None:
        tip = world.commit(world.root, files={"Docs/Guide.md": "1\n"})
        a = world.commit(world.root, files={"docs/guide.md": "1\n"})
        b = world.commit(world.root, files={"src/app.py": None})
        world.set_ref("refs/heads/main", tip)
        built = world.git.build(tip, [a, b], ["a", "b"])
        assert isinstance(built, Built)
        first, second = built.brought
        assert [(one.path, one.status) for one in first.diff.changes] == [("docs/guide.md", "A")]
        assert first.beside == ("Docs/Guide.md",)
        assert [(one.path, one.status) for one in second.diff.changes] == [("src/app.py", "D")]
        assert second.beside == ()
        assert second.commit == built.commit and second.tree == built.tree
        assert first.commit is not None and first.tree == world.git.tree_of(first.commit)
        assert (first.meanwhile, second.meanwhile) == (("Docs/Guide.md",), ("Docs/Guide.md", "docs/guide.md"))
        world.open()
        assert world.git.observe("main", None).candidates == {CandidateKey(tip, (a, b)): built}

    def test_a_candidate_is_seen_until_it_is_forgotten(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"a": "1\n"})
        b = world.commit(world.root, files={"b": "1\n"})
        one = world.git.build(world.root, [a], ["a"])
        two = world.git.build(world.root, [a, b], ["a", "b"])
        assert isinstance(one, Built) and isinstance(two, Built)
        ahead = world.git.build(one.commit, [b], ["b"])
        assert isinstance(ahead, Built)
        # One commit, and two candidates: of both heads on the root, and of the second on what the first made.
        assert (ahead.commit, ahead.brought) == (two.commit, two.brought[1:])
        assert world.parents(two.commit) == [one.commit, b]
        keys = {
            CandidateKey(world.root, (a,)): one,
            CandidateKey(world.root, (a, b)): two,
            CandidateKey(one.commit, (b,)): ahead,
        }
        assert world.git.observe("main", None).candidates == keys
        world.open()
        assert world.git.observe("main", None).candidates == keys
        world.git.forget_candidates({two.commit})
        del keys[CandidateKey(world.root, (a,))]
        assert world.git.observe("main", None).candidates == keys
        world.git.forget_candidates(())
        assert world.git.observe("main", None).candidates == {}

    def test_the_same_arguments_give_the_same_commit_in_any_process(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"a": "1\n"})
        first = world.git.build(world.root, [a], ["Land a\n"])
        world.git.forget_candidates(())
        world.open()
        assert world.git.build(world.root, [a], ["Land a\n"]) == first
        assert world.git.build(world.root, [a], ["Land a, said otherwise\n"]) != first

    def test_a_conflict_is_a_value_that_names_the_paths(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"src/lib.py": lines(l2="from a"), "new": "a\n"})
        b = world.commit(world.root, files={"src/lib.py": lines(l2="from b"), "new": "b\n"})
        found = world.git.build(world.root, [a, b], ["a", "b"])
        assert isinstance(found, Conflicted)
        assert found.paths == ("new", "src/lib.py")
        assert world.git.observe("main", None).candidates == {CandidateKey(world.root, (a, b)): found}

    def test_a_file_changed_here_and_removed_there_is_a_conflict(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"src/lib.py": lines(l2="from a")})
        b = world.commit(world.root, files={"src/lib.py": None})
        found = world.git.build(a, [b], ["b"])
        assert isinstance(found, Conflicted)
        assert found.paths == ("src/lib.py",)

    def test_a_head_that_is_contained_already_changes_no_file(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"a": "1\n"})
        later = world.commit(a, files={"b": "1\n"})
        built = world.git.build(later, [a], ["a"])
        assert isinstance(built, Built)
        assert built.tree == world.git.tree_of(later)
        assert world.parents(built.commit) == [later, a]

    def test_history_is_contained_in_what_came_after_only(self, world: GitWorld) -> None:
        a = world.commit(world.root, files={"a": "1\n"})
        b = world.commit(world.root, files={"b": "1\n"})
        assert world.git.contains(a, world.root)
        assert world.git.contains(a, a)
        assert not world.git.contains(world.root, a)
        assert not world.git.contains(a, b)

    def test_paths_are_those_of_the_tree_in_order(self, world: GitWorld) -> None:
        later = world.commit(world.root, files={"src/app.py": None, "a b/ü": "1\n"})
        assert list(world.git.paths(world.root)) == ["README", "src/app.py", "src/lib.py"]
        assert list(world.git.paths(later)) == ["README", "a b/ü", "src/lib.py"]

    def test_a_diff_names_each_path_with_its_status_and_modes(self, world: GitWorld) -> None:
        later = world.commit(world.root, files={"src/app.py": None, "README": "changed\n", "added": "1\n2\n"})
        found = world.git.diff(world.root, later)
        assert [(each.path, each.status, each.old_mode, each.new_mode) for each in found.changes] == [
            ("README", "M", "100644", "100644"),
            ("added", "A", "000000", "100644"),
            ("src/app.py", "D", "100644", "000000"),
        ]
        assert found.lines == 1 + 1 + 2 + 1
        assert found.size == len("changed\n") + len("1\n2\n")

    def test_a_rename_is_a_removal_and_an_addition(self, world: GitWorld) -> None:
        later = world.commit(world.root, files={"src/lib.py": None, "moved/lib.py": lines()})
        assert [(each.path, each.status) for each in world.git.diff(world.root, later).changes] == [
            ("moved/lib.py", "A"),
            ("src/lib.py", "D"),
        ]

    def test_edits_are_both_texts_of_what_differs_in_the_globs(self, world: GitWorld) -> None:
        before = world.commit(world.root, files={"README": "as it was\n", "src/app.py": "gone\n"})
        later = world.commit(
            before, files={"README": "changed\n", "src/app.py": None, "src/new.py": "1\n", "other": ""}
        )
        assert list(world.git.edits(before, later, ("src/**", "READM*"))) == [
            Edit("README", "as it was\n", "changed\n"),
            Edit("src/app.py", "gone\n", None),
            Edit("src/new.py", None, "1\n"),
        ]
        assert list(world.git.edits(before, later, ("nowhere/**",))) == []

    # -- declared inputs ---------------------------------------------------------------------------------------------

    def test_inputs_are_equal_exactly_where_trees_hold_the_same_in_them(self, world: GitWorld) -> None:
        patterns = ("src/**", "*.lock")
        beside = world.commit(world.root, files={"docs/x.md": "x\n", "README": "other\n"})
        inside = world.commit(beside, files={"src/app.py": "other\n"})
        added = world.commit(beside, files={"src/deep/er/new.py": "x\n"})
        renamed = world.commit(beside, files={"src/deep/er/old.py": "x\n"})
        back = world.commit(renamed, files={"src/deep/er/old.py": None, "src/deep/er/new.py": "x\n"})
        held = [world.git.inputs(commit, patterns) for commit in (world.root, beside, inside, added, renamed, back)]
        assert None not in held
        assert held[0] == held[1] and held[3] == held[5]
        assert len(set(held)) == 4

    def test_inputs_that_match_nothing_are_none(self, world: GitWorld) -> None:
        assert world.git.inputs(world.root, ("nowhere/**",)) is None
        assert world.git.inputs(world.root, ("src/*.js", "READM")) is None
