"""From the first arrival to rest: the clock, and the leader that reacts at once to whatever happens.

At one minute validations that end are recorded first, then events in file order and arrivals, then the leader acts
until nothing changes any more (CONTRACT §4). The same file gives the same story, to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.decide import decide
from orchestrator.model.action import Action
from orchestrator.model.decision import Verb
from orchestrator.simulate.act import NotSimulated, carry_out
from orchestrator.simulate.file import BASE, Event, SimulationSpec
from orchestrator.simulate.world import World

ROUNDS_MAX = 1_000
"""Decisions at one minute, and as many again for every entry: more is a leader that never comes to rest."""


def play(spec: SimulationSpec, on_minute: Callable[[World], None] = lambda _: None) -> World:
    """Return the world after everything has happened. `on_minute` is told whenever all is at rest."""
    world = World(spec)
    events = sorted(enumerate(spec.events), key=lambda each: (each[1].at, each[0]))
    arrivals = sorted(spec.entries, key=lambda entry: entry.at)
    next_event = next_arrival = 0
    outages: list[float] = []
    while True:
        times = [end for end in (world.runners.next_end, *outages[:1]) if end is not None]
        times += [events[next_event][1].at] if next_event < len(events) else []
        times += [arrivals[next_arrival].at] if next_arrival < len(arrivals) else []
        if not times:
            return world
        world.minute = min(times)
        world.runners.end_due(world.minute)
        while outages and outages[0] <= world.minute:
            outages.pop(0)
            if world.minute >= world.runners.outage_until:
                world.end_outage()
        while next_event < len(events) and events[next_event][1].at <= world.minute:
            event = events[next_event][1]
            happen(event, world)
            if event.outage is not None:
                outages = sorted([*outages, round(event.at + event.outage, 6)])
            next_event += 1
        while next_arrival < len(arrivals) and arrivals[next_arrival].at <= world.minute:
            world.open(arrivals[next_arrival].name)
            next_arrival += 1
        come_to_rest(world)
        on_minute(world)


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
