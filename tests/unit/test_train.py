"""The train's decisions on one snapshot: order, barrier, blame, control runs, freezes. One sentence a test."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.decide import decide
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.model.action import (
    Action,
    BuildCandidate,
    Create,
    KeepForeign,
    Land,
    OnlyIf,
    StartAgent,
    StartGate,
    WriteStatus,
)
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.decision import DecisionStatus, Verb
from orchestrator.model.facts import (
    BaseCheckout,
    Brought,
    Built,
    CandidateKey,
    Change,
    Conflicted,
    Diff,
    LandedFact,
    PullRequest,
    PullState,
    RepositoryFacts,
)
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.lane import Lane
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecStatus, Tier
from orchestrator.model.train import Claim, Frozen, Landed, Landing, MergeTrain, MergeTrainSpec, MergeTrainStatus
from orchestrator.model.validation import (
    Purpose,
    Try,
    Validation,
    ValidationPhase,
    ValidationSpec,
    ValidationStatus,
)
from tests.unit.make import START, decision, lane, meta, provider, run, spec

TIP, TIP_TREE = Sha("tip"), TreeId("tip-tree")
TEST = Gate(name="test", run="make test")


def verdict(tree: str, *results: GateResult | None, gate: Gate = TEST) -> Validation:
    name = validation_name(TreeId(tree), gate_digest(gate), "here")
    said = ValidationSpec(
        tree=TreeId(tree),
        commit=Sha(f"commit-of-{tree}"),
        gate=gate,
        gate_digest=gate_digest(gate),
        environment="here",
        purpose=Purpose.CANDIDATE,
    )
    status = ValidationStatus(phase=ValidationPhase.DONE, tries=tuple(Try(result=result) for result in results))
    return Validation(metadata=meta(name), spec=said, status=status)


def brought(*paths: str, commit: str = "") -> Brought:
    changes = tuple(Change(path, "A", "000000", "100644") for path in paths)
    return Brought(Diff(changes), commit=Sha(commit))


class World:
    """Some items with open pull requests on one base; every candidate merges to `tree-<item>`."""

    def __init__(self, **train: object) -> None:
        self.train_spec = MergeTrainSpec.model_validate({"gates": (TEST,), **train})
        self.status = MergeTrainStatus()
        self.led_by = "me"
        self.specs: list[ImplementationSpec] = []
        self.runs: list[AgentRun] = []
        self.candidates: dict[CandidateKey, Built | Conflicted] = {}
        self.validations: list[Validation] = []
        self.decisions: list[Any] = []
        self.lanes: tuple[Lane, ...] = (lane(),)
        self.facts = RepositoryFacts(tip=TIP, tip_tree=TIP_TREE, contains_previous=True)

    def waiting(self, name: str, **said: object) -> "World":
        self.specs.append(spec(name, age_s=len(self.specs), **said))
        return self

    def proposed(self, name: str, *results: GateResult | None, conflict: bool = False, **said: object) -> "World":
        self.waiting(name, **said)
        head = Sha(f"head-{name}")
        status: dict[str, object] = {"head": head, "published": head, "tree": f"own-{name}", "pull_request": 1}
        self.runs.append(run(name, phase=RunPhase.PROPOSED, **status))
        key = CandidateKey(TIP, (head,))
        path = self.specs[-1].spec.paths[0].replace("**", "file.py")
        made = Built(Sha(f"merge-{name}"), TreeId(f"tree-{name}"), (brought(path),))
        self.candidates[key] = Conflicted(("a.py",)) if conflict else made
        if results:
            self.validations.append(verdict(f"tree-{name}", *results))
        return self

    def snapshot(self) -> Snapshot:
        open_items = {one.spec.implementation_spec_ref.name: one for one in self.runs}
        claims = tuple(
            Claim(spec=one.name, paths=one.spec.paths, epoch=n)
            for n, one in enumerate(self.specs, 1)
            if one.name in open_items
        )
        status = self.status.model_copy(
            update={"claims": self.status.claims or claims, "epoch": 99, "leader": self.led_by}
        )
        heads = {name: one.status.head or Sha("") for name, one in open_items.items()}
        pulls = tuple(
            PullRequest(n, "url", f"interlock/{name}", head, name, draft=False, state=PullState.OPEN)
            for n, (name, head) in enumerate(heads.items(), 1)
        )
        train = MergeTrain(metadata=meta("main"), spec=self.train_spec, status=status)
        facts = replace(self.facts, candidates=self.candidates, branches=heads)
        return Snapshot(
            leader="me",
            environment="here",
            agents_max=8,
            lanes=self.lanes,
            specs=tuple(self.specs),
            runs=tuple(self.runs),
            providers=(provider(),),
            trains=(train,),
            decisions=tuple(self.decisions),
            validations=tuple(self.validations),
            specs_revision="7",
            decisions_revision="8",
            repositories={"main": facts},
            pulls={"main": pulls},
        )

    def decide(self) -> tuple[Action, ...]:
        snapshot = self.snapshot()
        actions = decide(snapshot, START)
        assert decide(snapshot, START) == actions, "deciding twice on one snapshot gives the same actions"
        return actions

    def next_status(self) -> MergeTrainStatus:
        """Return the train's record after this tick's write."""
        actions = self.decide()
        intended = [one.train for one in actions if isinstance(one, Land) and one.only_if is not None]
        written = intended or _written(actions, MergeTrain)
        return written[0].status if written else self.snapshot().trains[0].status

    def next_landing(self) -> str | None:
        landing = self.next_status().landing
        return landing.spec if landing else None

    def next_run(self, name: str) -> Any:
        """Return the status this tick gives the item's run, None if it leaves it alone."""
        return next((one.status for one in _written(self.decide(), AgentRun) if one.name == f"{name}-1"), None)

    def starts(self) -> list[str]:
        """Return the runs this tick creates."""
        made = [one.object for one in self.decide() if isinstance(one, Create)]
        return [one.name for one in made if isinstance(one, AgentRun)]

    def reason(self, name: str) -> Reason:
        return self.standing(name).reason

    def standing(self, name: str) -> ImplementationSpecStatus:
        """Return the status this tick gives the item."""
        written = next(one for one in _written(self.decide(), ImplementationSpec) if one.name == name)
        return written.status


