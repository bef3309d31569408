"""The drill of the paper loop: on a clock of its own it does to the nanosecond what a backtest does."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.trading import run_world
from trading.cli.main import main
from trading.events import Allowed, Fill, Intent, Signal, Target
from trading.model import Nanos
from trading.service.rehearsal import NAME, Rehearsal, differences
from trading.stages import execution, portfolio, risk, universe
from trading.stages.stage import Strategy
from trading.strategies import sma_cross


def test_a_rehearsed_loop_decides_and_trades_what_a_backtest_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "paper", "--minutes", "40", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["differing"], told["restarts"], told["denied"]) == ([], 1, 0)
    assert told["orders"] == told["fills"] > 5


def test_a_rehearsal_of_more_minutes_than_a_session_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "paper", "--minutes", "391"]) == 2
    assert "a session has 390" in capsys.readouterr().err


def sliced() -> Strategy:
    """Return a strategy whose orders are spread over bars, with a stop and a cap."""
    cross = sma_cross.make(NAME, sma_cross.Parameters(fast=2, slow=5, weight_bps=400))
    return Strategy(
        NAME,
        universe.everything(),
        cross.alpha,
        portfolio.fixed_weight(400),
        (risk.trailing_stop(20), risk.weight_cap(300)),
        execution.in_slices(3),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_whatever_the_market_a_rehearsal_is_a_backtest(tmp_path: Path, seed: int) -> None:
    found = Rehearsal(tmp_path, sliced(), 120, seed).run()
    assert found.differing == []
    assert found.counts["Intercepted"] and found.counts["Fill"] > 20


def test_a_difference_is_seen_and_named() -> None:
    run = run_world.strategy({(run_world.A, 2): 1.0, (run_world.A, 5): 0.0}, lots=10)
    played = run_world.play(run, run_world.daily({run_world.A: run_world.flat(2000, 12)})).events
    assert differences(played, list(played)) == []
    for number, event in enumerate(played):
        if not isinstance(event, Signal | Target | Intent | Allowed | Fill):
            continue
        # What is missing, what is too much, and what is another.
        without = played[:number] + played[number + 1 :]
        for ours, theirs in ((without, played), (played, without)):
            ((one, other),) = differences(ours, theirs)
            assert type(event).__name__ in one + other and one != other
        moved = [*played[:number], msgspec.structs.replace(event, at=Nanos(event.at + 1)), *played[number + 1 :]]
        assert len(differences(moved, played)) == 1
    assert len([event for event in played if isinstance(event, Fill)]) == 2
