"""The paper loop: it decides what the engine decides, sends it to the gate once, and holds what its log says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tests.trading import run_world
from tests.trading.gate_world import OTHER, SYMBOL, Crash
from tests.trading.paper_world import HISTORY, Faults, PaperWorld, Step, bar, wait
from trading.engine.replay import replay
from trading.events import (
    Fill,
    Intent,
    Signal,
    Target,
)
from trading.model import SECOND, OrderType, Symbol, Ticks
from trading.stages.execution import at_market
from trading.stages.stage import Execution, Strategy, Withdrawal
from trading.stages.view import View

IN, OUT = 1.0, 0.0
Says = Mapping[tuple[Symbol, int], float]


def trading(says: Says, acts: Execution | None = None) -> Strategy:  # type: ignore[type-arg]
    """Return a strategy that says what a table has for (symbol, number of the bar that came in, from 0)."""
    table = {(symbol, HISTORY + number): strength for (symbol, number), strength in says.items()}
    return run_world.strategy(table, lots=10, acts=acts)


def patient() -> Execution[int]:
    """Return an execution whose orders rest ten cents away from the market, and are replaced when more is wanted."""
    inner = at_market()

    def step(serial: int, targets: tuple[Target, ...], view: View) -> tuple[int, tuple[Withdrawal | Intent, ...]]:
        serial, steps = inner.step(serial, targets, view)
        return serial, tuple(each if isinstance(each, Withdrawal) else _resting(each, view) for each in steps)

    return Execution(0, step, inner.is_busy)


def _resting(intent: Intent, view: View) -> Intent:
    ticks = view.prices[intent.symbol] // view.instruments[intent.symbol].tick
    return msgspec.structs.replace(intent, type=OrderType.LIMIT, limit=Ticks(ticks - 10 * intent.side.sign))


def held(world: PaperWorld) -> dict[str, int]:
    """Return what the gate says that the strategy holds."""
    positions = world.gate.books.store.positions()
    return {symbol: quantity for (strategy, symbol), quantity in positions.items() if strategy == "alpha"}


def assert_sound(world: PaperWorld) -> None:
    """What must be so however a run went: one send an id, and log, gate and broker of one mind."""
    assert len(world.asked) == len(set(world.asked)), "an order was sent twice"
    submitted = [order.client_id for order in world.gate.broker.submitted]
    assert len(submitted) == len(set(submitted))
    log = world.log()
    state = replay(log)
    assert {symbol: lots for (_, symbol), lots in state.positions.items()} == held(world)
    fills = [event for event in log if isinstance(event, Fill)]
    assert [fill.execution for fill in fills] == [f"alpha-{n}" for n in range(1, len(fills) + 1)]
    theirs = [each for each in world.gate.broker.real.executions if each.client_id.startswith("alpha/")]
    assert [(f"alpha/{fill.client_id}", fill.quantity) for fill in fills] == [(e.client_id, e.quantity) for e in theirs]
    intents = {event.client_id for event in log if isinstance(event, Intent)}
    assert set(world.asked) <= intents, "the gate was asked about an order that is not in the log"
    assert not [order for order in world.gate.books.store.orders(only_open=True) if order.strategy == "alpha"]


def test_a_signal_becomes_an_order_at_the_gate_and_its_fill_comes_into_the_log(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 2): OUT}))
    outcome = world.play(bar(1), bar(2), bar(3), bar(4))
    once = ["Signal", "Sending", "Intent", "Allowed", "Accepted", "Fill"]
    assert world.kinds() == [*once, *once]
    assert (outcome.positions, outcome.bars) == ({}, 8)
    assert_sound(world)
    (buy, sell) = [event for event in world.log() if isinstance(event, Fill)]
    assert outcome.cash == 50_000 * 10**9 - buy.notional + sell.notional
    # It was decided on the bar of a minute, and sent in the next one.
    signal, intent = (next(e for e in world.log() if isinstance(e, kind)) for kind in (Signal, Intent))
    assert signal.at == world.began + 60 * SECOND <= intent.at < signal.at + 60 * SECOND


def test_a_run_decides_what_a_backtest_of_the_same_bars_decides(tmp_path: Path) -> None:
    from trading.data import bars as bars_module

    says = {(SYMBOL, 0): IN, (OTHER, 1): IN, (SYMBOL, 3): OUT, (OTHER, 4): OUT}
    world = PaperWorld(tmp_path, trading(says))
    world.play(*[bar(n) for n in range(1, 8)])
    rows = [
        (place, row.opens_at, row.at, row.open, row.high, row.low, row.close, row.volume)
        for row in world.courses[-1].diary.rows
        for place in [[str(SYMBOL), str(OTHER)].index(row.symbol)]
    ]
    history = world.history()
    columns = zip(*(getattr(history, name) for name in bars_module.COLUMNS), strict=True)
    whole = bars_module.made(list(zip(history.symbols, history.ticks, strict=True)), [*columns, *rows])
    played = run_world.play(world.strategy, whole, cash=50_000 * 10**9)
    for kind in (Signal, Target):
        assert [e for e in world.log() if isinstance(e, kind)] == played.of(kind)
    ours = [(e.symbol, e.side, e.quantity, e.decision_price) for e in world.log() if isinstance(e, Intent)]
    assert ours == [(e.symbol, e.side, e.quantity, e.decision_price) for e in played.of(Intent)]
    assert len(ours) == 4


STORY: tuple[Step, ...] = (bar(1), bar(2), wait(5), bar(3), bar(4), wait(5), bar(5), wait(12), bar(6), wait(12))
SAYS = {(SYMBOL, 0): IN, (OTHER, 0): IN, (SYMBOL, 2): OUT, (OTHER, 3): OUT, (SYMBOL, 4): IN}


def crashed(world: PaperWorld, faults: Faults) -> bool:
    """Play the story with faults, go on after each crash, and return whether there was one."""
    left = list(STORY)

    def taken(number: int) -> Step:
        def step(world: PaperWorld) -> bytes | None:
            left.remove(STORY[number])
            return STORY[number](world)

        return step

    try:
        world.play(*[taken(number) for number in range(len(STORY))], faults=faults)
    except Crash:
        world.play(*left, wait(12), wait(1))
        return True
    return False


@pytest.mark.parametrize("acts", [at_market, patient])
def test_a_loop_that_is_killed_at_any_write_goes_on_and_sends_nothing_twice(tmp_path: Path, acts: object) -> None:
    number, was_crashed = 0, True
    while was_crashed:
        world = PaperWorld(tmp_path / str(number), trading(SAYS, acts()))  # type: ignore[operator]
        was_crashed = crashed(world, Faults(writes=number))
        assert_sound(world)
        # What the log implies is what a loop that starts once more finds.
        before = world.log()
        world.play()
        assert world.log()[: len(before)] == before
        number += 1
    assert number > 40


@pytest.mark.parametrize("fault", ["crash before", "crash after", "lost", "late", "not sent"])
def test_whatever_happens_to_any_message_nothing_is_sent_twice(tmp_path: Path, fault: str) -> None:
    number, count = 0, 1
    while number < count:
        world = PaperWorld(tmp_path / str(number), trading(SAYS))
        crashed(world, Faults({number: fault}))
        assert_sound(world)
        if fault == "lost":
            # An answer that is lost loses no order: what was allowed trades, and the log has it.
            assert len([event for event in world.log() if isinstance(event, Fill)]) == 5
        # Looks between steps are many; every message of the first ones and then some are tried.
        count, number = 120, number + (1 if number < 12 else 7)
