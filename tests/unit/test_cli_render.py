"""What people see, character by character: status, explanations, the live board and plain lines, 80 columns, no colour.

The texts live in tests/golden/cli. After a deliberate change: GOLDEN=write pytest tests/unit/test_cli_render.py, and
read the difference.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.cli import explain, status
from orchestrator.cli.board import Board, Row, board, last_line, visible
from orchestrator.cli.history import _start_of_tail
from orchestrator.cli.live import draw
from orchestrator.cli.output import Output, printable
from orchestrator.cli.progress import Lines, Warnings
from orchestrator.cli.table import Column, age, write_table
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import Evidence, Gate
from orchestrator.model.run import (
    AgentRef,
    AgentRun,
    AgentRunSpec,
    AgentRunStatus,
    Denied,
    ScopeVerdict,
    SpecRef,
)
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import (
    ImplementationSpec,
    ImplementationSpecSpec,
    ImplementationSpecStatus,
    PullRequestRef,
    Tier,
    Wait,
)
from orchestrator.model.train import (
    Claim,
    Frozen,
    MergeTrain,
    MergeTrainSpec,
    MergeTrainStatus,
    TrainEntry,
)
from orchestrator.model.validation import Purpose, Validation, ValidationSpec

GOLDEN = Path(__file__).resolve().parents[1] / "golden/cli"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
WIDTH = 80


def golden(name: str, text: str) -> None:
    """Compare a text with the one that was agreed on."""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) > WIDTH or line != line.rstrip()] == []


def output() -> Output:
    return Output(stdout=io.StringIO(), stderr=io.StringIO(), now=NOW)


def said(out: Output) -> str:
    assert isinstance(out.stdout, io.StringIO)
    return out.stdout.getvalue()


def spec(
    name: str, phase: Phase, reason: Reason, message: str = "", *, minutes: float = 0, **more: object
) -> ImplementationSpec:
    """Return a spec as the store has it, in its phase for some minutes."""
    priority, tier, lane = more.pop("priority", 0), more.pop("tier", Tier.EXECUTION), more.pop("lane", "trading")
    found = ImplementationSpecStatus.model_validate(
        {"phase": phase, "reason": reason, "message": message, "since": NOW - timedelta(minutes=minutes), **more}
    )
    return ImplementationSpec(
        metadata=ObjectMeta(name=name, creation_timestamp=NOW - timedelta(hours=1)),
        spec=ImplementationSpecSpec.model_validate(
            {"summary": f"Do {name}", "lane": lane, "paths": ["src/**"], "tier": tier, "priority": priority}
        ),
        status=found,
    )


def run_of(name: str, phase: RunPhase = RunPhase.RUNNING, **status_fields: object) -> AgentRun:
    item, _, number = name.rpartition("-")
    return AgentRun(
        metadata=ObjectMeta(name=name),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name=item), agent_ref=AgentRef(name="scripted"), number=int(number)
        ),
        status=AgentRunStatus.model_validate({"phase": phase, **status_fields}),
    )


WAITING_FOR_CLAIM = spec(
    "replay-harness",
    Phase.WAITING,
    Reason.WAITING_FOR_CLAIM,
    "order-firewall holds services/torghut/app/trading/firewall/** and may still change every file in it",
    minutes=4,
    waiting_for=(Wait(kind="ImplementationSpec", name="order-firewall", reason="holds src/trading/firewall/**"),),
)
SWARM = (
    spec("order-firewall", Phase.RUNNING, Reason.AGENT_RUNNING, "attempt 2 is at work", minutes=0.7, tier=Tier.SAFETY,
         attempts=2, current_run="order-firewall-2"),
    spec("research-ledger", Phase.PROPOSED, Reason.VALIDATING, "test on its merge with the base", minutes=2, attempts=1,
         tier=Tier.VALIDITY, current_run="research-ledger-1",
         pull_request=PullRequestRef(number=7, url="file:///pulls/7", head=Sha("a" * 40))),
    WAITING_FOR_CLAIM,
    spec("cost-model", Phase.STALLED, Reason.GATE_FAILED, "3 of 3 attempts spent; the last: test said no\nwith a trace",
         minutes=61, attempts=3, current_run="cost-model-3"),
    spec("idempotency", Phase.LANDED, Reason.LANDED, "in the base as 0123456789ab", minutes=1500, attempts=1,
         landed=Sha("0123456789abcdef" * 2)),
    spec("walk-forward", Phase.CANCELLED, Reason.CANCELLED, "cancelled by somebody: superseded", minutes=5),
)  # fmt: skip
TRAIN = MergeTrain(
    metadata=ObjectMeta(name="main"),
    spec=MergeTrainSpec(),
    status=MergeTrainStatus(
        entries=(
            TrainEntry(name="research-ledger", waiting_for=(Wait(kind="Gate", name="test", reason="runs"),)),
            TrainEntry(name="replay-harness"),
        ),
        claims=(Claim(spec="order-firewall", paths=("src/trading/firewall/**",), epoch=3),),
    ),
)
FROZEN = TRAIN.model_copy(
    update={
        "status": TRAIN.status.model_copy(
            update={
                "frozen": Frozen(
                    reason=Reason.RED_BASE,
                    message="gate test fails on 0123456789ab itself: AssertionError: 1 != 2",
                    since=NOW - timedelta(minutes=3),
                )
            }
        )
    }
)


def test_status_shows_landing_order_reasons_and_the_train() -> None:
    out = output()
    status.show(status.in_landing_order(SWARM), (TRAIN,), out, width=WIDTH)
    golden("status", said(out))


def test_status_of_a_frozen_train_says_why() -> None:
    out = output()
    status.show(SWARM[:1], (FROZEN,), out, width=WIDTH)
    golden("status-frozen", said(out))


def test_the_status_document_has_what_the_contract_promises() -> None:
    document = status.document(SWARM, (TRAIN,))
    assert set(document) >= {"specs", "train"}
    wanted = {"name", "phase", "reason", "message", "tier", "lane", "attempts", "pullRequest", "landed"}
    for item in document["specs"]:
        assert set(item) >= wanted
    by_name: Mapping[str, Mapping[str, object]] = {item["name"]: item for item in document["specs"]}
    pull = by_name["research-ledger"]["pullRequest"]
    assert isinstance(pull, dict) and set(pull) >= {"number", "url", "head"}
    assert by_name["order-firewall"]["pullRequest"] is None
    assert by_name["idempotency"]["landed"] == "0123456789abcdef" * 2
    assert document["train"]["frozen"] is None
    assert document["train"]["entries"][0] == {
        "name": "research-ledger",
        "waitingFor": [{"kind": "Gate", "name": "test", "reason": "runs"}],
    }
    assert status.document((), (FROZEN,))["train"]["frozen"] == "RedBase"


def test_explaining_a_wait_says_for_what_since_when_and_what_to_type() -> None:
    out = output()
    explain.show_spec(WAITING_FOR_CLAIM, None, out, width=WIDTH)
    golden("explain-wait", said(out))


def test_explaining_a_stall_shows_denied_paths_and_the_ways_out() -> None:
    stalled = spec(
        "stray", Phase.STALLED, Reason.SCOPE_VIOLATION, "3 of 3 attempts spent", minutes=10, tier=Tier.SAFETY,
        attempts=3, current_run="stray-3",
    )  # fmt: skip
    run = run_of(
        "stray-3", RunPhase.FAILED, started_at=NOW - timedelta(minutes=12), ended_at=NOW - timedelta(minutes=11),
        scope=ScopeVerdict(
            allowed=False, denied=(Denied(path="src/other/x.py", reason="lane other owns it"),), denied_total=9
        ),
    )  # fmt: skip
    out = output()
    explain.show_spec(stalled, run, out, width=WIDTH)
    golden("explain-stall", said(out))


def test_explaining_a_failed_gate_shows_the_end_of_its_output() -> None:
    failed = spec(
        "leaky", Phase.STALLED, Reason.GATE_FAILED, "3 of 3 attempts spent", attempts=3, current_run="leaky-3"
    )
    output_text = "\n".join(f"line {n}" for n in range(40)) + "\n\n\x1b[31mFAILED: 1 != 2 " + "and so on " * 20
    run = run_of(
        "leaky-3", RunPhase.FAILED, failure_class=FailureClass.GATE_FAILED,
        evidence=(Evidence(gate="test", result="fail", output=output_text),),
    )  # fmt: skip
    out = output()
    explain.show_spec(failed, run, out, width=WIDTH)
    golden("explain-gate", said(out))


def test_explaining_a_frozen_train_says_who_must_do_what() -> None:
    out = output()
    explain.show_train(FROZEN, out, width=WIDTH)
    golden("explain-train", said(out))


def test_the_explain_document_has_what_the_contract_promises() -> None:
    for document in (explain.spec_document(WAITING_FOR_CLAIM, None), explain.train_document(FROZEN)):
        assert set(document) >= {"name", "phase", "reason", "message", "waitingFor", "since", "until"}
    document = explain.spec_document(WAITING_FOR_CLAIM, None)
    assert document["waitingFor"] == [
        {"kind": "ImplementationSpec", "name": "order-firewall", "reason": "holds src/trading/firewall/**"}
    ]
    assert (document["since"], document["until"]) == ("2026-11-21T09:56:00Z", None)


def snapshot(tmp_path: Path) -> tuple[Snapshot, Path]:
    """Return the swarm as a tick sees it, with a log and a running gate."""
    log = tmp_path / "log"
    log.write_text("reading\n\x1b[31mwriting tests/firewall/test_limits.py with a very long line of words\n\n")
    gate = Validation(
        metadata=ObjectMeta(name="v-1"),
        spec=ValidationSpec(
            tree=TreeId("t"), commit=Sha("c"), gate=Gate(name="test", run="make test"), gate_digest="d",
            environment="e", purpose=Purpose.CANDIDATE, subject="research-ledger",
        ),
    )  # fmt: skip
    facts = {"v-1": GateFact(running=True, started_at=NOW - timedelta(seconds=12))}
    return (
        Snapshot(
            leader="l", environment="e", agents_max=4, specs=SWARM, runs=(run_of("order-firewall-2"),), trains=(TRAIN,),
            validations=(gate,), gates=facts, containment="processes are contained",
        ),
        log,
    )  # fmt: skip


def drawn(shown: Board, *, height: int = 24, plain: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, no_color=True, highlight=False)
    console.print(draw(shown, now=NOW, began=NOW - timedelta(seconds=95), width=WIDTH, height=height, plain=plain))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def test_the_live_board_shows_each_item_on_one_line_with_the_agents_last_words(tmp_path: Path) -> None:
    shot, log = snapshot(tmp_path)
    golden("live", drawn(board(shot, lambda _: log)))


def test_the_live_board_speaks_ascii_where_the_terminal_does(tmp_path: Path) -> None:
    shot, log = snapshot(tmp_path)
    text = drawn(board(shot, lambda _: log), plain=True)
    assert text.isascii()


def many() -> Board:
    phases = [(Phase.LANDED, Reason.LANDED)] * 90 + [(Phase.RUNNING, Reason.AGENT_RUNNING)] * 6
    phases += [(Phase.WAITING, Reason.WAITING_FOR_TIER)] * 101 + [(Phase.STALLED, Reason.NO_CHANGE)] * 3
    rows = tuple(
        Row(f"item-{n:03}", Tier.EXECUTION, phase, reason, "its agent is at work" if n > 89 else "", NOW, None, None)
        for n, (phase, reason) in enumerate(phases)
    )
    return Board(rows, (TRAIN,))


def test_two_hundred_items_fit_a_terminal_what_moves_is_shown_and_the_rest_counted() -> None:
    text = drawn(many())
    assert len(text.splitlines()) < 24
    golden("live-many", text)


@pytest.mark.parametrize("limit", [0, 1, 9, 10, 200, 500])
def test_no_row_is_lost_between_those_shown_and_those_counted(limit: int) -> None:
    rows = many().rows
    shown, counted = visible(rows, limit)
    assert len(shown) == min(limit, len(rows))
    assert sorted([*shown, *counted], key=lambda row: row.name) == list(rows)
    assert shown == sorted(shown, key=lambda row: row.name), "rows keep their places"
    if limit >= 9:
        assert {row.name for row in rows if row.phase in (Phase.RUNNING, Phase.STALLED)} <= {row.name for row in shown}


def test_plain_lines_say_each_change_once(tmp_path: Path) -> None:
    shot, log = snapshot(tmp_path)
    out = output()
    lines = Lines(out.remark)
    first = board(shot, lambda _: log)
    message, run = "attempt 1 is at work", "walk-forward-1"
    moved = Row("walk-forward", Tier.EXECUTION, Phase.RUNNING, Reason.AGENT_RUNNING, message, NOW, run, None)
    changed = Board((*first.rows[:-1], moved), (FROZEN,))
    for shown in (first, first, changed, changed):
        lines.show(shown, NOW)
    assert isinstance(out.stderr, io.StringIO)
    text = out.stderr.getvalue()
    assert said(out) == ""
    clock = NOW.astimezone().strftime("%H:%M:%S")
    spoken = text.splitlines()
    assert len(spoken) == len(first.rows) + 2
    assert spoken[-2] == f"{clock}  walk-forward     Running  attempt 1 is at work"
    assert (
        spoken[-1]
        == f"{clock}  train main  frozen: RedBase: gate test fails on 0123456789ab itself: AssertionError: 1 != 2"
    )


def test_a_warning_of_the_leader_becomes_a_line_with_its_keys() -> None:
    out = output()
    logger = logging.getLogger("interlock.test-of-warnings")
    logger.propagate = False
    logger.addHandler(Warnings(Lines(out.remark)))
    logger.info("calm")
    logger.warning("backing off", extra={"key": "AgentRun/a-1", "seconds": 2})
    assert isinstance(out.stderr, io.StringIO)
    assert out.stderr.getvalue() == "warning: backing off key=AgentRun/a-1 seconds=2\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", ""),
        (b"a\nb\n\n  \n", "b"),
        (b"no end", "no end"),
        (b"\xff\xfe\n", "\ufffd\ufffd"),
        (b"x" * 9000, "x" * 2048),
    ],
)
def test_the_last_words_of_a_log_are_its_last_line_with_something_in_it(
    tmp_path: Path, content: bytes, line: str
) -> None:
    (tmp_path / "log").write_bytes(content)
    assert last_line(tmp_path / "log") == line


def test_a_log_that_is_not_there_has_no_words(tmp_path: Path) -> None:
    assert last_line(tmp_path / "log") == last_line(None) == ""


@pytest.mark.parametrize(
    ("content", "lines", "tail"),
    [
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb", 1, b"b"),
        (b"a\n", 5, b"a\n"),
        (b"a\n", 0, b""),
        (b"", 3, b""),
        (b"\n\n", 1, b"\n"),
    ],
)
def test_the_tail_of_a_log_begins_at_a_line(tmp_path: Path, content: bytes, lines: int, tail: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    assert content[_start_of_tail(tmp_path / "log", lines) :] == tail


def test_control_characters_never_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\tc\u202ed") == "a\\x1b[2Jb\\x07\tc\\x202ed"


def test_a_table_that_is_piped_is_never_cut() -> None:
    out = output()
    write_table(out, [Column("A"), Column("B", gives_way=True)], [["x", "y" * 300], ["long" * 30, "z"]])
    head, first, second = said(out).splitlines()
    assert head == f"{'A':<120}  B"
    assert first == f"{'x':<120}  {'y' * 300}"
    assert second == f"{'long' * 30}  z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (90_000, "1d01h"), (-5, "0s")],
)
def test_ages_read_at_a_glance(seconds: float, text: str) -> None:
    assert age(seconds) == text
