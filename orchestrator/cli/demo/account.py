"""What happened, as facts: read after the run from the machine output of the public commands and from the git history.

`story` judges it and nothing else, so whoever doubts the story can read the same documents. Nothing here asks the
leader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Validation

FIELD, RECORD = "\x1f", "\x1e"
LOG_FORMAT = RECORD + FIELD.join(
    [
        "%H",
        "%P",
        "%(trailers:key=Interlock-Spec,valueonly,separator=%x2C)",
        "%(trailers:key=Interlock-Run,valueonly)",
        "",
    ]
)
"""Given to `git log --first-parent --reverse --diff-merges=first-parent --name-only -z --format=`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item as `status -o json` shows it."""

    name: str
    phase: str
    reason: str
    message: str
    attempts: int
    pull: int | None
    landed: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """One item as `plan -o json` shows it."""

    name: str
    lane: str
    tier: str
    wave: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Landing:
    """One first-parent merge of the base: which item, by which run, with which paths."""

    commit: str
    parents: tuple[str, ...]
    spec: str
    run: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """An explanation that was recorded while the item waited: the document, and the words a person saw."""

    name: str
    reason: str
    waiting_for: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ShopTests:
    """The shop's own tests on the base as it is at the end."""

    passed: bool
    says: str


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the story is judged by."""

    plan: Sequence[Planned]
    items: Mapping[str, Item]
    runs: Mapping[str, Sequence[AgentRun]]
    """By item, in the order they were started."""
    validations: Sequence[Validation]
    landings: Sequence[Landing]
    """Oldest first."""
    wait: Wait | None
    tests: ShopTests

    def landing_of(self, name: str) -> Landing | None:
        """Return the item's landing, if there is exactly one."""
        found = [landing for landing in self.landings if landing.spec == name]
        return found[0] if len(found) == 1 else None

    def first_run(self, name: str) -> AgentRun | None:
        """Return the item's first run."""
        runs = self.runs.get(name, ())
        return runs[0] if runs else None

    def landed_later(self, name: str) -> str | None:
        """Return the run that landed the item if it was not the first one."""
        landing, first = self.landing_of(name), self.first_run(name)
        return landing.run if landing and first and landing.run != first.name else None


def items(status: Mapping[str, Any]) -> dict[str, Item]:
    """Return the items of a status document by name."""
    found = {}
    for spec in status["specs"]:
        pull = spec["pullRequest"]
        found[spec["name"]] = Item(
            name=spec["name"],
            phase=spec["phase"],
            reason=spec["reason"],
            message=spec["message"],
            attempts=spec["attempts"],
            pull=pull["number"] if pull else None,
            landed=spec["landed"],
        )
    return found


def planned(plan: Mapping[str, Any]) -> tuple[Planned, ...]:
    """Return the items of a plan document."""
    return tuple(
        Planned(item["name"], item["lane"], item["tier"], item["wave"], tuple(item["paths"])) for item in plan["items"]
    )


def runs(listing: Mapping[str, Any]) -> dict[str, list[AgentRun]]:
    """Return the runs of a list of objects, by item, in the order they were started."""
    found: dict[str, list[AgentRun]] = {}
    for document in listing["items"]:
        run = AgentRun.model_validate(document)
        found.setdefault(run.spec.implementation_spec_ref.name, []).append(run)
    for several in found.values():
        several.sort(key=lambda run: run.spec.number)
    return found


def validations(listing: Mapping[str, Any]) -> tuple[Validation, ...]:
    """Return the validations of a list of objects."""
    return tuple(Validation.model_validate(document) for document in listing["items"])


def landings(log: str) -> tuple[Landing, ...]:
    """Return the landings of a log in LOG_FORMAT; commits that name no item are nobody's landing and left out."""
    found = []
    for record in log.split(RECORD)[1:]:
        commit, parents, spec, run, rest = record.split(FIELD, 4)
        if spec.strip():
            paths = tuple(sorted(path.strip("\n") for path in rest.split("\0") if path.strip("\n")))
            found.append(Landing(commit, tuple(parents.split()), spec.strip(), run.strip(), paths))
    return tuple(found)


def denied(account: Account) -> list[dict[str, str]]:
    """Return every path that was denied, by item, once."""
    rows = [
        {"spec": name, "path": denial.path, "reason": denial.reason}
        for name, several in sorted(account.runs.items())
        for run in several
        if run.status.scope is not None
        for denial in run.status.scope.denied
    ]
    return [row for number, row in enumerate(rows) if row not in rows[:number]]
