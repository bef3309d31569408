"""Whatever the documents hold, the answer is a verdict; and nothing that is broken, missing or absurd turns a denial
into an allowance."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.documents import (
    AAPL,
    DATA,
    GONE,
    MSFT,
    NOW,
    SECOND,
    Documents,
    base,
    changed,
    codes,
    limits_with,
    say,
    slim,
)
from tests.trading.test_controls import EDGES, recent, working
from tests.trading.test_controls import REDUCING as SELL
from trading.gate import documents as documents_module
from trading.gate import firewall
from trading.gate import limits as limits_module
from trading.gate.ask import ask, ask_line
from trading.gate.controls import rate
from trading.gate.strict import Unreadable, parse
from trading.model import money

LIMITS = limits_module.defaults()
SHORT = limits_with(returns_min=5)
"""For slim documents."""
ABSURD: list[Any] = [
    None,
    float("nan"),
    float("inf"),
    -1,
    "-1",
    -1.5,
    0.1,
    10**18,
    10**400,
    1e308,
    "9" * 30,
    "999999999999.99",
    "NaN",
    "",
    " ",
    "1e9",
    True,
    [],
    {},
    [[]],
    "\x00",
    "💸",
]


def paths(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a document, but not into the long lists of returns."""
    if way:
        yield way
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*way, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value[:2]):
            yield from paths(inner, (*way, n))


def at(documents: Documents, way: tuple[Any, ...]) -> Any:
    place: Any = documents
    for key in way:
        place = place[key]
    return place


FULL = slim(
    changed(
        {
            "snapshot.working": [
                {
                    "client_id": "w-1",
                    "strategy": "sma-cross",
                    "symbol": MSFT,
                    "side": "sell",
                    "type": "limit",
                    "tif": "day",
                    "quantity": 3,
                    "filled": 1,
                    "limit_price": "405.00",
                    "sent_at": NOW - 90 * SECOND,
                }
            ],
            "snapshot.recent": [
                {
                    "client_id": "r-1",
                    "strategy": "sma-cross",
                    "symbol": AAPL,
                    "side": "buy",
                    "quantity": 7,
                    "limit_price": "200.00",
                    "at": NOW - 60 * SECOND,
                    "outcome": "filled",
                }
            ],
        }
    )
)
"""The base with something in every list."""
WAYS = [way for way in paths(FULL) if way not in (("order",), ("snapshot",))]
FIELDS = [way for way in WAYS if isinstance(way[-1], str)]


def test_the_full_documents_are_allowed() -> None:
    assert codes(FULL, SHORT) == []


def is_needed(way: tuple[Any, ...]) -> bool:
    """Return whether taking this out must deny: all but what is about symbols that no one holds or wants."""
    return "XOM.NYSE" not in way


@pytest.mark.parametrize("way", FIELDS, ids=lambda way: ".".join(map(str, way)))
def test_a_field_that_is_taken_out_null_or_renamed_denies(way: tuple[Any, ...]) -> None:
    for change in ("gone", "null", "renamed"):
        documents = copy.deepcopy(FULL)
        parent = at(documents, way[:-1])
        value = parent.pop(way[-1])
        if change == "null":
            parent[way[-1]] = None
        elif change == "renamed":
            parent[f"{way[-1]}_"] = value
        found = codes(documents, SHORT)
        assert found or (change == "gone" and not is_needed(way)), change


@pytest.mark.parametrize("way", FIELDS, ids=lambda way: ".".join(map(str, way)))
def test_a_field_that_is_given_twice_denies(way: tuple[Any, ...]) -> None:
    documents = copy.deepcopy(FULL)
    parent = at(documents, way[:-1])
    value = parent.pop(way[-1])
    parent["TWICE"] = value
    again = json.dumps({way[-1]: value})[1:-1]
    text = json.dumps(documents).replace('"TWICE": ', f"{again}, {json.dumps(way[-1])}: ", 1)
    whole = ask_line(text.encode(), SHORT)
    assert whole["verdict"] == "deny" and "field_duplicate" in [reason["code"] for reason in whole["reasons"]]


def is_legal(way: tuple[Any, ...], value: Any) -> bool:
    """Return whether an absurd value is an ordinary one in this place."""
    last = way[-1]
    return (
        (last == "pnl_today" and value == "-1")
        or ("daily_returns" in way and isinstance(last, int) and value in (-1, 0.1))
        or ("stress" in way and value in (-1, 0.1) and last not in ("2008-10", "2020-03", "stress"))
        or (value == [] and last in ("working", "unacknowledged", "recent", "positions", "symbols", "XOM.NYSE"))
        or (value is True and last in ("tradable", "shortable", "enabled"))
        or (last == "client_id" and value in ("9" * 30, "1e9", "999999999999.99"))
        # A quote of years ago of what nobody holds or wants.
        or (way[1:] == ("quotes", "XOM.NYSE", "at") and value == 10**18)
    )


