"""What the ledger holds: one class a kind of entry, each with who said it and when.

An entry is a fact that was true when it was written. What follows from entries (trials, blockers, where a candidate
stands) is derived each time and never stored. Amounts are minor units; series are as long as their days.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Check(StrEnum):
    """What a validation looked for."""

    LOOKAHEAD = "lookahead"
    """Whether a decision changes when the future is cut off."""
    COSTS = "costs"
    """What trading was estimated to cost against what it cost: a calibration."""


class Stage(StrEnum):
    """How far a candidate was promoted."""

    PAPER = "paper"
    """It may trade on the paper desk, with a budget for trying out."""
    CHAMPION = "champion"
    """It may have the strategy's whole budget there."""


class Entry(msgspec.Struct, frozen=True, tag=True, tag_field="kind", forbid_unknown_fields=True):
    """Something that was done or said about a candidate."""

    at: int
    by: str
    candidate: str


class Created(Entry, frozen=True):
    """An idea, and the strategy that carries it out."""

    strategy: str
    hypothesis: str


class Snapshot(Entry, frozen=True):
    """Data that the candidate is judged by."""

    dataset: str
    digest: str
    rows: int


class Backtest(Entry, frozen=True):
    """An attempt. One that failed has a `failure` and no series."""

    profile: str
    setup: str
    """Digest of everything that was chosen but the profile: attempts of one setup are one trial."""
    parameters: str
    """JSON."""
    source: str
    """Digest of the strategy's files."""
    failure: str = ""
    run: str = ""
    dataset: str = ""
    data: str = ""
    days: tuple[str, ...] = ()
    equity: tuple[int, ...] = ()
    """Before the first day, then after each: one longer than `days`."""
    cost_estimated: int = 0
    cost_realised: int = 0


class Validation(Entry, frozen=True):
    """A check that was made of a strategy, and what it found."""

    check: Check
    source: str
    passed: bool
    detail: str
    evidence: str
    """Digest of what was looked at."""
    cost_estimated: int = 0
    cost_realised: int = 0


class Paper(Entry, frozen=True):
    """How it went on the paper desk, from one session to another."""

    source: str
    first: str
    last: str
    sessions: int
    orders: int
    fills: int
    denied: int
    cost_estimated: int
    cost_realised: int
    returns: tuple[float, ...]
    """Of each session."""
    evidence: str


class FoldResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a walk forward: what was chosen on the training window, and how that went in the test window."""

    number: int
    train_first: str
    train_last: str
    test_first: str
    test_last: str
    parameters: str
    sharpe_train: float | None
    sharpe_test: float | None
    """Per session; None where nothing moved."""
    returns: tuple[float, ...]
    """Of each test session."""


class Tried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter set of a walk, over the whole time. `failure` says why there are no returns."""

    setup: str
    parameters: str
    returns: tuple[float, ...]
    failure: str = ""


class Walk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A walk forward: its plan, its folds, and everything that was tried on the way."""

    version: str
    strategy: str
    profile: str
    source: str
    code: str
    """Digest of the program that walked."""
    dataset: str
    data: str
    scheme: str
    train: int
    test: int
    purge: int
    embargo: int
    days: tuple[str, ...]
    folds: tuple[FoldResult, ...]
    trials: tuple[Tried, ...]


class WalkForward(Entry, frozen=True):
    """A walk forward was stored."""

    walk: Walk
    evidence: str


class Review(Entry, frozen=True):
    """A person's word on the evidence up to an entry."""

    run: str
    seen: int
    """The last entry there was when it was said."""
    reason: str


class Promoted(Entry, frozen=True):
    """Somebody promoted a candidate, and nothing stood in the way."""

    stage: Stage
    run: str
    source: str
    reason: str
    deflated: float
    """Probability of skill, after all trials."""
    overfit: float | None


class Refused(Entry, frozen=True):
    """Somebody tried to promote a candidate, and this stood in the way."""

    stage: Stage
    run: str
    blockers: tuple[str, ...]


AnyEntry = Created | Snapshot | Backtest | Validation | Paper | WalkForward | Review | Promoted | Refused

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEntry)


def encode(entry: AnyEntry) -> bytes:
    """Return the one spelling of an entry."""
    return _encoder.encode(entry)


def decode(body: bytes) -> AnyEntry:
    """Return the entry that bytes spell; raise ValueError for any others."""
    try:
        entry: AnyEntry = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no entry: {error}") from error
    return entry


class Record(msgspec.Struct, frozen=True):
    """An entry where it stands in the ledger."""

    serial: int
    head: str
    entry: AnyEntry
