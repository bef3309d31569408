"""The order in which items land: dependency closure, then effective tier, then effective priority, then age.

`rank` answers for a roadmap's items at planning and for the store's specs on every tick, so it sees neither: an
`Orderable` holds what the order depends on. It never refuses: needs nobody is called are taken as met, and what can
never be ready (a cycle, or behind one) comes last.

The order is total, and only what is more urgent can come to stand ahead of an item later on: another tier, another
priority, or what an item of such a one needs. An equal that is applied later never does, so what is ahead of an item
shrinks with every landing and rejection (docs/concepts.md, "Waiting is bounded").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from orchestrator.model.spec import Tier

_TIERS = tuple(sorted(Tier, key=lambda tier: tier.rank))


@dataclass(frozen=True, slots=True)
class Orderable:
    """What the order of one item depends on."""

    name: str
    tier: Tier
    """Its own, as it says."""
    priority: int = 0
    age: float = 0.0
    """When it came: a timestamp, or its place in the document. Smaller is older; the name decides between equals."""
    needs: tuple[str, ...] = ()
    floor: Tier | None = None
    """The earliest tier that a path it may write demands."""


@dataclass(frozen=True, slots=True)
class Raised:
    """Why an item lands in an earlier tier than it says."""

    tier: Tier
    by: str | None
    """The item that needs it and asks for the tier itself; None where a floor over its own paths does."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The total order and what it was derived from, by name."""

    order: tuple[str, ...]
    tier: Mapping[str, Tier]
    """Effective: the earliest of its own, of the floors over its paths, and of what depends on it."""
    priority: Mapping[str, int]
    """Effective: the highest of its own and of what depends on it."""
    raised: Mapping[str, Raised]
    place: Mapping[str, int]
    """Where each name stands in `order`."""


def rank(items: Sequence[Orderable]) -> Ranking:
    """Return the order in which the items land, with effective tiers and priorities.

    Of two items with one name the first counts. Linear but for one sort.
    """
    by_name: dict[str, Orderable] = {}
    for item in items:
        by_name.setdefault(item.name, item)
    names = list(by_name)
    index = {name: at for at, name in enumerate(names)}
    unique = list(by_name.values())
    needs = [
        [at for at in dict.fromkeys(map(index.get, item.needs)) if at is not None] if item.needs else []
        for item in unique
    ]
    tiers, raised_by = _spread_tiers(unique, needs)
    priorities = _spread_priorities(unique, needs)

    by_key = sorted(range(len(names)), key=lambda at: (tiers[at], -priorities[at], unique[at].age, names[at]))
    order = tuple(names[at] for at in _closed(by_key, needs))
    raised = {
        names[at]: Raised(_TIERS[tiers[at]], None if by is None else names[by]) for at, by in sorted(raised_by.items())
    }
    return Ranking(
        order=order,
        tier={name: _TIERS[tiers[at]] for at, name in enumerate(names)},
        priority={name: priorities[at] for at, name in enumerate(names)},
        raised=raised,
        place={name: at for at, name in enumerate(order)},
    )


def _spread_tiers(
    items: Sequence[Orderable], needs: Sequence[Sequence[int]]
) -> tuple[list[int], dict[int, int | None]]:
    """Return each item's effective tier as a rank and, of those raised, the item that demands it (None: a floor).

    The earliest tier first: whoever is reached from it keeps it, so every item and every need is looked at once.
    """
    stated = [item.tier.rank for item in items]
    tiers = [
        rank if item.floor is None else min(rank, item.floor.rank) for rank, item in zip(stated, items, strict=True)
    ]
    raised_by: dict[int, int | None] = {at: None for at, tier in enumerate(tiers) if tier < stated[at]}
    starts: list[list[int]] = [[] for _ in _TIERS]
    for at, tier in enumerate(tiers):
        if needs[at]:
            starts[tier].append(at)
    for tier, roots in enumerate(starts):
        # By name, so that who is said to demand it does not depend on how the items come.
        for root in sorted(roots, key=lambda at: items[at].name):
            # Raised on the way by an earlier tier: its needs were, too.
            waiting = [root] if tiers[root] == tier else []
            while waiting:
                for need in needs[waiting.pop()]:
                    if tiers[need] > tier:
                        tiers[need] = tier
                        raised_by[need] = root
                        waiting.append(need)
    return tiers, raised_by


def _spread_priorities(items: Sequence[Orderable], needs: Sequence[Sequence[int]]) -> list[int]:
    """Return each item's effective priority: the highest of its own and of whatever needs it."""
    priorities = [item.priority for item in items]
    if not any(priorities):
        return priorities
    seen = [False] * len(items)
    for root in sorted(range(len(items)), key=lambda at: -priorities[at]):
        if seen[root]:
            continue
        seen[root] = True
        highest = items[root].priority
        waiting = [root]
        while waiting:
            for need in needs[waiting.pop()]:
                if not seen[need]:
                    seen[need] = True
                    priorities[need] = highest
                    waiting.append(need)
    return priorities


def _closed(by_key: Sequence[int], needs: Sequence[Sequence[int]]) -> list[int]:
    """Return the order that takes, again and again, the first of `by_key` whose needs are all taken; the rest last."""
    place = [0] * len(by_key)
    for at, item in enumerate(by_key):
        place[item] = at
    unmet = [len(wanted) for wanted in needs]
    needed_by: list[list[int]] = [[] for _ in by_key]
    for at, wanted in enumerate(needs):
        for need in wanted:
            needed_by[need].append(at)
    ready = [place[at] for at in by_key if not unmet[at]]
    heapify(ready)
    order: list[int] = []
    while ready:
        item = by_key[heappop(ready)]
        order.append(item)
        for dependant in needed_by[item]:
            unmet[dependant] -= 1
            if not unmet[dependant]:
                heappush(ready, place[dependant])
    if len(order) < len(by_key):
        taken = set(order)
        order.extend(item for item in by_key if item not in taken)
    return order
