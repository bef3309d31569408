"""The tier barrier: inside a roadmap no item of a later tier lands while an earlier tier has an open item.

Every applied spec is open until it landed, was cancelled or was waived. A stalled one is closed too, except in
`safety`, which holds what follows until it is fixed, dropped or waived (DESIGN §6).
"""

from collections.abc import Collection

from orchestrator.core.board import Board, Item
from orchestrator.model.spec import Tier
from orchestrator.model.train import Barrier


class Barriers:
    """Who holds the later tiers of each roadmap, found once per tick."""

    def __init__(self, board: Board) -> None:
        self._mode = board.train.spec.tier_barrier
        self._open: dict[tuple[str, Tier], list[Item]] = {}
        for item in board.items:
            if self._is_open(item):
                self._open.setdefault((item.spec.spec.roadmap, item.tier), []).append(item)

    def holds(self, item: Item) -> Item | None:
        """Return the item of the earliest open tier before this one's, None if nothing holds it."""
        if self._mode is Barrier.OFF:
            return None
        for tier in Tier:
            if tier.rank >= item.tier.rank:
                return None
            ahead = self._open.get((item.spec.spec.roadmap, tier))
            if ahead:
                return ahead[0]
        return None

    def is_behind(self, item: Item, line: Collection[str]) -> bool:
        """Return whether everything that holds the item is one of these: then it can be tested on top of them."""
        roadmap = item.spec.spec.roadmap
        return all(
            ahead.name in line
            for tier in Tier
            if tier.rank < item.tier.rank
            for ahead in self._open.get((roadmap, tier), ())
        )

    def stalls(self, item: Item) -> None:
        """Hold nobody for an item that this tick stalls, unless a stalled one holds as well."""
        holding = self._open.get((item.spec.spec.roadmap, item.tier), [])
        if item in holding and not self._holds_stalled(item):
            holding.remove(item)

    def _is_open(self, item: Item) -> bool:
        if item.is_closed or item.voice.waived:
            return False
        return item.stall is None or self._holds_stalled(item)

    def _holds_stalled(self, item: Item) -> bool:
        return item.tier is Tier.SAFETY and self._mode is Barrier.STRICT
