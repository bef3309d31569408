"""The class table of CONTRACT §2: what an item's runs allow next."""

from datetime import timedelta

import pytest

from orchestrator.core.attempts import Busy, ForPerson, Startable, Stuck, infra_streak, outlook
from orchestrator.core.voice import SILENCE, Voice
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentRun, ScopeVerdict
from orchestrator.model.train import Retries
from tests.unit.make import START, run, spec

F = FailureClass
RETRIES = Retries()


def after(*failures: FailureClass, **status: object) -> object:
    runs = [run("x", number, failure=failure, **status) for number, failure in enumerate(failures, 1)]
    return outlook(spec("x"), runs, SILENCE, RETRIES)


def test_the_first_attempt_starts_from_the_base() -> None:
    assert outlook(spec("x"), [], SILENCE, RETRIES) == Startable(number=1, attempt=1, start=None)


@pytest.mark.parametrize("phase", [RunPhase.PENDING, RunPhase.RUNNING, RunPhase.COLLECTED, RunPhase.PROPOSED])
def test_a_live_run_is_the_only_one(phase: RunPhase) -> None:
    live = run("x", phase=phase)
    assert outlook(spec("x"), [live], SILENCE, RETRIES) == Busy(live)


@pytest.mark.parametrize("failure", [F.AGENT_ERROR, F.GATE_FAILED, F.SCOPE_VIOLATION])
def test_these_classes_spend_an_attempt_and_stall_after_the_third(failure: FailureClass) -> None:
    once = after(failure)
    assert isinstance(once, Startable) and once.attempt == 2
    assert isinstance(after(failure, failure), Startable)
    stuck = after(failure, failure, failure)
    assert isinstance(stuck, Stuck) and stuck.reason == failure.value


@pytest.mark.parametrize("failure", [F.NO_CHANGE, F.POLICY_DENIED, F.GATE_COULD_NOT_RUN])
def test_these_classes_stall_at_once(failure: FailureClass) -> None:
    stuck = after(failure)
    assert isinstance(stuck, Stuck) and stuck.reason == failure.value


@pytest.mark.parametrize("failure", [F.QUOTA_EXHAUSTED, F.BUDGET_EXHAUSTED])
def test_an_exhausted_quota_waits_for_a_person(failure: FailureClass) -> None:
    waits = after(failure)
    assert isinstance(waits, ForPerson) and waits.reason == failure.value


def test_conflicts_spend_nothing_and_stall_after_the_fifth() -> None:
    four = after(*[F.CONFLICT] * 4)
    assert isinstance(four, Startable) and four.attempt == 1
    stuck = after(*[F.CONFLICT] * 5)
    assert isinstance(stuck, Stuck) and stuck.reason is Reason.CONFLICT


@pytest.mark.parametrize("failure", [F.INTERRUPTED, F.INFRA])
def test_the_machines_fault_spends_nothing_backs_off_longer_and_stalls_at_three_in_a_row(failure: FailureClass) -> None:
    once = after(failure, ended_at=START)
    assert isinstance(once, Startable)
    assert (once.attempt, once.not_before) == (1, START + timedelta(seconds=1))
    twice = after(failure, failure, ended_at=START)
    assert isinstance(twice, Startable) and twice.not_before == START + timedelta(seconds=2)
    assert isinstance(after(failure, failure, failure), Stuck)
    broken_row = after(failure, failure, F.GATE_FAILED, failure)
    assert isinstance(broken_row, Startable) and broken_row.infra_streak == 1


def test_a_leaders_death_counts_against_nobody() -> None:
    died = [run("x", n, failure=F.INTERRUPTED, reason=Reason.LEADER_DIED) for n in range(1, 9)]
    assert infra_streak(died) == 0
    assert isinstance(outlook(spec("x"), died, SILENCE, RETRIES), Startable)


@pytest.mark.parametrize(
    ("failure", "start"),
    [
        (F.AGENT_ERROR, None),
        (F.SCOPE_VIOLATION, None),
        (F.GATE_FAILED, "head"),
        (F.CONFLICT, "head"),
        (F.INTERRUPTED, "head"),
    ],
)
def test_an_attempt_starts_from_the_base_after_an_agents_error_else_from_the_last_head(
    failure: FailureClass, start: str | None
) -> None:
    nxt = after(failure, head=Sha("head"))
    assert isinstance(nxt, Startable) and nxt.start == start


def test_evidence_survives_an_attempt_that_left_none() -> None:
    told = (Evidence(gate="test", result="fail", output="boom"),)
    failed = run("x", 1, failure=F.GATE_FAILED, evidence=told)
    interrupted = run("x", 2, failure=F.INTERRUPTED)
    interrupted = interrupted.model_copy(update={"spec": interrupted.spec.model_copy(update={"evidence": told})})
    nxt = outlook(spec("x"), [failed, interrupted], SILENCE, RETRIES)
    assert isinstance(nxt, Startable) and nxt.evidence == told


def test_a_retry_gives_back_what_was_spent_and_an_edit_does_too() -> None:
    spent = [run("x", n, failure=F.AGENT_ERROR) for n in (1, 2, 3)]
    retried = outlook(spec("x"), spent, Voice(retry_after=3), RETRIES)
    assert isinstance(retried, Startable) and (retried.number, retried.attempt) == (4, 1)
    edited = outlook(spec("x", generation=2), spent, SILENCE, RETRIES)
    assert isinstance(edited, Startable) and (edited.number, edited.attempt) == (4, 1)


def test_gates_lost_as_often_as_allowed_stall_the_item_at_once() -> None:
    lost = run("x", failure=F.INFRA, scope=ScopeVerdict(allowed=True))
    assert isinstance(outlook(spec("x"), [lost], SILENCE, RETRIES), Stuck)


def test_the_limits_are_settable() -> None:
    assert isinstance(
        outlook(spec("x"), [run("x", failure=F.AGENT_ERROR)], SILENCE, Retries(attempts=1)),
        Stuck,
    )


def test_a_spec_applied_anew_under_its_name_inherits_nothing_but_the_numbers() -> None:
    evidence = (Evidence(gate="test", result="fail", output="no"),)
    spent = [run("x", n, failure=F.GATE_FAILED, uid="deleted", head=Sha("old"), evidence=evidence) for n in (1, 2, 3)]
    assert outlook(spec("x"), spent, SILENCE, RETRIES) == Startable(number=4, attempt=1, start=None)
    again = outlook(spec("x"), [*spent, run("x", 4, failure=F.GATE_FAILED, head=Sha("new"))], SILENCE, RETRIES)
    assert isinstance(again, Startable) and (again.number, again.attempt, again.start) == (5, 2, "new")


def test_a_number_whose_work_a_ref_keeps_is_not_given_out_again() -> None:
    assert outlook(spec("x"), [], SILENCE, RETRIES, taken=7) == Startable(number=8, attempt=1, start=None)


def test_conflicts_that_a_command_settled_count_against_nobody() -> None:
    def made(number: int, command: str) -> AgentRun:
        one = run("x", number, failure=F.CONFLICT, published=Sha("head"))
        return one.model_copy(update={"spec": one.spec.model_copy(update={"regenerate": command})})

    settled = [made(n, "make lock" if n > 1 else "") for n in range(1, 9)]
    assert isinstance(outlook(spec("x"), settled, SILENCE, RETRIES), Startable)
    assert isinstance(outlook(spec("x"), [made(n, "") for n in range(1, 9)], SILENCE, RETRIES), Stuck)
