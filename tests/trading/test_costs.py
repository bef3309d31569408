"""What trading costs, against numbers that others published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.run_world import A, changed, daily, flat, play, strategy
from trading.broker import matching
from trading.costs import estimate, fees, impact, profile, tca, versioned
from trading.costs.estimate import Liquidity
from trading.costs.fees import FeeSchedule
from trading.costs.versioned import Unusable
from trading.data.generate import PENNY
from trading.events import Bar
from trading.model import UNIT, Instrument, Money, Nanos, Side, Ticks, money

IBM = {"daily_volume": 6_561_000, "shares_outstanding": 1_728_000_000, "volatility_bps": 157.0}


@pytest.mark.parametrize(("days", "cost"), [(0.1, 32.22), (0.2, 24.64), (0.5, 18.42)])
def test_almgrens_example_of_ibm(days: float, cost: float) -> None:
    found = impact.almgren(656_100, days=days, **IBM)
    assert (round(found.permanent_bps, 2), round(found.cost_bps, 2)) == (19.86, cost)


@pytest.mark.parametrize(
    ("shares", "filled", "price"), [(100, 100, "100.001"), (200, 200, "100.004"), (1000, 250, "100.00625")]
)
def test_ziplines_example_of_volume_share_slippage(shares: int, filled: int, price: str) -> None:
    # A grid of a hundred-thousandth, so that no price of the example is rounded.
    fine = Instrument(A, money("0.00001"))
    open_ = Ticks(100 * 100_000)
    bar = Bar(Nanos(10), A, open_, open_, open_, open_, 10_000)
    how = changed("idealistic", impact="volume-share", impact_factor_pct=10, participation_bps_max=250)
    traded = matching.match((Side.BUY, shares, 10**9, 0), bar, 0, fine, (Liquidity(10**6, 100, 10_000), 0), how)
    assert traded is not None
    assert (traded.shares, traded.ticks * fine.tick) == (filled, money(price))


def test_the_square_root_law_moves_by_a_days_deviation_for_a_days_volume() -> None:
    assert impact.square_root(100 * UNIT, 200, 1_000_000, 1_000_000, 100) == 2 * UNIT
    assert impact.square_root(100 * UNIT, 200, 10_000, 1_000_000, 100) == UNIT // 5


@given(st.integers(1, 10**12), st.integers(1, 5000), st.integers(1, 10**6), st.integers(1, 10**9))
def test_a_larger_order_never_moves_the_price_less(price: int, volatility: int, shares: int, volume: int) -> None:
    less, more = (impact.square_root(price, volatility, n, volume, 100) for n in (shares, shares + 1))
    assert 0 < less <= more


@given(st.integers(1, 10**13), st.integers(1, 5000), st.integers(1, 10**6), st.integers(1, 10**9), st.integers(1, 300))
def test_the_square_root_is_rounded_up_and_by_no_more_than_it_has_to(
    price: int, volatility: int, shares: int, volume: int, factor: int
) -> None:
    move = impact.square_root(price, volatility, shares, volume, factor)
    # Both sides squared: hundredths of basis points of the price, times the root of the share of a day.
    wanted = (price * volatility * factor) ** 2 * shares
    assert (move * 10**6) ** 2 * volume >= wanted > ((move - 1) * 10**6) ** 2 * volume


@given(st.integers(1, 10**12), st.integers(1, 10**6), st.integers(1, 10**9), st.integers(1, 300))
def test_the_share_of_a_bars_volume_is_rounded_up_and_by_no_more_than_it_has_to(
    price: int, shares: int, volume: int, factor: int
) -> None:
    move = impact.volume_share(price, shares, volume, factor)
    assert move * 100 * volume**2 >= price * factor * shares**2 > (move - 1) * 100 * volume**2


@pytest.mark.parametrize("volume", [0, -1])
def test_no_impact_without_a_volume(volume: int) -> None:
    with pytest.raises(ValueError, match="volume above zero"):
        impact.square_root(UNIT, 100, 10, volume, 100)
    with pytest.raises(ValueError, match="volume above zero"):
        impact.volume_share(UNIT, 10, volume, 100)


def test_one_share_a_day_is_a_volume() -> None:
    assert impact.square_root(UNIT, 100, 1, 1, 100) == UNIT // 100
    assert impact.volume_share(UNIT, 1, 1, 10) == UNIT // 10


@pytest.mark.parametrize("name", ["daily_volume", "shares_outstanding", "days"])
def test_almgrens_model_is_asked_for_no_market_without_one(name: str) -> None:
    for nothing in (0, -1.0):
        with pytest.raises(ValueError, match="above zero"):
            impact.almgren(656_100, **(IBM | {"days": 0.5, name: nothing}))
    assert impact.almgren(656_100, **(IBM | {"days": 0.5, name: 0.001})).cost_bps > 0


def test_the_shortfall_that_is_taught_has_87_basis_points_in_four_parts() -> None:
    # Decided at 10.00, not filled on the day and 10.05 at its close, 700 of 1,000 bought at 10.07 with fees of 14, the
    # rest given up at 10.08.
    parts = tca.shortfall(
        Side.BUY, (money("10.00"), money("10.05"), money("10.08")), [(700, money("10.07"))], 1000, money("14.00")
    )
    paper = 1000 * money("10.00")
    assert [part * 10_000 / paper for part in parts] == [14.0, 35.0, 14.0, 24.0]
    assert parts.total * 10_000 / paper == 87.0


prices = st.integers(1, 10**12)


@given(
    st.sampled_from(Side), prices, prices, prices, st.lists(st.tuples(st.integers(1, 500), prices), max_size=5),
    st.integers(0, 10**6), st.integers(0, 10**12),
)  # fmt: skip
def test_the_parts_are_what_the_paper_portfolio_made_more(
    side: Side, decision: int, arrival: int, last: int, fills: list[tuple[int, int]], more: int, paid: int
) -> None:
    filled = sum(shares for shares, _ in fills)
    wanted = filled + more
    parts = tca.shortfall(side, (decision, arrival, last), fills, wanted, paid)
    paper = side.sign * wanted * (last - decision)
    real = side.sign * sum(shares * (last - price) for shares, price in fills) - paid
    assert parts.total == paper - real


def test_estimate_and_fill_of_a_run_are_both_kept_and_taken_apart() -> None:
    how = changed("realistic", participation_bps_max=1000, reject_bps=0)
    rows = [*flat(10_000, 5), (10_100, 10_200, 10_000, 10_150, 1000), *flat(10_200, 3)]
    played = play(strategy({(A, 4): 1.0}, lots=200), daily({A: rows}), profile=how, costs="us-per-share")
    (order,) = tca.orders(iter(played.events), {})
    assert (order.wanted, order.filled) == (200, 100)
    # From 100.00 at the decision to 101.00 at the opening, a minute on; what was left was given up at 101.50.
    assert order.parts.delay == 100 * UNIT
    assert order.parts.opportunity == 150 * UNIT
    assert order.vwap == 10_116 * PENNY + 2 * PENNY // 3
    assert order.realised == played.trades[0].realised and order.expected == played.trades[0].estimated
    (both, everything) = tca.table([order])
    assert both.total == pytest.approx(both.fees + both.delay + both.trading + both.opportunity)
    assert (everything.name, everything.filled_pct) == ("all", 50.0)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.sampled_from(Side), st.integers(1, 10**5))
def test_parts_of_an_order_cost_together_what_the_whole_would(parts: list[int], side: Side, cents: int) -> None:
    for name in fees.names():
        schedule, _ = fees.load(name)
        before, paid = (0, 0), 0
        for shares in parts:
            notional = shares * cents * PENNY
            fee = schedule.of_fill(side, before, shares, notional)
            assert fee >= 0
            paid += fee
            before = (before[0] + shares, before[1] + notional)
        assert paid == schedule.total(side, *before)


def test_the_fees_are_those_that_are_published() -> None:
    schedule, _ = fees.load("us-per-share")
    assert schedule.total(Side.BUY, 100, 100 * 50 * UNIT) == UNIT
    assert schedule.total(Side.BUY, 1000, 1000 * 50 * UNIT) == 5 * UNIT
    # At most one percent of a small order; a sell of a million pays 27.80 and the activity fee.
    assert schedule.commission(10, 20 * UNIT) == UNIT // 5
    assert schedule.regulatory(Side.SELL, 10_000, 1_000_000 * UNIT) == money("27.80") + money("1.66")
    assert schedule.regulatory(Side.SELL, 100_000, 0) == money("8.30")


def test_half_a_spread_is_paid_on_each_side() -> None:
    how = profile.load("realistic")[0]
    assert estimate.half_spread(100 * UNIT, PENNY, how) == PENNY
    assert estimate.half_spread(10 * UNIT, PENNY, how) == PENNY // 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spread_bps": -1}, "spread_bps is -1"),
        ({"impact": "magic"}, "impact is 'magic'"),
        ({"version": "2"}, "trading.profile/v1 is meant"),
        ({"luck": 1}, "luck"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(json.loads((profile.PROFILES / "realistic.json").read_text()) | change))
    with pytest.raises(versioned.Unusable, match=said):
        profile.load(str(path))


def test_a_digest_is_of_what_a_file_says_and_not_of_how(tmp_path: Path) -> None:
    said = json.loads((profile.PROFILES / "stressed.json").read_text())
    path = tmp_path / "p.json"
    path.write_text(json.dumps(dict(reversed(said.items()))))
    assert profile.load(str(path))[1] == profile.load("stressed")[1] != profile.load("realistic")[1]
    assert Money(0) == 0


def schedule(**changes: int) -> FeeSchedule:
    """Return a schedule that takes nothing but what is said."""
    return msgspec.structs.replace(FeeSchedule("trading.fees/v1", "x", "made up", 0, 0, 0, 0, 0, 0), **changes)


def test_of_nothing_that_traded_nothing_is_taken_and_of_one_share_the_least() -> None:
    least = schedule(per_share=1, per_order_min=100)
    assert [least.commission(shares, shares * UNIT) for shares in (0, 1, 100, 101)] == [0, 100, 100, 101]


def test_a_bound_of_zero_is_none() -> None:
    assert schedule(per_share=7).commission(1000, 1) == 7000
    assert schedule(per_share=7, of_value_max_ppm=1).commission(1000, 2_000_000) == 2
    assert schedule(sell_per_share=3).regulatory(Side.SELL, 1000, 0) == 3000
    assert schedule(sell_per_share=3, sell_per_share_max=5).regulatory(Side.SELL, 1000, 0) == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "trading.fees/v9"}, "version is trading.fees/v9"),
        ({"per_share": -1}, "per_share is -1, from 0 to "),
        (
            {"per_order_min": -1, "sell_value_ppm_tenths": 10**8},
            "per_order_min is -1.*sell_value_ppm_tenths is 100000000",
        ),
        ({"of_value_max_ppm": 1_000_001}, "of_value_max_ppm is 1000001"),
    ],
)
def test_a_schedule_that_nobody_could_charge_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(schedule(), **changes)))
    with pytest.raises(Unusable, match=said):
        fees.load(str(path))
    path.write_bytes(msgspec.json.encode(schedule(per_share=5_000_000)))
    assert fees.load(str(path))[0].per_share == 5_000_000
