"""Open work after the base was rewritten: what is sent back, when, and where the next attempt starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.rewrite import began_on
from orchestrator.model.action import CollectWork, Create, KeepForeign, StopAgent
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.decision import Verb
from orchestrator.model.facts import AgentFact, AgentState, Commits, LandedFact, Rewrite
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentRun
from orchestrator.model.train import Claim, Frozen, MergeTrainStatus
from tests.unit.make import START, decision, run, spec
from tests.unit.train_world import TIP, World

GONE = Sha("base")
"""What every run that is made here began on."""


class Rewritten(World):
    """A world whose base lacks, as a person said it should, what the runs began on."""

    def __init__(self, *also: str) -> None:
        super().__init__()
        self.facts = replace(self.facts, astray=frozenset((GONE, *map(Sha, also))))

    def at_work(self, name: str, number: int = 1, **said: object) -> Rewritten:
        """Add an item with one run as `run` makes it."""
        self.waiting(name)
        self.runs.append(run(name, number, **said))  # type: ignore[arg-type]
        return self

    def start_of_next(self) -> Sha:
        """Return where the run that this tick creates starts from."""
        (made,) = [one.object for one in self.decide() if isinstance(one, Create)]
        assert isinstance(made, AgentRun)
        return made.spec.start


@pytest.mark.parametrize("phase", [RunPhase.PENDING, RunPhase.COLLECTED])
def test_work_that_began_on_what_is_gone_is_sent_back_and_blamed_for_nothing(phase: RunPhase) -> None:
    after = Rewritten().at_work("a", phase=phase, head=Sha("work")).next_run("a")
    assert (after.phase, after.reason, after.failure_class) == (RunPhase.SUPERSEDED, Reason.BASE_REWRITTEN, None)
    assert "base was rewritten" in after.message


def test_a_proposal_that_began_on_what_is_gone_neither_lands_nor_is_judged() -> None:
    world = Rewritten().proposed("a", GateResult.PASS)
    assert world.next_landing() is None
    assert world.next_run("a").reason is Reason.BASE_REWRITTEN
    failing = Rewritten().proposed("a", GateResult.FAIL, conflict=True)
    assert failing.next_run("a").reason is Reason.BASE_REWRITTEN


def test_an_agent_at_work_on_what_is_gone_is_ended_and_its_work_kept() -> None:
    world = Rewritten().at_work("a", phase=RunPhase.RUNNING, leader="me")
    snapshot = world.snapshot
    agents = {"a-1": AgentFact(AgentState.RUNNING)}
    world.snapshot = lambda: replace(snapshot(), agents=agents)  # type: ignore[method-assign]
    assert [one.run for one in world.decide() if isinstance(one, StopAgent)] == ["a-1"]
    agents["a-1"] = AgentFact(AgentState.ENDED, signal=15)
    (kept,) = [one for one in world.decide() if isinstance(one, CollectWork)]
    assert kept.superseded is Reason.BASE_REWRITTEN


@pytest.mark.parametrize("seen", ["now", "before"])
def test_until_a_person_says_that_it_was_meant_only_what_was_not_begun_is_sent_back(seen: str) -> None:
    world = Rewritten().proposed("a").at_work("b", phase=RunPhase.PENDING)
    if seen == "now":
        rewrite = Rewrite(Commits(1, ("gone",)), Commits(0))
        world.facts = replace(world.facts, contains_previous=False, rewrite=rewrite)
        world.status = MergeTrainStatus(tip=Sha("old"))
    else:
        frozen = Frozen(reason=Reason.BASE_MOVED_BACK, message="gone", tip=TIP, since=START)
        world.status = MergeTrainStatus(tip=TIP).freeze(frozen)
    claims = tuple(Claim(spec=name, paths=(f"src/{name}/**",), epoch=n) for n, name in enumerate("ab"))
    world.status = world.status.model_copy(update={"claims": claims})
    assert (world.next_run("a"), world.next_run("b").reason) == (None, Reason.BASE_REWRITTEN)
    frozen_now = world.next_status().frozen
    assert frozen_now is not None and frozen_now.reason is Reason.BASE_MOVED_BACK
    if seen == "now":
        assert frozen_now.message.endswith("; a, b start again from the tip once the train is released")
        return
    mark = frozen_now.mark
    world.decisions.append(decision(Verb.RELEASE, "main", at_s=1, head=TIP, value=mark))
    assert world.next_run("a").reason is Reason.BASE_REWRITTEN


@pytest.mark.parametrize(
    "last",
    [
        {"phase": RunPhase.SUPERSEDED, "reason": Reason.BASE_REWRITTEN},
        {"failure": FailureClass.GATE_FAILED},
        {"failure": FailureClass.CONFLICT},
        {"phase": RunPhase.SUPERSEDED, "reason": Reason.FOREIGN_HEAD},
    ],
    ids=lambda last: str(last.get("reason") or last.get("failure")),
)
def test_the_next_attempt_starts_on_the_tip_and_not_on_work_that_holds_what_is_gone(last: dict[str, object]) -> None:
    assert Rewritten("work").at_work("a", head=Sha("work"), **last).start_of_next() == TIP
    assert Rewritten().at_work("a", head=Sha("work"), **last).start_of_next() == "work", "what holds none of it goes on"


def test_a_head_that_somebody_pushed_is_kept_and_left_where_it_holds_what_is_gone() -> None:
    world = Rewritten("theirs").at_work("a", phase=RunPhase.SUPERSEDED, reason=Reason.BASE_REWRITTEN)
    snapshot = world.snapshot

    def pushed() -> object:
        seen = snapshot()
        facts = replace(seen.repositories["main"], branches={"a": Sha("theirs")})
        return replace(seen, repositories={"main": facts})

    world.snapshot = pushed  # type: ignore[method-assign,assignment]
    assert [one.head for one in world.decide() if isinstance(one, KeepForeign)] == ["theirs"]
    assert world.start_of_next() == TIP


def test_an_agent_that_merges_what_is_gone_into_its_work_has_failed() -> None:
    world = World().waiting("a")
    world.runs.append(run("a", phase=RunPhase.COLLECTED, head=Sha("work")))
    world.facts = replace(world.facts, astray=frozenset({Sha("work"), Sha("another")}))
    after = world.next_run("a")
    assert (after.failure_class, after.phase) == (FailureClass.AGENT_ERROR, RunPhase.FAILED)
    assert "brings back a commit that was taken out of the base" in after.message


def test_git_is_asked_about_what_the_runs_of_open_items_began_on_and_left() -> None:
    world = World()
    train, facts = world.snapshot().trains[0], replace(world.facts, branches={"a": Sha("branch")})
    specs = [spec("a"), spec("landed"), spec("other", train="other")]
    runs = [run("a", head=Sha("work")), run("landed"), run("other"), run("gone"), run("a", 2, phase=RunPhase.LANDED)]
    runs[2] = runs[2].model_copy(update={"spec": runs[2].spec.model_copy(update={"base": Sha("elsewhere")})})
    facts = replace(facts, landed={"landed": LandedFact(TIP, "landed-1", START)})
    assert began_on(train, specs, runs, facts) == ({GONE}, {GONE, "work", "branch"})
    assert began_on(train, specs, [], facts) == (frozenset(), {"branch"})