def _written(actions: Iterable[Action], kind: type) -> list[Any]:
    return [one.object for one in actions if isinstance(one, WriteStatus) and isinstance(one.object, kind)]


PASS, FAIL, COULD_NOT = GateResult.PASS, GateResult.FAIL, GateResult.COULD_NOT_RUN


def test_an_entry_whose_candidate_passed_is_landed_on_exactly_the_tested_commit() -> None:
    status = World().proposed("a", PASS).next_status()
    assert status.landing == Landing(
        spec="a", run="a-1", head=Sha("head-a"), commit=Sha("merge-a"), tree=TreeId("tree-a"), base=TIP, at=START
    )


def test_the_landing_intent_is_written_only_if_no_spec_was_applied_meanwhile() -> None:
    actions = World().proposed("a", PASS).decide()
    intent = next(one for one in actions if isinstance(one, Land))
    assert intent.only_if == OnlyIf(specs="7")


def _record_stands_on(world: World) -> OnlyIf:
    written = (one for one in world.decide() if isinstance(one, WriteStatus) and isinstance(one.object, MergeTrain))
    return next(written).only_if


def test_a_claim_is_taken_from_who_is_gone_or_closed_only_if_nothing_was_applied_or_said_meanwhile() -> None:
    world = World().waiting("kept")
    world.status = MergeTrainStatus(claims=(Claim(spec="gone", paths=("src/gone/**",), epoch=1),))
    assert _record_stands_on(world) == OnlyIf(specs="7", decisions="8")
    world = World().waiting("dropped")
    world.decisions = [decision(Verb.CANCEL, "dropped")]
    world.status = MergeTrainStatus(claims=(Claim(spec="dropped", paths=("src/dropped/**",), epoch=1),))
    assert _record_stands_on(world) == OnlyIf(specs="7", decisions="8")


def test_a_claim_of_what_has_landed_is_released_whatever_was_applied_meanwhile() -> None:
    world = World().proposed("a")
    world.facts = replace(world.facts, landed={"a": LandedFact(TIP, "a-1", START)})
    assert world.next_status().claims == ()
    assert _record_stands_on(world) == OnlyIf()


