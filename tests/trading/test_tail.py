"""The tail's estimates: known answers, and what an estimate must do whatever the days were."""

from __future__ import annotations

import random
from math import inf, isclose, isfinite, pi, sqrt
from statistics import NormalDist, fmean, pstdev, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.gate import lanes
from trading.gate.tail import PARTS, Tail, parts, tail_value_at_risk
from trading.model import UNIT, Symbol

A, B = Symbol("AAPL", "NASDAQ"), Symbol("XOM", "NYSE")
NORMAL = NormalDist()


def cornish_fisher(losses: list[float], confidence: float, steps: int = 4000) -> float:
    """Return the mean of the bent quantile over the tail, by adding it up: another way to the same number."""
    mean, spread = fmean(losses), pstdev(losses)
    skew = fmean([((x - mean) / spread) ** 3 for x in losses])
    excess = fmean([((x - mean) / spread) ** 4 for x in losses]) - 3
    total = 0.0
    for n in range(steps):
        z = NORMAL.inv_cdf(confidence + (1 - confidence) * (n + 0.5) / steps)
        total += z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    return mean + stdev(losses) * total / steps


def test_the_normal_tail_is_the_one_of_the_books() -> None:
    # Two equally likely days have no skew and less than normal kurtosis: what is bent lies below, the normal counts.
    losses = [-1.0, 1.0] * 500
    z = NORMAL.inv_cdf(0.975)
    wanted = stdev(losses) * NORMAL.pdf(z) / 0.025
    assert isclose(tail_value_at_risk(losses, 9750), wanted, rel_tol=1e-9)
    assert isclose(tail_value_at_risk([x + 5 for x in losses], 9750), wanted + 5, rel_tol=1e-9)
    assert isclose(NORMAL.pdf(0), 1 / sqrt(2 * pi))


def test_the_historical_tail_is_the_mean_of_the_worst_days() -> None:
    # One day in a hundred is a catastrophe: at 99.5 % half of it counts for the whole.
    losses = [0.0] * 198 + [10.0, 1000.0]
    assert tail_value_at_risk(losses, 9950) == 1000.0
    losses = [float(n % 2) for n in range(398)] + [500.0, 499.0]
    assert tail_value_at_risk(losses, 9950) >= 499.5
    # Twelve and a half days of 500: the thirteenth counts by half.
    days = [0.0] * 487 + [60.0] + [100.0] * 12
    assert tail_value_at_risk(days, 9750) >= (1200.0 + 30.0) / 12.5
    # One day and a half.
    assert tail_value_at_risk([0.0] * 58 + [8.0, 10.0], 9750) == (10.0 + 8.0 / 2) / 1.5


def test_of_fewer_days_than_the_tail_has_room_for_the_worst_one_stands_for_it() -> None:
    # Thirty days and one in forty: less than a day.
    days = [-1.0, -2.0, 0.0, 2.0, -2.0, -2.0, -1.0, -1.0, 0.0, -1.0, -1.0, -2.0, -1.0, 3.0, 1.0]
    days += [-2.0, 0.0, -2.0, 1.0, 0.0, -2.0, -2.0, -1.0, 0.0, -2.0, 0.0, 1.0, -1.0, -1.0, -2.0]
    assert tail_value_at_risk(days, 9750) == 3.0


def test_the_bent_tail_is_its_own_integral() -> None:
    rng = random.Random(5)
    days = [rng.gauss(0, 100) + (400 if rng.random() < 0.03 else 0) for _ in range(700)]
    bent = cornish_fisher(days, 0.975)
    worst = sorted(days, reverse=True)
    historical = (sum(worst[:17]) + 0.5 * worst[17]) / 17.5
    assert isclose(tail_value_at_risk(days, 9750), max(bent, historical), rel_tol=2e-3)
    # At a confidence where few days are left the bent estimate is the largest.
    skewed = [rng.expovariate(0.01) for _ in range(700)]
    assert tail_value_at_risk(skewed, 9000) >= fmean(sorted(skewed, reverse=True)[:70])


def test_the_bent_tail_counts_where_it_is_the_largest() -> None:
    rng = random.Random(11)
    days = [rng.expovariate(0.01) - 30 for _ in range(700)]
    bent = cornish_fisher(days, 0.999, steps=20_000)
    assert bent > max(days)
    assert isclose(tail_value_at_risk(days, 9990), bent, rel_tol=1e-3)


def test_days_that_are_all_alike_have_no_spread() -> None:
    assert tail_value_at_risk([7.0] * 300, 9750) == pytest.approx(7.0)
    assert tail_value_at_risk([0.0] * 300, 9750) == 0.0
    assert isfinite(tail_value_at_risk([1e-160 * (n % 2) for n in range(300)], 9750))


