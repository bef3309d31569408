"""The train as cars, and what a person is told of each: made-up worlds, the real train, sentences compared whole."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.cli import cars
from orchestrator.core.arrival import Eta
from orchestrator.core.board import boards
from orchestrator.core.formation import Car, Formation, formation
from orchestrator.core.provenance import gate_digest
from orchestrator.core.verdicts import Verdict
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.condition import Reason
from orchestrator.model.gate import GateResult
from orchestrator.model.validation import Purpose, Try, Validation, ValidationSpec, ValidationStatus
from orchestrator.simulate.items import GATE, TRAIN
from orchestrator.simulate.play import come_to_rest, happen
from orchestrator.simulate.world import World
from tests.simulate.play import simulation


def world(spec: str, minute: float) -> World:
    """Return the made-up world as it is at a minute, its events having happened."""
    said = simulation(spec).spec
    made = World(said)
    times = sorted({0.0, *(e.at for e in said.entries), *(e.at for e in said.events)})
    due = deque(sorted(said.events, key=lambda event: event.at))
    came: set[str] = set()
    while True:
        ends = [] if made.runners.next_end is None else [made.runners.next_end]
        now = min([*ends, *times], default=minute + 1)
        if now > minute:
            break
        times = [each for each in times if each > now]
        made.minute = now
        made.runners.end_due(now)
        while due and due[0].at <= now:
            happen(due.popleft(), made)
        for entry in said.entries:
            if entry.at <= now and entry.name not in came:
                came.add(entry.name)
                made.open(entry.name)
        come_to_rest(made)
    made.minute = minute
    return made


def past(world: World, *minutes: float) -> tuple[Validation, ...]:
    """Return finished tries of the one gate there is, so many minutes long each."""
    tries = tuple(
        Try(result=GateResult.PASS, started_at=world.now - timedelta(minutes=m), ended_at=world.now) for m in minutes
    )
    spec = ValidationSpec(
        tree=TreeId("past"), commit=Sha("past"), gate=GATE, gate_digest=gate_digest(GATE), environment="past",
        purpose=Purpose.CONTROL, train=TRAIN,
    )  # fmt: skip
    return (Validation(metadata=ObjectMeta(name="v-past"), spec=spec, status=ValidationStatus(tries=tries)),)


def train_of(made: World, *took: float) -> Formation:
    shot = made.snapshot()
    shot = replace(shot, validations=(*shot.validations, *past(made, *took)) if took else shot.validations)
    (board,) = boards(shot, made.now)
    return formation(board)


def told(train: Formation, made: World, name: str) -> list[str]:
    """Return everything `explain` says of the entry in its train."""
    car = train.car(name)
    assert car is not None
    lines = [
        cars.place_words(train, car),
        *(cars.tested_words(tested, made.now) for tested in car.tested),
        cars.why_untested(train, car),
        cars.eta_words(car.eta, made.now) if car.eta is not None else "",
    ]
    return [line for line in lines if line]


PREFIX = "train: {runs: 3, window: {start: 3, min: 3, max: 3}, speculation: prefix, retries: {flaky: 0, infra: 3}}\n"


def test_an_entry_names_the_candidate_it_is_tested_in_and_since_when_its_gate_runs() -> None:
    made = world(PREFIX + "entries: [{name: a}, {name: b}]", 4)
    train = train_of(made)
    assert told(train, made, "a") == [
        "1 of 2 in train main; the first 3 are tested, 2 of 3 runs at work",
        "on the base: validation running for 4m00s",
    ]
    assert told(train, made, "b") == [
        "2 of 2 in train main; the first 3 are tested, 2 of 3 runs at work",
        "on top of `a`: validation running for 4m00s (counts once `a` landed)",
    ]


def test_with_a_past_it_says_how_long_that_usually_takes_and_when_it_may_land() -> None:
    made = world(PREFIX + "entries: [{name: a}, {name: b}]", 4)
    assert told(train_of(made, 9, 10, 12), made, "b")[1:] == [
        "on top of `a`: validation running for 4m00s, usually 10m00s (counts once `a` landed)",
        "in 6m00s to 8m00s, if its gates pass (from 3 tries of its gates and what was rejected before)",
    ]


def test_every_speculative_run_is_listed_with_what_it_said() -> None:
    made = world(
        "train: {runs: 3, window: {start: 4, min: 4, max: 4}, retries: {flaky: 0, infra: 3}}\n"
        "entries: [{name: a, run: 30}, {name: b, run: 5, fails: {with: [a]}}]",
        6,
    )
    assert told(train_of(made), made, "b") == [
        "2 of 2 in train main; the first 4 are tested, 1 of 3 runs at work",
        "on top of `a`: validation failed (counts once `a` landed)",
        "on the base: validation passed",
    ]


def test_an_entry_beyond_the_window_says_how_many_have_to_leave_first() -> None:
    made = world(
        "train: {runs: 9, window: {start: 2, min: 2, max: 2}, speculation: prefix}\n"
        "entries: [{name: a}, {name: b}, {name: c}, {name: d}]",
        1,
    )
    assert told(train_of(made), made, "d") == [
        "4 of 4 in train main; the first 2 are tested, 2 of 9 runs at work",
        "not tested yet: the window is 2 entries, and 2 more have to leave the line first",
    ]


def test_an_entry_without_a_free_run_says_so() -> None:
    made = world("train: {runs: 1, window: {start: 4}}\nentries: [{name: a}, {name: b}]", 1)
    assert told(train_of(made), made, "b")[-1] == "not tested yet: the only run is at work"


def test_a_held_entry_stands_beside_the_line_and_has_no_forecast() -> None:
    made = world(PREFIX + "entries: [{name: a}, {name: b}]\nevents: [{at: 0, hold: a}]", 3)
    train = train_of(made, 10, 10, 10)
    assert told(train, made, "a") == ["beside the line of train main: others of its tier pass it"]
    assert [(car.name, car.place, car.eta is None) for car in train.cars] == [("b", 1, False), ("a", 0, True)]


def test_a_conflict_with_what_is_ahead_says_that_it_may_vanish() -> None:
    made = world(PREFIX + "entries: [{name: a}, {name: b, conflicts: [a]}]", 3)
    assert told(train_of(made), made, "b")[1] == "on top of `a`: cannot be merged with `a`; that may vanish"


def test_a_batch_is_named_with_everybody_in_it() -> None:
    made = world(
        "train: {runs: 1, batch: {max: 4}, speculation: off, retries: {flaky: 0}}\n"
        "entries: [{name: a}, {name: b}, {name: c}, {name: d}]",
        3,
    )
    train = train_of(made, 10, 10, 10)
    names = train.car("a").tested[0].together  # type: ignore[union-attr]
    assert len(names) > 1
    assert told(train, made, "a")[1].startswith(f"in a batch of {cars._names(names)}, on the base: validation running")
    soonest = {car.eta.soonest for car in train.cars if car.name in names and car.eta is not None}
    assert soonest == {made.now + timedelta(minutes=7)}


def test_a_frozen_train_has_no_forecast() -> None:
    made = world(PREFIX + "entries: [{name: a, at: 2}]\nevents: [{at: 1, push: base, red: true}]", 20)
    train = train_of(made, 10, 10, 10)
    assert (train.frozen is not None, [car.eta for car in train.cars]) == (True, [None])


def test_without_a_past_there_is_no_forecast() -> None:
    made = world(PREFIX + "entries: [{name: a}]", 3)
    assert [car.eta for car in train_of(made, 10, 10).cars] == [None]


def test_the_train_is_drawn_as_cars_from_the_base_in_eighty_columns() -> None:
    made = world(
        PREFIX + "entries: [{name: a-rather-long-name-for-an-entry-of-a-train}, {name: b}, {name: c}, {name: d}]", 4
    )
    lines = [line.plain.rstrip() for line in cars.train_lines(train_of(made, 10, 10, 10), made.now)]
    assert lines == [
        "train main → main  window 3 · 3 of 3 runs at work",
        "   1 a-rather-long-name-…  validation 4m00s/10m00s  in 6m00s",
        "   2 b                     validation 4m00s/10m00s on a-ra…  in 6m00s",
        "   3 c                     validation 4m00s/10m00s on b +1  in 6m00s to 16m00s",
        "   4 d                     beyond the window  in 16m00s to 26m00s",
    ]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("soonest", "latest", "said"),
    [
        (0, 0, "any moment"),
        (0, 90, "within 1m30s"),
        (60, 60, "in 1m00s"),
        (60, 300, "in 1m00s to 5m00s"),
        (-9, -5, "any moment"),
    ],
)
def test_a_span_is_said_in_few_words(soonest: int, latest: int, said: str) -> None:
    now = World(simulation("entries: [{name: a}]").spec).now
    assert cars.short_eta(Eta(now + timedelta(seconds=soonest), now + timedelta(seconds=latest), 3), now) == said


def test_machine_output_names_every_candidate_with_its_gates() -> None:
    made = world(PREFIX + "entries: [{name: a}, {name: b}]", 4)
    train = train_of(made, 10, 10, 10)
    car = train.car("b")
    assert isinstance(car, Car) and car.tested[0].verdict is Verdict.UNDECIDED
    assert car.reason is Reason.WAITING_FOR_TRAIN
    assert cars.car_document(train, car) == {
        "place": 2,
        "window": 3,
        "inWindow": True,
        "runs": {"busy": 2, "of": 3},
        "testedIn": [
            {
                "ahead": ["a"],
                "batch": [],
                "verdict": "undecided",
                "gates": [
                    {
                        "name": "validation",
                        "verdict": "undecided",
                        "since": "2026-01-01T00:00:00Z",
                        "usualSeconds": 600.0,
                    }
                ],
            }
        ],
        "eta": {"soonest": "2026-01-01T00:10:00Z", "latest": "2026-01-01T00:10:00Z", "tries": 3},
    }