def test_nothing_lands_before_its_candidate_is_built_and_every_gate_has_passed() -> None:
    world = World().proposed("a")
    world.candidates.clear()
    assert [one.heads for one in world.decide() if isinstance(one, BuildCandidate)] == [("head-a",)]
    untested = World().proposed("a")
    assert untested.next_landing() is None
    wanted = [one.validation for one in untested.decide() if isinstance(one, StartGate)]
    assert [(one.spec.tree, one.spec.gate) for one in wanted] == [("tree-a", TEST)]
    own = Gate(name="own", run="pytest")
    half = World().proposed("a", PASS, validation=(own,))
    assert half.next_landing() is None
    half.validations.append(verdict("tree-a", PASS, gate=own))
    assert half.next_landing() == "a"


def test_safety_lands_before_what_came_earlier() -> None:
    world = World().proposed("old", PASS, tier=Tier.STRATEGY).proposed("firewall", PASS, tier=Tier.SAFETY)
    assert world.next_landing() == "firewall"


def test_an_open_item_of_an_earlier_tier_holds_a_later_one_even_without_a_pull_request() -> None:
    world = World().proposed("cost", PASS, tier=Tier.VALIDITY).waiting("firewall", tier=Tier.SAFETY)
    assert world.next_landing() is None
    assert world.reason("cost") is Reason.WAITING_FOR_TIER
    elsewhere = World().proposed("cost", PASS, tier=Tier.VALIDITY)
    assert elsewhere.waiting("firewall", tier=Tier.SAFETY, roadmap="other").next_landing() == "cost"
    off = World(tier_barrier="off").proposed("cost", PASS, tier=Tier.VALIDITY)
    assert off.waiting("firewall", tier=Tier.SAFETY).next_landing() == "cost"


@pytest.mark.parametrize(
    ("tier", "barrier", "lands"),
    [
        (Tier.SAFETY, "strict", None),
        (Tier.SAFETY, "ready", "last"),
        (Tier.VALIDITY, "strict", "last"),
    ],
)
def test_a_stalled_item_holds_what_follows_only_in_safety(tier: Tier, barrier: str, lands: str | None) -> None:
    world = World(tier_barrier=barrier).proposed("last", PASS, tier=Tier.STRATEGY).waiting("early", tier=tier)
    world.runs.append(run("early", failure=FailureClass.NO_CHANGE))
    assert world.next_landing() == lands


def test_a_waived_or_cancelled_safety_item_holds_nobody() -> None:
    for verb in (Verb.WAIVE, Verb.CANCEL):
        world = World().proposed("cost", PASS, tier=Tier.VALIDITY).waiting("firewall", tier=Tier.SAFETY)
        world.decisions.append(decision(verb, "firewall"))
        assert world.next_landing() == "cost"


def test_a_held_entry_is_passed_by_others_of_its_tier_but_still_holds_a_later_tier() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    world.decisions.append(decision(Verb.HOLD, "a"))
    assert world.next_landing() == "b"
    later = World().proposed("a", PASS, tier=Tier.SAFETY).proposed("b", PASS)
    later.decisions.append(decision(Verb.HOLD, "a"))
    assert later.next_landing() is None


def test_a_head_that_lacks_approvals_of_its_tier_waits_for_a_person() -> None:
    world = World(approvals={"safety": 1}).proposed("a", PASS, tier=Tier.SAFETY)
    assert (world.next_landing(), world.reason("a")) == (None, Reason.WAITING_FOR_APPROVAL)
    world.decisions.append(decision(Verb.APPROVE, "a", head="another-head"))
    assert world.next_landing() is None, "a push voids approvals"
    world.decisions.append(decision(Verb.APPROVE, "a", at_s=1, head="head-a"))
    assert world.next_landing() == "a"


def test_priority_and_then_age_decide_inside_a_tier() -> None:
    assert World().proposed("b", PASS).proposed("a", PASS).next_landing() == "b"
    assert World().proposed("b", PASS).proposed("a", PASS, priority=1).next_landing() == "a"
    world = World().proposed("b", PASS).proposed("a", PASS)
    world.decisions.append(decision(Verb.PRIORITY, "a", value="5"))
    assert world.next_landing() == "a"


def test_a_failing_gate_is_blamed_on_the_item_only_after_it_passed_on_the_base() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL)
    assert world.next_run("a") is None
    control = [one.validation for one in world.decide() if isinstance(one, StartGate) and not one.validation.version]
    assert [(one.spec.tree, one.spec.purpose) for one in control] == [(TIP_TREE, Purpose.CONTROL)]
    world.validations.append(verdict(TIP_TREE, PASS))
    rejected = world.next_run("a")
    assert (rejected.phase, rejected.failure_class) == (RunPhase.FAILED, FailureClass.GATE_FAILED)


