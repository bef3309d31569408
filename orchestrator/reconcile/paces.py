"""How often an item's status is written: people need not read every step of what a machine does in a second.

Used by the executor where the store is a cluster, for reports alone: nothing is decided on them, and what waits is
decided again by the next tick, as things are then. What is told has lasted from one tick to the next, and the last
telling is a while ago; what is final is told at once.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.action import Action, WriteStatus
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec
from orchestrator.ports import Clock

REPORT_EVERY_S = 2.0
SAME_PHASE_EVERY_S = 5.0
"""An item behind others waits for another one with every landing: that is news, but no hurry."""
KEPT_MAX = 20_000
FINAL = frozenset({Phase.LANDED, Phase.STALLED, Phase.CANCELLED})


@dataclass(slots=True)
class _Item:
    """What the last tick wanted to say of an item, and when something was said."""

    wanted: tuple[str, str]
    told: str = ""
    """The phase that was told last."""
    told_at: datetime | None = None


class Paces:
    """What was wanted and told of each item. In memory: a new leader begins anew."""

    def __init__(self, clock: Clock, every_s: float = REPORT_EVERY_S) -> None:
        self._clock = clock
        self._every = timedelta(seconds=every_s)
        self._every_same = max(self._every, timedelta(seconds=SAME_PHASE_EVERY_S))
        self._items: OrderedDict[str, _Item] = OrderedDict()

    def is_early(self, action: Action) -> bool:
        """Return whether the report is to wait; note that it was made if not."""
        if not isinstance(action, WriteStatus) or not isinstance(action.object, ImplementationSpec):
            return False
        spec, now = action.object, self._clock.now()
        wanted = (spec.status.phase.value, spec.status.reason.value if spec.status.reason else "")
        item = self._items.setdefault(spec.name, _Item(("", "")))
        self._items.move_to_end(spec.name)
        while len(self._items) > KEPT_MAX:
            self._items.popitem(last=False)
        lasts, item.wanted = item.wanted == wanted, wanted
        # A clock that was set back must not silence anybody.
        every = self._every_same if item.told == spec.status.phase.value else self._every
        is_told = item.told_at is not None and timedelta(0) <= now - item.told_at < every
        if spec.status.phase not in FINAL and (is_told or not lasts):
            return True
        item.told, item.told_at = spec.status.phase.value, now
        return False
