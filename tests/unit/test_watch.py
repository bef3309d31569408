"""`status --watch` as it looks: trains and claims below the items, never more lines than the terminal has."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestrator.cli.board import Board, board_of
from orchestrator.cli.watch import drawing
from orchestrator.model.spec import Wait
from orchestrator.model.train import Claim, TrainEntry
from tests.swarm import START, Swarm, fill
from tests.unit.test_cli_render import FROZEN, SWARM, TRAIN, board, snapshot


def shown(what: Board, *, width: int = 80, height: int = 24, is_led: bool = True, plain: bool = False) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, no_color=True, highlight=False)
    console.print(drawing(what, now=START, began=START, width=width, height=height, plain=plain, is_led=lambda: is_led))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def crowded(entries: int) -> Board:
    names = [f"item-{number:03}" for number in range(entries)]
    waits = tuple(
        TrainEntry(name=name, waiting_for=(Wait(kind="ImplementationSpec", name=before, reason="ahead in the train"),))
        for before, name in zip(["main", *names], names, strict=False)
    )
    claims = tuple(Claim(spec=name, paths=(f"src/{name}/**",), epoch=1) for name in names)
    status = TRAIN.status.model_copy(update={"entries": waits, "claims": claims})
    return Board((), (TRAIN.model_copy(update={"status": status}),))


def test_below_the_items_stand_the_train_with_what_each_entry_waits_for_and_the_claims(tmp_path) -> None:  # type: ignore[no-untyped-def]
    shot, log = snapshot(tmp_path)
    lines = shown(board(shot, lambda _: log))
    assert lines[0].endswith("q quits")
    at = lines.index("train main → main  research-ledger ‹ replay-harness")
    assert lines[at + 1 :] == [
        "   1. research-ledger  waits for test (runs)",
        "   2. replay-harness  at the front",
        "  claim order-firewall  src/trading/firewall/**",
    ]
    assert len(lines[1:at]) >= len(SWARM)


def test_a_frozen_train_says_why_instead_of_its_entries() -> None:
    lines = shown(Board((), (FROZEN,)))
    assert any("frozen: RedBase" in line for line in lines)
    assert not any("waits for" in line for line in lines)


def test_it_says_when_nobody_leads() -> None:
    assert "no leader is at work" in shown(Board((), (TRAIN,)), is_led=False)[0]


@pytest.mark.parametrize("height", [10, 24, 50])
@pytest.mark.parametrize("width", [30, 80, 200])
def test_a_crowd_fits_the_terminal(width: int, height: int) -> None:
    lines = shown(crowded(120), width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert any("lines more" in line for line in lines)


def test_it_speaks_ascii_where_the_terminal_does() -> None:
    assert "\n".join(shown(crowded(3), plain=True)).isascii()


def test_a_store_becomes_a_board_with_the_gates_that_run(tmp_path) -> None:  # type: ignore[no-untyped-def]
    fill(tmp_path)
    swarm = Swarm(tmp_path)
    seen = board_of(swarm.store, lambda run: tmp_path / run)
    swarm.store.close()
    assert len(seen.rows) == 14
    assert [row.log.name for row in seen.rows if row.log is not None] == ["guard-013-1"]
    assert [train.name for train in seen.trains] == ["main"]