def test_a_failing_gate_is_tried_once_more_before_it_is_blamed() -> None:
    world = World().proposed("a", FAIL)
    world.validations.append(verdict(TIP_TREE, PASS))
    assert world.next_run("a") is None
    flaky = World().proposed("a", FAIL, PASS)
    assert flaky.next_landing() == "a"


def test_a_red_base_freezes_the_train_blames_nobody_and_opens_one_repair() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL)
    world.validations.append(verdict(TIP_TREE, FAIL))
    frozen = world.next_status().frozen
    assert frozen is not None and (frozen.reason, frozen.tip) == (Reason.RED_BASE, TIP)
    assert world.next_run("a") is None
    repairs = [one.object for one in world.decide() if isinstance(one, Create)]
    assert [one.name for one in repairs if isinstance(one, ImplementationSpec)] == ["repair-tip"]
    world.specs.append(spec("repair-tip", roadmap="repair", tier=Tier.SAFETY))
    again = [one.object for one in world.decide() if isinstance(one, Create)]
    assert not [one for one in again if isinstance(one, ImplementationSpec)]


def test_a_candidate_that_passes_every_gate_lands_on_a_red_base() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL).proposed("b", PASS)
    world.validations.append(verdict(TIP_TREE, FAIL))
    assert world.next_landing() == "b"


def test_a_gate_that_cannot_run_stalls_the_item_if_it_runs_on_the_base_else_freezes_the_train() -> None:
    world = World().proposed("a", COULD_NOT)
    world.validations.append(verdict(TIP_TREE, PASS))
    assert world.next_run("a").failure_class is FailureClass.GATE_COULD_NOT_RUN
    both = World().proposed("a", COULD_NOT)
    both.validations.append(verdict(TIP_TREE, COULD_NOT))
    frozen = both.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BASE_CANNOT_RUN
    assert both.next_run("a") is None


@pytest.mark.parametrize(("said", "reason"), [(FAIL, Reason.RED_BASE), (COULD_NOT, Reason.BASE_CANNOT_RUN)])
def test_a_freeze_about_a_gate_ends_when_the_gate_is_changed(said: GateResult, reason: Reason) -> None:
    world = World(retries={"flaky": 0}).proposed("a", said)
    world.validations.append(verdict(TIP_TREE, said))
    world.status = world.status.model_copy(update={"frozen": world.next_status().frozen})
    assert world.status.frozen is not None and world.status.frozen.reason is reason
    world.proposed("b")
    # Nothing but the standing freeze speaks of the base now; it stays while the same gate would say the same.
    world.runs = world.runs[1:]
    assert world.next_status().frozen == world.status.frozen
    corrected = Gate(name="test", run="make check")
    world.train_spec = world.train_spec.model_copy(update={"gates": (corrected,)})
    assert world.next_status().frozen is None
    world.validations.append(verdict("tree-b", PASS, gate=corrected))
    assert world.next_landing() == "b"


def test_an_items_own_validation_has_no_control_run() -> None:
    own = Gate(name="own", run="pytest")
    world = World().proposed("a", PASS, validation=(own,))
    world.validations.append(verdict("tree-a", COULD_NOT, gate=own))
    assert world.next_run("a").failure_class is FailureClass.GATE_COULD_NOT_RUN


def test_a_conflict_with_the_base_goes_back_to_its_owner() -> None:
    rejected = World().proposed("a", conflict=True).next_run("a")
    assert rejected.failure_class is FailureClass.CONFLICT
    assert rejected.evidence[0].gate == "merge"


def test_a_gate_lost_as_often_as_allowed_blames_the_machine() -> None:
    rejected = World().proposed("a", None, None, None).next_run("a")
    assert rejected.failure_class is FailureClass.INFRA
    assert World().proposed("a", None, None).next_run("a") is None


def test_a_base_that_was_rewritten_freezes_the_train_until_a_person_releases_it_at_this_tip() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(tip=Sha("old"))
    world.facts = replace(world.facts, contains_previous=False)
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BASE_MOVED_BACK
    world.status = MergeTrainStatus(tip=TIP, frozen=frozen)
    world.facts = replace(world.facts, contains_previous=True)
    assert world.next_landing() is None
    world.decisions.append(decision(Verb.RELEASE, "main", head="old"))
    assert world.next_landing() is None
    world.decisions.append(decision(Verb.RELEASE, "main", head=TIP, value=frozen.mark))
    assert world.next_landing() == "a"