def try_absurd(*, some: bool) -> None:
    for n, way in enumerate(WAYS):
        for value in ABSURD[n % 5 :: 5] if some else ABSURD:
            documents = copy.deepcopy(FULL)
            at(documents, way[:-1])[way[-1]] = value
            if not is_legal(way, value):
                assert codes(documents, SHORT), (way, value)


def test_an_absurd_value_denies() -> None:
    try_absurd(some=True)


@pytest.mark.slow
def test_any_absurd_value_denies_anywhere() -> None:
    try_absurd(some=False)


DENIALS = [(name, changes) for name, changes, expected in EDGES if expected and "days" not in name]


@pytest.mark.parametrize(
    "changes",
    [
        {"order.limit_price": "NaN"},
        {"order.limit_price": "200.005"},
        {"order.quantity": 51},
        {f"snapshot.quotes.{AAPL}.at": NOW - 6 * SECOND},
        {"snapshot.state": "HALTED"},
        {f"snapshot.quotes.{MSFT}.ask": "0.01"},
        {"snapshot.restricted.symbols": [AAPL]},
    ],
    ids=str,
)
def test_of_a_market_order_the_limit_alone_can_be_left_out_of_what_was_denied_for_it(changes: dict[str, Any]) -> None:
    documents = slim(changed({"order.type": "market"} | changes))
    assert codes(documents, SHORT)
    flipped = []
    for way in paths(documents):
        if len(way) < 2 or not isinstance(way[-1], str) or "XOM.NYSE" in way:
            continue
        broken = copy.deepcopy(documents)
        del at(broken, way[:-1])[way[-1]]
        if not codes(broken, SHORT):
            flipped.append(way)
    assert flipped == ([("order", "limit_price")] if "order.limit_price" in changes else [])
    assert codes(slim(changed({"order.type": "market", "order.limit_price": GONE})), SHORT) == []


def try_broken(changes: dict[str, Any], step: int) -> None:
    documents = slim(changed(changes))
    trials = 0
    for way in paths(documents):
        if (
            len(way) < 2
            or "XOM.NYSE" in way
            or (way == ("order", "limit_price") and documents["order"]["type"] == "market")
        ):
            continue
        # pnl_today may well be a small loss instead of a large one: that is another day, not a broken field. And
        # another id is another order.
        if way[-1] in ("pnl_today", "client_id"):
            continue
        for value in (GONE, None, float("nan"), -1, "-1", 10**18, "999999999999.99", "NaN"):
            trials += 1
            is_entry = isinstance(way[-1], int) or way[:-1] == ("snapshot", "strategies")
            if trials % step or (value is GONE and is_entry):
                continue  # an entry of a list, or a strategy, is a fact of its own, not a field
            broken = copy.deepcopy(documents)
            parent = at(broken, way[:-1])
            if value is GONE:
                del parent[way[-1]]
            else:
                parent[way[-1]] = value
            assert codes(broken, SHORT), (way, value)


@pytest.mark.parametrize(("name", "changes"), DENIALS[::3], ids=[name for name, _ in DENIALS[::3]])
def test_no_broken_field_turns_a_denial_into_an_allowance(name: str, changes: dict[str, Any]) -> None:
    try_broken(changes, step=11)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "changes"), DENIALS, ids=[name for name, _ in DENIALS])
def test_no_broken_field_anywhere_turns_a_denial_into_an_allowance(name: str, changes: dict[str, Any]) -> None:
    try_broken(changes, step=1)


