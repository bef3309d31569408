"""Who held the right to write which files, from when to when: read off the train's own record, write by write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.core.chronicle.facts import Facts, Recorded
from orchestrator.model.train import Claim


@dataclass(frozen=True, slots=True)
class Lent:
    """A span in which a claim had yielded to an earlier item."""

    to: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """One claim from its grant to its release."""

    train: str
    spec: str
    paths: tuple[str, ...]
    begin: datetime
    end: datetime
    is_live: bool
    """It is held as far as is known."""
    epoch: int
    """Of its first grant."""
    lent: tuple[Lent, ...] = ()

    @property
    def seconds(self) -> float:
        """Return how long it was held."""
        return (self.end - self.begin).total_seconds()


def holdings(facts: Facts) -> tuple[Holding, ...]:
    """Return every claim of which the history still knows, by when it began. A widened claim is one, with its last
    paths; one that was released and taken again is two."""
    found: list[Holding] = []
    by_train: dict[str, list[Recorded]] = {}
    for record in facts.records:
        by_train.setdefault(record.train, []).append(record)
    for train in facts.trains:
        if train.name not in by_train and train.status.claims:
            # Without a history the live ones are all there is, and since when is not known.
            by_train[train.name] = [Recorded(facts.begin, train.name, train.status)]
    for name, records in by_train.items():
        found += _of_train(name, records, facts.as_of)
    return tuple(sorted(found, key=lambda one: (one.begin, one.spec)))


@dataclass(slots=True)
class _Open:
    begin: datetime
    claim: Claim
    epoch: int
    lent: list[Lent] = field(default_factory=list)
    lent_since: datetime | None = None

    def see(self, claim: Claim, at: datetime) -> None:
        """Take in what the record says of the claim now."""
        if claim.lent_to != self.claim.lent_to:
            self.end_loan(at)
            self.lent_since = at if claim.lent_to is not None else None
        self.claim = claim

    def end_loan(self, at: datetime) -> None:
        """Close the span in which it was lent, if it is."""
        if self.lent_since is not None and self.claim.lent_to is not None:
            self.lent.append(Lent(self.claim.lent_to, self.lent_since, at))


def _of_train(name: str, records: Sequence[Recorded], as_of: datetime) -> list[Holding]:
    held: dict[str, _Open] = {}
    found: list[Holding] = []
    for record in records:
        live = {claim.spec: claim for claim in record.status.claims}
        for spec in [spec for spec in held if spec not in live]:
            found.append(_closed(name, held.pop(spec), record.at, is_live=False))
        for spec, claim in live.items():
            if spec in held:
                held[spec].see(claim, record.at)
            else:
                lent_since = record.at if claim.lent_to is not None else None
                held[spec] = _Open(record.at, claim, claim.epoch, lent_since=lent_since)
    return found + [_closed(name, one, as_of, is_live=True) for one in held.values()]


def _closed(train: str, one: _Open, at: datetime, *, is_live: bool) -> Holding:
    one.end_loan(at)
    return Holding(train, one.claim.spec, one.claim.paths, one.begin, at, is_live, one.epoch, tuple(one.lent))
