"""A candidate as the ledger tells of it: who made it, which run it stands for, what the statistics say of that."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from trading.research import trials
from trading.research.entries import Backtest, Created, Promoted, Record, Refused, Review
from trading.research.trials import PROFILE, Judgement

PROFILES = ("idealistic", "realistic", "stressed")


@dataclass(frozen=True, slots=True)
class Case:
    """A candidate's entries, and the run it stands or falls with."""

    name: str
    created: Created
    records: tuple[Record, ...]
    """Of this candidate alone."""
    chosen: Backtest | None
    judgement: Judgement | None

    def backtest(self, profile: str) -> Backtest | None:
        """Return the last attempt of the chosen setup under a profile that came to an end."""
        chosen = self.chosen
        if chosen is None:
            return None
        for record in reversed(self.records):
            entry = record.entry
            if not isinstance(entry, Backtest) or entry.profile != profile or entry.failure:
                continue
            if (entry.setup, entry.source, entry.data) == (chosen.setup, chosen.source, chosen.data):
                return entry
        return None


def created(records: Sequence[Record], name: str) -> Created | None:
    """Return the entry that began a candidate."""
    return next((r.entry for r in records if isinstance(r.entry, Created) and r.entry.candidate == name), None)


def case(records: Sequence[Record], name: str, run: str = "") -> Case | None:
    """Return a candidate's case for a run, by default its last one under `PROFILE`; None without a candidate."""
    begun = created(records, name)
    if begun is None:
        return None
    mine = tuple(record for record in records if record.entry.candidate == name)
    chosen = None
    for record in mine:
        entry = record.entry
        if isinstance(entry, Backtest) and entry.profile == PROFILE and not entry.failure and run in ("", entry.run):
            chosen = entry
    judgement = None if chosen is None else trials.judge(chosen, trials.trials(records, begun.strategy))
    return Case(name, begun, mine, chosen, judgement)


def stage(records: Sequence[Record], name: str) -> Promoted | None:
    """Return the last promotion of a candidate."""
    promoted = [r.entry for r in records if isinstance(r.entry, Promoted) and r.entry.candidate == name]
    return promoted[-1] if promoted else None


def authors(records: Sequence[Record], name: str) -> frozenset[str]:
    """Return who made a candidate or its evidence, as `person` spells them."""
    return frozenset(
        person(record.entry.by)
        for record in records
        if record.entry.candidate == name and not isinstance(record.entry, Review | Promoted | Refused)
    )


def person(name: str) -> str:
    """Return one spelling for a name however it was typed: case, spaces and Unicode forms make no other person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
