"""Answers what the firewall would say to an order document and a snapshot document: `trading gate check`.

For people, scripts and fuzzers. Whatever the documents hold, the answer is a verdict; nothing is raised for their sake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trading.gate import documents, firewall
from trading.gate.codes import Code, Failure
from trading.gate.limits import Limits
from trading.gate.strict import Unreadable, parse

ORDER_BYTES_MAX = 4096


def ask(order: bytes, snapshot: bytes, limits: Limits | None, faults: tuple[Failure, ...] = ()) -> dict[str, Any]:
    """Return the answer document. `faults` are what was wrong with the limits, where there are none."""
    failures = list(faults)
    order_document, order_duplicates = _parsed(order, Code.ORDER_UNREADABLE, failures)
    if len(order) > ORDER_BYTES_MAX:
        failures.append(Failure(Code.ORDER_TOO_LARGE, len(order), ORDER_BYTES_MAX))
    snapshot_document, snapshot_duplicates = _parsed(snapshot, Code.SNAPSHOT_UNREADABLE, failures)
    failures += [Failure(Code.FIELD_DUPLICATE, f"order.{key}") for key in order_duplicates]
    return _answer(order_document, snapshot_document, limits, failures, snapshot_duplicates)


def ask_line(line: bytes, limits: Limits | None, faults: tuple[Failure, ...] = ()) -> dict[str, Any]:
    """Return the answer to one line `{"order": …, "snapshot": …}` of a batch."""
    failures = list(faults)
    document, duplicates = _parsed(line, Code.ORDER_UNREADABLE, failures)
    failures += [Failure(Code.FIELD_DUPLICATE, key) for key in duplicates]
    if document is _UNREADABLE:
        return _denied(failures, limits)
    if not isinstance(document, dict) or document.keys() != {"order", "snapshot"}:
        failures.append(Failure(Code.ORDER_UNREADABLE, 'a line is {"order": {…}, "snapshot": {…}} and nothing else'))
        return _denied(failures, limits)
    order = document["order"]
    # As its sender would have written it at the shortest.
    try:
        size = len(json.dumps(order, separators=(",", ":"), ensure_ascii=False, default=str).encode("utf-8", "replace"))
    except RecursionError:
        failures.append(Failure(Code.ORDER_UNREADABLE, "too deep"))
        return _denied(failures, limits)
    if size > ORDER_BYTES_MAX:
        failures.append(Failure(Code.ORDER_TOO_LARGE, size, ORDER_BYTES_MAX))
    return _answer(order, document["snapshot"], limits, failures, [])


_UNREADABLE = object()


def _parsed(text: bytes, code: Code, failures: list[Failure]) -> tuple[Any, list[str]]:
    try:
        return parse(text)
    except Unreadable as error:
        failures.append(Failure(code, str(error)))
        return _UNREADABLE, []


def _answer(
    order_document: object,
    snapshot_document: object,
    limits: Limits | None,
    failures: list[Failure],
    snapshot_duplicates: list[str],
) -> dict[str, Any]:
    order = None
    if order_document is not _UNREADABLE:
        order, order_faults = documents.read_order(order_document)
        failures += order_faults
    if limits is None or snapshot_document is _UNREADABLE:
        failures += [Failure(Code.FIELD_DUPLICATE, f"snapshot: {key}") for key in snapshot_duplicates]
        return _denied(failures, limits)
    paths = [f"snapshot: {key}" for key in snapshot_duplicates]
    snapshot, now = documents.read_snapshot(snapshot_document, limits, paths)
    if order is None or now is None:
        return _denied([*failures, *snapshot.faults], limits)
    snapshot.faults = (*failures, *snapshot.faults)
    verdict = firewall.check(order, snapshot, limits, now)
    return document(verdict.is_allowed, verdict.failures, limits.digest)


def _denied(failures: list[Failure], limits: Limits | None) -> dict[str, Any]:
    if not failures:
        failures = [Failure(Code.UNPROVED, 0, firewall.CHECKS)]
    return document(False, firewall.in_order(failures), None if limits is None else limits.digest)


def document(is_allowed: bool, failures: tuple[Failure, ...], digest: str | None) -> dict[str, Any]:
    """Return a verdict as the contract spells it."""
    reasons: list[Mapping[str, Any]] = [
        {
            "code": failure.code.value,
            "control": failure.code.control.value,
            "value": failure.value,
            "limit": failure.limit,
            "message": failure.message,
        }
        for failure in failures
    ]
    return {
        "verdict": "allow" if is_allowed else "deny",
        "reason": reasons[0]["code"] if reasons else None,
        "reasons": reasons,
        "limitsDigest": digest,
    }
