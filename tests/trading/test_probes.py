"""Eleven orders that NautilusTrader's risk engine lets through and a firewall must refuse, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trading.documents import AAPL, GONE, MSFT, NOW, SECOND, changed, codes
from tests.trading.test_controls import REDUCING, held, recent, working

YEAR = 31_556_952 * SECOND
FIVE = [recent(n, symbol=AAPL, quantity=10, limit_price="200.02", at=NOW - n * SECOND // 2) for n in range(4)]
CLOSING = [
    working(
        n, strategy="sma-cross", symbol=MSFT, side="sell", quantity=20, limit_price="401.00", sent_at=NOW - 9 * SECOND
    )
    for n in range(1)
]

PROBES: list[tuple[str, dict[str, Any], str]] = [
    (
        "a market order over the cap with no price known",
        {"order.type": "market", "order.limit_price": GONE, "order.quantity": 900, f"snapshot.quotes.{AAPL}": GONE},
        "quote_missing",
    ),
    ("a limit at ten times the ask", {"order.limit_price": "2000.20", "order.quantity": 1}, "collar"),
    ("a quote of 31 years ago", {f"snapshot.quotes.{AAPL}.at": NOW - 31 * YEAR}, "quote_stale"),
    (
        "an opening while reducing and flat",
        {"snapshot.state": "REDUCING", "snapshot.positions": []},
        "reducing_opening",
    ),
    (
        "a flip while reducing",
        REDUCING | {"snapshot.state": "REDUCING", "order.quantity": 30, "order.reduce_only": False},
        "flip",
    ),
    ("the same closing order three times", REDUCING | {"order.quantity": 20, "snapshot.working": CLOSING}, "oversold"),
    ("five identical orders", {"snapshot.recent": FIVE}, "duplicate_content"),
    (
        "an order that meets our own",
        {"snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="200.00")]},
        "self_trade",
    ),
    ("a reduce-only order while flat", REDUCING | {"snapshot.positions": []}, "reduce_only_grows"),
    ("anything while halted", {"snapshot.state": "HALTED"}, "halted"),
    (
        "more than the account can pay, margin or not",
        {"snapshot.account.cash": "1000.00", "snapshot.positions": [held(MSFT, 20)]},
        "buying_power",
    ),
]


@pytest.mark.parametrize(("name", "changes", "code"), PROBES, ids=[name for name, _, _ in PROBES])
def test_a_probe_that_others_let_through_is_denied(name: str, changes: dict[str, Any], code: str) -> None:
    assert code in codes(changed(changes))


def test_each_probe_has_a_reason_of_its_own() -> None:
    assert len({code for _, _, code in PROBES}) == len(PROBES) == 11
