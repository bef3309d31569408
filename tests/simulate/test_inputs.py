"""What a candidate of a simulation holds of declared inputs: which verdict counts on which tree."""

from __future__ import annotations

import pytest

from orchestrator.simulate.file import Entry, Fails
from orchestrator.simulate.inputs import DeclaredInputs
from orchestrator.simulate.items import Pull
from orchestrator.simulate.tree import Commit, Commits, Element, head_id


class World:
    """Entries by what they touch, all come before anything lands."""

    def __init__(self, **touches: str) -> None:
        self.commits = Commits()
        self.pulls: dict[str, Pull] = {}
        self.inputs = DeclaredInputs(self.commits, self.pulls, lambda member, commit: False)
        for number, (name, word) in enumerate(touches.items(), 1):
            self.pulls[name] = Pull(Entry(name=name, touches=(word,)), number, Fails())
            self.commits.remember(Element(name, head_id(name, 0), is_entry=True))
            self.inputs.came(name)

    def merged(self, names: str) -> Commit:
        commit = self.commits.tip
        for name in names:
            commit = self.commits.merge(commit.id, head_id(name, 0))
        return commit

    def held(self, names: str, together: int) -> str | None:
        return self.inputs.held_by(self.merged(names).id, together)


@pytest.mark.parametrize(("landed", "same"), [("u", False), ("v", False), ("w", True)])
def test_a_batch_holds_another_thing_where_any_member_of_it_meets_what_landed(landed: str, *, same: bool) -> None:
    world = World(a="x", b="y", c="z", u="x", v="z", w="other")
    before = world.held("abc", 3)
    world.commits.advance(world.merged(landed).id)
    assert (world.held("abc", 3) == before) is same


def test_a_candidate_tests_its_last_member_where_it_is_no_batch() -> None:
    world = World(a="x", b="y", c="z", u="x")
    before = world.held("abc", 1)
    world.commits.advance(world.merged("u").id)
    assert world.held("abc", 1) == before
