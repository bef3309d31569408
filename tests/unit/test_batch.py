"""Batches on one snapshot: what is merged, asked for, landed and left alone. One sentence a test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.board import boards
from orchestrator.core.landing import as_batch, merge_message
from orchestrator.model.action import BuildCandidate, Land, StartGate, WriteStatus
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import Reason
from orchestrator.model.decision import Verb
from orchestrator.model.facts import Built, CandidateKey, LandedFact
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.run import ScopeVerdict
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import Landed, MergeTrainStatus
from orchestrator.model.validation import Validation
from tests.unit.make import START, decision
from tests.unit.test_lookahead import Ahead
from tests.unit.train_world import TIP, brought, verdict

PASS, FAIL, CANNOT = GateResult.PASS, GateResult.FAIL, GateResult.COULD_NOT_RUN


class Crowd(Ahead):
    """Entries of one tier, one run for all of them."""

    def __init__(self, *names: str, **train: object) -> None:
        super().__init__(**{"runs": 1, "batch": {"max": 4}, "speculation": "off", "retries": {"flaky": 0}, **train})
        for name in names:
            self.proposed(name)

    def said_of(self, tree: str, *results: GateResult | None) -> Crowd:
        """Let a validation of this tree be one of everybody in it."""
        self.said(tree, *results)
        last = self.validations[-1]
        spec = last.spec.model_copy(update={"batch": tuple(tree.split("-"))})
        self.validations[-1] = last.model_copy(update={"spec": spec})
        return self

    def started(self) -> list[Validation]:
        return [one.validation for one in self.decide() if isinstance(one, StartGate)]

    def messages(self, *names: str, tested: str = "") -> Crowd:
        """Let the merges of this candidate say this."""
        key = CandidateKey(TIP, tuple(Sha(f"head-{name}") for name in names))
        made = self.candidates[key]
        assert isinstance(made, Built)
        specs, runs = ({one.name.removesuffix("-1"): one for one in those} for those in (self.specs, self.runs))
        said = [merge_message(specs[name], runs[name], tested) for name in names]
        steps = tuple(replace(step, message=message) for step, message in zip(made.brought, said, strict=True))
        self.candidates[key] = replace(made, brought=steps)
        return self


def test_the_first_entries_are_merged_as_one_and_say_so() -> None:
    world = Crowd("a", "b", "c")
    (build,) = [one for one in world.decide() if isinstance(one, BuildCandidate)]
    assert build.heads == ("head-a", "head-b", "head-c")
    assert all("Interlock-Tested: tested; as one batch: a, b, c\n" in message for message in build.messages)


def test_a_batch_is_asked_for_the_gates_of_every_member_and_they_are_everybodys() -> None:
    own = Gate(name="own", run="check b")
    world = Crowd("a", runs=2)
    world.proposed("b", validation=(own,)).proposed("c").merged("a", "b", "c")
    started = {one.spec.gate.name: one.spec for one in world.started()}
    assert set(started) == {"test", "own"}
    assert {spec.batch for spec in started.values()} == {("a", "b", "c")}
    assert {spec.tree for spec in started.values()} == {"tree-a-b-c"}


def test_the_intent_names_every_member_with_the_merge_that_brings_it() -> None:
    world = Crowd("a", "b", "c").merged("a", "b", "c").said_of("a-b-c", PASS)
    landing = world.next_status().landing
    assert landing is not None
    assert (landing.spec, landing.commit, landing.tree, landing.base) == ("c", "merge-a-b-c", "tree-a-b-c", TIP)
    steps = [(step.spec, step.run, step.head, step.commit) for step in landing.steps]
    assert steps == [
        ("a", "a-1", "head-a", "merge-a"),
        ("b", "b-1", "head-b", "merge-a-b"),
        ("c", "c-1", "head-c", "merge-a-b-c"),
    ]
    world.status = MergeTrainStatus(landing=landing)
    assert [one.landing for one in world.decide() if isinstance(one, Land)] == [landing]
    written = [one.object for one in world.decide() if isinstance(one, WriteStatus)]
    said = {one.name: one.status.reason for one in written if isinstance(one, ImplementationSpec)}
    assert said == dict.fromkeys("abc", Reason.LANDING)


def test_those_that_land_together_are_not_tested_on_each_other_again() -> None:
    world = Crowd("a", "b", "c", runs=4, speculation="bestFirst").merged("a", "b", "c").said_of("a-b-c", PASS)
    landing = world.next_status().landing
    world.merged("a").merged("a", "b")
    world.status = MergeTrainStatus(landing=landing)
    assert (world.started(), world.builds()) == ([], [])


def test_a_merge_that_says_another_thing_of_its_test_is_made_anew_before_it_lands() -> None:
    world = Crowd("a", "b").merged("a", "b").said_of("a-b", PASS)
    world.messages("a", "b")
    assert world.next_status().landing is None
    (build,) = [one for one in world.decide() if isinstance(one, BuildCandidate)]
    assert all(as_batch(("a", "b")) in message for message in build.messages)
    world.messages("a", "b", tested=as_batch(("a", "b")))
    landing = world.next_status().landing
    assert landing is not None and landing.names == ("a", "b")


@pytest.mark.parametrize("batch", [(), ("b",)], ids=["of its last", "of another"])
def test_a_verdict_that_is_not_everybodys_lands_no_batch(batch: tuple[str, ...]) -> None:
    world = Crowd("a", "b").merged("a", "b").said("a-b", PASS)
    spec = world.validations[-1].spec.model_copy(update={"subject": "b", "batch": batch})
    world.validations[-1] = world.validations[-1].model_copy(update={"spec": spec})
    assert world.next_status().landing is None
    assert [one.spec.tree for one in world.started()] == ["tree-a"]


def test_a_batch_that_could_not_run_asks_the_base_and_is_not_split() -> None:
    world = Crowd("a", "b", "c", "d").merged("a", "b", "c", "d").said_of("a-b-c-d", CANNOT)
    assert [one.spec.tree for one in world.started()] == ["tip-tree"]
    assert world.builds() == []


def test_a_held_member_is_in_no_batch() -> None:
    world = Crowd("a", "b", "c").merged("a", "b", "c").said_of("a-b-c", PASS)
    world.decisions.append(decision(Verb.HOLD, "b", sequence=1))
    assert world.next_status().landing is None
    assert world.builds() == ["a c"]


def test_what_a_person_has_to_agree_to_whatever_its_tier_lands_by_itself() -> None:
    world = Crowd("a", "b", "c")
    asked = ScopeVerdict(allowed=True, protected=("src/b/key",))
    status = world.runs[1].status.model_copy(update={"scope": asked})
    world.runs[1] = world.runs[1].model_copy(update={"status": status})
    world.decisions = [decision(Verb.APPROVE, "b", head="head-b", sequence=1)]
    assert ([one.spec.tree for one in world.started()], world.builds()) == (["tree-a"], [])


def test_a_batch_that_fails_like_the_base_freezes_the_train_and_is_not_split() -> None:
    world = Crowd("a", "b", "c", "d").merged("a", "b", "c", "d").said_of("a-b-c-d", FAIL)
    world.validations.append(verdict("tip-tree", FAIL))
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.RED_BASE
    assert (world.builds(), world.next_run("d")) == ([], None)


def test_every_member_stays_landed_where_the_base_is_rewritten_right_after() -> None:
    world = Crowd("a", "b").merged("a", "b").said_of("a-b", PASS)
    landing = world.next_status().landing
    assert landing is not None
    landed = Landed(spec="b", run="b-1", commit=landing.commit, members=landing.members, at=START)
    world.status = MergeTrainStatus(last_landing=landed)
    items = boards(world.snapshot(), START)[0].by_name
    assert items["a"].landed == LandedFact(Sha("merge-a"), "a-1", START)
    assert items["b"].landed == LandedFact(Sha("merge-a-b"), "b-1", START)


def test_a_long_batch_is_told_shortly() -> None:
    assert as_batch(("a",)) == ""
    assert as_batch(tuple(f"i{at}" for at in range(40))).endswith("i31, 8 more")


def stepped(world: Crowd, *names: str) -> Crowd:
    """Let the trees of the steps of this candidate be known, and its merges say that they are one batch."""
    world.merged(*names).messages(*names, tested=as_batch(names))
    key = CandidateKey(TIP, tuple(Sha(f"head-{name}") for name in names))
    made = world.candidates[key]
    assert isinstance(made, Built)
    trees = ["tree-" + "-".join(names[:count]) for count in range(1, len(names) + 1)]
    steps = tuple(replace(one, tree=TreeId(tree)) for one, tree in zip(made.brought, trees, strict=True))
    world.candidates[key] = replace(made, brought=steps)
    for name in names:
        world.candidates.pop(CandidateKey(TIP, (Sha(f"head-{name}"),)), None)
    return world


def test_who_failed_in_a_batch_is_asked_alone_before_it_is_put_into_another() -> None:
    world = stepped(Crowd("b", "c", "d"), "b", "c", "d").said_of("b", FAIL)
    last = world.validations[-1]
    world.validations[-1] = last.model_copy(update={"spec": last.spec.model_copy(update={"batch": ("a", "b")})})
    assert [one.spec.tree for one in world.started()] == ["tree-b"]


def test_a_step_that_is_tested_by_itself_is_merged_anew_to_land_at_once_when_it_passes() -> None:
    world = stepped(Crowd("a", "b", "c", "d", runs=2), "a", "b", "c", "d").said_of("a-b-c-d", FAIL)
    assert [one.spec.tree for one in world.started()] == ["tip-tree", "tree-a-b"]
    (build,) = [one for one in world.decide() if isinstance(one, BuildCandidate)]
    assert build.heads == ("head-a", "head-b")
    assert all("as one batch: a, b\n" in message for message in build.messages)


def test_brought_steps_without_a_commit_are_no_chain() -> None:
    world = Crowd("a", "b").merged("a", "b").said_of("a-b", PASS)
    key = CandidateKey(TIP, (Sha("head-a"), Sha("head-b")))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(brought("src/a/x"), replace(made.brought[1], commit=None)))
    assert world.next_status().landing is None
    assert [one.spec.tree for one in world.started()] == ["tree-a"]
