"""The made-up runners: which validations run, when they end, what the leader is told of them.

The leader decides how many run at once; here they only take their time. A validation of the base alone (a control run)
takes none: the base's own checks ran when it was pushed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

from orchestrator.model.base import Sha
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import GateResult
from orchestrator.model.validation import Validation
from orchestrator.simulate.trail import Run, Said

LOST = "the runner was lost"
OUTAGE = "no runner answers"


@dataclass(slots=True)
class Runners:
    """Every validation under way, and what is known of those that ended a moment ago."""

    complaint: Callable[[Sha, Run], str]
    """Why a validation of this commit that ends now fails; empty if it passes."""
    moment: Callable[[float], datetime]
    """The time of a minute."""
    facts: dict[str, GateFact] = field(default_factory=dict)
    """What the leader sees, by validation."""
    outage_until: float = -1.0
    busy_minutes: float = 0.0
    """Minutes that runners worked, on whatever."""
    _running: dict[str, tuple[Sha, Run]] = field(default_factory=dict)
    """In the order in which they started."""
    _ends: list[tuple[float, int, str, int]] = field(default_factory=list)
    _started: int = 0

    @property
    def next_end(self) -> float | None:
        """Return when the next validation ends; None while none runs."""
        while self._ends and not self._is_current(self._ends[0]):
            heappop(self._ends)
        return self._ends[0][0] if self._ends else None

    @property
    def running(self) -> int:
        """Return how many validations run."""
        return len(self._running)

    def start(self, validation: Validation, run: Run) -> None:
        """Start a validation; one without members (the base alone) is over at once."""
        self.facts[validation.name] = GateFact(running=True)
        self._started += 1
        self._running[validation.name] = (validation.commit, run)
        if run.members:
            heappush(self._ends, (run.end, self._started, validation.name, id(run)))
        else:
            self._end(validation.name, run.end)

    def end_due(self, at: float) -> None:
        """End every validation whose time is over, in the order in which they started."""
        due = []
        while (end := self.next_end) is not None and end <= at:
            _, started, name, _ = heappop(self._ends)
            due.append((started, name))
        for _, name in sorted(due):
            self._end(name, at)

    def lose_oldest(self, at: float) -> None:
        """Lose the machine of the validation that has run longest; nothing happens while none runs."""
        name = next(iter(self._running), None)
        if name is None:
            return
        self._leave(name, at, Said.COULD_NOT_RUN)
        # Without a time of its end there is no backoff: time is made of minutes here.
        self.facts[name] = GateFact(running=False, signature=LOST)

    def stop(self, name: str, at: float) -> bool:
        """End a validation nobody needs any more and forget it; return whether it was known."""
        if name in self._running:
            self._leave(name, at, Said.CANCELLED)
        return self.facts.pop(name, None) is not None

    def _end(self, name: str, at: float) -> None:
        sha, run = self._running[name]
        if at < self.outage_until:
            self._leave(name, at, Said.COULD_NOT_RUN)
            self.facts[name] = GateFact(
                running=False, result=GateResult.COULD_NOT_RUN, signature=OUTAGE, ended_at=self.moment(at)
            )
            return
        complaint = self.complaint(sha, run)
        self._leave(name, at, Said.FAIL if complaint else Said.PASS)
        result = GateResult.FAIL if complaint else GateResult.PASS
        self.facts[name] = GateFact(running=False, result=result, signature=complaint, ended_at=self.moment(at))

    def _leave(self, name: str, at: float, said: Said) -> None:
        _, run = self._running.pop(name)
        run.end, run.verdict = at, said
        self.busy_minutes += at - run.start

    def _is_current(self, end: tuple[float, int, str, int]) -> bool:
        running = self._running.get(end[2])
        return running is not None and id(running[1]) == end[3]
