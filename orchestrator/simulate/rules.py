"""The rules of DESIGN §6, asked of what really happened. Written apart from the train, which it is there to catch.

Only the file and the trail are read: no verdict, order or reason of the train's own. Nothing it says depends on how
candidates are chosen, so it holds for every way to speculate, to batch and to reuse a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.decision import Verb
from orchestrator.model.spec import Tier
from orchestrator.model.train import Barrier, Window
from orchestrator.simulate.file import Entry, SimulationSpec
from orchestrator.simulate.result import number
from orchestrator.simulate.trail import Advanced, Opened, Rejected, Run, Said, Spoken, Trail
from orchestrator.simulate.tree import Element

BLAMES = frozenset({"GateFailed"})
"""Reasons that say a gate spoke against the change itself."""


def violations(spec: SimulationSpec, trail: Trail) -> tuple[str, ...]:
    """Return every broken rule, in the order of time."""
    judge = _Judge(spec, trail)
    found: list[str] = []
    for fact in trail.facts:
        match fact:
            case Opened():
                judge.opened(fact)
            case Spoken():
                judge.spoken(fact)
            case Run():
                found.extend(f"minute {number(fact.start)}: {said}" for said in judge.started(fact))
            case Rejected():
                found.extend(f"minute {number(fact.at)}: {said}" for said in judge.rejected(fact))
            case Advanced():
                found.extend(f"minute {number(fact.at)}: {said}" for said in judge.advanced(fact))
    return tuple(found)


class _Judge:
    """What has happened so far, and what may happen next."""

    def __init__(self, spec: SimulationSpec, trail: Trail) -> None:
        self._lands_at = {
            element.head: fact.at for fact in trail.facts if isinstance(fact, Advanced) for element in fact.gained
        }
        self._spec = spec.train
        self._entries = {entry.name: entry for entry in spec.entries}
        self._heads: dict[str, Sha] = {}
        self._open: dict[str, Entry] = {}
        """Arrived, and neither landed nor cancelled nor rejected for good."""
        self._waived: set[str] = set()
        self._held: set[str] = set()
        self._cancelled: set[str] = set()
        self._unapproved: set[str] = set()
        self._approved: set[Sha] = set()
        """Heads that were approved, before or after they came."""
        self._order: list[Element] = []
        """What the base gained, oldest first."""
        self._base: set[Sha] = set()
        self._landed: set[str] = set()
        self._window = _Window(spec.train.window)
        self._under_way: list[Run] = []
        self._passed: list[Run] = []
        self._tested: dict[TreeId, float] = {}
        """When each tree first passed as a whole."""
        self._failed: dict[Sha, list[Run]] = {}
        """By the head that was under test."""
        self._tiers: dict[str, Tier] = {}
        self._tiers_of = (-1, -1)
        """How many entries had arrived, and been cancelled, when the tiers were found."""

    def opened(self, fact: Opened) -> None:
        """Take in an arrival or a push."""
        is_first = fact.name not in self._heads
        entry = self._entries[fact.name]
        self._heads[fact.name] = fact.head
        if fact.name not in self._cancelled:
            self._open[fact.name] = entry
        needs_word = self._spec.approvals.needed(self._tier(entry)) > 0
        asks = (is_first and not entry.approved) or (not is_first and needs_word)
        if asks and fact.head not in self._approved:
            self._unapproved.add(fact.name)

    def spoken(self, fact: Spoken) -> None:
        """Take in a person's word."""
        match fact.verb:
            case Verb.HOLD:
                self._held.add(fact.name)
            case Verb.RELEASE:
                self._held.discard(fact.name)
            case Verb.WAIVE:
                self._waived.add(fact.name)
            case Verb.APPROVE:
                self._approved.add(fact.head)
                self._unapproved.discard(fact.name)
            case Verb.CANCEL if fact.name not in self._landed:
                self._cancelled.add(fact.name)
                self._open.pop(fact.name, None)

    def started(self, run: Run) -> Iterator[str]:
        """Yield what is wrong with starting this validation now."""
        if run.is_moot:
            return
        self._under_way = [one for one in self._under_way if one.end > run.start]
        self._under_way.append(run)
        if run.verdict is Said.PASS:
            self._passed.append(run)
            self._tested.setdefault(run.tree, run.end)
            self._tested[run.tree] = min(self._tested[run.tree], run.end)
        if run.verdict is Said.FAIL:
            self._failed.setdefault(run.members[-1].head, []).append(run)
        if len(self._under_way) > self._spec.runs:
            yield f"{len(self._under_way)} validations run at once, and the train has {self._spec.runs} runs"
        entries = [member for member in run.members if member.is_entry]
        # What has landed, if in this very minute, stands no longer in the line: of a chain on an older base, too, whose
        # test is begun once more for the same inputs.
        together = [member for member in entries if self._lands_at.get(member.head, run.start + 1) > run.start]
        window = self._spec.window.max if len(run.tested) > 1 else self._window.widest(run.start)
        if len(together) > window:
            yield f"{_named(together)} are tested together, and the window is {window}"
        for member in entries:
            if self._heads.get(member.name) != member.head:
                yield f"{member.name} is tested with a head that is not its own any more"

    def rejected(self, fact: Rejected) -> Iterator[str]:
        """Yield what is wrong with rejecting this entry now."""
        if fact.reason in BLAMES and not self._was_blamed_fairly(fact):
            yield f"{fact.name} is blamed, and never failed on top of only what has landed"
        if fact.reason in BLAMES:
            self._window.shrink(fact.at)
        if self._tier(self._entries[fact.name]) is not Tier.SAFETY:
            self._open.pop(fact.name, None)

    def advanced(self, fact: Advanced) -> Iterator[str]:
        """Yield what is wrong with what the base gained."""
        if fact.spec is not None:
            yield from self._landing(fact)
        for element in fact.gained:
            if element.is_entry and element.name in self._landed:
                yield f"{element.name} landed a second time"
            self._order.append(element)
            self._base.add(element.head)
            if element.is_entry:
                self._landed.add(element.name)
                self._window.grow(fact.at)
                self._open.pop(element.name, None)

    def _landing(self, fact: Advanced) -> Iterator[str]:
        names = _named(fact.gained)
        if fact.is_red:
            yield f"{names} landed on a red base"
        if not self._was_tested(fact):
            yield f"{names} landed as a tree that no validation passed on"
        elif not self._is_about_all(fact):
            yield f"{names} landed on a verdict that was not about all of them"
        coming: set[str] = set()
        for element in fact.gained:
            yield from self._entry(element, coming)
            coming.add(element.name)

    def _entry(self, element: Element, coming: set[str]) -> Iterator[str]:
        name = element.name
        entry = self._entries[name]
        for word, names in (("held", self._held), ("cancelled", self._cancelled)):
            if name in names:
                yield f"{name} landed, and is {word}"
        # A push asked for people because of a tier that may be another one by now: whoever lent it was cancelled.
        if name in self._unapproved and (not entry.approved or self._spec.approvals.needed(self._tier(entry)) > 0):
            yield f"{name} landed, and is not approved"
        if self._heads.get(name) != element.head:
            yield f"{name} landed with a head that is not its own any more"
        for need in entry.needs:
            if need not in self._landed and need not in coming:
                yield f"{name} landed before {need}, which it needs"
        ahead = self._holds_back(entry, coming)
        if ahead is not None:
            yield f"{name} ({self._tier(entry).value}) landed while {ahead.name} ({self._tier(ahead).value}) is open"

    def _holds_back(self, entry: Entry, coming: set[str]) -> Entry | None:
        if self._spec.tier_barrier is not Barrier.STRICT:
            return None
        rank = self._tier(entry).rank
        return next(
            (
                other
                for other in self._open.values()
                if self._tier(other).rank < rank
                and other.name not in self._waived
                and other.name not in coming
                and not self._lacks_need(other)
            ),
            None,
        )

    def _lacks_need(self, entry: Entry) -> bool:
        """Return whether the entry waits for one that is not coming: then it is closed with it, unless safety."""
        if self._tier(entry) is Tier.SAFETY:
            return False
        for need in entry.needs:
            if need in self._landed:
                continue
            if need not in self._open or self._lacks_need(self._entries[need]):
                return True
        return False

    def _tier(self, entry: Entry) -> Tier:
        """Return the effective tier: the earliest of its own and of those that have arrived and still need it."""
        known = (len(self._heads), len(self._cancelled))
        if known != self._tiers_of:
            self._tiers_of = known
            self._tiers = self._raised()
        return self._tiers.get(entry.name, entry.tier)

    def _raised(self) -> dict[str, Tier]:
        tiers = {name: self._entries[name].tier for name in self._heads}
        waiting = [name for name in tiers if self._entries[name].needs and name not in self._cancelled]
        while waiting:
            name = waiting.pop()
            for need in self._entries[name].needs:
                if need in tiers and tiers[name].rank < tiers[need].rank:
                    tiers[need] = tiers[name]
                    if need not in self._cancelled:
                        waiting.append(need)
        return tiers

    def _was_tested(self, fact: Advanced) -> bool:
        """Return whether the base's new tree passed as a whole, or as far as declared inputs can tell."""
        if self._tested.get(fact.tree, fact.at + 1) <= fact.at:
            return True
        if any(not one.is_entry or self._entries[one.name].touches is None for one in fact.gained):
            return False
        return any(run.end <= fact.at and self._says_as_much(run, fact.gained) for run in self._passed)

    def _is_about_all(self, fact: Advanced) -> bool:
        """Return whether a verdict on exactly this tree is one of everybody who landed: ahead, it is its last's."""
        if len(fact.gained) < 2 or fact.tree not in self._tested:
            return True
        names = {element.name for element in fact.gained}
        return any(run.tree == fact.tree and run.end <= fact.at and names <= set(run.tested) for run in self._passed)

    def _says_as_much(self, run: Run, gained: tuple[Element, ...]) -> bool:
        """Return whether what landed was tested in a tree that differs only where none of its inputs is."""
        tested = {member.head for member in run.members}
        if not gained or any(element.head not in tested for element in gained):
            return False
        mine = {element.head for element in gained}
        missing = [element for element in self._order[run.base :] if element.head not in tested]
        beside = [one for one in run.members if one.head not in mine and one.head not in self._base]
        return all(self._apart(one, other) for one in gained for other in (*missing, *beside))

    def _apart(self, one: Element, other: Element) -> bool:
        """Return whether two members touch no common input, so that neither can change the other's verdict."""
        mine, theirs = (self._entries[each.name].touches if each.is_entry else None for each in (one, other))
        return mine is not None and theirs is not None and not set(mine) & set(theirs)

    def _was_blamed_fairly(self, fact: Rejected) -> bool:
        """Return whether the entry failed on top of only what has landed, on a base that was not red."""
        for run in self._failed.get(fact.head, ()):
            under = run.members[:-1]
            is_settled = all(one.head in self._base or self._apart(run.members[-1], one) for one in under)
            if run.end <= fact.at and not run.is_red and is_settled:
                return True
        return False


