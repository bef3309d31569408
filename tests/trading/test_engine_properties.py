"""What holds of every run, whatever the market does and the strategy wants."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.run_world import A, B, Played, changed, daily, loose, play, session, strategy
from trading import events
from trading.data.bars import Bars
from trading.data.generate import PENNY
from trading.engine.replay import replay
from trading.model import UNIT, Instrument, Money, Nanos, Side, Symbol
from trading.stages import execution, risk

COUNT = 14
moves = st.lists(
    st.tuples(st.integers(-300, 300), st.integers(-300, 300), st.integers(0, 50), st.sampled_from([10**5, 700, 10, 0])),
    min_size=COUNT,
    max_size=COUNT,
)


def rows(found: list[tuple[int, int, int, int]]) -> list[tuple[int, ...]]:
    """Return bars that follow from moves in basis points, and how far beyond them the extremes are."""
    made, price = [], 10_000
    for gap, move, reach, volume in found:
        opened = max(price + price * gap // 10_000, 500)
        price = max(opened + opened * move // 10_000, 500)
        made.append((opened, max(opened, price) + reach, max(min(opened, price) - reach, 1), price, volume))
    return made


@st.composite
def runs(draw: st.DrawFn) -> Played:
    """Return what a drawn strategy did on drawn bars."""
    days = [session(n) for n in range(COUNT)]
    splits = draw(st.lists(st.tuples(st.integers(1, COUNT - 1), st.sampled_from([(2, 1), (3, 2), (1, 4)])), max_size=2))
    actions = [events.Split(Nanos(days[n].opens), A, *ratio) for n, ratio in splits]
    paid = draw(st.lists(st.integers(1, COUNT - 1), max_size=2))
    actions_of_both = [*actions, *(events.Dividend(Nanos(days[n].opens), B, Money(UNIT // 4)) for n in paid)]
    bars: Bars = daily({A: rows(draw(moves)), B: rows(draw(moves))}, actions_of_both)
    moments = st.tuples(st.sampled_from([A, B]), st.integers(2, COUNT))
    says = draw(st.dictionaries(moments, st.sampled_from([1.0, 0.5, 0.0, -1.0]), min_size=3, max_size=12))
    controls = (risk.trailing_stop(200), risk.weight_cap(3000), risk.drawdown(1500))
    chosen = tuple(control for control in controls if draw(st.booleans()))
    acts: Any = draw(st.sampled_from([execution.at_market(), execution.in_slices(3)]))
    profile = changed(
        draw(st.sampled_from(["idealistic", "realistic", "stressed"])),
        latency_ms=draw(st.sampled_from([0, 0, 250, 3_600_000, 20 * 3_600_000])),
        participation_bps_max=draw(st.sampled_from([0, 100, 2000])),
        reject_bps=draw(st.sampled_from([0, 0, 4000])),
    )
    lot = draw(st.sampled_from([1, 10]))
    instruments = {symbol: Instrument(symbol, PENNY, lot, sector="any") for symbol in (A, B)}
    return play(
        strategy(says, lots=draw(st.integers(1, 100)) // lot + 1, risk=chosen, acts=acts),
        bars,
        profile=profile,
        costs="us-per-share",
        instruments=instruments,
        limits=loose(order_quantity_max=draw(st.sampled_from([10**6, 10**6, 50]))),
    )


@settings(max_examples=150)
@given(runs())
def test_every_fill_was_asked_for_allowed_and_within_its_bounds(played: Played) -> None:
    intents: dict[str, events.Intent] = {}
    limits: dict[str, int] = {}
    filled: dict[str, int] = {}
    over: set[str] = set()
    held: dict[Symbol, int] = {}
    targets: dict[Symbol, int] = {}
    for event in played.events:
        match event:
            case events.Target():
                targets[event.symbol] = event.at
            case events.Intent():
                assert event.client_id not in intents
                # What decided was over before the order was made: the next bar is the first it can meet.
                assert targets.get(event.symbol, -1) < event.at or event.reduce_only
                intents[event.client_id] = event
            case events.Allowed():
                limits[event.client_id] = event.limit
            case events.Fill():
                intent = intents[event.client_id]
                limit = limits[event.client_id]
                assert event.client_id not in over and event.at >= intent.at and event.quantity > 0
                assert event.price <= limit if event.side is Side.BUY else event.price >= limit
                filled[event.client_id] = filled.get(event.client_id, 0) + event.quantity
                assert filled[event.client_id] <= intent.quantity
                held[event.symbol] = held.get(event.symbol, 0) + event.side.sign * event.quantity
                assert held[event.symbol] >= 0 and event.fee >= 0
            case events.Adjusted():
                held[event.symbol] = event.quantity
            case events.Denied() | events.Rejected() | events.Cancelled() | events.Expired() | events.Concluded():
                if isinstance(event, events.Concluded):
                    assert event.filled == filled.get(event.client_id, 0)
                over.add(event.client_id)
            case _:
                pass
    # Whatever was asked about came to an end, but for what rests when the bars are over.
    assert {symbol: lots for symbol, lots in held.items() if lots} == {
        Symbol.parse(name): lots for name, lots in played.outcome.positions.items()
    }


@settings(max_examples=100)
@given(runs())
def test_the_log_says_everything_and_in_order(played: Played) -> None:
    state = replay(iter(played.events))
    assert state.cash + 100_000 * UNIT == played.outcome.cash
    assert {symbol: lots for (_, symbol), lots in state.positions.items()} == played.outcome.positions
    times = [event.at for event in played.events]
    assert times == sorted(times)
    assert sum(trade.fee for trade in played.trades) == state.fees
    decoded = [events.decode(events.encode(event)) for event in played.events]
    assert decoded == played.events
