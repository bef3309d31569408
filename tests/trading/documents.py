"""The contract's order and snapshot, changed one thing at a time, and what the firewall says to them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from trading.gate import limits as limits_module
from trading.gate.ask import ask
from trading.gate.limits import Limits

DATA = Path(__file__).parent / "data"
_BASE = {name: json.loads((DATA / f"{name}.json").read_text()) for name in ("order", "snapshot")}
AAPL, MSFT, XOM = "AAPL.NASDAQ", "MSFT.NASDAQ", "XOM.NYSE"
SECOND = 1_000_000_000
NOW: int = _BASE["snapshot"]["now"]
GONE = object()
"""As a value: take the field out."""

Documents = dict[str, Any]


def base() -> Documents:
    """Return the order and the snapshot that are allowed."""
    return copy.deepcopy(_BASE)


def slim(documents: Documents) -> Documents:
    """Return documents with a history of five days: what is tried by the thousand need not be read by the thousand."""
    risk = documents["snapshot"].get("risk")
    if risk is not None:
        for symbol, returns in risk["daily_returns"].items():
            risk["daily_returns"][symbol] = returns[:5]
    return documents


def keys(path: str) -> list[str | int]:
    """Return the keys of a path: a symbol is one key, a number a place in a list."""
    found: list[str | int] = []
    for part in path.split("."):
        if found and part in ("NASDAQ", "NYSE") and isinstance(found[-1], str):
            found[-1] = f"{found[-1]}.{part}"
        else:
            found.append(int(part) if part.isdigit() else part)
    return found


def put(documents: Documents, path: str, value: Any) -> None:
    """Set what a path leads to, or take it out."""
    *way, last = keys(path)
    place: Any = documents
    for key in way:
        place = place[key]
    if value is GONE:
        del place[last]
    else:
        place[last] = value


def changed(changes: dict[str, Any]) -> Documents:
    """Return the base with some paths set."""
    documents = base()
    for path, value in changes.items():
        put(documents, path, value)
    return documents


def say(documents: Documents, limits: Limits | None = None) -> dict[str, Any]:
    """Return the firewall's answer to documents."""
    order, snapshot = (json.dumps(documents[name]).encode() for name in ("order", "snapshot"))
    return ask(order, snapshot, limits or limits_module.defaults())


def codes(documents: Documents, limits: Limits | None = None) -> list[str]:
    """Return why documents are denied; nothing if they are allowed."""
    answer = say(documents, limits)
    found = [reason["code"] for reason in answer["reasons"]]
    assert (answer["verdict"] == "allow") is (found == []) and answer["reason"] == (found[0] if found else None)
    return found


def limits_with(**values: Any) -> Limits:
    """Return the default limits with some of them changed."""
    document = limits_module.document(limits_module.defaults()) | values
    limits, failures = limits_module.read(json.dumps(document).encode())
    assert limits is not None, failures
    return limits


def moved(now: int, changes: dict[str, Any] | None = None) -> Documents:
    """Return the base as it would be at another moment: every age stays what it was."""
    documents = base()
    shift = now - NOW
    snapshot = documents["snapshot"]
    snapshot["now"] = now
    documents["order"]["decided_at"] += shift
    for quote in snapshot["quotes"].values():
        quote["at"] += shift
    for name in ("reconciled_at", "watchdog_at"):
        snapshot[name] += shift
    for path, value in (changes or {}).items():
        put(documents, path, value)
    return documents