TIGHTER = {"lower": lambda v: (0, v // 2, v - 1), "higher": lambda v: (v + 1, v * 2, v * 1000)}


def tightenings() -> Iterator[tuple[str, Any]]:
    document = limits_module.document(LIMITS)
    for rule in limits_module.rules():
        value = getattr(LIMITS, rule.name)
        if rule.name == "tvar_confidence_bps_min":
            yield from ((rule.name, to) for to in (9800, 9999))
        elif rule.kind == "words":
            yield rule.name, [] if rule.tighter == "fewer" else [*document[rule.name], "2022-06"]
        else:
            for to in TIGHTER[rule.tighter](value):
                yield rule.name, limits_module.decimal(min(to, 10**18)) if rule.kind == "money" else min(to, 10**9)


TIGHTENED = [(name, value, limits_with(**{name: value})) for name, value in tightenings()]


def try_tightened(changes: dict[str, Any]) -> None:
    documents = slim(changed(changes))
    assert codes(documents, SHORT)
    for limit, value, limits in TIGHTENED:
        assert codes(documents, limits), (limit, value)


MARKET = {"order.type": "market", "order.limit_price": GONE, "snapshot.positions": []}
MARKETS = [
    MARKET | {"order.quantity": 49},
    MARKET | {"snapshot.account.cash": "2060.00"},
    MARKET | {"snapshot.working": [working(1, symbol=AAPL, side="sell", limit_price="206.00")]},
    MARKET | {"snapshot.recent": [recent(1, symbol=AAPL, quantity=10, limit_price="206.02", at=NOW)]},
    MARKET | {"snapshot.recent": [recent(1, symbol=AAPL, limit_price="196.00", at=NOW - 9 * SECOND)]},
]
"""Each is denied for the price it may be sent at, which a tighter collar would lower."""
TIGHTENABLE = [*(changes for _, changes in DENIALS[1::20]), *MARKETS]


@pytest.mark.parametrize("changes", TIGHTENABLE)
def test_no_tighter_limit_turns_a_denial_into_an_allowance(changes: dict[str, Any]) -> None:
    try_tightened(changes)


def test_one_day_has_no_spread_whatever_the_limits_ask_for() -> None:
    for days, expected in ((1, ["risk_missing"]), (2, [])):
        changes = {"snapshot.positions": [], f"snapshot.risk.daily_returns.{AAPL}": [0.01, -0.01][:days]}
        for least in (0, 1, 2):
            assert codes(changed(changes), limits_with(returns_min=least)) == expected


def test_a_market_order_is_sent_within_the_collar_and_never_further_than_three_percent() -> None:
    for side, bps, price in (
        ("buy", 100, "202.02"), ("buy", 300, "206.02"), ("buy", 1000, "206.02"),
        ("sell", 100, "396.99"), ("sell", 300, "388.97"), ("sell", 20_000, "388.97"),
    ):  # fmt: skip
        changes = MARKET if side == "buy" else SELL | {"order.type": "market", "order.limit_price": GONE}
        documents, limits = changed(changes), limits_with(returns_min=5, collar_bps_max=bps)
        order, _ = documents_module.read_order(documents["order"])
        snapshot, now = documents_module.read_snapshot(documents["snapshot"], limits)
        assert order is not None and now is not None
        verdict = firewall.check(order, snapshot, limits, now)
        assert (verdict.is_allowed, verdict.price) == (True, money(price)), (side, bps)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "changes"), DENIALS, ids=[name for name, _ in DENIALS])
def test_no_tighter_limit_turns_any_denial_into_an_allowance(name: str, changes: dict[str, Any]) -> None:
    try_tightened(changes)


ALLOWED = [slim(changed(changes)) for name, changes, expected in EDGES if not expected and "days" not in name]


def test_every_limit_when_tightened_far_enough_denies_something() -> None:
    allowed = [documents for documents in ALLOWED if codes(documents, SHORT) == []]
    shown = set()
    for rule in limits_module.rules():
        values = [value for name, value in tightenings() if name == rule.name]
        # The tightest first: it denies most.
        tightest = values[0] if rule.tighter == "lower" else values[-1]
        limits = limits_with(**({"returns_min": 5} | {rule.name: tightest}))
        if any(codes(documents, limits) for documents in allowed):
            shown.add(rule.name)
    # What holds between a kill and the next arming, and for the server's own rhythm, is no question to the firewall.
    elsewhere = {"kill_cooldown_s_min", "reconcile_every_s_max"}
    # These bind only where a neighbour binds first on the contract's documents.
    behind = {"messages_per_s_max", "tvar_confidence_bps_min", "drawdown_killed_bps_max", "closing_margin_s_min"}
    behind |= {"opening_delay_s_min"}
    assert {rule.name for rule in limits_module.rules()} - shown - elsewhere - behind == set()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{",
        b"\xff\xfe",
        b'{"a":1',
        b"[" * 100_000,
        b'"' + b"9" * 5000,
        b"9" * 5000,
        b"{}",
        b"\x00",
    ],
)
def test_what_is_no_document_is_denied_in_group_a(text: bytes) -> None:
    order, snapshot = ((DATA / f"{name}.json").read_bytes() for name in ("order", "snapshot"))
    for answer in (ask(text, snapshot, LIMITS), ask(order, text, LIMITS), ask_line(text, LIMITS)):
        assert answer["verdict"] == "deny" and answer["reasons"][0]["control"] == "A"
    limits, faults = limits_module.read(text)
    answer = ask(order, snapshot, limits, faults)
    assert (limits, answer["verdict"], answer["limitsDigest"]) == (None, "deny", None)
    assert {reason["control"] for reason in answer["reasons"]} == {"A"}


