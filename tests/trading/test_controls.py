"""Every control at its edge: what just passes, what just fails, and with which code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tests.trading.documents import (
    AAPL,
    GONE,
    MSFT,
    NOW,
    SECOND,
    XOM,
    Documents,
    base,
    changed,
    codes,
    limits_with,
    moved,
)
from trading.gate import documents as documents_module
from trading.gate import firewall
from trading.gate import limits as limits_module
from trading.gate.codes import Code

MILLISECOND = SECOND // 1000
Q, LISTING, P = f"snapshot.quotes.{AAPL}", f"snapshot.instruments.{AAPL}", "snapshot.positions"
ACCOUNT, MINE = "snapshot.account", "snapshot.strategies.sma-cross"
REDUCING = {
    "order.symbol": MSFT,
    "order.side": "sell",
    "order.quantity": 5,
    "order.limit_price": "401.00",
    "order.decision_price": "401.02",
    "order.reduce_only": True,
}


def held(symbol: str, quantity: int, strategy: str = "sma-cross") -> dict[str, Any]:
    return {"symbol": symbol, "strategy": strategy, "quantity": quantity, "average_price": "100.00"}


def working(n: int, **changes: Any) -> dict[str, Any]:
    order = {
        "client_id": f"w-{n}",
        "strategy": "other",
        "symbol": XOM,
        "side": "buy",
        "type": "limit",
        "tif": "day",
        "quantity": 1,
        "filled": 0,
        "limit_price": "10.00",
        "sent_at": NOW - 3600 * SECOND,
    }
    return order | changes


def recent(n: int, **changes: Any) -> dict[str, Any]:
    sent = {
        "client_id": f"r-{n}",
        "strategy": "sma-cross",
        "symbol": XOM,
        "side": "buy",
        "quantity": 10 + n,
        "limit_price": "110.00",
        "at": NOW - 3600 * SECOND,
        "outcome": "cancelled",
    }
    return sent | changes


def strategy(**changes: Any) -> dict[str, Any]:
    return {"enabled": True, "budget": "50000.00", "pnl_today": "0.00", "drawdown": "0.00"} | changes


# Changes to the base, and the codes that follow; none of them means that it is allowed.
EDGES: list[tuple[str, dict[str, Any], list[str]]] = [
    # A
    ("another caller", {"snapshot.caller.strategy": "other"}, ["caller_mismatch"]),
    ("a live mode", {"snapshot.mode": "live"}, ["mode_not_paper"]),
    ("a mode in capitals", {"snapshot.mode": "PAPER"}, ["mode_not_paper"]),
    *(
        (f"endpoint {url!r}", {"snapshot.endpoint": url}, ["endpoint_not_allowed"])
        for url in (
            "https://api.alpaca.markets",
            "http://paper-api.alpaca.markets",
            "https://paper-api.alpaca.markets.evil.example",
            "https://paper-api.alpaca.markets@evil.example",
            "https://user@paper-api.alpaca.markets",
            "https://evil.example/https://paper-api.alpaca.markets",
            "https://paper-api.alpaca.markets:8443",
            "https://paper-api.alpaca.markets/../../live",
            "https://xpaper-api.alpaca.markets",
            "//paper-api.alpaca.markets",
        )
    ),
    ("the versioned endpoint", {"snapshot.endpoint": "https://paper-api.alpaca.markets/v2"}, []),
    ("a live account", {f"{ACCOUNT}.id": "123456789"}, ["account_not_allowed"]),
    ("an account with a tail", {f"{ACCOUNT}.id": "PA-0001-LIVE!"}, ["account_not_allowed"]),
    ("halted", {"snapshot.state": "HALTED"}, ["halted"]),
    ("halted, reducing", REDUCING | {"snapshot.state": "HALTED"}, ["halted"]),
    ("killed", {"snapshot.state": "KILLED"}, ["killed_opening"]),
    ("killed, reducing", REDUCING | {"snapshot.state": "KILLED"}, []),
    ("reducing state", {"snapshot.state": "REDUCING"}, ["reducing_opening"]),
    ("an epoch that has not begun", {"order.epoch": 4}, ["epoch_unknown"]),
    ("an epoch that is over", {"order.epoch": 2}, ["epoch_stale"]),
    ("clock stepped by the bound", {"snapshot.clock_step_ns": SECOND}, []),
    ("clock stepped further", {"snapshot.clock_step_ns": SECOND + 1}, ["clock_stepped"]),
    ("clock stepped, reducing", REDUCING | {"snapshot.clock_step_ns": 5 * SECOND}, []),
    ("a quote of this moment", {f"{Q}.at": NOW}, []),
    ("a quote of the future", {f"{Q}.at": NOW + 1}, ["quote_from_future"]),
    ("a decision of the bound", {"order.decided_at": NOW - 2 * SECOND}, []),
    ("a decision past it", {"order.decided_at": NOW - 2 * SECOND - 1}, ["decision_stale"]),
    ("a decision of the future", {"order.decided_at": NOW + 1}, ["decision_from_future"]),
    ("a position twice", {P: [held(MSFT, 5), held(MSFT, 5)]}, ["duplicate_entry"]),
    ("an open order twice", {"snapshot.working": [working(1)], "snapshot.unacknowledged": [working(1)]}, ["duplicate_entry"]),
    ("a recent order twice", {"snapshot.recent": [recent(1), recent(1)]}, ["duplicate_entry"]),
    ("no epoch", {"snapshot.epoch": GONE}, ["field_missing", "epoch_stale", "epoch_unknown"]),
    ("no account id", {f"{ACCOUNT}.id": GONE}, ["field_missing", "account_not_allowed"]),
    ("no endpoint", {"snapshot.endpoint": GONE}, ["field_missing", "endpoint_not_allowed"]),
    ("no word on the clock", {"snapshot.clock_step_ns": GONE}, ["field_missing", "clock_stepped"]),
    ("a decision of this moment", {"order.decided_at": NOW}, []),
    ("a buy of what is held while reducing", {"snapshot.state": "REDUCING", "order.symbol": MSFT, "order.limit_price": "401.05", "order.quantity": 5}, ["reducing_opening"]),
    ("reducing on a quote a minute ahead", REDUCING | {f"snapshot.quotes.{MSFT}.at": NOW + 60 * SECOND}, []),
    ("reducing on a quote further ahead", REDUCING | {f"snapshot.quotes.{MSFT}.at": NOW + 60 * SECOND + 1}, ["quote_from_future"]),
    # B
    ("no instrument", {LISTING: GONE}, ["instrument_unknown", "sector_unknown"]),
    ("not tradable", {f"{LISTING}.tradable": False}, ["not_tradable"]),
    ("an option", {f"{LISTING}.kind": "option"}, ["kind_not_allowed"]),
    ("a crypto currency", {f"{LISTING}.kind": "crypto"}, ["kind_not_allowed"]),
    ("stop order", {"order.type": "stop"}, ["order_kind_not_allowed"]),
    ("good till cancelled", {"order.tif": "gtc"}, ["order_kind_not_allowed"]),
    ("immediate or cancel", {"order.tif": "ioc"}, []),
    ("no limit price", {"order.limit_price": GONE}, ["limit_price_missing"]),
    ("part of a lot", {f"{LISTING}.lot": 3}, ["lot_increment"]),
    ("whole lots", {f"{LISTING}.lot": 5}, []),
    ("between ticks", {"order.limit_price": "200.015"}, ["tick_increment"]),
    ("a coarser tick", {f"{LISTING}.tick": "0.05"}, ["tick_increment"]),
    ("restricted", {"snapshot.restricted.symbols": [AAPL]}, ["restricted"]),
    ("no restricted symbols", {"snapshot.restricted.symbols": GONE}, ["field_missing", "restricted_missing"]),
    ("no date of the restricted list", {"snapshot.restricted.as_of": GONE}, ["field_missing", "restricted_missing"]),
    ("restricted list of yesterday", {"snapshot.restricted.as_of": "2026-03-10"}, []),
    ("restricted list two sessions old", {"snapshot.restricted.as_of": "2026-03-09"}, ["restricted_stale"]),
    ("restricted list of tomorrow", {"snapshot.restricted.as_of": "2026-03-12"}, ["restricted_from_future"]),
    ("restricted list of years ago", {"snapshot.restricted.as_of": "1999-01-01"}, ["restricted_stale"]),
    ("sells what is not held", {"order.side": "sell", "order.limit_price": "199.98"}, ["short_not_allowed"]),
    ("sells what another strategy holds", REDUCING | {P: [held(MSFT, 20, "other")]}, ["short_not_allowed", "reduce_only_grows"]),
    # C
    ("no quote", {Q: GONE}, ["quote_missing"]),
    ("a quote of the bound", {f"{Q}.at": NOW - 5 * SECOND}, []),
    ("a quote past it", {f"{Q}.at": NOW - 5 * SECOND - 1}, ["quote_stale"]),
    ("a quote 31 years old", {f"{Q}.at": NOW - 31 * 31_556_952 * SECOND}, ["quote_stale"]),
    ("reducing on a quote of its bound", REDUCING | {f"snapshot.quotes.{MSFT}.at": NOW - 60 * SECOND}, []),
    ("reducing on a quote past it", REDUCING | {f"snapshot.quotes.{MSFT}.at": NOW - 60 * SECOND - 1}, ["quote_stale"]),
    ("no bid", {f"{Q}.bid": "0.00"}, ["bid_not_positive", "spread", "previous_close"]),
    ("a locked market", {f"{Q}.bid": "200.02"}, []),
    ("a crossed market", {f"{Q}.bid": "200.03"}, ["quote_crossed"]),
    ("a spread of the bound", {f"{Q}.bid": "198.00", f"{Q}.ask": "202.00"}, []),
    ("a spread past it", {f"{Q}.bid": "197.99", f"{Q}.ask": "202.00"}, ["spread"]),
    ("30 % above the close", {f"{Q}.previous_close": "153.87"}, []),
    ("more than 30 % above", {f"{Q}.previous_close": "153.85"}, ["previous_close"]),
    ("30 % below the close", {f"{Q}.previous_close": "285.68"}, []),
    ("more than 30 % below", {f"{Q}.previous_close": "285.70"}, ["previous_close"]),
    ("no previous close", {f"{Q}.previous_close": "0.00"}, ["previous_close"]),
    ("30 % above the close exactly", {f"{Q}.bid": "129.90", f"{Q}.ask": "130.00", f"{Q}.previous_close": "100.00", "order.limit_price": "130.00"}, []),
    ("a cent more", {f"{Q}.bid": "129.90", f"{Q}.ask": "130.01", f"{Q}.previous_close": "100.00", "order.limit_price": "130.00"}, ["previous_close"]),
    ("30 % below the close exactly", {f"{Q}.bid": "70.00", f"{Q}.ask": "70.10", f"{Q}.previous_close": "100.00", "order.limit_price": "70.10"}, []),
    ("a cent less", {f"{Q}.bid": "69.99", f"{Q}.ask": "70.10", f"{Q}.previous_close": "100.00", "order.limit_price": "70.10"}, ["previous_close"]),
    ("our own price 500 bps above exactly", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="210.021", at=NOW - 9 * SECOND)]}, []),
    ("a trifle more", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="210.0211", at=NOW - 9 * SECOND)]}, ["own_drift"]),
    ("one of our own prices too far", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="190.00", at=NOW - 9 * SECOND), recent(2, symbol=AAPL, limit_price="205.00", at=NOW - 8 * SECOND)]}, ["own_drift"]),
    ("no price and orders of our own", {"order.limit_price": GONE, "snapshot.recent": [recent(1, symbol=AAPL, limit_price="200.00", at=NOW - 9 * SECOND)]}, ["limit_price_missing"]),
    ("a buy at the collar", {"order.limit_price": "206.02"}, []),
    ("a buy past it", {"order.limit_price": "206.03"}, ["collar"]),
    ("a sell at the collar", REDUCING | {"order.limit_price": "388.97"}, []),
    ("a sell past it", REDUCING | {"order.limit_price": "388.96"}, ["collar"]),
    ("our own price drifts by the bound", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="190.50", at=NOW - 299 * SECOND)]}, []),
    ("further", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="190.49", at=NOW - 299 * SECOND)]}, ["own_drift"]),
    ("further, five minutes ago", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="150.00", at=NOW - 300 * SECOND)]}, []),
    ("further, but never sent", {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="150.00", at=NOW - 9 * SECOND, outcome="denied")]}, []),
    ("further, unacknowledged", {"snapshot.unacknowledged": [working(1, symbol=AAPL, limit_price="150.00", sent_at=NOW - SECOND)]}, ["own_drift"]),
    # D
    ("too many shares", {"order.symbol": XOM, "order.quantity": 1001, "order.limit_price": "0.05"}, ["quantity"]),
    ("1 % of a day", {f"{LISTING}.average_daily_volume": 1000}, []),
    ("more than 1 % of a day", {f"{LISTING}.average_daily_volume": 999}, ["adv_share"]),
    ("no volume", {f"{LISTING}.average_daily_volume": 0}, ["adv_share"]),
    ("10 % of five minutes", {f"{LISTING}.volume_5m": 100}, []),
    ("more than 10 % of five minutes", {f"{LISTING}.volume_5m": 99}, ["volume_share"]),
    ("the whole notional", {P: [], "order.quantity": 50, "order.limit_price": "200.00"}, []),
    ("a cent more", {P: [], "order.quantity": 50, "order.limit_price": "200.01"}, ["notional", "notional_equity_share"]),
    ("a market order is priced at the collar", {P: [], "order.type": "market", "order.limit_price": GONE, "order.quantity": 49}, ["notional", "notional_equity_share"]),
    ("a market order within it", {P: [], "order.type": "market", "order.limit_price": GONE, "order.quantity": 48}, []),
    ("a market order with a limit is bound by it", {P: [], "order.type": "market", "order.limit_price": "200.02", "order.quantity": 49}, []),
    ("a market order with a limit beyond the collar", {P: [], "order.type": "market", "order.limit_price": "250.00", "order.quantity": 48}, []),
    ("a market order on a grid so coarse that it would be worth less", {P: [], "order.type": "market", "order.limit_price": GONE, "order.quantity": 49, f"{LISTING}.tick": "10.00"}, ["notional", "notional_equity_share"]),
    ("a market order on a grid without a price for it", {P: [], "order.type": "market", "order.limit_price": GONE, f"{LISTING}.tick": "500.00"}, ["collar"]),
    ("a market sell with a limit", REDUCING | {"order.type": "market", "order.limit_price": "400.00", "snapshot.working": [working(1, symbol=MSFT, limit_price="399.00")]}, []),
    ("a market sell with none", REDUCING | {"order.type": "market", "order.limit_price": GONE, "snapshot.working": [working(1, symbol=MSFT, limit_price="399.00")]}, ["self_trade"]),
    ("a market sell with a limit beyond the collar", REDUCING | {"order.type": "market", "order.limit_price": "1.00", "snapshot.working": [working(1, symbol=MSFT, limit_price="380.00")]}, []),
    ("a sell costs what the bid is", REDUCING | {P: [held(MSFT, 30)], "order.quantity": 25, "order.limit_price": "399.00"}, ["notional", "notional_equity_share"]),
    ("as many shares as are allowed", {"order.symbol": XOM, "order.quantity": 1000, "order.limit_price": "0.05"}, []),
    ("less than the least notional, reducing", REDUCING | {"order.symbol": XOM, "order.quantity": 4, "order.limit_price": "10.00", P: [held(XOM, 5)], f"snapshot.quotes.{XOM}": {"bid": "10.00", "ask": "10.02", "at": NOW, "previous_close": "10.00"}}, []),
    ("the basket full, reducing", REDUCING | {"snapshot.recent": [recent(1, quantity=490, limit_price="100.00", at=NOW - 4 * SECOND)]}, []),
    ("the basket full exactly", {"snapshot.recent": [recent(1, quantity=10, limit_price="4799.98", at=NOW - 4 * SECOND)]}, []),
    ("a sell costs what its limit is", REDUCING | {P: [held(MSFT, 30)], "order.quantity": 24, "order.limit_price": "417.00"}, ["notional", "notional_equity_share"]),
    ("a market order with a limit and no quote", {"order.type": "market", Q: GONE}, ["quote_missing"]),
    ("a sell without a quote", REDUCING | {f"snapshot.quotes.{MSFT}": GONE}, ["quote_missing"]),
    ("the least notional", {"order.symbol": XOM, "order.quantity": 1, "order.limit_price": "50.00"}, []),
    ("less", {"order.symbol": XOM, "order.quantity": 1, "order.limit_price": "49.99"}, ["notional_min"]),
    ("the basket full", {"snapshot.recent": [recent(1, quantity=480, limit_price="100.00", at=NOW - 4 * SECOND)]}, ["basket"]),
    ("the basket of another strategy", {"snapshot.recent": [recent(1, strategy="other", quantity=480, limit_price="100.00", at=NOW - 4 * SECOND)]}, []),
    ("the basket before", {"snapshot.recent": [recent(1, quantity=480, limit_price="100.00", at=NOW - 5 * SECOND)]}, []),
    # E
    ("no quote of what is held", {f"snapshot.quotes.{MSFT}": GONE}, ["exposure_unknown"]),
    ("a quote of another day of what is held", {f"snapshot.quotes.{MSFT}.at": NOW - 86400 * SECOND}, ["exposure_unknown"]),
    ("what is held is unknown", {f"snapshot.instruments.{MSFT}": GONE}, ["sector_unknown"]),
    ("a fifth in one symbol", {P: [held(AAPL, 89, "other")]}, []),
    ("more than a fifth", {P: [held(AAPL, 90, "other")]}, ["symbol_exposure"]),
    ("a fifth in open buys", {"snapshot.working": [working(1, symbol=AAPL, quantity=90, limit_price="199.97")]}, []),
    ("more than a fifth in open buys", {"snapshot.working": [working(1, symbol=AAPL, quantity=91, limit_price="199.97")]}, ["symbol_exposure"]),
    ("what is filled is not open", {"snapshot.working": [working(1, symbol=AAPL, quantity=91, filled=5, limit_price="199.97")]}, []),
    ("an unacknowledged buy counts", {"snapshot.unacknowledged": [working(1, symbol=AAPL, quantity=91, limit_price="199.97")]}, ["symbol_exposure"]),
    ("30 % of a sector", {P: [held(MSFT, 69, "other")]}, []),
    ("more than 30 % of a sector", {P: [held(MSFT, 70, "other")]}, ["sector_exposure"]),
    ("15 % a strategy", {P: [held(MSFT, 32)]}, []),
    ("more than 15 %", {P: [held(MSFT, 33)]}, ["strategy_exposure"]),
    ("a fifth exactly", {"snapshot.working": [working(1, symbol=AAPL, quantity=10, limit_price="1799.98")]}, []),
    ("a cent more than a fifth", {"snapshot.working": [working(1, symbol=AAPL, quantity=1, limit_price="17999.81")]}, ["symbol_exposure"]),
    ("30 % of a sector exactly", {"snapshot.working": [working(1, symbol=MSFT, quantity=10, limit_price="1997.88")]}, []),
    ("a cent more of a sector", {"snapshot.working": [working(1, symbol=MSFT, quantity=1, limit_price="19978.81")]}, ["sector_exposure"]),
    ("15 % exactly", {"snapshot.working": [working(1, strategy="sma-cross", quantity=10, limit_price="497.88")]}, []),
    ("a cent more of a strategy", {"snapshot.working": [working(1, strategy="sma-cross", quantity=1, limit_price="4978.81")]}, ["strategy_exposure"]),
    ("a mark of the bound", {f"snapshot.quotes.{MSFT}.at": NOW - 23_400 * SECOND}, []),
    ("a mark past it", {f"snapshot.quotes.{MSFT}.at": NOW - 23_400 * SECOND - 1}, ["exposure_unknown"]),
    ("a mark ahead by the bound", {f"snapshot.quotes.{MSFT}.at": NOW + 23_400 * SECOND}, []),
    ("a mark further ahead", {f"snapshot.quotes.{MSFT}.at": NOW + 23_400 * SECOND + 1}, ["exposure_unknown"]),
    ("one of two marks past it", {P: [held(MSFT, 5), held(XOM, 5)], f"snapshot.quotes.{MSFT}.at": NOW - 23_401 * SECOND}, ["exposure_unknown"]),
    ("one of two marks too far ahead", {P: [held(MSFT, 5), held(XOM, 5)], f"snapshot.quotes.{MSFT}.at": NOW + 23_401 * SECOND}, ["exposure_unknown"]),
    ("no cash", {f"{ACCOUNT}.cash": GONE}, ["field_missing", "buying_power", "equity_unknown"]),
    ("no risk data", {"snapshot.risk": GONE}, ["field_missing", "risk_missing"]),
    ("19 open orders", {"snapshot.working": [working(n, strategy="sma-cross") for n in range(19)]}, []),
    ("20 open orders", {"snapshot.working": [working(n, strategy="sma-cross") for n in range(20)]}, ["working_strategy"]),
    ("49 open orders", {"snapshot.working": [working(n) for n in range(49)]}, []),
    ("50 open orders", {"snapshot.working": [working(n) for n in range(40)], "snapshot.unacknowledged": [working(n) for n in range(40, 50)]}, ["working_all"]),
    ("just enough cash", {f"{ACCOUNT}.cash": "2000.20"}, []),
    ("a cent short", {f"{ACCOUNT}.cash": "2000.19"}, ["buying_power"]),
    ("open buys take cash", {f"{ACCOUNT}.cash": "2010.19", "snapshot.working": [working(1)]}, ["buying_power"]),
    ("turnover of the bound", {"snapshot.recent": [recent(n, quantity=100, limit_price="297.9998", outcome="filled") for n in range(10)]}, []),
    ("turnover past it", {"snapshot.recent": [recent(n, quantity=100, limit_price="297.9999", outcome="filled") for n in range(10)]}, ["turnover"]),
    ("the turnover of yesterday", {"snapshot.recent": [recent(n, quantity=100, limit_price="297.9999", outcome="filled", at=NOW - 86400 * SECOND) for n in range(10)]}, []),
    ("no returns", {f"snapshot.risk.daily_returns.{AAPL}": GONE}, ["risk_missing"]),
    ("a held symbol 30 % below its close", {f"snapshot.quotes.{MSFT}": {"bid": "280.07", "ask": "280.08", "at": NOW, "previous_close": "400.10"}}, []),
    ("a held symbol further below", {f"snapshot.quotes.{MSFT}": {"bid": "280.06", "ask": "280.08", "at": NOW, "previous_close": "400.10"}}, ["exposure_unknown"]),
    ("a held symbol at a cent", {f"snapshot.quotes.{MSFT}": {"bid": "0.01", "ask": "0.01", "at": NOW, "previous_close": "400.10"}}, ["exposure_unknown"]),
    ("a held symbol 30 % above its close", {P: [held(MSFT, 10)], f"snapshot.quotes.{MSFT}": {"bid": "520.00", "ask": "520.13", "at": NOW, "previous_close": "400.10"}}, []),
    ("a held symbol further above", {P: [held(MSFT, 10)], f"snapshot.quotes.{MSFT}": {"bid": "520.00", "ask": "520.14", "at": NOW, "previous_close": "400.10"}}, ["exposure_unknown"]),
    ("no returns of what is held", {f"snapshot.risk.daily_returns.{MSFT}": GONE}, ["risk_missing"]),
    ("no shock", {f"snapshot.risk.stress.2008-10.{AAPL}": GONE}, ["risk_missing"]),
    ("no shock of what is held", {f"snapshot.risk.stress.2020-03.{MSFT}": GONE}, ["risk_missing"]),
    ("a scenario is missing", {"snapshot.risk.stress.2020-03": GONE}, ["risk_missing"]),
    ("too few days", {f"snapshot.risk.daily_returns.{AAPL}": [0.0] * 249, P: []}, ["risk_missing"]),
    ("enough days", {f"snapshot.risk.daily_returns.{AAPL}": [0.0] * 250, P: []}, []),
    ("other days than the rest", {f"snapshot.risk.daily_returns.{AAPL}": [0.0] * 250}, ["risk_missing"]),
    ("a wild tail", {f"snapshot.risk.daily_returns.{AAPL}": [-0.9, 0.9] * 250, "snapshot.risk.daily_returns.MSFT.NASDAQ": [-0.9, 0.9] * 250}, ["tvar"]),
    ("a scenario that costs the bound", {P: [], f"snapshot.risk.stress.2008-10.{AAPL}": -0.8, "order.quantity": 50, "order.limit_price": "200.00"}, []),
    ("a scenario that costs more", {P: [], f"snapshot.risk.stress.2008-10.{AAPL}": -0.8001, "order.quantity": 50, "order.limit_price": "200.00"}, ["stress"]),
    # F
    ("an unknown strategy", {"snapshot.strategies": {"other": strategy()}}, ["strategy_unknown"]),
    ("a disabled strategy", {f"{MINE}.enabled": False}, ["strategy_disabled"]),
    ("a disabled strategy reduces", REDUCING | {f"{MINE}.enabled": False}, []),
    ("1 % down", {f"{MINE}.drawdown": "500.00"}, []),
    ("more", {f"{MINE}.drawdown": "500.01"}, ["strategy_drawdown"]),
    ("1 % lost today", {f"{MINE}.pnl_today": "-500.00"}, []),
    ("more lost than its drawdown says", {f"{MINE}.pnl_today": "-500.01"}, ["strategy_drawdown"]),
    ("no equity", {f"{ACCOUNT}.equity": "0.00"}, ["equity_unknown"]),
    ("no equity, reducing", REDUCING | {f"{ACCOUNT}.equity": "-1.00"}, ["equity_unknown"]),
    ("a peak below now", {f"{ACCOUNT}.peak_equity_today": "99999.99"}, ["equity_unknown"]),
    ("twice what the day began with", {f"{ACCOUNT}.day_start_equity": "50000.00"}, []),
    ("more than twice", {f"{ACCOUNT}.day_start_equity": "49999.99"}, ["equity_unknown"]),
    ("more than twice, reducing", REDUCING | {f"{ACCOUNT}.day_start_equity": "10.00"}, []),
    ("2 % down", {f"{ACCOUNT}.equity": "98196.00"}, []),
    ("more than 2 %", {f"{ACCOUNT}.equity": "98195.99"}, ["drawdown_reducing"]),
    ("3 % down", {f"{ACCOUNT}.equity": "97194.00"}, ["drawdown_reducing"]),
    ("more than 3 %", {f"{ACCOUNT}.equity": "97193.99"}, ["drawdown_killed", "drawdown_reducing"]),
    ("more than 3 %, reducing", REDUCING | {f"{ACCOUNT}.equity": "97193.99"}, []),
    ("3 % lost", {f"{ACCOUNT}.equity": "97000.00", f"{ACCOUNT}.peak_equity_today": "100000.00"}, ["drawdown_reducing"]),
    ("more than 3 % lost", {f"{ACCOUNT}.equity": "96999.99", f"{ACCOUNT}.peak_equity_today": "100000.00"}, ["drawdown_killed", "drawdown_reducing", "daily_loss"]),
    ("a start above the peak hides nothing", {f"{ACCOUNT}.day_start_equity": "102100.00"}, ["drawdown_reducing"]),
    ("two lost strategies", {"snapshot.strategies": {"sma-cross": strategy(), "a": strategy(enabled=False), "b": strategy(drawdown="500.01")}}, []),
    ("three lost strategies", {"snapshot.strategies": {"sma-cross": strategy(), "a": strategy(enabled=False), "b": strategy(drawdown="500.01"), "c": strategy(enabled=False)}}, ["strategies_lost"]),
    ("more than 1 % down, reducing", REDUCING | {f"{MINE}.drawdown": "600.00"}, []),
    ("at the peak", {f"{ACCOUNT}.peak_equity_today": "100000.00"}, []),
    ("much lost today, reducing", REDUCING | {f"{ACCOUNT}.day_start_equity": "104000.00"}, []),
    ("three lost strategies, reducing", REDUCING | {"snapshot.strategies": {"sma-cross": strategy(), "a": strategy(enabled=False), "b": strategy(enabled=False), "c": strategy(enabled=False)}}, []),
    ("three strategies 1 % down", {"snapshot.strategies": {"sma-cross": strategy(), "a": strategy(drawdown="500.00"), "b": strategy(drawdown="500.00"), "c": strategy(drawdown="500.00")}}, []),
    ("no strategies", {"snapshot.strategies": GONE}, ["field_missing", "strategy_unknown"]),
    ("no strategies, reducing", REDUCING | {"snapshot.strategies": GONE}, ["field_missing", "strategy_unknown"]),
    ("no start of the day", {f"{ACCOUNT}.day_start_equity": GONE}, ["field_missing", "equity_unknown"]),
    ("no peak", {f"{ACCOUNT}.peak_equity_today": GONE}, ["field_missing", "equity_unknown"]),
    # G
    ("nine at once", {"snapshot.recent": [recent(n, at=NOW) for n in range(9)]}, []),
    ("ten at once", {"snapshot.recent": [recent(n, at=NOW) for n in range(10)]}, ["rate_strategy"]),
    ("ten, one refilled", {"snapshot.recent": [recent(n, at=NOW - SECOND // 5) for n in range(10)]}, []),
    ("ten, almost refilled", {"snapshot.recent": [recent(n, at=NOW - SECOND // 5 + 1) for n in range(10)]}, ["rate_strategy"]),
    ("39 of others at once", {"snapshot.recent": [recent(n, strategy="other", at=NOW) for n in range(39)]}, []),
    ("40 of others at once", {"snapshot.recent": [recent(n, strategy="other", at=NOW) for n in range(40)]}, ["rate_all"]),
    ("80 messages", {"snapshot.recent": [recent(n, strategy="other", at=NOW) for n in range(80)]}, ["rate_all", "message_reserve"]),
    ("the same four times", {"snapshot.recent": [recent(n, symbol=AAPL, quantity=10, limit_price="200.00", outcome="filled", at=NOW - (10 + n) * SECOND) for n in range(4)]}, []),
    ("the same five times", {"snapshot.recent": [recent(n, symbol=AAPL, quantity=10, limit_price="200.00", outcome="filled", at=NOW - (10 + n) * SECOND) for n in range(5)]}, ["repeated"]),
    ("a minute ago", {"snapshot.recent": [recent(n, symbol=AAPL, quantity=10, limit_price="200.00", outcome="filled", at=NOW - (60 + n) * SECOND) for n in range(5)]}, []),
    ("nine rejects", {"snapshot.recent": [recent(n, outcome="rejected") for n in range(9)]}, []),
    ("ten rejects", {"snapshot.recent": [recent(n, outcome="rejected") for n in range(10)]}, ["rejects"]),
    ("ten rejects, reducing", REDUCING | {"snapshot.recent": [recent(n, outcome="rejected") for n in range(10)]}, []),
    ("ten rejects, one of them older than a fill", {"snapshot.recent": [*(recent(n, outcome="rejected") for n in range(1, 10)), recent(0, outcome="rejected", at=NOW - 9000 * SECOND), recent(11, at=NOW - 8000 * SECOND)]}, []),
    ("our own denials are no rejects and no answer", {"snapshot.recent": [*(recent(n, outcome="rejected", at=NOW - (3600 - n) * SECOND) for n in range(10)), recent(11, outcome="denied", at=NOW - SECOND)]}, ["rejects"]),
    ("sent before, denied", {"snapshot.recent": [recent(1, client_id="sma-cross-000123", outcome="denied")]}, ["duplicate_id"]),
    ("a market order after the same at another price", {P: [], "order.type": "market", "order.limit_price": GONE, "snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="205.00", at=NOW - 5 * SECOND + 1)]}, ["duplicate_content"]),
    ("a market order does not reach further than 3 %", {P: [], "order.type": "market", "order.limit_price": GONE, "snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="206.03")]}, []),
    ("a sell at a collar between two ticks", REDUCING | {f"snapshot.quotes.{MSFT}.bid": "400.99", "order.limit_price": "388.97"}, []),
    ("a sell a tick beyond it", REDUCING | {f"snapshot.quotes.{MSFT}.bid": "400.99", "order.limit_price": "388.96"}, ["collar"]),
    ("a market order after 5 s", {P: [], "order.type": "market", "order.limit_price": GONE, "snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="205.00", at=NOW - 5 * SECOND)]}, []),
    ("a limit order after the same at another price", {"snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="200.01", at=NOW)]}, []),
    ("still working", {"snapshot.working": [working(1, client_id="sma-cross-000123")]}, ["duplicate_id"]),
    ("the same within 5 s", {"snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="200.02", at=NOW - 5 * SECOND + 1)]}, ["duplicate_content"]),
    ("5 s are a duplicate no more", {"snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="200.02", at=NOW - 5 * SECOND)]}, []),
    ("the same of another strategy", {"snapshot.recent": [recent(1, strategy="other", symbol=AAPL, quantity=10, limit_price="200.02", at=NOW)]}, []),
    ("the same price spelled otherwise", {"snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="200.020", at=NOW)]}, ["duplicate_content"]),
    # H
    ("our own sell above", {"snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="200.03")]}, []),
    ("our own sell at the price", {"snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="200.02")]}, ["self_trade"]),
    ("our own sell, filled", {"snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="200.02", filled=1)]}, []),
    ("a market order meets it too", {"order.type": "market", "order.limit_price": GONE, "snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="206.02")]}, ["self_trade"]),
    ("our own buy at the price", REDUCING | {"snapshot.unacknowledged": [working(1, symbol=MSFT, limit_price="401.00")]}, ["self_trade"]),
    ("our own buy below", REDUCING | {"snapshot.unacknowledged": [working(1, symbol=MSFT, limit_price="400.99")]}, []),
    ("a buy that says it reduces", {"order.reduce_only": True}, ["reduce_only_grows"]),
    ("a buy beside what is held", {P: [held(AAPL, 5)]}, []),
    ("a buy of less than is held", {P: [held(AAPL, 15)]}, []),
    ("two of one", REDUCING | {"order.quantity": 2, P: [held(MSFT, 1)]}, ["reduce_only_grows", "flip"]),
    ("no price and a sell of our own", {"order.limit_price": GONE, "snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="200.00")]}, ["limit_price_missing"]),
    ("all of it", REDUCING | {"order.quantity": 20}, []),
    ("one more", REDUCING | {"order.quantity": 21, P: [held(MSFT, 20)]}, ["strategy_exposure", "reduce_only_grows", "flip"]),
    ("what is left of it", REDUCING | {"snapshot.working": [working(1, strategy="sma-cross", symbol=MSFT, side="sell", quantity=15, limit_price="402.00")]}, []),
    ("more than what is left", REDUCING | {"snapshot.working": [working(1, strategy="sma-cross", symbol=MSFT, side="sell", quantity=16, limit_price="402.00")]}, ["reduce_only_grows", "oversold"]),
    # I
    ("a reconcile of the bound", {"snapshot.reconciled_at": NOW - 60 * SECOND}, []),
    ("a reconcile past it", {"snapshot.reconciled_at": NOW - 60 * SECOND - 1}, ["reconcile_stale"]),
    ("a reconcile of this moment", {"snapshot.reconciled_at": NOW, "snapshot.watchdog_at": NOW}, []),
    ("no reconcile", {"snapshot.reconciled_at": GONE}, ["field_missing", "reconcile_missing"]),
    ("a reconcile past it, reducing", REDUCING | {"snapshot.reconciled_at": NOW - 600 * SECOND}, []),
    ("a reconcile of the future", {"snapshot.reconciled_at": NOW + 1}, ["reconcile_missing"]),
    ("a heartbeat of the bound", {"snapshot.watchdog_at": NOW - 60 * SECOND}, []),
    ("a heartbeat past it", {"snapshot.watchdog_at": NOW - 60 * SECOND - 1}, ["watchdog_silent"]),
    ("a heartbeat of the future", {"snapshot.watchdog_at": NOW + 1}, ["watchdog_missing"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "expected"), EDGES, ids=[name for name, _, _ in EDGES])
def test_a_control_holds_at_its_edge(name: str, changes: dict[str, Any], expected: list[str]) -> None:
    assert codes(changed(changes)) == expected


def utc(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[arg-type]


# A Wednesday in daylight saving: New York is four hours behind; 13:30 to 20:00 UTC.
OPEN, CLOSE = utc(2026, 3, 11, 13, 30), utc(2026, 3, 11, 20)
# The day after Thanksgiving, in winter: 14:30 to 18:00 UTC.
EARLY_OPEN, EARLY_CLOSE = utc(2026, 11, 27, 14, 30), utc(2026, 11, 27, 18)


@pytest.mark.parametrize(
    ("now", "opening", "reducing"),
    [
        (OPEN - 1, ["session_closed"], ["session_closed"]),
        (OPEN, ["opening_too_early"], []),
        (OPEN + 60 * SECOND - 1, ["opening_too_early"], []),
        (OPEN + 60 * SECOND, [], []),
        (CLOSE - 300 * SECOND, [], []),
        (CLOSE - 300 * SECOND + 1, ["opening_too_late"], []),
        (CLOSE, ["opening_too_late"], []),
        (CLOSE + 1, ["session_closed"], ["session_closed"]),
        (EARLY_OPEN, ["opening_too_early"], []),
        (EARLY_CLOSE - 300 * SECOND, [], []),
        (EARLY_CLOSE - 300 * SECOND + 1, ["opening_too_late"], []),
        (EARLY_CLOSE + 1, ["session_closed"], ["session_closed"]),
        (utc(2026, 3, 14, 15), ["session_closed"], ["session_closed"]),  # Saturday
        (utc(2026, 4, 3, 15), ["session_closed"], ["session_closed"]),  # Good Friday
        (utc(2026, 7, 3, 15), ["session_closed"], ["session_closed"]),  # Independence Day, observed
        (utc(2060, 3, 11, 15), ["session_closed", "restricted_missing"], ["session_closed", "restricted_missing"]),
    ],
)
def test_orders_keep_to_the_session(now: int, opening: list[str], reducing: list[str]) -> None:
    day = datetime.fromtimestamp(now // SECOND, UTC).date().isoformat()
    assert codes(moved(now, {"snapshot.restricted.as_of": day})) == opening
    assert codes(moved(now, REDUCING | {"snapshot.restricted.as_of": day})) == reducing


@pytest.mark.parametrize(
    ("now", "as_of", "expected"),
    [
        (utc(2026, 3, 9, 15), "2026-03-06", []),  # a Monday, the list of Friday
        (utc(2026, 3, 9, 15), "2026-03-07", []),  # of Saturday
        (utc(2026, 3, 9, 15), "2026-03-05", ["restricted_stale"]),
        (utc(2026, 1, 20, 15), "2026-01-16", []),  # a Tuesday after a holiday
        (utc(2026, 1, 20, 15), "2026-01-15", ["restricted_stale"]),
    ],
)
def test_the_restricted_list_ages_by_sessions(now: int, as_of: str, expected: list[str]) -> None:
    assert codes(moved(now, {"snapshot.restricted.as_of": as_of})) == expected


def test_gross_and_net_exposure_have_bounds_of_their_own() -> None:
    loose: dict[str, Any] = dict.fromkeys(
        ("sector_exposure_bps_max", "symbol_exposure_bps_max", "tvar_bps_max", "stress_loss_bps_max"), 10**6
    )
    # With 2,000.20 of the order: 527 shares at 110.02 stay below 60 %, 891 stay below 100 %.
    for quantity, net, expected in ((527, 6000, []), (528, 6000, ["net_exposure"]), (890, 10**6, [])):
        limits = limits_with(net_exposure_bps_max=net, **loose)
        assert codes(changed({P: [held(XOM, quantity, "other")]}), limits) == expected
    for price, net, expected in (("579.998", 6000, []), ("579.9981", 6000, ["net_exposure"]), ("979.998", 10**6, []), ("979.9981", 10**6, ["gross_exposure"])):  # fmt: skip
        limits = limits_with(net_exposure_bps_max=net, **loose)
        changes = {
            P: [],
            f"{ACCOUNT}.cash": "200000.00",
            "snapshot.working": [working(1, quantity=100, limit_price=price)],
        }
        assert codes(changed(changes), limits) == expected
    limits = limits_with(net_exposure_bps_max=10**6, **loose)
    assert codes(changed({P: [held(XOM, 891, "other")]}), limits) == ["gross_exposure"]


def test_orders_are_held_against_the_limits_given() -> None:
    assert codes(base(), limits_with(order_notional_max="2000.19")) == ["notional"]
    assert codes(base(), limits_with(order_notional_max="2000.20")) == []
    assert codes(base(), limits_with(messages_per_order_max=0)) == ["amplification"]
    assert codes(base(), limits_with(messages_per_order_max=1)) == []
    assert codes(base(), limits_with(venues=["NYSE"])) == ["venue_not_allowed"]
    assert codes(changed({"snapshot.risk.stress": {}}), limits_with(stress_scenarios=[])) == ["risk_missing"]
    assert codes(base(), limits_with(stress_scenarios=["2008-10", "2020-03", "1987-10"])) == ["risk_missing"]


def test_the_first_order_may_use_its_limits_up() -> None:
    names = (
        "symbol_exposure_bps_max",
        "sector_exposure_bps_max",
        "strategy_exposure_bps_max",
        "gross_exposure_bps_max",
    )
    bounds: dict[str, Any] = dict.fromkeys((*names, "net_exposure_bps_max", "turnover_bps_max"), 200)
    bounds |= {"basket_notional_max": "2000.00", "repeated_executions_max": 1, "rejects_in_a_row_max": 0}
    bounds |= {"rate_strategy_burst_max": 1, "rate_all_burst_max": 1, "working_strategy_max": 1, "working_all_max": 1}
    assert codes(changed({P: [], "order.limit_price": "200.00"}), limits_with(**bounds)) == []


def test_a_fifth_of_the_messages_is_kept_for_what_reduces() -> None:
    wide = limits_with(rate_all_burst_max=10**6)
    sent = {n: {"snapshot.recent": [recent(m, strategy="other", at=NOW) for m in range(n)]} for n in (79, 80, 99, 100)}
    assert codes(changed(sent[79]), wide) == []
    assert codes(changed(sent[80]), wide) == ["message_reserve"]
    assert codes(changed(REDUCING | sent[99]), wide) == []
    assert codes(changed(REDUCING | sent[100]), wide) == ["message_reserve"]


def test_what_only_a_caller_of_the_pure_function_can_bring_about_denies_too() -> None:
    limits = limits_module.defaults()
    order, _ = documents_module.read_order(base()["order"])
    assert order is not None

    def asked(**changes: Any) -> list[str]:
        snapshot, now = documents_module.read_snapshot(base()["snapshot"], limits)
        assert now is not None and snapshot.strategies is not None
        if "budget" in changes:
            mine = snapshot.strategies["sma-cross"]
            snapshot.strategies["sma-cross"] = replace(mine, budget=changes.pop("budget"))
        for name, value in changes.items():
            setattr(snapshot, name, value)
        return [failure.code.value for failure in firewall.check(order, snapshot, limits, now).failures]

    assert asked() == []
    assert asked(budget=0) == ["strategy_drawdown"]
    assert asked(day_start_equity=0) == asked(day_start_equity=-1) == ["equity_unknown"]
    assert asked(peak_equity_today=0)[0] == "equity_unknown"
    assert asked(equity=0)[-1] == "equity_unknown"
    assert asked(endpoint=None) == ["endpoint_not_allowed"]
    assert asked(account_id=None) == ["account_not_allowed"]
    assert asked(state="armed") == ["halted"]


def test_every_code_is_shown_by_a_case() -> None:
    shown = {code for _, _, expected in EDGES for code in expected}
    # Documents that cannot be read, and what only a caller of the pure function can bring about: test_documents.
    elsewhere = {code for code in Code if ORDER_CODES.index(code) <= ORDER_CODES.index(Code.FIELD_INVALID)}
    elsewhere |= {Code.LIMITS_UNKNOWN, Code.UNPROVED, Code.RESTRICTED_MISSING, Code.RECONCILE_MISSING}
    elsewhere |= {Code.SESSION_CLOSED, Code.OPENING_TOO_EARLY, Code.OPENING_TOO_LATE, Code.GROSS_EXPOSURE}
    elsewhere |= {
        Code.NOT_DURABLE,
        Code.ROLE_NOT_ALLOWED,
        Code.AMPLIFICATION,
        Code.VENUE_NOT_ALLOWED,
        Code.NET_EXPOSURE,
    }
    assert set(Code) - shown - elsewhere == set()


ORDER_CODES = list(Code)


def test_documents_are_left_as_they_were() -> None:
    documents: Documents = base()
    codes(documents)
    assert documents == base()
