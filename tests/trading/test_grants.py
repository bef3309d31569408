"""A grant as a function: which failures of which order it covers, until when, and whose signature counts."""

from __future__ import annotations

from typing import Any

from trading.gate import grants, names
from trading.gate.codes import Code, Control, Failure
from trading.model import SECOND

KEY, NOW = b"a key of this test", 10**18
DAY = 86_400 * SECOND
NOTIONAL, SPREAD, HALTED = Failure(Code.NOTIONAL), Failure(Code.SPREAD), Failure(Code.HALTED)
GRANT: dict[str, Any] = {
    "strategy": "alpha", "client_id": "a-1", "codes": ["notional", "spread", "halted"], "nonce": "n-1", "by": "someone",
    "reason": "a block that was agreed", "expires": NOW + 60 * SECOND,
}  # fmt: skip
GONE = object()


def covers(failures: tuple[Failure, ...] = (NOTIONAL,), name: str = "alpha/a-1", **changes: Any) -> bool:
    made = {key: value for key, value in (GRANT | changes).items() if value is not GONE}
    made["signature"] = grants.signature(KEY, made)
    found = grants.overridden(made, KEY, name, NOW, failures)
    assert found in (None, "n-1")
    return found is not None


def test_a_grant_covers_all_failures_of_the_order_it_names_or_none() -> None:
    assert covers() and covers((NOTIONAL, SPREAD))
    assert not covers((NOTIONAL, HALTED)), "what protects the gate itself is nobody's to grant"
    assert not covers((NOTIONAL, Failure(Code.COLLAR))), "nor what it does not name"
    assert not covers(()), "an order without failures needs none"
    for name in ("beta/a-1", "alpha/a-2", "a-1"):
        assert not covers(name=name)


def test_a_grant_has_an_end_within_a_day() -> None:
    assert [covers(expires=NOW + span) for span in (-1, 0, DAY, DAY + 1)] == [False, True, True, False]


def test_a_grant_is_whole_or_none() -> None:
    for name in GRANT:
        assert not covers(**{name: GONE}), name
        assert not covers(**{name: None}), name
    assert not covers(more=1)
    assert not covers(codes="notional") and not covers(codes=[]) and not covers(by="") and not covers(by="1")
    assert covers(reason="r" * 400) and not covers(reason="r" * 401)


def test_a_signature_is_over_all_of_it_and_by_the_desks_key() -> None:
    signed = GRANT | {"signature": grants.signature(KEY, GRANT)}
    assert grants.is_signed(KEY, signed)
    # Keys in order, no spaces, without itself: others may make one, and these are the bytes.
    assert grants.signature(b"k", {"b": 1, "a": "é", "signature": "x"}) == (
        "05f0f00f4cc876d2c4f64eee85ddbebfc7e1738da71fe98ed11ea543763fc8e2"
    )
    for changes in ({"expires": GRANT["expires"] + 1}, {"signature": signed["signature"][:-1]}, {"signature": None}):
        assert not grants.is_signed(KEY, signed | changes)
        assert grants.overridden(signed | changes, KEY, "alpha/a-1", NOW, (NOTIONAL,)) is None
    assert not grants.is_signed(b"another key", signed)
    assert not grants.is_signed(b"", GRANT | {"signature": grants.signature(b"", GRANT)}), "no key signs nothing"
    for strange in ([], "grant", 7, None):
        assert grants.overridden(strange, KEY, "alpha/a-1", NOW, (NOTIONAL,)) is None


def test_what_can_be_granted_is_market_data_size_and_exposure() -> None:
    wanted = {Control.MARKET, Control.SIZE, Control.EXPOSURE}
    assert set(grants.overridable()) == {code for code in Code if code.control in wanted}


def test_a_name_is_a_strategys_and_its_ids() -> None:
    assert (names.full("desk/alpha", "a-1"), names.closing(7, "alpha", "A.NYSE")) == (
        "desk/alpha/a-1",
        "/close-7/alpha/A.NYSE",
    )
    assert [names.split(name) for name in ("desk/alpha/a-1", "a-1")] == [("desk/alpha", "a-1"), ("", "a-1")]


KNOWN = [each for name, each in list(globals().items()) if name.startswith("test_")]
"""What mutants are tried on."""
