"""The demo's judge: each part of the story is told from facts; whoever takes the facts away hears that it is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.cli.demo import account as accounts
from orchestrator.cli.demo import cast
from orchestrator.cli.demo.account import Account, Item, Landing, Planned, ShopTests, Wait
from orchestrator.cli.demo.prompter import is_ready_for_the_guard, is_waiting
from orchestrator.cli.demo.story import chapters
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.gate import Evidence, Gate, GateResult
from orchestrator.model.run import (
    AgentExit,
    AgentRef,
    AgentRun,
    AgentRunSpec,
    AgentRunStatus,
    Denied,
    ScopeVerdict,
    SpecRef,
)
from orchestrator.model.validation import Purpose, Try, Validation, ValidationPhase, ValidationSpec, ValidationStatus

T0 = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = {
    cast.GUARD: "shop/orders/guard.py",
    cast.CENTS: "shop/catalog/prices.py",
    cast.RECEIPT: "shop/orders/receipt.py",
    cast.CODES: "shop/pricing/discounts.py",
    cast.MEMBERS: "shop/pricing/**",
    cast.ALLERGENS: "shop/catalog/allergens.py",
    cast.LABELS: "shop/catalog/labels.py",
    cast.REPORT: "shop/reports/low_stock.py",
}
ORDER = (cast.GUARD, cast.CENTS, cast.CODES, cast.ALLERGENS, cast.RECEIPT, cast.MEMBERS, cast.REPORT)
PULLS = {
    cast.CENTS: 1,
    cast.CODES: 2,
    cast.RECEIPT: 3,
    cast.ALLERGENS: 4,
    cast.REPORT: 5,
    cast.GUARD: 6,
    cast.MEMBERS: 7,
}
AGAIN = (cast.RECEIPT, cast.ALLERGENS, cast.REPORT)
LANES = ("orders", "catalog", "orders", "pricing", "pricing", "catalog", "catalog", "reports")


def run(name: str, number: int, **status: object) -> AgentRun:
    return AgentRun(
        metadata=ObjectMeta(name=f"{name}-{number}"),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name=name),
            agent_ref=AgentRef(name="scripted"),
            number=number,
            base=Sha("c-" + cast.CODES if name == cast.MEMBERS else "c-0"),
        ),
        status=AgentRunStatus.model_validate(
            {"phase": RunPhase.LANDED, "started_at": T0, "ended_at": T0 + timedelta(seconds=2)} | status
        ),
    )


def failed(name: str, failure: FailureClass, **status: object) -> AgentRun:
    return run(name, 1, phase=RunPhase.FAILED, failure_class=failure, **status)


FIRST = {
    cast.RECEIPT: failed(
        cast.RECEIPT,
        FailureClass.GATE_FAILED,
        published=Sha("h"),
        tree="tree-of-receipt",
        evidence=(Evidence(gate="tests", result="fail", output=f"'total {cast.WRONG_TOTAL}' != 'total 3.40'"),),
    ),
    cast.ALLERGENS: failed(cast.ALLERGENS, FailureClass.INTERRUPTED, exit=AgentExit(signal=9)),
    cast.REPORT: failed(
        cast.REPORT,
        FailureClass.SCOPE_VIOLATION,
        scope=ScopeVerdict(allowed=False, denied=(Denied(path=cast.STRAY_PATH, reason="owned by catalog"),)),
    ),
    cast.LABELS: failed(cast.LABELS, FailureClass.GATE_COULD_NOT_RUN),
}


def validation(tree: str, result: GateResult) -> Validation:
    return Validation(
        metadata=ObjectMeta(name="v"),
        spec=ValidationSpec(
            tree=TreeId(tree),
            commit=Sha("h"),
            gate=Gate(name="tests", run="true"),
            gate_digest="d",
            environment="e",
            purpose=Purpose.ITEM,
        ),
        status=ValidationStatus(phase=ValidationPhase.DONE, tries=(Try(result=result),)),
    )


def landing(name: str) -> Landing:
    path = "shop/pricing/members.py" if name == cast.MEMBERS else PATHS[name]
    return Landing(f"c-{name}", ("a", "b"), name, f"{name}-{2 if name in AGAIN else 1}", (path,))


def item(name: str) -> Item:
    if name == cast.LABELS:
        return Item(name, "Stalled", "GateCouldNotRun", "", 0, None, None)
    return Item(name, "Landed", "Landed", "", 1 if name in (cast.RECEIPT, cast.REPORT) else 0, PULLS[name], f"c-{name}")


@pytest.fixture
def told() -> Account:
    """The account of a demo that went as staged."""
    runs = {name: [FIRST[name], run(name, 2)] if name in AGAIN else [FIRST.get(name) or run(name, 1)] for name in PATHS}
    return Account(
        plan=tuple(
            Planned(name, lane, "execution", 2 if name == cast.MEMBERS else 1, (PATHS[name],))
            for name, lane in zip(PATHS, LANES, strict=True)
        ),
        items={name: item(name) for name in PATHS},
        runs=runs,
        validations=(validation("tree-of-receipt", GateResult.PASS), validation("another", GateResult.FAIL)),
        landings=tuple(landing(name) for name in ORDER),
        wait=Wait(cast.MEMBERS, "WaitingForClaim", (cast.CODES,), "…"),
        tests=ShopTests(True, "ran 21 tests, all pass"),
    )


def missing(account: Account) -> list[str]:
    return [chapter.part for chapter in chapters(account) if not chapter.happened]


def test_a_demo_that_went_as_staged_has_every_part(told: Account) -> None:
    assert missing(told) == []


def _item(name: str, **change: object) -> Callable[[Account], Account]:
    return lambda told: replace(told, items={**told.items, name: replace(told.items[name], **change)})


def _runs(name: str, *runs: AgentRun) -> Callable[[Account], Account]:
    return lambda told: replace(told, runs={**told.runs, name: runs})


def _landed(*names: str, **change: object) -> Callable[[Account], Account]:
    return lambda told: replace(told, landings=tuple(replace(landing(name), **change) for name in names))


def _swapped(one: str, other: str) -> Callable[[Account], Account]:
    return _landed(*({one: other, other: one}.get(name, name) for name in ORDER))


ROWS: list[tuple[str, Callable[[Account], Account], list[str]]] = [
    ("one lane is missing", lambda a: replace(a, plan=[replace(p, lane="orders") for p in a.plan]), ["plan"]),
    ("everything is in one wave", lambda a: replace(a, plan=[replace(p, wave=1) for p in a.plan]), ["plan"]),
    ("nobody recorded the wait", lambda a: replace(a, wait=None), ["overlap"]),
    (
        "it waited for something else",
        lambda a: replace(a, wait=Wait(cast.MEMBERS, "WaitingForCapacity", (), "")),
        ["overlap"],
    ),
    ("the second started from an older base", _runs(cast.MEMBERS, run(cast.CENTS, 1)), ["overlap"]),
    ("the report's agent stayed inside", _runs(cast.REPORT, run(cast.REPORT, 1), run(cast.REPORT, 2)), ["stray"]),
    ("what strayed landed", lambda a: _stray_landed(a), ["stray"]),
    ("nobody was killed", _runs(cast.ALLERGENS, run(cast.ALLERGENS, 1), run(cast.ALLERGENS, 2)), ["kill"]),
    ("the kill was held against it", _item(cast.ALLERGENS, attempts=1), ["kill"]),
    ("the labels landed", _item(cast.LABELS, phase="Landed", reason="Landed"), ["gate", "landed"]),
    ("the labels were blamed", _item(cast.LABELS, attempts=1), ["gate"]),
    (
        "the receipt failed alone",
        lambda a: replace(a, validations=[validation("tree-of-receipt", GateResult.FAIL)]),
        ["together"],
    ),
    ("nobody tested the receipt alone", lambda a: replace(a, validations=()), ["together"]),
    ("the receipt never failed", _runs(cast.RECEIPT, run(cast.RECEIPT, 1), run(cast.RECEIPT, 2)), ["together"]),
    ("the receipt landed before the cents", _swapped(cast.CENTS, cast.RECEIPT), ["together"]),
    ("the guard came early", _item(cast.GUARD, pull=1), ["late"]),
    ("the guard has no pull request", _item(cast.GUARD, pull=None), ["late"]),
    ("the guard landed second", _swapped(cast.GUARD, cast.CENTS), ["first"]),
    ("an item is still open", _item(cast.CODES, phase="Proposed"), ["landed"]),
    ("something landed twice", _landed(*ORDER, cast.GUARD), ["landed"]),
    ("a landing is no merge", _landed(*ORDER, parents=("a",)), ["landed"]),
    ("main is red", lambda a: replace(a, tests=ShopTests(False, "ran 21 tests, not all pass")), ["green"]),
]


def _stray_landed(account: Account) -> Account:
    paths = (PATHS[cast.REPORT], cast.STRAY_PATH)
    return replace(
        account,
        landings=tuple(replace(one, paths=paths) if one.spec == cast.REPORT else one for one in account.landings),
    )


@pytest.mark.parametrize(("change", "parts"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_part_that_did_not_happen_is_named(
    told: Account, change: Callable[[Account], Account], parts: list[str]
) -> None:
    assert missing(change(told)) == parts


def test_agents_one_after_the_other_are_not_side_by_side(told: Account) -> None:
    names = iter(range(100))

    def later(one: AgentRun) -> AgentRun:
        start = T0 + timedelta(seconds=2 * next(names))
        status = one.status.model_copy(update={"started_at": start, "ended_at": start + timedelta(seconds=2)})
        return one.model_copy(update={"status": status})

    runs = {name: [later(one) for one in several] for name, several in told.runs.items()}
    assert missing(replace(told, runs=runs)) == ["parallel"]


def test_a_log_is_read_with_its_trailers_and_paths_and_other_commits_are_left_out() -> None:
    fields = ("c1", "p1 p2", "order-guard", "order-guard-1", "\n\0a b.py\0ü.py\0")
    log = accounts.RECORD + accounts.FIELD.join(fields) + accounts.RECORD + accounts.FIELD.join(("c0", "", "", "", ""))
    assert accounts.landings(log) == (Landing("c1", ("p1", "p2"), "order-guard", "order-guard-1", ("a b.py", "ü.py")),)


def test_each_denied_path_is_listed_once(told: Account) -> None:
    twice = replace(told, runs={**told.runs, cast.REPORT: [FIRST[cast.REPORT], FIRST[cast.REPORT]]})
    assert accounts.denied(twice) == [{"spec": cast.REPORT, "path": cast.STRAY_PATH, "reason": "owned by catalog"}]


def test_the_guard_gets_its_cue_only_when_everybody_else_is_open(told: Account) -> None:
    assert is_ready_for_the_guard(told.items)
    assert not is_ready_for_the_guard(_item(cast.REPORT, pull=None)(told).items)
    assert not is_ready_for_the_guard({})


def test_only_a_wait_for_files_is_recorded(told: Account) -> None:
    assert not is_waiting(told.items)
    assert is_waiting(_item(cast.MEMBERS, phase="Waiting", reason="WaitingForClaim")(told).items)