@given(st.lists(st.floats(-1e8, 1e8), min_size=2, max_size=60), st.sampled_from([9000, 9500, 9750, 9990]))
def test_an_estimate_is_a_number_and_not_below_the_worst_days(losses: list[float], confidence: int) -> None:
    found = tail_value_at_risk(losses, confidence)
    assert isfinite(found)
    assert found >= fmean(losses) - 1e-6 * (1 + max(map(abs, losses)))


def test_a_tail_is_that_of_the_losses_of_each_day() -> None:
    rng = random.Random(1)
    returns = {symbol: [rng.gauss(0, 0.01) for _ in range(50)] for symbol in (A, B)}
    tail = Tail(returns, {"bad": {A: -0.5, B: 0.1}, "worse": {A: 0.1, B: -0.9}})
    for a, b, more in ((0, 0, 900), (300, 0, 0), (300, 0, 700), (0, 400, 250), (300, 400, 250), (0, 0, 1)):
        tail.expose({A: a * UNIT, B: b * UNIT})
        losses = [-(a + more) * x - b * y for x, y in zip(returns[A], returns[B], strict=True)]
        assert tail.value_at_risk(A, more * UNIT, 9750) == pytest.approx(tail_value_at_risk(losses, 9750), rel=1e-9)
        stress = {"bad": (a + more) * 0.5 - b * 0.1, "worse": b * 0.9 - (a + more) * 0.1}
        name, cost = tail.worst_scenario(A, more * UNIT)
        assert (name, cost / (UNIT * PARTS)) == (max(stress, key=stress.__getitem__), max(stress.values()))


C, D = Symbol("KO", "NYSE"), Symbol("GE", "NYSE")
NUMBERS = random.Random(2)
DAYS = {symbol: [NUMBERS.gauss(0, 0.01) for _ in range(n)] for symbol, n in ((A, 40), (B, 40), (C, 40), (D, 39))}
SHOCKS = {name: {symbol: NUMBERS.uniform(-0.9, 0.2) for symbol in DAYS} for name in ("x", "y", "z")}
values = st.dictionaries(st.sampled_from([A, B, C, D]), st.sampled_from([0, 0, 1, 10**9, 7 * 10**13, 10**17]))