def test_one_release_ends_one_freeze_however_many_are_seen_in_the_same_instant() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(tip=Sha("old"))
    world.facts = replace(world.facts, contains_previous=False)
    first = world.next_status()
    assert first.frozen is not None and first.freezes == first.frozen.number == 1
    world.decisions.append(decision(Verb.RELEASE, "main", head=TIP, value=first.frozen.mark))
    world.status = first
    world.facts = replace(world.facts, contains_previous=True)
    assert world.next_landing() == "a"
    world.status = MergeTrainStatus(tip=Sha("another"), freezes=first.freezes)
    world.facts = replace(world.facts, contains_previous=False)
    second = world.next_status()
    assert second.frozen is not None
    assert (second.frozen.since, second.frozen.tip) == (first.frozen.since, first.frozen.tip)
    world.status = second
    world.facts = replace(world.facts, contains_previous=True)
    assert world.next_landing() is None, "the word was about another freeze"
    world.decisions.append(decision(Verb.RELEASE, "main", head=TIP, value=second.frozen.mark))
    assert world.next_landing() == "a"


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({"at_s": 5}, True),
        ({"at_s": 0}, True),
        ({"at_s": -5}, False),
        ({"at_s": 5, "taken_s": 6}, True),
        ({"at_s": 0, "taken_s": 0}, False),
        ({"at_s": 5, "value": "RedBase#1"}, False),
        ({"at_s": -5, "value": "BaseMovedBack#3"}, True),
    ],
)
def test_a_release_that_names_no_freeze_ends_the_one_that_stood_when_it_was_said(
    said: dict[str, Any], ends: bool
) -> None:
    world = World().proposed("a", PASS)
    frozen = Frozen(reason=Reason.BASE_MOVED_BACK, tip=TIP, since=START, number=3)
    world.status = MergeTrainStatus(tip=TIP, frozen=frozen, freezes=3)
    word = decision(Verb.RELEASE, "main", at_s=said["at_s"], head=TIP, value=said.get("value", ""))
    if "taken_s" in said:
        taken = DecisionStatus(effective=True, sequence=1, at=START + timedelta(seconds=said["taken_s"]))
        word = word.model_copy(update={"status": taken})
    world.decisions.append(word)
    assert (world.next_landing() == "a") is ends


@pytest.mark.parametrize(
    ("train", "checkout", "reason"),
    [
        ({"gates": ()}, None, Reason.NO_GATES),
        ({"paused": True}, None, Reason.HELD),
        ({}, BaseCheckout("/repo", TIP_TREE, ("x.py",)), Reason.BASE_NOT_CLEAN),
    ],
)
def test_nothing_lands_without_gates_while_paused_or_over_a_dirty_checkout(
    train: dict[str, object], checkout: BaseCheckout | None, reason: Reason
) -> None:
    world = World(**train).proposed("a", PASS)
    world.facts = replace(world.facts, checkout=checkout)
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is reason
    assert world.next_landing() is None


def test_an_intent_that_is_written_is_carried_out_and_nothing_else_moves_meanwhile() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    landing = world.next_status().landing
    world.status = MergeTrainStatus(landing=landing)
    assert [one.landing for one in world.decide() if isinstance(one, Land)] == [landing]
    assert world.next_status().landing == landing


def test_a_checkout_that_a_predecessor_left_on_its_way_is_nobodys_work() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(landing=world.next_status().landing)
    world.facts = replace(world.facts, checkout=BaseCheckout("/repo", TIP_TREE, ("x.py",)))
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BASE_NOT_CLEAN
    world.led_by = "a predecessor"
    assert world.next_status().frozen is None


def test_what_the_base_says_has_landed_is_landed_whatever_the_store_says() -> None:
    world = World().proposed("a", PASS)
    world.facts = replace(world.facts, landed={"a": LandedFact(Sha("merge-a"), "a-1", START)})
    assert world.next_landing() is None
    assert world.next_run("a").phase is RunPhase.LANDED
    assert world.reason("a") is Reason.LANDED


