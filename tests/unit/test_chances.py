"""How likely a proposal passes, as the train's own record has it. One sentence a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.board import boards
from orchestrator.core.chances import record
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.run import AgentRef, AgentRun
from tests.unit.make import START, run
from tests.unit.train_world import World

NEW = "new"


class Past(World):
    """One open proposal, of lane `a` and the agent `scripted`, one file, and what became of earlier ones."""

    def __init__(self) -> None:
        super().__init__()
        self.proposed(NEW, lane="a")
        self._change(-1, changed=1)

    def were(self, count: int, *, landed: bool, lane: str = "a", **made: Any) -> Past:
        for _ in range(count):
            name = f"i{len(self.specs)}"
            self.waiting(name, lane=lane)
            ended = RunPhase.LANDED if landed else RunPhase.FAILED
            failure = None if landed else FailureClass.GATE_FAILED
            self.runs.append(run(name, phase=ended, failure_class=failure, published="h", ended_at=START))
            self._change(-1, **{"changed": 1, **made})
        return self

    def _change(self, at: int, *, agent: str = "scripted", changed: int = 1, attempt: int = 1) -> None:
        made: AgentRun = self.runs[at]
        spec = made.spec.model_copy(update={"agent_ref": AgentRef(name=agent), "attempt": attempt})
        status = made.status.model_copy(update={"changed_total": changed})
        self.runs[at] = made.model_copy(update={"spec": spec, "status": status})

    def chance(self, **told: float) -> float:
        snapshot = self.snapshot()
        known = {Sha(f"head-{name}"): chance for name, chance in told.items()}
        facts = {name: replace(each, chances=known) for name, each in snapshot.repositories.items()}
        board = boards(replace(snapshot, repositories=facts), START)[0]
        item = board.by_name[NEW]
        assert item.proposal is not None
        return record(board).chance(item, item.proposal)


def test_without_a_past_the_default_counts() -> None:
    assert Past().chance() == pytest.approx(0.9)


def test_what_becomes_of_all_moves_the_estimate_of_each() -> None:
    past = Past().were(20, landed=False, lane="b", agent="other", changed=100, attempt=2)
    assert past.chance() == pytest.approx((0 + 10 * 0.9) / (20 + 10))


@pytest.mark.parametrize(
    "like", [{"lane": "a"}, {"agent": "scripted"}, {"changed": 1}, {"attempt": 1}], ids=lambda like: next(iter(like))
)
def test_what_it_shares_with_those_that_failed_speaks_against_it(like: dict[str, Any]) -> None:
    unlike: dict[str, Any] = {"lane": "b", "agent": "other", "changed": 100, "attempt": 2}
    others = (20 + 10 * 0.9) / (20 + 10)
    past = Past().were(20, landed=True, **unlike).were(20, landed=False, **{**unlike, **like})
    assert past.chance() == pytest.approx((0 + 10 * others) / (20 + 10))


def test_news_that_is_told_by_every_feature_counts_once() -> None:
    """Twenty failures of one lane are those of its agent, too, and of the train."""
    assert Past().were(20, landed=False).chance() == pytest.approx((0 + 10 * 0.9) / (20 + 10))


def test_a_good_lane_speaks_for_what_a_bad_agent_made() -> None:
    unlike: dict[str, Any] = {"changed": 100, "attempt": 2}
    bad = Past().were(20, landed=False, lane="b", **unlike).were(20, landed=True, lane="b", agent="other", **unlike)
    both = Past().were(20, landed=False, lane="b", **unlike).were(20, landed=True, lane="a", agent="other", **unlike)
    assert bad.chance() < both.chance() < 0.9


def test_of_more_failures_there_is_less_hope() -> None:
    chances = [Past().were(count, landed=False).chance() for count in (0, 1, 3, 10, 100, 1000)]
    assert chances == sorted(chances, reverse=True)
    assert 0 < chances[-1] < 0.01


def test_an_estimate_of_this_very_head_counts_before_the_record() -> None:
    assert Past().were(20, landed=False).chance(new=0.2) == pytest.approx(0.2)
