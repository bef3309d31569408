"""Claims: who may write which files now. A pure step from the live claims to the next ones, in train order.

A claim is granted only if no earlier item that can still run overlaps it. When an earlier item turns up later, the
later one yields: its claim is lent, its agent finishes unpublished, and it gets the claim back when the earlier one is
done. Written by compare-and-swap into the train's status; the epoch is the fencing token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.core.globs import Scope, ScopeIndex, caseless_scope, overlap
from orchestrator.model.train import Claim


@dataclass(frozen=True, slots=True)
class Claimant:
    """One item as claims see it; given in train order."""

    name: str
    paths: tuple[str, ...]
    can_run: bool
    """It is open and may start (again) without a person: what overlaps it later in the order has to wait."""
    keeps: bool
    """It is open: a claim it holds stays its own."""
    wants: bool
    """It could start now, or works already."""
    slots: tuple[str, ...] = ()
    """What a start would use one of: its lanes, its provider, the pool."""
    pinned: bool = False
    """It is landing this moment: it cannot yield."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The next state of all claims, and what each refused claimant waits for."""

    live: tuple[Claim, ...]
    epoch: int
    waits: Mapping[str, str]
    """Claimant → the item in its way."""
    crowded: Mapping[str, str]
    """Claimant → the slot there was none of."""
    released: tuple[str, ...] = ()
    """Whose claims are no more, in name order."""


@lru_cache(maxsize=65_536)
def scope_of(paths: tuple[str, ...]) -> Scope:
    """Return the scope of these globs; parsed once per distinct tuple."""
    return Scope.of(paths)


@lru_cache(maxsize=65_536)
def exclusion_of(paths: tuple[str, ...]) -> Scope:
    """Return what a claim of these globs excludes: their paths in any spelling.

    Two files that differ only by case or Unicode form are one on some file systems, so they have one writer.
    """
    return caseless_scope(paths)


def next_claims(claimants: Sequence[Claimant], live: Sequence[Claim], epoch: int, free: Mapping[str, int]) -> Claims:
    """Return the claims after releasing what is closed, taking back what was lent, and granting what can be granted.

    New claims are granted only while there are `free` slots for them, by slot name; an epoch is never used twice.
    """
    step = _Step(claimants, live, epoch, dict(free))
    for index, claimant in enumerate(claimants):
        if step.is_over():
            step.crowded |= {one.name: "pool" for one in claimants[index:] if one.wants and one.slots}
            break
        step.settle(claimant)
    after = tuple(step.after[name] for name in sorted(step.after))
    released = tuple(sorted({claim.spec for claim in live} - step.after.keys()))
    return Claims(after, step.epoch, step.waits, step.crowded, released)


class _Step:
    def __init__(self, claimants: Sequence[Claimant], live: Sequence[Claim], epoch: int, free: dict[str, int]) -> None:
        keeping = {claimant.name for claimant in claimants if claimant.keeps}
        self.held = {claim.spec: claim for claim in live if claim.spec in keeping}
        self.pinned = [c.name for c in claimants if c.pinned and c.name in self.held]
        self.unsettled = set(self.held)
        self.epoch = epoch
        self.free = free
        self.ahead = _Unread()
        self.taken = _Unread()
        self.moved = _Unread()
        """Of those taken, the ones granted in this step."""
        self.after: dict[str, Claim] = {}
        self.waits: dict[str, str] = {}
        self.crowded: dict[str, str] = {}

    def is_over(self) -> bool:
        """Return whether nobody further back can gain or lose a claim."""
        return not self.unsettled and self.free.get("pool", 1) <= 0

    def settle(self, claimant: Claimant) -> None:
        """Decide one claimant, knowing everybody ahead of it."""
        claim = self.held.get(claimant.name)
        self.unsettled.discard(claimant.name)
        if claim is not None:
            self._keep(claimant, claim)
        elif claimant.can_run:
            if claimant.wants:
                self._ask(claimant)
            self.ahead.add(claimant.name, claimant.paths)

    def _keep(self, claimant: Claimant, claim: Claim) -> None:
        # Claims that were not lent do not overlap: only what is granted anew can have come in the way of one.
        obstacle = (self.taken if claim.lent_to is not None else self.moved).first_overlapping(claim.paths)
        if obstacle is not None:
            self.waits[claimant.name] = obstacle
            self.after[claimant.name] = claim.model_copy(update={"lent_to": obstacle})
            self.ahead.add(claimant.name, claimant.paths)
            return
        if claim.paths != claimant.paths:
            wider = self._obstacle(claimant, self.taken)
            if wider is None:
                claim = self._granted(claimant.name, claimant.paths)
            else:
                self.waits[claimant.name] = wider
        if claim.lent_to is not None:
            claim = self._granted(claimant.name, claim.paths)
        self._take(claimant, claim)

    def _ask(self, claimant: Claimant) -> None:
        obstacle = self._obstacle(claimant, self.ahead)
        if obstacle is not None:
            self.waits[claimant.name] = obstacle
            return
        full = next((slot for slot in claimant.slots if self.free.get(slot, 1) <= 0), None)
        if full is not None:
            self.crowded[claimant.name] = full
            return
        for slot in claimant.slots:
            if slot in self.free:
                self.free[slot] -= 1
        self._take(claimant, self._granted(claimant.name, claimant.paths))

    def _obstacle(self, claimant: Claimant, index: "_Unread") -> str | None:
        ahead = index.first_overlapping(claimant.paths)
        if ahead is not None:
            return ahead
        scope = exclusion_of(claimant.paths)
        # Who lands this moment cannot yield, however late in the order: the base is about to hold its files.
        for name in self.pinned:
            if name != claimant.name and overlap(scope, exclusion_of(self.held[name].paths)) is not None:
                return name
        return None

    def _granted(self, name: str, paths: tuple[str, ...]) -> Claim:
        self.epoch += 1
        return Claim(spec=name, paths=paths, epoch=self.epoch)

    def _take(self, claimant: Claimant, claim: Claim) -> None:
        self.after[claimant.name] = claim
        self.taken.add(claimant.name, claim.paths)
        if claim is not self.held.get(claimant.name):
            self.moved.add(claimant.name, claim.paths)
        self.ahead.add(claimant.name, tuple(dict.fromkeys((*claim.paths, *claimant.paths))))


class _Unread:
    """Claims by name, put into an index only when somebody asks: in most ticks of a long line nobody does."""

    def __init__(self) -> None:
        self._index: ScopeIndex[str] = ScopeIndex()
        self._unread: list[tuple[str, tuple[str, ...]]] = []

    def add(self, name: str, paths: tuple[str, ...]) -> None:
        """Add what a name holds."""
        self._unread.append((name, paths))

    def first_overlapping(self, paths: tuple[str, ...]) -> str | None:
        """Return the name that was added first of those whose paths, in any spelling, meet these."""
        for name, theirs in self._unread:
            self._index.add(name, exclusion_of(theirs))
        self._unread.clear()
        return self._index.first_overlapping(exclusion_of(paths)) if self._index else None
