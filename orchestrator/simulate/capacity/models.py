"""The policies the train is compared with, as plain models: nothing of Interlock decides here.

A change is tested on an assumption about the open changes ahead that share an input with it; when each of those is
decided as assumed, its verdict counts. `single` waits until nothing ahead is open; `prefix` assumes that everything
ahead lands unless its own test says otherwise, as most merge queues do; `oracle` knows the future and never assumes
wrong, so nothing can be faster with the same runners.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

from orchestrator.simulate.capacity.measure import Day
from orchestrator.simulate.capacity.work import Work
from orchestrator.simulate.file import Policy

Ground = frozenset[int]
_ARRIVAL, _END = 0, 1


def play(policy: Policy, day: tuple[Work, ...], runners: int, retries: int = 0) -> Day:
    """Return how the day goes under this policy with so many runners.

    A test that fails is run so many times more before that counts, as in the train: who is no oracle cannot know that
    it was no accident.
    """
    queue = _Queue(policy, day, runners, 0 if policy is Policy.ORACLE else retries)
    for number, work in enumerate(day):
        heappush(queue.clock, (work.at, _ARRIVAL, number, frozenset()))
    while queue.clock:
        queue.now, kind, number, ground = heappop(queue.clock)
        if kind == _ARRIVAL:
            queue.arrive(number)
        elif not queue.end(number, ground):
            continue
        queue.decide()
        queue.start()
    turnarounds = tuple(queue.decided_at[number] - work.at for number, work in enumerate(day))
    return Day(turnarounds, sum(queue.lands.values()), queue.runs, queue.busy, queue.now, runners)


@dataclass(slots=True)
class _Queue:
    policy: Policy
    day: tuple[Work, ...]
    runners: int
    retries: int = 0
    now: float = 0.0
    runs: int = 0
    busy: float = 0.0
    clock: list[tuple[float, int, int, Ground]] = field(default_factory=list)
    lands: dict[int, bool] = field(default_factory=dict)
    """What was decided."""
    decided_at: dict[int, float] = field(default_factory=dict)
    _open: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The open changes in order, each with those that were open ahead of it and share an input."""
    _running: dict[tuple[int, Ground], float] = field(default_factory=dict)
    """When each began."""
    _verdicts: dict[tuple[int, Ground], bool] = field(default_factory=dict)
    _failed: Counter[tuple[int, Ground]] = field(default_factory=Counter)
    """How often each failed that is run again."""
    _truth: dict[int, bool] = field(default_factory=dict)

    def arrive(self, number: int) -> None:
        """Put a change at the end of the line."""
        ahead = tuple(other for other in self.day[number].shares if other in self._open)
        self._open[number] = ahead
        self._truth[number] = self._passes(number, frozenset(other for other in ahead if self._truth[other]))

    def end(self, number: int, ground: Ground) -> bool:
        """Take in that a test is over; return whether it still ran."""
        begun = self._running.get((number, ground))
        if begun is None or abs(begun + self.day[number].minutes - self.now) > 1e-9:
            return False
        del self._running[number, ground]
        self.busy += self.now - begun
        passes = self._passes(number, ground)
        if passes or self._failed[number, ground] >= self.retries:
            self._verdicts[number, ground] = passes
        else:
            self._failed[number, ground] += 1
        return True

    def decide(self) -> None:
        """Decide, from the front, whatever was tested on what really became of those ahead; end tests that were not."""
        for number in list(self._open):
            ahead = self._open[number]
            if all(other in self.lands for other in ahead):
                verdict = self._verdicts.get((number, frozenset(other for other in ahead if self.lands[other])))
                if verdict is not None:
                    self.lands[number] = verdict
                    self.decided_at[number] = self.now
                    del self._open[number]
        for number, ground in [key for key in self._running if not self._may_count(*key)]:
            self.busy += self.now - self._running.pop((number, ground))

    def start(self) -> None:
        """Give free runners to the first changes whose likeliest test has not begun."""
        wanted = {(number, ground) for number, ground in self._wishes()} if self.policy is Policy.PREFIX else None
        if wanted is not None:
            for key in [key for key in self._running if key not in wanted]:
                self.busy += self.now - self._running.pop(key)
        for number, ground in self._wishes():
            if len(self._running) >= self.runners:
                return
            key = (number, ground)
            if key not in self._running and key not in self._verdicts:
                self._running[key] = self.now
                self.runs += 1
                heappush(self.clock, (self.now + self.day[number].minutes, _END, number, ground))

    def _wishes(self) -> list[tuple[int, Ground]]:
        wishes: list[tuple[int, Ground]] = []
        failing: set[int] = set()
        for number, ahead in self._open.items():
            undecided = [other for other in ahead if other not in self.lands]
            landed = [other for other in ahead if self.lands.get(other)]
            match self.policy:
                case Policy.SINGLE if undecided:
                    continue
                case Policy.ORACLE:
                    assumed = [other for other in undecided if self._truth[other]]
                case _:
                    assumed = [other for other in undecided if other not in failing]
            ground = frozenset((*landed, *assumed))
            if self._verdicts.get((number, ground)) is False:
                failing.add(number)
            wishes.append((number, ground))
        return wishes

    def _may_count(self, number: int, ground: Ground) -> bool:
        ahead = self._open.get(number)
        return ahead is not None and all(
            self.lands[other] == (other in ground) for other in ahead if other in self.lands
        )

    def _passes(self, number: int, ground: Ground) -> bool:
        work = self.day[number]
        # One that had landed before this one came is in every tree, and its owner has seen it: only open ones break.
        return work.is_good and not any(other in ground for other in work.breaks)
