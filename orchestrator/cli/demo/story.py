"""The story the demo promises, as questions to the account: each chapter happened or it did not, and says what it saw.

Pure: the same account gives the same chapters. A chapter that cannot be told from the facts did not happen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.cli.demo import cast
from orchestrator.cli.demo.account import Account
from orchestrator.core.globs import Scope
from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.gate import GateResult

LANES = 4
ITEMS = 8
AT_ONCE = 3
"""How many agents must have worked at the same time for it to count."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One part of the story: its name, what was promised, whether it happened, and the facts it was told from."""

    part: str
    promise: str
    happened: bool
    told: str


Told = tuple[bool, str]


def chapters(account: Account) -> tuple[Chapter, ...]:
    """Return every chapter, in the order the story is told."""
    return tuple(Chapter(part, promise, *tell(account)) for part, promise, tell in _BOOK)


def _planned(account: Account) -> Told:
    lanes = {item.lane for item in account.plan}
    waves = {item.wave for item in account.plan}
    told = f"{len(account.plan)} items in {len(lanes)} lanes; waves: {len(waves)}"
    return len(account.plan) == ITEMS and len(lanes) == LANES and len(waves) > 1, told


def _parallel(account: Account) -> Told:
    spans = [
        (run.status.started_at, run.status.ended_at)
        for several in account.runs.values()
        for run in several
        if run.status.started_at and run.status.ended_at
    ]
    most = max((sum(1 for a, b in spans if a <= at < b) for at, _ in spans), default=0)
    return most >= AT_ONCE, f"{most} agents worked at the same time"


def _overlap(account: Account) -> Told:
    wait, first = account.wait, account.first_run(cast.MEMBERS)
    if wait is None or wait.reason != Reason.WAITING_FOR_CLAIM or cast.CODES not in wait.waiting_for:
        return False, f"nobody saw {cast.MEMBERS} wait for the files of {cast.CODES}"
    codes = account.landing_of(cast.CODES)
    if first is None or codes is None:
        return False, f"{cast.MEMBERS} waited, but one of the two never came to its end"
    behind = [landing.commit for landing in account.landings[account.landings.index(codes) :]]
    told = f"{cast.MEMBERS} waited for {cast.CODES} and started from its landing, {codes.commit[:8]}"
    return first.spec.base in behind, told


def _stray(account: Account) -> Told:
    first = account.first_run(cast.REPORT)
    denials = first.status.scope.denied if first and first.status.scope else ()
    denial = next((denied for denied in denials if denied.path == cast.STRAY_PATH), None)
    if first is None or denial is None or first.status.failure_class is not FailureClass.SCOPE_VIOLATION:
        return False, f"no agent of {cast.REPORT} was denied {cast.STRAY_PATH}"
    crossed = _outside(account)
    if crossed:
        return False, f"landed outside its scope: {', '.join(crossed)}"
    later = account.landed_later(cast.REPORT)
    told = f"{first.name} was denied {denial.path}; {later or 'nobody'} was told so and stayed inside"
    return later is not None, told


def _gate(account: Account) -> Told:
    item = account.items.get(cast.LABELS)
    if item is None or item.phase != Phase.STALLED or item.reason != Reason.GATE_COULD_NOT_RUN:
        return False, f"{cast.LABELS} is {item.phase if item else 'not there'}, not stalled by a gate that cannot run"
    told = f"{cast.MISSING_PROGRAM} is not installed: {cast.LABELS} did not land, {item.attempts} attempts spent"
    return item.attempts == 0 and not any(landing.spec == cast.LABELS for landing in account.landings), told


def _kill(account: Account) -> Told:
    first = account.first_run(cast.ALLERGENS)
    if first is None or first.status.failure_class is not FailureClass.INTERRUPTED:
        return False, f"no agent of {cast.ALLERGENS} was killed"
    signal = first.status.exit.signal if first.status.exit else None
    later, item = account.landed_later(cast.ALLERGENS), account.items[cast.ALLERGENS]
    told = f"{first.name} died by signal {signal}; {later or 'nobody'} landed, {item.attempts} attempts spent"
    return signal is not None and later is not None and item.attempts == 0, told


