"""How long to wait before trying again: one object at a time, or looking at the world as a whole.

Called by the leader. Nothing here sleeps; whoever waits asks how long.
"""

import logging
from datetime import datetime, timedelta

from orchestrator.errors import Transient, Unusable

log = logging.getLogger("interlock.leader")

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 60.0
LOOKS_MAX = 10
"""Failed looks in a row before the leader gives up: about three minutes of waiting, and what each look itself waits."""


class Backoff:
    """Keys in transient trouble and when they may be tried again. In memory: a restart may try at once."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[datetime, int]] = {}

    def note(self, key: str, now: datetime, retry_after_s: float) -> float:
        """Back the key off, longer each time in a row; return the seconds."""
        _, tries = self._until.get(key, (now, 0))
        wait_s = _longer(tries, retry_after_s)
        self._until[key] = (now + timedelta(seconds=wait_s), tries + 1)
        return wait_s

    def clear(self, key: str) -> None:
        """Forget the key: it worked."""
        self._until.pop(key, None)

    def waits(self, now: datetime) -> dict[str, float]:
        """Return the seconds each key still has to wait; only what is over zero."""
        left = {key: (until - now).total_seconds() for key, (until, _) in self._until.items()}
        return {key: seconds for key, seconds in left.items() if 0 < seconds <= 2 * BACKOFF_MAX_S}


class Sight:
    """Whether the world can be looked at. Says so once when that changes, and gives up after `LOOKS_MAX` in a row.

    Tries are counted, not time: a clock may jump.
    """

    def __init__(self) -> None:
        self._tries = 0
        self.wait_s = 0.0
        """How long to wait before the next look."""
        self.why = ""

    def lost(self, trouble: Transient) -> None:
        """Count a look that failed. Raises Unusable after too many in a row."""
        self.wait_s = _longer(self._tries, trouble.retry_after_s)
        self._tries += 1
        self.why = str(trouble)
        if self._tries >= LOOKS_MAX:
            raise Unusable(
                f"{self._tries} looks at the store and the repository in a row failed, the last with: {self.why}; "
                "all work is kept, run again when that is over"
            ) from trouble
        if self._tries == 1:
            log.warning("cannot look at the world for now", extra={"seconds": self.wait_s, "why": self.why})

    def regained(self) -> None:
        """Forget the trouble: a look worked."""
        if self._tries:
            log.warning("looking works again", extra={"failed": self._tries, "why": self.why})
        self._tries = 0


def _longer(tries: int, retry_after_s: float) -> float:
    """Return the seconds to wait after so many tries before this one."""
    return min(BACKOFF_MAX_S, max(retry_after_s, BACKOFF_FIRST_S * 2.0**tries))
