"""The suite that mutants are tried on: every answer the tests of the controls expect, in one function without pytest.

Documents are read once; what is repeated for each mutant is the check itself.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

from tests.trading import test_controls, test_documents, test_grants, test_latch, test_probes, test_tail
from tests.trading.documents import GONE, changed, codes, limits_with, slim
from tests.trading.test_cases import CASES
from trading.gate import ask as ask_module
from trading.gate import firewall
from trading.gate.controls import around, conduct, exposure, integrity, loss, market, rate, sanity, size
from trading.gate.limits import Limits, defaults

GROUPS = (integrity, sanity, market, size, exposure, loss, rate, conduct, around)


def _tables() -> list[tuple[dict[str, Any], list[str] | str]]:
    found: list[tuple[dict[str, Any], list[str] | str]] = [({}, [])]
    found += [(changes, expected) for _, changes, expected in test_controls.EDGES]
    found += [(case["set"] | dict.fromkeys(case["delete"], GONE), case["expect"]) for case in CASES]
    return found


SHORT = limits_with(returns_min=5)


def _encoded() -> list[tuple[bytes, bytes, Limits, list[str] | str]]:
    found = []
    for changes, expected in _tables():
        documents, limits = changed(changes), defaults()
        if not any("daily_returns" in path for path in changes):
            # The history is cut short where nothing depends on it: it is most of what has to be read.
            documents, limits = slim(documents), SHORT
        order, snapshot = (json.dumps(documents[name]).encode() for name in ("order", "snapshot"))
        found.append((order, snapshot, limits, expected))
    return found


TABLES = _encoded()


def holds() -> bool:
    """Return whether every expectation is met; raises or returns False at the first that is not."""
    for order, snapshot, limits, expected in TABLES:
        found = [reason["code"] for reason in ask_module.ask(order, snapshot, limits)["reasons"]]
        if (found != expected) if isinstance(expected, list) else (("deny" if found else "allow") != expected):
            return False
    for _, changes, code in test_probes.PROBES:
        if code not in codes(changed(changes)):
            return False
    for function in _FUNCTIONS:
        function()
    return True


def _sessions() -> None:
    for mark in test_controls.test_orders_keep_to_the_session.pytestmark:  # type: ignore[attr-defined]
        for values in mark.args[1]:
            test_controls.test_orders_keep_to_the_session(*values)
    for mark in test_controls.test_the_restricted_list_ages_by_sessions.pytestmark:  # type: ignore[attr-defined]
        for values in mark.args[1]:
            test_controls.test_the_restricted_list_ages_by_sessions(*values)


def _unproved() -> None:
    prove = rate.prove
    rate.prove = lambda case: prove(case) - 1
    try:
        assert codes(changed({})) == ["unproved"]
    finally:
        rate.prove = prove


_FUNCTIONS = [
    _sessions,
    test_controls.test_gross_and_net_exposure_have_bounds_of_their_own,
    test_controls.test_orders_are_held_against_the_limits_given,
    test_controls.test_the_first_order_may_use_its_limits_up,
    test_controls.test_a_fifth_of_the_messages_is_kept_for_what_reduces,
    test_controls.test_what_only_a_caller_of_the_pure_function_can_bring_about_denies_too,
    _unproved,
    test_documents.test_a_snapshot_prepared_for_other_limits_denies,
    test_documents.test_an_answer_tells_value_limit_and_what_to_do,
    test_documents.test_one_day_has_no_spread_whatever_the_limits_ask_for,
    test_documents.test_a_market_order_is_sent_within_the_collar_and_never_further_than_three_percent,
    *test_tail.KNOWN,
    *test_latch.KNOWN,
    *test_grants.KNOWN,
]


def rewire(module: ModuleType, before: dict[str, Any]) -> None:
    """Have everybody who imported names of a module use the ones it has now instead of those it had before."""
    for other in list(sys.modules.values()):
        name = getattr(other, "__name__", "")
        if other is module or not name.startswith(("trading.gate", "tests.trading")):
            continue
        for key, value in list(vars(other).items()):
            # CHECKS is each group's own, and equal numbers are one object.
            if (
                not key.startswith("__")
                and key != "CHECKS"
                and key in vars(module)
                and value is before.get(key, _NOTHING)
            ):
                setattr(other, key, getattr(module, key))
    firewall.CHECKS = sum(group.CHECKS for group in GROUPS)


_NOTHING = object()