def _together(account: Account) -> Told:
    first = account.first_run(cast.RECEIPT)
    if first is None or first.status.failure_class is not FailureClass.GATE_FAILED:
        return False, f"{cast.RECEIPT} was never rejected on top of {cast.CENTS}"
    if first.status.published is None or not _green(account, first.status.tree):
        return False, f"{first.name} was not green alone"
    if not any(cast.WRONG_TOTAL in evidence.output for evidence in first.status.evidence):
        return False, f"{first.name} was rejected, but not with a total of {cast.WRONG_TOTAL}"
    order = [landing.spec for landing in account.landings]
    later = account.landed_later(cast.RECEIPT)
    if later is None or cast.CENTS not in order[: order.index(cast.RECEIPT)]:
        return False, f"{cast.RECEIPT} did not land after {cast.CENTS}"
    return True, f"{first.name} was green alone and red on top of {cast.CENTS}; {later} read the evidence and landed"


def _late(account: Account) -> Told:
    guard = account.items.get(cast.GUARD)
    pulls = [account.items[name].pull for name in cast.BEFORE_THE_GUARD if name in account.items]
    if guard is None or guard.pull is None:
        return False, f"{cast.GUARD} has no pull request"
    behind = [pull for pull in pulls if pull is not None and pull < guard.pull]
    told = f"{cast.GUARD} opened pull request #{guard.pull}, after {len(behind)} others"
    return len(behind) == len(cast.BEFORE_THE_GUARD), told


def _first(account: Account) -> Told:
    order = [landing.spec for landing in account.landings]
    if cast.GUARD not in order:
        return False, f"{cast.GUARD} did not land"
    place = order.index(cast.GUARD) + 1
    return place == 1, f"{cast.GUARD} landed as number {place} of {len(order)}"


def _landed(account: Account) -> Told:
    order = [landing.spec for landing in account.landings]
    twice = sorted({name for name in order if order.count(name) > 1})
    if twice:
        return False, f"landed twice: {', '.join(twice)}"
    open_ = sorted(i.name for i in account.items.values() if i.phase not in (Phase.LANDED, Phase.STALLED))
    wrong = sorted(i.name for i in account.items.values() if (i.phase == Phase.LANDED) != (i.name in order))
    merges = all(len(landing.parents) == 2 for landing in account.landings)
    if open_ or wrong or not merges:
        return False, f"not settled: {', '.join(open_ + wrong) or 'a landing is not a merge of two'}"
    return len(order) >= ITEMS - 1, f"{len(order)} of {len(account.items)} items are in main, one merge each"


def _green_base(account: Account) -> Told:
    return account.tests.passed, f"the shop's tests on main: {account.tests.says}"


def _outside(account: Account) -> list[str]:
    scopes = {item.name: Scope.of(item.paths) for item in account.plan}
    return [
        f"{landing.spec}: {path}"
        for landing in account.landings
        for path in landing.paths
        if landing.spec not in scopes or not scopes[landing.spec].matches(path)
    ]


def _green(account: Account, tree: str) -> bool:
    """Return whether something was tested on exactly this tree and everything passed."""
    results = [v.status.tries[-1].result for v in account.validations if v.spec.tree == tree and v.status.tries]
    return bool(results) and all(result in (GateResult.PASS, GateResult.FLAKY) for result in results)


_BOOK: tuple[tuple[str, str, Callable[[Account], Told]], ...] = (
    ("plan", "a roadmap becomes items with lanes and waves", _planned),
    (cast.Part.PARALLEL, "agents work side by side", _parallel),
    (cast.Part.OVERLAP, "an overlap takes turns", _overlap),
    (cast.Part.STRAY, "nobody leaves their lane", _stray),
    (cast.Part.KILL, "a killed agent costs nothing", _kill),
    (cast.Part.GATE, "a gate that cannot run neither merges nor blames", _gate),
    (cast.Part.TOGETHER, "green alone, red together is caught", _together),
    (cast.Part.LATE, "the safety item arrives last", _late),
    (cast.Part.FIRST, "and lands first", _first),
    ("landed", "everything ends, once", _landed),
    ("green", "what landed is what was tested", _green_base),
)