@settings(max_examples=300)
@given(st.lists(values, max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
def test_totals_say_what_is_exposed_to_the_bit_however_it_came_to_be(
    steps: list[dict[Symbol, int]], asked: list[bool]
) -> None:
    moving = Tail(DAYS, SHOCKS)
    now: dict[Symbol, int] = {}
    for step, is_asked in zip([*steps, {}], [*asked, True], strict=False):
        moving.expose(step)
        now |= step
        # Whoever asks changes nothing, so it makes no difference whether anybody did.
        if not is_asked:
            continue
        fresh = Tail(DAYS, SHOCKS)
        fresh.expose(now)
        for symbol in DAYS:
            assert moving.days(symbol) == fresh.days(symbol)
            for amount in (0, 10**12):
                assert moving.worst_scenario(symbol, amount) == fresh.worst_scenario(symbol, amount)
                if moving.days(symbol):
                    found = moving.value_at_risk(symbol, amount, 9750)
                    assert found == fresh.value_at_risk(symbol, amount, 9750)


def test_what_no_account_holds_is_lost_without_end() -> None:
    tail = Tail(DAYS, SHOCKS)
    tail.expose({A: UNIT, B: 10**22})
    assert tail.value_at_risk(A, UNIT, 9750) == inf
    tail.expose({B: 10**17})
    assert 10**5 < tail.value_at_risk(A, UNIT, 9750) < 10**8
    # To the last unit: beyond the bound a lane says something else than it holds.
    largest = max(abs(parts(each)) for each in DAYS[B])
    tail.expose({A: 0, B: (lanes.BOUND - 1) // largest})
    assert tail.value_at_risk(A, UNIT, 9750) < inf
    tail.expose({B: (lanes.BOUND - 1) // largest + 1})
    assert tail.value_at_risk(A, UNIT, 9750) == inf
    even = Tail({A: [0.0] * 4, B: [2**30 / PARTS, 0.0, -(2**30) / PARTS, 0.0]}, {"x": {A: 0.0, B: 0.0}})
    even.expose({B: lanes.BOUND >> 30})
    assert even.value_at_risk(A, UNIT, 9750) == inf


def test_other_days_are_added_up_anew() -> None:
    four, three = [0.01, -0.02, 0.03, -0.04], [0.05, -0.01, -0.06]
    days = {A: four, B: four[::-1], C: three, D: three[::-1]}
    tail = Tail(days, {"x": dict.fromkeys(days, -0.1)})
    for held in ({A: UNIT, B: 2 * UNIT}, {A: 0, B: 0, C: 5 * UNIT, D: UNIT}, {A: UNIT, B: UNIT, C: 0, D: 0}):
        tail.expose(held)
        fresh = Tail(days, {"x": dict.fromkeys(days, -0.1)})
        fresh.expose(held)
        asked = next(symbol for symbol, value in held.items() if value)
        assert tail.value_at_risk(asked, UNIT, 9750) == fresh.value_at_risk(asked, UNIT, 9750)


def test_a_row_holds_each_number_in_its_own_lane() -> None:
    held = [5, -7, 0, lanes.BOUND, -lanes.BOUND, 10**18]
    assert lanes.numbers(lanes.row(held), 6) == held
    assert lanes.numbers(lanes.row(held) * 3 - lanes.row([1] * 6), 6) == [3 * each - 1 for each in held]
    rough = [5 * 2**60, -7 * 2**60, 0, 2**40]
    assert lanes.floats(lanes.row(rough), 4, 0.5) == [each / 2 for each in rough]
    assert [lanes.floats(lanes.row([each]), 1, 1.0) for each in (lanes.BOUND - 1, -lanes.BOUND)] == [
        [float(lanes.BOUND - 2**40)], [-float(lanes.BOUND)],
    ]  # fmt: skip


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(-(10**18), 10**18)), min_size=1, max_size=9))
def test_lanes_are_numbers_side_by_side(pairs: list[tuple[int, int]]) -> None:
    one, other = (lanes.row(column) for column in zip(*pairs, strict=True))
    for factor in (0, 1, -7, 10**12):
        wanted = [a * factor - b for a, b in pairs]
        total, count = one * factor - other, len(pairs)
        assert lanes.numbers(total, count) == wanted
        assert lanes.floats(total, count, 1.0) == pytest.approx(wanted, abs=2.0**40)
    assert lanes.numbers(lanes.row([lanes.BOUND, -lanes.BOUND]), 2) == [lanes.BOUND, -lanes.BOUND]


def test_what_is_not_known_is_said() -> None:
    tail = Tail({A: [0.0] * 300}, {"bad": {A: -0.5}})
    tail.expose({A: UNIT, B: UNIT})
    assert tail.missing == {B} and tail.knows(A) and not tail.knows(B)
    tail.expose({B: 0})
    assert tail.missing == set()
    assert (tail.days(A), tail.days(B)) == (300, 0)
    other = Tail({A: [0.0] * 300, B: [0.0] * 299}, {"bad": {A: -0.5, B: -0.5}})
    other.expose({A: UNIT})
    assert (other.days(A), other.days(B)) == (300, 0)
    other.expose({B: UNIT})
    assert (other.days(A), other.days(B)) == (0, 0), "no telling which day is which"
    other.expose({A: 2 * UNIT})
    other.expose({A: 0})
    assert (other.days(A), other.days(B)) == (0, 299), "what is gone is in nobody's way"
    other.expose({B: 0})
    assert (other.days(A), other.days(B)) == (300, 299)
    assert not Tail(None, None).knows(A) and Tail(None, None).days(A) == 0


def test_what_is_held_counts_in_every_scenario() -> None:
    shocks = {"x": {A: -0.5, B: -0.1}, "y": {A: 0.25, B: -0.3}}
    tail = Tail({A: [0.0] * 5, B: [0.0] * 5}, shocks)
    tail.expose({A: 100 * UNIT})
    assert tail.worst_scenario(B, 10 * UNIT) == ("x", 51 * UNIT * PARTS)
    tail.expose({A: 0})
    assert tail.worst_scenario(B, 10 * UNIT) == ("y", 3 * UNIT * PARTS)


KNOWN = [
    test_the_normal_tail_is_the_one_of_the_books,
    test_the_historical_tail_is_the_mean_of_the_worst_days,
    test_of_fewer_days_than_the_tail_has_room_for_the_worst_one_stands_for_it,
    test_a_row_holds_each_number_in_its_own_lane,
    test_other_days_are_added_up_anew,
    test_the_bent_tail_is_its_own_integral,
    test_the_bent_tail_counts_where_it_is_the_largest,
    test_days_that_are_all_alike_have_no_spread,
    test_a_tail_is_that_of_the_losses_of_each_day,
    test_what_no_account_holds_is_lost_without_end,
    test_what_is_not_known_is_said,
    test_what_is_held_counts_in_every_scenario,
]
"""What mutants of the tail are tried on."""