def test_an_entry_whose_claim_is_lent_is_passed_over() -> None:
    world = World().proposed("a", PASS, paths=("src/x/**",)).waiting("early", tier=Tier.SAFETY, paths=("src/x/**",))
    world.status = MergeTrainStatus(
        claims=(
            Claim(spec="a", paths=("src/x/**",), epoch=1, lent_to="early"),
            Claim(spec="early", paths=("src/x/**",), epoch=2),
        )
    )
    assert (world.next_landing(), world.reason("a")) == (None, Reason.YIELDED)


def test_a_head_made_with_an_overridden_prompt_lands_only_with_an_approval() -> None:
    world = World().proposed("a", PASS)
    said = world.runs[0].spec.model_copy(update={"parameters": {"prompt": "do something else"}})
    world.runs[0] = world.runs[0].model_copy(update={"spec": said})
    assert (world.next_landing(), world.reason("a")) == (None, Reason.WAITING_FOR_APPROVAL)
    world.decisions.append(decision(Verb.APPROVE, "a", head="head-a"))
    assert world.next_landing() == "a"


def test_an_agent_is_started_only_while_the_record_that_holds_its_claim_is_as_it_was() -> None:
    for phase in (RunPhase.PENDING, RunPhase.RUNNING):
        world = World().waiting("a")
        world.runs.append(run("a", phase=phase, leader="me"))
        (start,) = [one for one in world.decide() if isinstance(one, StartAgent)]
        assert start.train == world.snapshot().trains[0]


def test_the_breaker_stays_open_until_its_one_probe_has_ended() -> None:
    world = World().waiting("a").waiting("b").waiting("c")
    for name in ("a", "b"):
        world.runs.append(run(name, failure=FailureClass.INFRA, message="no space left"))
    frozen = world.next_status().frozen
    assert frozen is not None and (frozen.reason, frozen.message) == (Reason.BREAKER_OPEN, "a, b: no space left")
    assert world.starts() == ["a-2"], "one item probes, nobody else starts"
    world.runs.append(run("a", 2, phase=RunPhase.RUNNING))
    during = world.next_status()
    assert during.frozen is not None and during.frozen.reason is Reason.BREAKER_OPEN
    assert world.starts() == []
    world.runs[-1] = run("a", 2, failure=FailureClass.AGENT_ERROR)
    after = world.next_status()
    assert after.frozen is None


def test_who_waits_for_its_claim_keeps_no_breaker_open_that_its_holder_would_wait_for() -> None:
    world = World().waiting("a", paths=("src/x/**",)).waiting("b")
    world.waiting("early", tier=Tier.SAFETY, paths=("src/x/**",))
    for name in ("a", "b"):
        world.runs.append(run(name, failure=FailureClass.INFRA, message="no space left"))
    held = Claim(spec="b", paths=("src/b/**",), epoch=3)
    mine, theirs = (Claim(spec=name, paths=("src/x/**",), epoch=n) for n, name in enumerate(("a", "early"), 1))
    world.status = MergeTrainStatus(claims=(mine.model_copy(update={"lent_to": "early"}), held, theirs))
    assert world.next_status().frozen is None
    assert world.starts() == ["early-1", "b-2"], "nobody waits for a probe that waits for them"
    world.status = MergeTrainStatus(claims=(mine, held))
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BREAKER_OPEN, "it counts again once it may try"


def test_a_merge_that_changes_what_the_item_has_not_claimed_is_rejected_with_the_path() -> None:
    world = World().proposed("a", PASS)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(brought("src/a/file.py", "src/b/renamed.py"),))
    rejected = world.next_run("a")
    assert (world.next_landing(), rejected.failure_class) == (None, FailureClass.SCOPE_VIOLATION)
    assert "src/b/renamed.py" in rejected.message
    assert rejected.evidence[0].gate == "scope"


def test_a_merge_is_held_against_the_claim_and_the_lanes_as_they_are_now() -> None:
    world = World().proposed("a", PASS, paths=("src/a/**",))
    world.status = MergeTrainStatus(claims=(Claim(spec="a", paths=("src/a/other/**",), epoch=1),))
    assert world.next_run("a").failure_class is FailureClass.SCOPE_VIOLATION
    world.lanes = (lane("a", generated=[{"paths": ["src/a/*.py"], "regenerate": "make"}]),)
    assert world.next_landing() == "a"


