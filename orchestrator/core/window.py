"""How many entries of the train are looked at together. Derived, not stored.

The window is halved when an entry is rejected for its own fault and grows by one when one lands: the line is followed
far while all goes well, and not on top of what keeps failing.
"""

from orchestrator.core.board import Board
from orchestrator.core.chances import decided
from orchestrator.model.condition import RunPhase


def window(board: Board, rejected: int = 0) -> int:
    """Return how many entries, counted from the front, may be tested now.

    `rejected` are those whose rejection by the train's gates is decided and not yet stored.
    """
    limits = board.train.spec.window
    size = limits.start
    for run in decided(board.items):
        if run.status.phase is RunPhase.LANDED:
            size = min(limits.max, size + 1)
        else:
            size = max(limits.min, size // 2)
    for _ in range(rejected):
        size = max(limits.min, size // 2)
    return max(limits.min, min(limits.max, size))
