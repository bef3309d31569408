"""Signed words of people: an override for one order, and new limits.

A signature is an HMAC over the document with the desk's key, which operators and the gate can read and strategies
cannot. A grant names one order and the codes it overrides, ends at a moment and counts once; what protects the gate
itself (groups A, B, F, H and I) no grant overrides.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

from trading.gate import names
from trading.gate.codes import Code, Control, Failure
from trading.gate.fields import Fields
from trading.model import SECOND

VALID_NS_MAX = 24 * 3600 * SECOND
"""A grant that ends later is none: it would outlive what was agreed."""
OVERRIDABLE = frozenset({Control.MARKET, Control.SIZE, Control.EXPOSURE})


def signature(key: bytes, document: dict[str, Any]) -> str:
    """Return the signature of a document: over all of it but the signature itself."""
    body = {name: value for name, value in document.items() if name != "signature"}
    # A value that is no number is a text here: what a document may hold is looked at elsewhere, and nobody signed that.
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hmac.new(key, text.encode(), sha256).hexdigest()


def is_signed(key: bytes, document: dict[str, Any]) -> bool:
    """Return whether a document carries the signature of this key. No key signs nothing."""
    given = document.get("signature")
    if not key or not isinstance(given, str):
        return False
    return hmac.compare_digest(signature(key, document).encode(), given.encode("utf-8", "replace"))


def overridable() -> tuple[Code, ...]:
    """Return the codes that a grant can override."""
    return tuple(code for code in Code if code.control in OVERRIDABLE)


def overridden(grant: object, key: bytes, name: str, now: int, failures: tuple[Failure, ...]) -> str | None:
    """Return the nonce of a grant that covers all failures of the order of this name; None if this is none."""
    if not isinstance(grant, dict) or not is_signed(key, grant):
        return None
    faults: list[Failure] = []
    fields = Fields("grant", grant, faults)
    strategy, order = fields.name("strategy"), fields.id("client_id")
    nonce, by = fields.id("nonce"), fields.name("by")
    expires, reason, codes = fields.time("expires"), fields.text("reason", 400), fields.value("codes")
    fields.value("signature")
    fields.closed()
    if faults or by is None or reason is None or nonce is None or expires is None or not isinstance(codes, list):
        return None
    if strategy is None or order is None or names.full(strategy, order) != name or not failures:
        return None
    if not now <= expires <= now + VALID_NS_MAX:
        return None
    covered = {code for code in overridable() if code.value in codes}
    return nonce if all(failure.code in covered for failure in failures) else None