def test_a_path_that_became_protected_after_it_was_proposed_waits_for_a_person() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    world.lanes = (lane("a", protected=["src/a/file.py"]),)
    assert (world.next_landing(), world.reason("a")) == ("b", Reason.WAITING_FOR_APPROVAL), "the others go on"
    world.decisions.append(decision(Verb.APPROVE, "a", head="head-a"))
    assert world.next_landing() == "a"


def test_a_name_that_collides_with_what_landed_meanwhile_is_policy() -> None:
    world = World().proposed("a", PASS)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(replace(made.brought[0], beside=("src/a/FILE.py",)),))
    assert world.next_run("a").failure_class is FailureClass.POLICY_DENIED


def test_a_candidate_whose_changes_are_unknown_does_not_land() -> None:
    world = World().proposed("a", PASS)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=())
    assert (world.next_landing(), world.next_run("a")) == (None, None)


@pytest.mark.parametrize("change", [{"generation": 2}, {"uid": "another"}])
def test_work_of_another_text_does_not_land_in_the_tick_that_withdraws_it(change: dict[str, Any]) -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    assert world.next_landing() == "a"
    edited = world.specs[0].metadata.model_copy(update=change)
    world.specs[0] = world.specs[0].model_copy(update={"metadata": edited})
    assert world.next_landing() == "b"
    assert world.next_run("a").reason is Reason.SPEC_CHANGED


def test_run_numbers_go_on_where_the_kept_work_ends() -> None:
    world = World().waiting("a").waiting("a-1")
    world.facts = replace(world.facts, work={"a-3": Sha("w"), "a-1-7": Sha("w"), "a-x": Sha("w")})
    world.status = MergeTrainStatus(
        claims=tuple(Claim(spec=one.name, paths=one.spec.paths, epoch=n) for n, one in enumerate(world.specs, 1))
    )
    assert world.starts() == ["a-4", "a-1-8"]


def test_what_a_rewrite_took_out_of_the_base_stays_landed_and_the_freeze_names_it() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS, depends_on=("a",))
    world.runs[0] = run("a", phase=RunPhase.LANDED, landed=Sha("merge-a"))
    world.status = MergeTrainStatus(tip=Sha("old"))
    world.facts = replace(world.facts, contains_previous=False)
    frozen = world.next_status().frozen
    assert frozen is not None
    assert "`git log tip..old` lists what is gone, with it a" in frozen.message
    world.status = MergeTrainStatus(tip=TIP)
    world.facts = replace(world.facts, contains_previous=True)
    assert (world.reason("a"), world.starts()) == (Reason.LANDED, [])
    assert world.next_landing() == "b", "what needs it goes on"


def test_a_landing_that_only_the_trains_record_knows_is_final_too() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(tip=TIP, last_landing=Landed(spec="a", run="a-1", commit=Sha("merge-a"), at=START))
    assert (world.next_landing(), world.reason("a")) == (None, Reason.LANDED)


def repairing(world: World) -> World:
    """Give the world the repair of its tip, holding every claim."""
    world.validations.append(verdict(TIP_TREE, FAIL))
    made = next(one.object for one in world.decide() if isinstance(one, Create))
    assert isinstance(made, ImplementationSpec)
    stored = meta(made.name, age_s=99).model_copy(
        update={"labels": made.metadata.labels, "annotations": made.metadata.annotations}
    )
    world.specs.append(made.model_copy(update={"metadata": stored}))
    world.runs.append(run(made.name, phase=RunPhase.RUNNING, leader="me"))
    frozen = Frozen(reason=Reason.RED_BASE, tip=TIP, since=START)
    world.status = MergeTrainStatus(
        frozen=frozen,
        claims=(
            *(Claim(spec=s.name, paths=s.spec.paths, epoch=9, lent_to=made.name) for s in world.specs[:-1]),
            Claim(spec=made.name, paths=made.spec.paths, epoch=10),
        ),
    )
    return world


def test_a_pull_request_that_passes_on_a_red_base_lands_beside_the_repair_it_lent_its_claim_to() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL).proposed("b", PASS)
    assert repairing(world).next_landing() == "b"
    world = World(retries={"flaky": 0}).proposed("a", FAIL).proposed("b")
    wanted = [one.validation.spec.tree for one in repairing(world).decide() if isinstance(one, StartGate)]
    assert wanted == ["tree-b"], "it is tested, too"


