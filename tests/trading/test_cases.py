"""The contract's cases: one change each to documents that are allowed, and what the gate must answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.trading.documents import DATA, GONE, base, changed, codes

CASES = json.loads((DATA / "cases.json").read_text())


def test_the_contracts_order_is_allowed_on_its_snapshot() -> None:
    assert codes(base()) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case_of_the_contract_is_answered_as_it_says(case: dict[str, Any]) -> None:
    documents = changed(case["set"] | dict.fromkeys(case["delete"], GONE))
    assert ("deny" if codes(documents) else "allow") == case["expect"]
