"""Testing ahead of the front: what is merged, asked for, kept and given up while the first entry is undecided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.board import boards
from orchestrator.core.candidates import needed, on_tip
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.core.window import window
from orchestrator.model.action import BuildCandidate, Forget, StartGate, StopGate
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.facts import Built, CandidateKey, Conflicted, LandedFact, RepositoryFacts
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import Tier
from orchestrator.model.validation import ValidationPhase, ValidationStatus
from tests.unit.make import START, lane, run
from tests.unit.train_world import TEST, TIP, World, brought, verdict

PASS, FAIL = GateResult.PASS, GateResult.FAIL


class Ahead(World):
    """Entries whose candidates on each other are there too, as `tree-a-b` and so on."""

    def merged(self, *names: str, conflict: bool = False) -> Ahead:
        key = CandidateKey(TIP, tuple(Sha(f"head-{name}") for name in names))
        written = {spec.name: spec.spec.paths[0].replace("**", "file.py") for spec in self.specs}
        paths = [written[name] for name in names]
        word = "-".join(names)
        steps = ["merge-" + "-".join(names[: at + 1]) for at in range(len(names))]
        brings = tuple(brought(path, commit=step) for path, step in zip(paths, steps, strict=True))
        made = Built(Sha(f"merge-{word}"), TreeId(f"tree-{word}"), brings)
        self.candidates[key] = Conflicted(("a.py",)) if conflict else made
        return self

    def said(self, tree: str, *results: GateResult | None, gate: Gate = TEST) -> Ahead:
        self.validations.append(verdict(f"tree-{tree}", *results, gate=gate))
        return self

    def running(self, tree: str) -> Ahead:
        started = ValidationStatus(phase=ValidationPhase.RUNNING, leader="me")
        self.validations.append(verdict(f"tree-{tree}").model_copy(update={"status": started}))
        return self

    def builds(self) -> list[str]:
        heads = [one.heads for one in self.decide() if isinstance(one, BuildCandidate)]
        return [" ".join(head.removeprefix("head-") for head in each) for each in heads]

    def tests(self) -> list[str]:
        return [one.validation.spec.tree for one in self.decide() if isinstance(one, StartGate)]

    def stops(self) -> list[str]:
        return [one.validation for one in self.decide() if isinstance(one, StopGate)]


def three(**train: object) -> Ahead:
    world = Ahead(**{"runs": 3, **train})
    for name in "abc":
        world.proposed(name)
    return world


def test_entries_behind_the_front_are_merged_and_tested_on_top_of_it() -> None:
    world = three()
    assert world.builds() == ["a b", "a b c"]
    world.merged("a", "b").merged("a", "b", "c")
    assert world.tests() == ["tree-a", "tree-a-b", "tree-a-b-c"]


def test_only_as_much_is_merged_ahead_as_there_is_room_to_test() -> None:
    assert three(runs=2).builds() == ["a b"]
    assert three(runs=1).builds() == []


@pytest.mark.parametrize(("train", "builds"), [
    ({"speculation": "off"}, []),
    ({"window": {"start": 2, "min": 1, "max": 2}}, ["a b"]),
    ({"window": {"start": 1, "min": 1, "max": 1}}, []),
])  # fmt: skip
def test_speculation_and_window_say_how_far_ahead(train: dict[str, object], builds: list[str]) -> None:
    assert three(**train).builds() == builds


def test_a_candidate_runs_the_own_validation_of_each_of_its_members() -> None:
    own = Gate(name="own", run="pytest")
    world = Ahead(runs=8)
    world.proposed("a", validation=(own,))
    world.proposed("b")
    world.merged("a", "b")
    asked = {
        (one.validation.spec.tree, one.validation.spec.gate.name)
        for one in world.decide()
        if isinstance(one, StartGate)
    }
    assert {("tree-a-b", "test"), ("tree-a-b", "own")} <= asked


@pytest.mark.parametrize("mode", ["prefix", "bestFirst"])
def test_who_failed_on_what_is_ahead_is_left_out_of_the_ground_of_those_behind(mode: str) -> None:
    world = three(speculation=mode).merged("a", "b").said("a-b", FAIL, FAIL).merged("a", "b", "c").running("a-b-c")
    assert world.builds()[0] == "a c"
    assert world.starts() == [] and world.next_run("b") is None, "nobody is blamed on ground that is not settled"


def test_a_running_candidate_that_can_still_come_about_is_never_stopped() -> None:
    world = three(runs=1).merged("a", "b", "c").running("a-b-c")
    assert world.stops() == []


def test_a_window_that_shrinks_stops_no_candidate_that_can_still_come_about() -> None:
    world = three(window={"start": 1, "min": 1, "max": 3}).merged("a", "b").running("a-b")
    assert world.stops() == []
    assert world.builds() == [], "but none is begun beyond it"


def test_a_candidate_on_top_of_one_that_failed_is_stopped_and_never_begun() -> None:
    world = three(retries={"flaky": 0}).merged("a", "b").merged("a", "b", "c").said("a-b", FAIL).running("a-b-c")
    assert world.stops() == [validation_name(TreeId("tree-a-b-c"), gate_digest(TEST), "here")]
    doubtful = three(runs=8, retries={"flaky": 0}, window={"start": 4, "min": 3, "max": 4})
    doubtful.merged("a", "b", conflict=True)
    for number in range(20):
        doubtful.waiting(f"i{number}")
        doubtful.runs.append(_failed(f"i{number}"))
    assert "a b c" not in doubtful.builds(), "b lands on no ground that has a"


def test_generated_files_that_both_sides_changed_are_no_ground_to_test() -> None:
    world = three().merged("a", "b")
    world.lanes = (lane(generated=[{"paths": ["src/b/file.py"], "regenerate": "make lock"}]),)
    assert "tree-a-b" in world.tests()
    key = CandidateKey(TIP, (Sha("head-a"), Sha("head-b")))
    made = world.candidates[key]
    assert isinstance(made, Built)
    both = replace(made.brought[1], meanwhile=("src/b/file.py",))
    world.candidates[key] = replace(made, brought=(made.brought[0], both))
    assert "tree-a-b" not in world.tests(), "b has to be made anew on a first"


def test_a_candidate_with_somebody_who_left_the_line_is_stopped() -> None:
    world = three().merged("a", "b").running("a-b")
    world.runs[0] = run("a", phase=RunPhase.FAILED, failure_class=FailureClass.GATE_FAILED, head="head-a")
    assert world.stops() == [validation_name(TreeId("tree-a-b"), gate_digest(TEST), "here")]


def test_a_landing_is_no_reason_to_stop_what_stands_on_it() -> None:
    world = three().said("a", PASS).merged("a", "b").running("a-b")
    assert world.next_landing() == "a"
    assert world.stops() == []


def test_what_was_tested_on_top_of_a_landing_is_tested() -> None:
    world = three().merged("a", "b").said("a-b", PASS)
    world.candidates[CandidateKey(TIP, (Sha("head-a"),))] = Built(Sha("merge-a"), TreeId("tree-a"), (brought("x"),))
    del world.runs[0], world.specs[0]
    world.facts = RepositoryFacts(tip=Sha("merge-a"), tip_tree=TreeId("tree-a"), contains_previous=True)
    status = world.next_status()
    assert status.landing is not None
    assert (status.landing.spec, status.landing.commit, status.landing.base) == ("b", "merge-a-b", "merge-a")
    kept = [one.keep for one in world.decide() if isinstance(one, Forget)]
    assert all({"merge-a", "merge-a-b"} <= keep for keep in kept), "what tells that it stands on the tip is kept, too"


def test_a_rejection_and_all_that_follows_from_it_is_one_tick() -> None:
    world = three(retries={"flaky": 0}).said("a", FAIL).said("b", PASS)
    world.validations.append(verdict("tip-tree", PASS))
    status = world.next_status()
    assert status.landing is not None and status.landing.spec == "b"


def test_a_conflict_with_who_is_ahead_is_held_and_costs_no_run() -> None:
    world = three(runs=4).merged("a", "b", conflict=True)
    assert "tree-a-b" not in world.tests()
    assert world.next_run("b") is None, "it may vanish"
    assert "a c" in world.builds()


def test_a_later_tier_is_tested_on_top_of_the_earlier_one_that_holds_it() -> None:
    world = Ahead(runs=3)
    world.proposed("late", tier=Tier.STRATEGY)
    world.proposed("firewall", tier=Tier.SAFETY)
    assert world.builds() == ["firewall late"]
    world.waiting("another", tier=Tier.SAFETY)
    assert world.builds() == [], "its ground is sure to change"


@pytest.mark.parametrize(
    ("attempts", "tier", "goes_on"), [(1, Tier.VALIDITY, True), (2, Tier.VALIDITY, False), (1, Tier.SAFETY, False)]
)
def test_what_runs_behind_the_barrier_goes_on_where_a_rejection_lifts_it(
    attempts: int, tier: Tier, goes_on: bool
) -> None:
    world = Ahead(runs=3, retries={"flaky": 0, "attempts": attempts})
    world.proposed("late", tier=Tier.STRATEGY).proposed("firm", tier=tier)
    assert isinstance(world, Ahead)
    world.said("firm", FAIL).running("late")
    world.validations.append(verdict("tip-tree", PASS))
    assert world.next_run("firm").failure_class is FailureClass.GATE_FAILED
    assert (world.stops() == []) is goes_on


def test_a_red_base_is_no_ground_to_test_ahead_on() -> None:
    world = three(retries={"flaky": 0}).said("a", FAIL)
    world.validations.append(verdict("tip-tree", FAIL))
    assert [each for each in world.builds() if " " in each] == []


def test_the_window_halves_with_a_rejection_and_grows_with_a_landing() -> None:
    def after(*ends: bool) -> int:
        world = Ahead(window={"start": 4, "min": 1, "max": 6})
        for number, landed in enumerate(ends):
            world.waiting(f"i{number}")
            phase = RunPhase.LANDED if landed else RunPhase.FAILED
            failure = None if landed else FailureClass.GATE_FAILED
            world.runs.append(
                run(
                    f"i{number}",
                    phase=phase,
                    failure_class=failure,
                    published="h",
                    ended_at=START.replace(minute=number),
                )
            )
        return window(boards(world.snapshot(), START)[0])

    assert [after(), after(True), after(False), after(False, False), after(False, False, False)] == [4, 5, 2, 1, 1]
    assert after(True, True, True, True) == 6
    assert after(False, True, True) == 4


def test_a_landing_widens_the_window_when_it_happens_however_old_its_merge_is() -> None:
    world = Ahead(window={"start": 4, "min": 1, "max": 6})
    for name, ended in (("late", START), ("bad", START.replace(minute=1))):
        failure = FailureClass.GATE_FAILED if name == "bad" else None
        phase = RunPhase.FAILED if failure else RunPhase.LANDED
        at = None if failure else START.replace(minute=2)
        world.waiting(name)
        world.runs.append(run(name, phase=phase, failure_class=failure, published="h", ended_at=ended, landed_at=at))
    world.facts = replace(world.facts, landed={"late": LandedFact(Sha("merge"), "late-1", START)})
    assert window(boards(world.snapshot(), START)[0]) == 3, "halved to 2 by the one, then wider by the other"


def test_a_chain_is_a_candidate_of_its_rest_once_its_first_members_are_the_base() -> None:
    a, b, c = Sha("a"), Sha("b"), Sha("c")
    one = Built(Sha("m-a"), TreeId("t-a"), (brought("a"),))
    steps = (brought("a", commit="m-a"), brought("b", commit="m-ab"), brought("c", commit="m-abc"))
    all_three = Built(Sha("m-abc"), TreeId("t-abc"), steps)
    clash = Conflicted(("x",))
    made = {(a,): one, (a, b, c): all_three, (a, c): clash, (b,): one}
    candidates = {CandidateKey(TIP, heads): each for heads, each in made.items()}
    facts = RepositoryFacts(tip=Sha("m-a"), tip_tree=TreeId("t-a"), contains_previous=True, candidates=candidates)
    found = on_tip(facts)
    assert found[(b, c)] == Built(Sha("m-abc"), TreeId("t-abc"), steps[1:])
    assert found[(c,)] == clash
    assert set(found) == {(b, c), (c,)}, "what stands on the old base without the landed one is history"


def test_a_step_of_a_chain_is_a_candidate_of_the_members_so_far() -> None:
    a, b, c = Sha("a"), Sha("b"), Sha("c")
    steps = tuple(replace(brought(name, commit=f"m-{name}"), tree=TreeId(f"t-{name}")) for name in ("a", "ab", "abc"))
    whole = Built(Sha("m-abc"), TreeId("t-abc"), steps)
    alone = Built(Sha("m-a-alone"), TreeId("t-a"), (brought("a", commit="m-a-alone"),))
    candidates = {CandidateKey(TIP, (a, b, c)): whole, CandidateKey(TIP, (a,)): alone}
    facts = RepositoryFacts(tip=TIP, tip_tree=TreeId("t"), contains_previous=True, candidates=candidates)
    found = on_tip(facts)
    assert found == {(a, b, c): whole, (a, b): Built(Sha("m-ab"), TreeId("t-ab"), steps[:2]), (a,): alone}
    assert set(needed(facts, found)) == {"m-abc", "m-ab", "m-a-alone"}, "the tip itself is none of them"


def test_a_chain_of_which_a_step_became_the_base_is_a_candidate_of_its_rest() -> None:
    a, b, c, d = Sha("a"), Sha("b"), Sha("c"), Sha("d")
    steps = tuple(replace(brought(name, commit=f"m-{name}"), tree=TreeId(f"t-{name}")) for name in ("a", "ab", "abc"))
    whole, clash = Built(Sha("m-abc"), TreeId("t-abc"), steps), Conflicted(("x",))
    candidates = {CandidateKey(TIP, (a, b, c)): whole, CandidateKey(TIP, (a, d)): clash}
    facts = RepositoryFacts(tip=Sha("m-a"), tip_tree=TreeId("t-a"), contains_previous=True, candidates=candidates)
    found = on_tip(facts)
    assert found[(b, c)] == Built(Sha("m-abc"), TreeId("t-abc"), steps[1:])
    assert found[(b,)] == Built(Sha("m-ab"), TreeId("t-ab"), steps[1:2])
    assert found[(d,)] == clash
    assert set(found) == {(b, c), (b,), (d,)}


def _failed(name: str) -> AgentRun:
    return run(name, phase=RunPhase.FAILED, failure_class=FailureClass.GATE_FAILED, published="h")


def test_a_chain_of_the_same_heads_that_does_not_hold_the_tip_stands_elsewhere() -> None:
    a, b = Sha("a"), Sha("b")
    one = Built(Sha("m-a"), TreeId("t-a"), (brought("a", commit="m-a"),))
    stale = Built(
        Sha("m-ab"), TreeId("t-ab"), (brought("a", commit="m-a-of-an-earlier-run"), brought("b", commit="m-ab"))
    )
    candidates = {CandidateKey(TIP, (a,)): one, CandidateKey(TIP, (a, b)): stale}
    facts = RepositoryFacts(tip=Sha("m-a"), tip_tree=TreeId("t-a"), contains_previous=True, candidates=candidates)
    assert on_tip(facts) == {}