@pytest.mark.parametrize("gone", ["tip", "green"])
def test_a_repair_is_dropped_when_the_tip_moved_or_the_base_is_green(gone: str) -> None:
    world = repairing(World(retries={"flaky": 0}).proposed("a", FAIL))
    assert world.reason("repair-tip") is Reason.AGENT_RUNNING
    if gone == "tip":
        world.facts = replace(world.facts, tip=Sha("next"), tip_tree=TreeId("next-tree"))
    else:
        world.validations[-1] = verdict(TIP_TREE, PASS)
    written = next(s for s in _written(world.decide(), ImplementationSpec) if s.name == "repair-tip").status
    assert (written.phase, written.reason) == (Phase.CANCELLED, Reason.CANCELLED)
    assert "not needed any more" in written.message
    assert "repair-tip" not in {claim.spec for claim in world.next_status().claims}


def test_an_attempt_that_waits_with_its_work_done_is_said_to_wait() -> None:
    world = World().waiting("a").waiting("early", tier=Tier.SAFETY, paths=("src/a/**",))
    world.runs.append(run("a", phase=RunPhase.COLLECTED, head=Sha("head-a"), tree="own-a"))
    world.status = MergeTrainStatus(
        claims=(
            Claim(spec="a", paths=("src/a/**",), epoch=1, lent_to="early"),
            Claim(spec="early", paths=("src/a/**",), epoch=2),
        )
    )
    status = next(one for one in _written(world.decide(), ImplementationSpec) if one.name == "a").status
    assert (status.phase, status.reason) == (Phase.WAITING, Reason.YIELDED)


def said(validation: Validation, output: str) -> Validation:
    """Return the validation with this output of each try."""
    tries = tuple(one.model_copy(update={"output": output}) for one in validation.status.tries)
    return validation.model_copy(update={"status": validation.status.model_copy(update={"tries": tries})})


@pytest.mark.parametrize("own", [True, False])
def test_on_a_red_base_only_what_fails_there_too_is_called_the_bases(own: bool) -> None:
    world = World(retries={"flaky": 0}).proposed("a")
    old, new = "FAILED t.py::test_old - no\n", "FAILED t.py::test_new - no\n" if own else ""
    world.validations += [said(verdict("tree-a", FAIL), old + new), said(verdict(TIP_TREE, FAIL), old)]
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.RED_BASE
    assert [one.object.name for one in world.decide() if isinstance(one, Create)] == ["repair-tip"]
    rejected = world.next_run("a")
    assert (rejected is not None) is own
    if own:
        assert rejected.failure_class is FailureClass.GATE_FAILED
        assert "t.py::test_new fails only with this change" in rejected.message
        assert rejected.evidence[0].output.startswith("Only with this change:\nt.py::test_new\n")


def test_a_generated_file_that_both_sides_changed_is_a_conflict_for_its_command() -> None:
    world = World().proposed("a", PASS)
    world.lanes = (lane("a", generated=[{"paths": ["*.lock"], "regenerate": "make lock"}]),)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    both = replace(brought("src/a/file.py", "a.lock"), meanwhile=("b.lock", "src/x.py"))
    world.candidates[key] = replace(made, brought=(both,))
    rejected = world.next_run("a")
    assert (rejected.failure_class, rejected.conflicts) == (FailureClass.CONFLICT, ("a.lock", "b.lock"))
    world.candidates[key] = replace(made, brought=(replace(both, meanwhile=("src/x.py",)),))
    assert world.next_landing() == "a"


def test_a_head_somebody_pushed_over_is_not_landed_in_the_tick_that_sees_it() -> None:
    world = World().proposed("a", GateResult.PASS)
    assert world.next_landing() == "a"
    snapshot = world.snapshot()
    pushed = replace(snapshot.repositories["main"], branches={"a": Sha("theirs")})
    actions = decide(replace(snapshot, repositories={"main": pushed}), START)
    assert not [one for one in actions if isinstance(one, Land)]
    assert [one.head for one in actions if isinstance(one, KeepForeign)] == ["theirs"]


def test_a_rejected_candidate_has_none_of_its_other_gates_started() -> None:
    lint = Gate(name="lint", run="make lint")
    world = World(gates=(lint, TEST), retries={"flaky": 0}).proposed("a", GateResult.FAIL)
    world.validations.append(verdict("tip-tree", GateResult.PASS))
    assert world.next_run("a") is not None
    assert [one.validation.spec.gate.name for one in world.decide() if isinstance(one, StartGate)] == []
