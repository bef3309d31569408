"""Questions a stranger would ask who read the design's table of controls and nothing else, with the answers he expects.

Each row changes the contract's order and snapshot, or the limits, and names the groups (A to I) that have to speak
against it: an empty text is an allowance, `+` says that others may speak as well, `?` that any denial will do. Written
from the sentences before any was asked.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.trading.documents import AAPL, GONE, MSFT, NOW, SECOND, XOM, base, changed, say
from tests.trading.test_controls import REDUCING as SELL
from tests.trading.test_controls import held, recent, strategy, working
from trading.gate import limits as limits_module
from trading.gate.ask import ask

ACCOUNT, QUOTE, LISTING = "snapshot.account", f"snapshot.quotes.{AAPL}", f"snapshot.instruments.{AAPL}"
RETURNS, FLAT = f"snapshot.risk.daily_returns.{XOM}", {"snapshot.positions": []}
MINE = "snapshot.strategies.sma-cross"


def equity(amount: str) -> dict[str, Any]:
    return {f"{ACCOUNT}.{name}": amount for name in ("equity", "day_start_equity", "peak_equity_today")}


ASKED: list[tuple[str, dict[str, Any], str]] = [
    # A: a typed closed schema, who asks, paper alone, state, epoch, clock, age of the decision.
    ("nobody's uid", {"snapshot.caller.uid": GONE}, "+A"),
    ("a negative uid", {"snapshot.caller.uid": -1}, "+A"),
    ("no caller at all", {"snapshot.caller": GONE}, "+A"),
    ("a mode with a space behind it", {"snapshot.mode": "paper "}, "A"),
    ("a mode that is null", {"snapshot.mode": None}, "A"),
    ("no mode", {"snapshot.mode": GONE}, "A"),
    ("an account without a name", {f"{ACCOUNT}.id": ""}, "A"),
    ("a state in small letters", {"snapshot.state": "armed"}, "A"),
    ("a state that nobody knows", {"snapshot.state": "DISARMED"}, "A"),
    ("no state", {"snapshot.state": GONE}, "A"),
    ("a state that is a list", {"snapshot.state": ["ARMED"]}, "A"),
    ("the leader was replaced meanwhile", {"snapshot.epoch": 4}, "A"),
    ("an epoch with a point", {"order.epoch": 3.0}, "A"),
    ("an epoch that is true", {"order.epoch": True}, "A"),
    ("a decision just young enough", {"order.decided_at": NOW - 1_999_999_999}, ""),
    ("a decision dated in words", {"order.decided_at": "now"}, "A"),
    ("a decision at no price", {"order.decision_price": GONE}, "A"),
    ("a decision at a price of nothing", {"order.decision_price": "0"}, "A"),
    ("a quantity in quotes", {"order.quantity": "10"}, "A"),
    ("a quantity with a point", {"order.quantity": 10.0}, "A"),
    ("no shares", {"order.quantity": 0}, "?"),
    ("fewer than none", {"order.quantity": -10}, "?"),
    ("a price that is no text", {"order.limit_price": 200.02}, "A"),
    ("a price with an exponent", {"order.limit_price": "2.0002e2"}, "A"),
    ("a price below nothing", {"order.limit_price": "-200.02"}, "A"),
    ("a side in capitals", {"order.side": "BUY"}, "A"),
    ("a short side", {"order.side": "sell_short"}, "A"),
    ("a symbol without a venue", {"order.symbol": "AAPL"}, "?"),
    ("a symbol in small letters", {"order.symbol": "aapl.nasdaq"}, "?"),
    ("an order without a name", {"order.client_id": ""}, "A"),
    ("an order with a name of 200 letters", {"order.client_id": "x" * 200}, "A"),
    ("reduce-only in words", {"order.reduce_only": "false"}, "A"),
    ("no word on reduce-only", {"order.reduce_only": GONE}, "A"),
    ("no time in force", {"order.tif": GONE}, "A"),
    ("no type", {"order.type": None}, "A"),
    ("a field of the order that nobody knows", {"order.bypass": True}, "A"),
    ("5,000 bytes of an order", {"order.note": "x" * 5000}, "A"),
    ("a field of the snapshot that nobody knows", {"snapshot.override": True}, "A"),
    ("a field of the account that nobody knows", {f"{ACCOUNT}.margin": "4.0"}, "A"),
    ("a field of another symbol's quote that nobody knows", {f"snapshot.quotes.{XOM}.last": "110.00"}, "A"),
    ("no moment", {"snapshot.now": GONE}, "?"),
    ("a moment before all moments", {"snapshot.now": -1}, "?"),
    ("a clock that was set back", {"snapshot.clock_step_ns": -1}, "A"),
    ("a clock that was set by an hour, reducing", SELL | {"snapshot.clock_step_ns": 3600 * SECOND}, ""),
    ("a halted desk lets no reduction out", SELL | {"snapshot.state": "HALTED"}, "A"),
    ("a killed one lets all of it out", SELL | {"snapshot.state": "KILLED", "order.quantity": 20}, ""),
    ("a reduction need not be called one", SELL | {"snapshot.state": "REDUCING", "order.reduce_only": False}, ""),
    # B: instruments, kinds of orders, increments, the calendar, the restricted list, no short positions.
    ("a kind of order in capitals", {"order.type": "Limit"}, "B"),
    ("at the opening", {"order.tif": "opg"}, "B"),
    ("a future", {f"{LISTING}.kind": "future"}, "B"),
    ("a fund", {f"{LISTING}.kind": "etf"}, ""),
    ("a round lot of a hundred", {f"{LISTING}.lot": 100}, "B"),
    ("no lot", {f"{LISTING}.lot": 0}, "?"),
    ("an odd tick", {f"{LISTING}.tick": "0.03"}, "B"),
    ("no tick", {f"{LISTING}.tick": "0"}, "?"),
    ("nobody knows whether it trades", {f"{LISTING}.tradable": None}, "?"),
    ("restricted, and reducing", SELL | {"snapshot.restricted.symbols": [MSFT]}, "B"),
    ("another one is restricted", SELL | {"snapshot.restricted.symbols": [AAPL]}, ""),
    ("nothing is restricted today", {"snapshot.restricted.symbols": []}, ""),
    ("a day of the list in another spelling", {"snapshot.restricted.as_of": "2026-3-11"}, "?"),
    ("something is restricted that is no symbol", {"snapshot.restricted.symbols": [None]}, "?"),
    ("what cannot be sold short can be sold", SELL | {f"snapshot.instruments.{MSFT}.shortable": False}, ""),
    ("what can be sold short cannot", {"order.side": "sell", "order.limit_price": "199.98"}, "+B"),
    # C: fresh, sane, near yesterday, near the reference.
    ("a quote of no moment", {f"{QUOTE}.at": None}, "?"),
    ("no ask", {f"{QUOTE}.ask": None}, "?"),
    ("a bid that is no number", {f"{QUOTE}.bid": "NaN"}, "?"),
    ("an ask of nothing", {f"{QUOTE}.ask": "0"}, "?"),
    ("yesterday is unknown", {f"{QUOTE}.previous_close": GONE}, "?"),
    ("a buy far below the market", {"order.limit_price": "100.00"}, ""),
    ("a sell far above it", SELL | {"order.limit_price": "1999.00"}, ""),
    ("a stale quote of what is neither traded nor held", {f"snapshot.quotes.{XOM}.at": NOW - 3600 * SECOND}, ""),
    # What is held is valued by a quote that can be a market: an ask of nothing would make room for any order.
    ("an ask of a cent for what is held", {f"snapshot.quotes.{MSFT}.ask": "0.01"}, "E"),
    ("an ask of nothing for what is held", {f"snapshot.quotes.{MSFT}.ask": "0.00"}, "E"),
    ("a bid of nothing for what is held", {f"snapshot.quotes.{MSFT}.bid": "0.00"}, "E"),
    ("the same, reducing", SELL | {f"snapshot.quotes.{AAPL}.ask": "0.01"}, ""),
    ("an ask of a cent for what nobody holds", {f"snapshot.quotes.{XOM}.ask": "0.01"}, ""),
    # Another strategy's orders count, whether or not the snapshot knows how that strategy stands.
    ("an order of a strategy that is not listed", {"snapshot.working": [working(1, strategy="ghost", symbol=XOM)]}, ""),
    (
        "its order counts in the sector",
        {"snapshot.working": [working(1, strategy="ghost", symbol=MSFT, quantity=60, limit_price="401.00")]},
        "E",
    ),
    ("an order of its own", {"snapshot.strategies": {}}, "F"),
    # D: size.
    (
        "a thousand shares are too dear",
        {"order.symbol": XOM, "order.quantity": 1000, "order.limit_price": "110.02"},
        "+D",
    ),
    ("one share is enough", {"order.symbol": XOM, "order.quantity": 1, "order.limit_price": "110.02"}, ""),
    ("a tenth of a smaller account", FLAT | equity("20002.00"), ""),
    ("more than a tenth of it", FLAT | equity("20001.99"), "D"),
    ("half the account is enough", FLAT | equity("50000.00"), ""),
    ("nothing traded lately", {f"{LISTING}.volume_5m": 0}, "D"),
    ("nearly the cap, and flat", FLAT | {"order.quantity": 49}, ""),
    # E: exposure at worst, cash, tail, scenarios.
    ("nearly the cap beside what is held", {"order.quantity": 49}, "E"),
    (
        "open buys of the strategy count",
        {"snapshot.working": [working(1, strategy="sma-cross", quantity=50, limit_price="100.00")]},
        "E",
    ),
    (
        "sent and unanswered ones too",
        {"snapshot.unacknowledged": [working(1, strategy="sma-cross", quantity=50, limit_price="100.00")]},
        "E",
    ),
    ("those of others are others'", {"snapshot.working": [working(1, quantity=50, limit_price="100.00")]}, ""),
    ("filled for more than it was", {"snapshot.working": [working(1, quantity=5, filled=6)]}, "?"),
    ("no cash left", {f"{ACCOUNT}.cash": "0.00"}, "E"),
    ("a debt", {f"{ACCOUNT}.cash": "-0.01"}, "+E"),
    ("a return that is no number", {f"{RETURNS}": [float("nan")] * 500}, "?"),
    ("a scenario more, and a bad one", {"snapshot.risk.stress.1929": {AAPL: -1.0, MSFT: -1.0, XOM: -1.0}}, "E"),
    ("a scenario more, and a mild one", {"snapshot.risk.stress.2011": {AAPL: -0.1, MSFT: -0.1, XOM: -0.1}}, ""),
    ("a position below nothing", {"snapshot.positions": [held(MSFT, -5)]}, "?"),
    # F: loss.
    ("a start of the day that hides a loss", {f"{ACCOUNT}.day_start_equity": "103092.78"}, "+F"),
    ("no strategies are registered", {"snapshot.strategies": {}}, "F"),
    ("a strategy without a budget", {f"{MINE}.budget": "0"}, "?"),
    ("nobody knows whether it is enabled", {f"{MINE}.enabled": "true"}, "?"),
    (
        "one lost strategy is no reason for another",
        {"snapshot.strategies": {"sma-cross": strategy(), "a": strategy(enabled=False)}},
        "",
    ),
    # G: rates and duplicates.
    (
        "five just now and five before",
        {
            "snapshot.recent": [
                *(recent(n, at=NOW - SECOND // 2) for n in range(5)),
                *(recent(n, at=NOW) for n in range(5, 10)),
            ]
        },
        "",
    ),
    (
        "the same order under another name",
        {"snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="200.02", at=NOW - SECOND)]},
        "G",
    ),
    ("the same name for another order", {"snapshot.recent": [recent(1, client_id="sma-cross-000123")]}, "G"),
    ("an outcome that nobody knows", {"snapshot.recent": [recent(1, outcome="vanished")]}, "?"),
    # H: our own orders, and what reduces.
    (
        "a buy that meets our own sell",
        {
            "order.symbol": MSFT,
            "order.quantity": 5,
            "order.limit_price": "401.05",
            "snapshot.working": [working(1, strategy="sma-cross", symbol=MSFT, side="sell", limit_price="401.05")],
        },
        "H",
    ),
    ("a sell of more than is held", SELL | {"order.quantity": 21, "snapshot.positions": [held(MSFT, 20)]}, "+H"),
    ("reduce-only that grows", {"order.reduce_only": True}, "H"),
    # I: books compared, a watchdog awake; neither keeps a reduction in.
    ("books compared long ago, reducing", SELL | {"snapshot.reconciled_at": NOW - 7200 * SECOND}, ""),
    ("a watchdog long asleep, reducing", SELL | {"snapshot.watchdog_at": NOW - 7200 * SECOND}, ""),
    ("both long ago", {"snapshot.reconciled_at": NOW - 61 * SECOND, "snapshot.watchdog_at": NOW - 61 * SECOND}, "I"),
]

LIMITED: list[tuple[str, dict[str, Any], str]] = [
    # The contract's own order: 10 shares at 200.02, decided 0.3 s ago, a quote of 1 s, 2 bps of spread, books of 5 s.
    ("the notional exactly", {"order_notional_max": "2000.20"}, ""),
    ("a cent less", {"order_notional_max": "2000.19"}, "D"),
    ("no symbol at all", {"symbol_exposure_bps_max": 0}, "E"),
    ("decided this instant or never", {"decision_age_ms_max": 0}, "A"),
    ("decided just in time", {"decision_age_ms_max": 300}, ""),
    ("a quote of its age", {"quote_age_opening_ms_max": 1000}, ""),
    ("a younger one", {"quote_age_opening_ms_max": 999}, "C"),
    ("the spread exactly", {"spread_bps_max": 2}, ""),
    ("a closer one", {"spread_bps_max": 1}, "C"),
    ("at the ask and no further", {"collar_bps_max": 0}, ""),
    ("no open orders", {"working_all_max": 0}, "E"),
    ("books of their age", {"reconcile_age_s_max": 5}, ""),
    ("newer ones", {"reconcile_age_s_max": 4}, "I"),
    ("a watchdog of its age", {"watchdog_age_s_max": 2}, ""),
    ("a livelier one", {"watchdog_age_s_max": 1}, "I"),
    ("as many days as there are", {"returns_min": 500}, ""),
    ("one more", {"returns_min": 501}, "E"),
    ("no share of a day", {"adv_bps_max": 0}, "D"),
    ("no orders at all", {"rate_strategy_burst_max": 0}, "G"),
    ("no venues", {"venues": []}, "B"),
    ("another kind of order", {"order_kinds": ["limit/ioc"]}, "B"),
    ("funds alone", {"instrument_kinds": ["etf"]}, "B"),
    ("later in the session", {"opening_delay_s_min": 100_000}, "B"),
    ("no tail", {"tvar_bps_max": 0}, "E"),
    ("no losses in scenarios", {"stress_loss_bps_max": 0}, "E"),
    ("a scenario that is not there", {"stress_scenarios": ["2008-10", "2020-03", "1987-10"]}, "E"),
    ("a limit without a value", {"collar_bps_max": None}, "A"),
    ("a limit below nothing", {"collar_bps_max": -1}, "A"),
    ("a limit that is no number", {"order_notional_max": "NaN"}, "A"),
    ("a limit that nobody knows", {"leverage_max": 4}, "A"),
]


def agrees(answer: dict[str, Any], expected: str) -> bool:
    """Return whether the groups that spoke are those expected."""
    groups = "".join(sorted({reason["control"] for reason in answer["reasons"]}))
    assert (answer["verdict"] == "allow") is (groups == "")
    if expected == "?":
        return groups != ""
    if expected.startswith("+"):
        return set(expected[1:]) <= set(groups)
    return groups == expected


@pytest.mark.parametrize(("name", "changes", "expected"), ASKED, ids=[name for name, _, _ in ASKED])
def test_a_stranger_gets_the_answer_that_the_text_promises(name: str, changes: dict[str, Any], expected: str) -> None:
    answer = say(changed(changes))
    assert agrees(answer, expected), [(reason["control"], reason["message"]) for reason in answer["reasons"]]


@pytest.mark.parametrize(("name", "values", "expected"), LIMITED, ids=[name for name, _, _ in LIMITED])
def test_a_stranger_moves_a_limit_and_its_group_answers(name: str, values: dict[str, Any], expected: str) -> None:
    document = limits_module.document(limits_module.defaults()) | values
    limits, faults = limits_module.read(json.dumps(document).encode())
    order, snapshot = (json.dumps(base()[part]).encode() for part in ("order", "snapshot"))
    answer = ask(order, snapshot, limits, faults)
    assert agrees(answer, expected), [(reason["control"], reason["message"]) for reason in answer["reasons"]]
