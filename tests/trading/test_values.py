"""Symbols, amounts, clocks: what the values of a trade accept, and that they are exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.clock import ManualClock, StepMeter
from trading.model import UNIT, Instrument, Lots, Money, Symbol, Ticks, decimal, money


@pytest.mark.parametrize("text", ["AAPL.NASDAQ", "BRK.B.NYSE", "BF-A.NYSE", "X.NYSE"])
def test_a_symbol_prints_as_it_was_read(text: str) -> None:
    assert str(Symbol.parse(text)) == text
    assert Symbol.parse(text).venue in {"NASDAQ", "NYSE"}


@pytest.mark.parametrize(
    "text",
    ["", "AAPL", "aapl.NASDAQ", "AAPL.nasdaq", ".NYSE", "AAPL.", " AAPL.NASDAQ", "AAPL.NASDAQ\n", "ÄPL.NYSE", "A" * 40],
)
def test_what_is_no_symbol_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"TICKER\.VENUE"):
        Symbol.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "Infinity",
        "1e5",
        "+1",
        " 1",
        "1 ",
        "1.",
        ".5",
        "--1",
        "1,5",
        "١٢",
        "1_000",
        "0x10",
        "1" * 13,
        "1.0000000001",
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        money(text)


@given(st.integers(-(10**21) + 1, 10**21 - 1))
def test_an_amount_survives_being_written_and_read(amount: int) -> None:
    assert money(decimal(amount)) == amount


def test_ticks_lots_and_money_agree_exactly() -> None:
    penny = Instrument(Symbol.parse("AAPL.NASDAQ"), Money(UNIT // 100), lot=10)
    assert penny.ticks(money("200.02")) == 20002
    assert decimal(penny.notional(Ticks(20002), Lots(-3))) == "-6000.60"
    with pytest.raises(ValueError, match="no multiple of the tick"):
        penny.ticks(money("200.025"))


def test_a_clock_that_was_set_is_measured_in_either_direction() -> None:
    clock = ManualClock(10**18)
    meter = StepMeter(clock)
    clock.advance(5_000)
    assert meter.measure() == 0
    clock.step(-2_000_000_000)
    clock.advance(7)
    assert meter.measure() == 2_000_000_000
    clock.step(1)
    assert (meter.measure(), meter.measure()) == (1, 0)