class _Window:
    """How many entries may be looked at together: halved by a fault, one more with every landing.

    What happens at one minute has no order but that of the trail, and whoever asks later has only the times: the window
    is as wide as it is where those at fault leave first.
    """

    def __init__(self, window: Window) -> None:
        self._limits = window
        self._minute = 0.0
        self._before = window.start
        """As wide as it was at the end of the minute before."""
        self._faults = self._landings = 0

    def shrink(self, at: float) -> None:
        """Halve it for a rejection at that minute."""
        self._begin(at)
        self._faults += 1

    def grow(self, at: float) -> None:
        """Widen it by one for a landing at that minute."""
        self._begin(at)
        self._landings += 1

    def widest(self, at: float) -> int:
        """Return its widest at that minute: what one decision does, it does with the window it found."""
        widened = min(self._limits.max, self._before + self._landings)
        return max(self._before, widened) if self._minute == at else self._settled()

    def _begin(self, at: float) -> None:
        if at != self._minute:
            self._before, self._minute = self._settled(), at
            self._faults = self._landings = 0

    def _settled(self) -> int:
        now = self._before
        for _ in range(self._faults):
            now = max(self._limits.min, now // 2)
        return min(self._limits.max, now + self._landings)


def _named(elements: tuple[Element, ...] | list[Element]) -> str:
    return ", ".join(element.name for element in elements)
