"""A hash chain: every entry names the digest of all before it, so that nothing can be changed, dropped or put between.

The event log, the gate's decisions and the research ledger are chained the same way. Pure: who keeps the entries, and
where, is theirs to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

GENESIS = "0" * 64
"""The head of an empty chain."""


def link(head: str, payload: bytes) -> str:
    """Return the head after one more entry."""
    return sha256(head.encode() + b"\n" + payload).hexdigest()


def broken_at(entries: Iterable[tuple[str, bytes]], head: str = GENESIS) -> int | None:
    """Return the index of the first entry whose digest does not follow from those before it, or None."""
    for index, (digest, payload) in enumerate(entries):
        head = link(head, payload)
        if head != digest:
            return index
    return None
