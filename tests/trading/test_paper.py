"""The paper loop: it decides what the engine decides, sends it to the gate once, and holds what its log says."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading import run_world
from tests.trading.gate_world import OTHER, SYMBOL, Crash
from tests.trading.paper_world import HISTORY, MINUTE, Faults, PaperWorld, Step, bar, wait
from trading.engine import artifacts
from trading.engine.artifacts import Damaged
from trading.engine.replay import replay
from trading.events import (
    Accepted,
    Cancelled,
    Denied,
    Expired,
    Fill,
    Intent,
    Intercepted,
    Joined,
    Sending,
    Signal,
    StateChanged,
    Target,
)
from trading.model import SECOND, OrderType, Symbol, Ticks
from trading.service.course import LATE
from trading.service.dealings import Disagreed
from trading.service.diary import Diverged
from trading.stages import portfolio
from trading.stages.execution import at_market
from trading.stages.stage import Alpha, Execution, Portfolio, Strategy, Withdrawal
from trading.stages.view import Moment, View

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
    theirs = [(each.client_id, each.quantity) for each in world.gate.broker.real.executions]
    # Orders of the desk's own, which close a position after a kill, are called by their whole name.
    named = [
        (each.client_id if each.client_id[0] == "/" else f"alpha/{each.client_id}", each.quantity) for each in fills
    ]
    assert named == [each for each in theirs if "alpha" in each[0].split("/")]
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
    number, messages = 0, 1
    while number < messages:
        world = PaperWorld(tmp_path / str(number), trading(SAYS))
        crashed(world, Faults({number: fault}))
        assert_sound(world)
        if fault == "lost":
            # An answer that is lost loses no order: what was allowed trades, and the log has it.
            assert len([event for event in world.log() if isinstance(event, Fill)]) == 5
        # Most of them ask what happened; the first ones are all tried, of the others some.
        messages, number = max(messages, world.messages), number + (1 if number < 14 else 3)
    assert messages > 40


def test_what_is_wanted_while_the_desk_is_halted_is_denied_and_the_loop_goes_on(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 2): IN}))

    def halts(world: PaperWorld) -> bytes:
        world.gate.books.halt("a test")
        return b""

    def arms(world: PaperWorld) -> bytes:
        world.gate.pass_time(SECOND)
        assert world.gate.arm() == {"state": "ARMED"}
        return b""

    world.play(wait(1), halts, bar(1), bar(2), arms, bar(3), bar(4))
    (denied,) = [event for event in world.log() if isinstance(event, Denied)]
    assert "halted" in denied.reasons
    states = [event.state for event in world.log() if isinstance(event, StateChanged)]
    assert states == ["ARMED", "HALTED", "ARMED"]
    assert [event.quantity for event in world.log() if isinstance(event, Fill)] == [10]
    assert_sound(world)


def test_bars_that_come_when_the_next_are_due_are_seen_and_not_decided_on(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 1): IN}))
    late = bar(1)

    def too_late(world: PaperWorld) -> bytes | None:
        text = late(world)
        world.gate.pass_time(60 * SECOND)
        return text

    world.play(too_late, bar(3))
    # The second is decided on, as the second: the first was seen.
    (signal,) = [event for event in world.log() if isinstance(event, Signal)]
    assert signal.at == world.began + 3 * 60 * SECOND
    assert any("complete 60 s ago: the next ones are due; seen, not decided on" in told for told in world.told)
    world.play()
    assert_sound(world)


def test_what_could_not_be_sent_until_the_next_bar_was_due_is_dropped(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN}))

    def gone(world: PaperWorld) -> bytes:
        world.is_up = False
        return b""

    def back(world: PaperWorld) -> bytes:
        world.is_up = True
        world.until(2)
        return b""

    world.play(wait(1), gone, bar(1), wait(20), back, bar(3))
    (dropped,) = [event for event in world.log() if isinstance(event, Intercepted)]
    assert (dropped.by, dropped.symbol, dropped.wanted, dropped.kept) == (LATE, SYMBOL, 10, 0)
    assert [told for told in world.told if "gate" in told][:2] == [
        "the gate does not answer: nobody listens; nothing is sent until it does",
        "the gate answers again, and its books are those of the log",
    ]
    assert not any(isinstance(event, Intent) for event in world.log())
    world.play()
    assert_sound(world)


def test_orders_that_rest_are_replaced_only_when_they_are_gone_and_end_with_their_session(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 1): IN, (OTHER, 2): IN}, patient()))

    def trades(world: PaperWorld) -> bytes:
        # The market comes down to the order just when it is to be taken back.
        world.gate.tell(SYMBOL, 19_980 * 10**7)
        return b""

    closes = 4 * 60

    def evening(world: PaperWorld) -> bytes:
        world.until(closes)
        return b""

    world.play(bar(1), wait(5), trades, bar(2), wait(5), bar(3), wait(5), evening, wait(5))
    log = world.log()
    (fill,) = [event for event in log if isinstance(event, Fill)]
    assert (fill.symbol, fill.quantity) == (SYMBOL, 10)
    (expired,) = [event for event in log if isinstance(event, Expired)]
    resting = next(e for e in log if isinstance(e, Intent) and e.symbol == OTHER)
    assert expired.client_id == resting.client_id
    assert len([event for event in log if isinstance(event, Intent)]) == 2
    world.play()
    assert_sound(world)


def test_an_order_that_rests_is_taken_back_for_another(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 2): 0.5}, patient()))
    world.strategy = replace(world.strategy, portfolio=by_strength())
    world.play(bar(1), wait(5), bar(2), wait(5), bar(3), wait(5), bar(4))
    log = [event for event in world.log() if isinstance(event, Intent | Cancelled | Sending | Accepted)]
    first, second = (event for event in log if isinstance(event, Intent))
    assert (first.quantity, second.quantity) == (10, 5)
    names = [(type(event).__name__, getattr(event, "client_id", "")) for event in log]
    gone = names.index(("Cancelled", first.client_id))
    assert gone < names.index(("Intent", second.client_id))
    # The second was open at the end, and was taken back as well.
    assert names[-1] == ("Cancelled", second.client_id)
    world.play()
    assert_sound(world)


def by_strength() -> Portfolio[None]:
    """Return a portfolio that holds ten shares times the strength of a signal."""

    def step(state: None, signals: tuple[Signal, ...], view: View) -> tuple[None, tuple[Target, ...]]:
        inner = portfolio.fixed_lots(10).step(None, signals, view)[1]
        pairs = zip(inner, signals, strict=True)
        return None, tuple(msgspec.structs.replace(t, quantity=round(t.quantity * s.strength)) for t, s in pairs)

    return Portfolio(None, step)


def test_a_run_takes_over_what_is_held_only_if_it_is_told_to(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 2): OUT}))
    bought = world.gate.make(quantity=10)
    assert world.gate.ask(bought)["phase"] == "filled"
    with pytest.raises(Disagreed, match=r"alpha holds 10 AAPL.NASDAQ at the gate, and the log of this run is empty"):
        world.play(bar(1))
    world.adopts = True
    world.play(bar(1), bar(2), bar(3))
    # In was where it was already; out sells what was taken over.
    (fill,) = [event for event in world.log() if isinstance(event, Fill)]
    assert (fill.side, fill.quantity, fill.execution) == ("sell", 10, "alpha-2")
    joined = next(event for event in world.log() if isinstance(event, Joined))
    assert joined.fills == 1
    assert replay(world.log()).positions == {} == held(world)


def test_a_loop_stops_where_the_gate_holds_something_else(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 2): OUT}))

    def forged(world: PaperWorld) -> bytes:
        store = world.gate.books.store
        with store.transaction():
            store._run("UPDATE positions SET quantity = 7 WHERE strategy = 'alpha'")
        return b""

    with pytest.raises(Disagreed, match=r"the log says 10 AAPL.NASDAQ, the gate 7 AAPL.NASDAQ"):
        world.play(bar(1), bar(2), forged, bar(3))
    assert len(world.asked) == 1
    with pytest.raises(Disagreed):
        world.play(bar(3))
    assert len(world.asked) == 1


def test_a_budget_below_what_the_run_assumes_is_refused(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({}))
    world.gate.desk.strategies["alpha"] = (world.uid, 40_000 * 10**9)
    try:
        with pytest.raises(Disagreed, match=r'write cash = "40000.00" in the run file'):
            world.play(bar(1))
    finally:
        world.gate.desk.strategies["alpha"] = (world.uid, 50_000 * 10**9)


def test_a_run_does_not_go_on_as_another_than_it_was(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN}))
    world.play(bar(1), bar(2))
    world.strategy = trading({(OTHER, 0): IN})
    with pytest.raises(Diverged, match=r"decision_events.jsonl:\d+: the log says .* decided again it is"):
        world.play(bar(3))
    assert len(world.asked) == 1


def test_a_torn_last_line_never_counted_and_any_other_damage_ends_the_run(tmp_path: Path) -> None:
    world = PaperWorld(tmp_path, trading({(SYMBOL, 0): IN, (SYMBOL, 2): OUT}))
    world.play(bar(1), bar(2))
    path = world.folder / artifacts.DECISIONS
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"head":"abc')
    world.play(bar(3), bar(4))
    assert len(world.asked) == 2
    assert_sound(world)
    spoilt = path.read_bytes().replace(b'"side":"buy"', b'"side":"sel"', 1)
    path.write_bytes(spoilt)
    with pytest.raises(Damaged, match="does not follow from the lines before it"):
        world.play()
    path.write_bytes(whole)
    bars = world.folder / artifacts.BARS
    bars.write_bytes(bars.read_bytes().replace(b"20000", b"20001", 1))
    with pytest.raises(Damaged, match="are not those of the log"):
        world.play()


def test_a_feature_of_a_live_bar_is_made_of_what_was_there_then(tmp_path: Path) -> None:
    seen: list[tuple[float | None, ...]] = []
    world = PaperWorld(tmp_path, trading({}))
    world.strategy = noting(world.strategy, seen)
    world.features = lambda bars: (list(range(len(bars))),)
    world.play(bar(1), bar(2))
    history = len(world.history())
    # Two symbols a moment: each bar has its own row, and rows count on behind the history.
    assert seen[-2:] == [((history,), (history + 1,)), ((history + 2,), (history + 3,))]
    again = list(seen)
    seen.clear()
    world.play()
    assert seen == again


def noting(strategy: Strategy, seen: list[Any]) -> Strategy:
    """Return a strategy that notes which features it is handed."""
    alpha = strategy.alpha

    def step(state: Any, moment: Moment) -> Any:
        seen.append(moment.features)
        return alpha.step(state, moment)

    return replace(strategy, alpha=Alpha(alpha.start, step), features=lambda: ())


def restarts(world: PaperWorld) -> bytes:
    """The gate is killed and started again."""
    world.restart_gate()
    return b""


def goes(world: PaperWorld) -> bytes:
    """Nobody answers any more."""
    world.is_up = False
    return b""


def comes(world: PaperWorld) -> bytes:
    """Somebody answers again."""
    world.is_up = True
    return b""


def kills(world: PaperWorld) -> bytes:
    """A person kills the desk and has everything sold."""
    world.gate.kill(flatten=True)
    return b""


def resumes(world: PaperWorld) -> bytes:
    """Half an hour later, a person arms it again."""
    world.gate.pass_time(1900 * SECOND)
    assert world.gate.arm() == {"state": "ARMED"}
    return b""


EVENTS: tuple[Step, ...] = (restarts, goes, comes, kills, resumes, wait(1), wait(11), wait(70))
FAULTS = ("crash before", "crash after", "lost", "late", "not sent")


@settings(max_examples=25)
@given(st.data())
def test_whatever_happens_in_whatever_order_log_and_gate_are_of_one_mind(data: st.DataObject) -> None:
    says = {(symbol, n): data.draw(st.sampled_from((IN, OUT))) for n in range(8) for symbol in (SYMBOL, OTHER)}
    acts = data.draw(st.sampled_from((at_market, patient)))
    faults = data.draw(st.dictionaries(st.integers(0, 60), st.sampled_from(FAULTS), max_size=6))
    writes = data.draw(st.integers(-1, 60))
    with tempfile.TemporaryDirectory() as folder:
        world = PaperWorld(Path(folder), trading(says, acts()))
        left: list[Step] = []
        for _ in range(8):
            left += data.draw(st.lists(st.sampled_from(EVENTS), max_size=2))
            # A bar of the minute that has begun last; how many passed is what happened meanwhile.
            left.append(lambda world: bar((world.clock.now() - world.began) // MINUTE + 1)(world))
        crashes = 0
        while left:
            # A loop whose bars have ended waits for a gate that it never met.
            steps = [*(_taking(left, step) for step in left), comes]
            try:
                world.play(*steps, faults=Faults(faults, writes) if crashes < 3 else None)
            except Crash:
                crashes += 1
        world.is_up = True
        world.restart_gate()
        world.play(wait(12), wait(12))
        assert_sound(world)
        before = world.log()
        world.play()
        assert world.log()[: len(before)] == before


def _taking(left: list[Step], step: Step) -> Step:
    def taken(world: PaperWorld) -> bytes | None:
        left.remove(step)
        return step(world)

    return taken