def test_an_order_may_have_4096_bytes() -> None:
    order, snapshot = ((DATA / f"{name}.json").read_bytes() for name in ("order", "snapshot"))
    padded = order.rstrip() + b" " * (4096 - len(order.rstrip()))
    assert ask(padded, snapshot, LIMITS)["verdict"] == "allow"
    assert ask(padded + b" ", snapshot, LIMITS)["reason"] == "order_too_large"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["AAPL.NASDAQ", "buy", "200.02"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_no_document_raises_and_none_of_rubbish_is_allowed(data: st.DataObject) -> None:
    documents = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 4))):
        way = data.draw(st.sampled_from(WAYS))
        try:
            at(documents, way[:-1])[way[-1]] = data.draw(json_values)
        except (KeyError, IndexError, TypeError):
            continue
    text = json.dumps(documents).encode()
    answer = ask_line(text, SHORT)
    assert answer == ask_line(text, SHORT)
    json.dumps(answer)


@given(st.binary(max_size=200))
def test_no_bytes_raise(text: bytes) -> None:
    assert ask_line(text, LIMITS)["verdict"] == "deny"
    try:
        parse(text)
    except Unreadable:
        pass


def test_limits_must_be_complete_and_known() -> None:
    document = limits_module.document(LIMITS)
    for name in document:
        for value in (GONE, None, -1, float("nan"), "x", True, [1], 10**30):
            broken = dict(document)
            if value is GONE:
                del broken[name]
            else:
                broken[name] = value
            limits, faults = limits_module.read(json.dumps(broken).encode())
            assert limits is None and [fault.value for fault in faults] == [name]
    assert [f.code for f in limits_module.read(json.dumps(document | {"force": 1}).encode())[1]] == ["limit_unknown"]


def test_the_digest_is_of_the_values_not_of_their_spelling() -> None:
    document = limits_module.document(LIMITS)
    spelled = dict(reversed(document.items())) | {"order_notional_max": "10000"}
    again, _ = limits_module.read(json.dumps(spelled, indent=3).encode())
    assert again == LIMITS
    assert limits_with(order_notional_max="9999.99").digest != LIMITS.digest


def test_loosening_is_told_from_tightening_for_every_limit() -> None:
    for name, _, limits in TIGHTENED:
        if limits != LIMITS:
            assert limits_module.loosened(limits, LIMITS) == ()
            assert limits_module.loosened(LIMITS, limits) == (name,)
            assert limits_module.tightest(LIMITS, limits) == limits == limits_module.tightest(limits, LIMITS)


def test_a_snapshot_prepared_for_other_limits_denies() -> None:
    order, _ = documents_module.read_order(base()["order"])
    snapshot, now = documents_module.read_snapshot(base()["snapshot"], LIMITS)
    assert order is not None and now is not None
    verdict = firewall.check(order, snapshot, limits_with(order_quantity_max=999), now)
    assert [failure.code for failure in verdict.failures] == ["limits_unknown"]


def test_a_check_that_nobody_made_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    prove = rate.prove
    monkeypatch.setattr(rate, "prove", lambda case: prove(case) - 1)
    assert codes(base()) == ["unproved"]


def test_a_check_changes_nothing() -> None:
    order, _ = documents_module.read_order(base()["order"])
    snapshot, now = documents_module.read_snapshot(FULL["snapshot"], SHORT)
    assert order is not None and now is not None
    verdicts = {firewall.check(order, snapshot, SHORT, now) for _ in range(3)}
    assert len(verdicts) == 1


def test_an_answer_tells_value_limit_and_what_to_do() -> None:
    answer = say(changed({"order.quantity": 51}))
    assert answer["reasons"][0] == {
        "code": "notional",
        "control": "D",
        "value": "10201.02",
        "limit": "10000.00",
        "message": "the notional at the worst price is 10201.02, allowed are 10000.00",
    }
    assert answer["limitsDigest"] == LIMITS.digest
