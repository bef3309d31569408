"""From the first arrival to rest: the clock, and the leader that reacts at once to whatever happens.

At one minute validations that end are recorded first, then events in file order and arrivals, then the leader acts
until nothing changes any more (CONTRACT §4). The same file gives the same story, to the last digit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orchestrator.core.decide import decide
from orchestrator.model.action import Action
from orchestrator.model.decision import Verb
from orchestrator.simulate.act import NotSimulated, carry_out
from orchestrator.simulate.file import BASE, Entry, Event, SimulationSpec
from orchestrator.simulate.world import MEMORY, World

ROUNDS_MAX = 1_000
"""Decisions at one minute, and as many again for every entry: more is a leader that never comes to rest."""


def play(
    spec: SimulationSpec,
    *,
    breaks: Mapping[str, Sequence[str]] = MappingProxyType({}),
    line_max: int | None = None,
    memory: int = MEMORY,
    sight: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> World:
    """Return the world after everything has happened.

    `breaks` says which entries fail in a tree with any of these; with `line_max` no more than so many are let into the
    store at once, the others wait outside in the order in which they came. `memory` bounds what is over and there.
    `sight` is the chance to land that the leader is told of an entry which will, and of one which will not; it is told
    nothing of any other.
    """
    world = World(spec, breaks, memory, sight)
    events = deque(sorted(spec.events, key=lambda event: event.at))
    arrivals = deque(sorted(spec.entries, key=lambda entry: entry.at))
    outside: deque[str] = deque()
    outages: list[float] = []
    while (minute := _next_minute(world, events, arrivals, outages)) is not None:
        world.minute = minute
        world.runners.end_due(minute)
        while outages and outages[0] <= minute:
            outages.pop(0)
            if minute >= world.runners.outage_until:
                world.end_outage()
        while events and events[0].at <= minute:
            event = events.popleft()
            happen(event, world)
            if event.outage is not None:
                outages = sorted([*outages, round(event.at + event.outage, 6)])
        while arrivals and arrivals[0].at <= minute:
            outside.append(arrivals.popleft().name)
        _let_in(world, outside, line_max)
        come_to_rest(world)
        while outside and _let_in(world, outside, line_max):
            come_to_rest(world)
    return world


def _next_minute(world: World, events: deque[Event], arrivals: deque[Entry], outages: list[float]) -> float | None:
    """Return when something happens next; None when nothing will."""
    times = [time for time in (world.runners.next_end, *outages[:1]) if time is not None]
    times += [each[0].at for each in (events, arrivals) if each]
    return min(times, default=None)


def _let_in(world: World, outside: deque[str], line_max: int | None) -> bool:
    """Let those who wait outside into the store while there is room; return whether anybody was."""
    came = False
    while outside and (line_max is None or world.open_entries < line_max):
        world.open(outside.popleft())
        came = True
    return came


def come_to_rest(world: World) -> None:
    """Let the leader decide and act until nothing changes any more."""
    actions: tuple[Action, ...] = ()
    for _ in range(ROUNDS_MAX + len(world.pulls)):
        world.decides += 1
        actions = decide(world.snapshot(), world.now)
        changes = [carry_out(action, world) for action in actions]
        if not any(changes):
            world.tidy()
            return
    raise NotSimulated(
        f"minute {world.minute:g}: the leader does not come to rest; its last actions: {actions!r:.2000}"
    )


def happen(event: Event, world: World) -> None:
    """Let one event of the file happen now."""
    if event.push == BASE:
        world.intrude(event.name, red=event.red)
    elif event.push is not None:
        world.push(event.push, event.fails)
    for verb, name in (
        (Verb.CANCEL, event.cancel),
        (Verb.HOLD, event.hold),
        (Verb.RELEASE, event.release),
        (Verb.WAIVE, event.waive),
    ):
        if name is not None:
            world.say(verb, name)
    for name, priority in (event.priority or {}).items():
        world.say(Verb.PRIORITY, name, str(priority))
    if event.approve is not None:
        world.approve(event.approve)
    if event.race is not None:
        world.races.append(event.race)
    if event.lose is not None:
        world.runners.lose_oldest(world.minute)
    if event.outage is not None:
        world.runners.outage_until = max(world.runners.outage_until, round(event.at + event.outage, 6))
    if event.crash is not None:
        world.restart()
    if event.fix is not None:
        world.fix()
