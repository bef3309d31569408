"""A train in words: where an entry stands, what it is tested in and with what result so far, when it may land.

`explain` prints the sentences, `status --watch` the short forms; both are made of one `Formation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text

from orchestrator.cli.output import Document, printable
from orchestrator.cli.standings import moment
from orchestrator.cli.table import age, count
from orchestrator.core.arrival import Eta
from orchestrator.core.formation import Car, Formation, GateStand, Tested
from orchestrator.core.suggest import listed
from orchestrator.core.verdicts import Verdict
from orchestrator.model.condition import Reason

SHOWN_AHEAD = 3
"""Names of entries below a candidate that are spelled out; the others are counted."""
NAME_MAX = 20
STATE_MAX = 32
"""Characters of what an entry is tested in, where it shares a line with a forecast."""
_SAID = {
    Verdict.PASS: "passed",
    Verdict.FLAKY: "passed at a further try",
    Verdict.FAIL: "failed",
    Verdict.COULD_NOT_RUN: "could not run",
    Verdict.LOST: "was lost",
}


def place_words(train: Formation, car: Car) -> str:
    """Return where the entry stands, and how many are looked at together."""
    name = train.train.name
    if not car.place:
        return f"beside the line of train {name}: others of its tier pass it"
    last = sum(1 for each in train.cars if each.place)
    at_work = f"{train.busy} of {count(train.runs, 'run')} at work"
    if car.stands_on is None:
        return f"{car.place} of {last} in train {name}; the first {train.window} are tested, {at_work}"
    ground = f"{car.stands_on} of those ahead" if car.stands_on else "nobody ahead"
    return f"{car.place} of {last} in train {name}; {ground} can change its verdict, {at_work}"


def why_untested(train: Formation, car: Car) -> str:
    """Return why nothing of the entry is under test; empty where something is, or it is beside the line."""
    if car.tested or not car.place or train.frozen is not None:
        return ""
    if not car.in_window and car.stands_on is not None:
        needed = count(car.stands_on + 1, "entry", "entries")
        return f"not tested yet: with all it stands on it takes up {needed}, and the window is {train.window}"
    if not car.in_window:
        return (
            f"not tested yet: the window is {count(train.window, 'entry', 'entries')}, and "
            f"{car.place - train.window} more have to leave the line first"
        )
    if train.busy >= train.runs:
        return f"not tested yet: {'the only run is' if train.runs == 1 else f'all {train.runs} runs are'} at work"
    return "not tested yet: its candidate is being merged"


def tested_words(tested: Tested, now: datetime) -> str:
    """Return what one candidate is made of, what its gates say, and when that counts."""
    ground = f"on top of {_names(tested.ahead)}" if tested.ahead else "on the base"
    if len(tested.together) > 1:
        ground = f"in a batch of {_names(tested.together)}, {ground}"
    if not tested.gates:
        with_whom = listed(tested.ahead, "or") if tested.ahead else "the base"
        return f"{ground}: cannot be merged with {with_whom}{'; that may vanish' if tested.ahead else ''}"
    said = "; ".join(_gate_words(gate, now) for gate in tested.gates)
    counts = f" (counts once {_names(tested.ahead)} landed)" if tested.ahead else ""
    return f"{ground}: {said}{counts}"


def _gate_words(gate: GateStand, now: datetime) -> str:
    if gate.since is not None:
        usual = f", usually {age(gate.span.usual_s)}" if gate.span is not None else ""
        return f"{gate.name} running for {age((now - gate.since).total_seconds())}{usual}"
    if gate.verdict is Verdict.UNDECIDED:
        return f"{gate.name} waits for a free run"
    return f"{gate.name} {_SAID[gate.verdict]}"


def _names(ahead: tuple[str, ...]) -> str:
    if len(ahead) <= SHOWN_AHEAD:
        return listed(ahead, "and")
    return f"{', '.join(ahead[:SHOWN_AHEAD])} and {len(ahead) - SHOWN_AHEAD} more"


def eta_words(eta: Eta, now: datetime) -> str:
    """Return when the entry may land, as a span, and what that is from."""
    basis = f"from {count(eta.tries, 'try', 'tries')} of its gates and what was rejected before"
    return f"{short_eta(eta, now)}, if its gates pass ({basis})"


def short_eta(eta: Eta, now: datetime) -> str:
    """Return the span in as few characters as there are: `in 40s`, `in 2m00s to 5m10s`, `any moment`."""
    soon, late = (max(0.0, (at - now).total_seconds()) for at in (eta.soonest, eta.latest))
    if late < 1:
        return "any moment"
    if age(soon) == age(late):
        return f"in {age(late)}"
    return f"in {age(soon)} to {age(late)}" if soon >= 1 else f"within {age(late)}"


def eta_document(eta: Eta | None) -> Document | None:
    """Return the forecast for machine output."""
    if eta is None:
        return None
    return {"soonest": moment(eta.soonest), "latest": moment(eta.latest), "tries": eta.tries}


def car_document(train: Formation, car: Car) -> Document:
    """Return the entry for machine output."""
    return {
        "place": car.place or None,
        "window": train.window,
        "inWindow": car.in_window,
        "runs": {"busy": train.busy, "of": train.runs},
        "testedIn": [
            {
                "ahead": list(tested.ahead),
                "batch": list(tested.together) if len(tested.together) > 1 else [],
                "verdict": tested.verdict.value if tested.verdict is not None else "conflict",
                "gates": [
                    {
                        "name": gate.name,
                        "verdict": gate.verdict.value,
                        "since": moment(gate.since),
                        "usualSeconds": gate.span.usual_s if gate.span is not None else None,
                    }
                    for gate in tested.gates
                ],
            }
            for tested in car.tested
        ],
        "eta": eta_document(car.eta),
    }


def train_lines(train: Formation, now: datetime) -> Iterator[Text]:
    """Yield the train as cars from the base: what each is tested in, how far that is, when it may land."""
    head = Text().append(f"train {train.train.name}", style="bold").append(f" → {train.train.spec.base}  ", style="dim")
    head.append(f"window {train.window} · {train.busy} of {count(train.runs, 'run')} at work", style="dim")
    yield head
    names = [car.name for car in train.cars]
    widest = min(NAME_MAX, max((len(name) for name in names), default=0))
    for car in train.cars:
        line = Text(f"  {car.place or '–':>2} ", style="dim")
        name = Text(car.name, style="cyan")
        name.truncate(widest, overflow="ellipsis", pad=True)
        line.append_text(name).append("  ")
        said, style = _short(train, car, now)
        state = Text(said, style=style)
        # A forecast that a long name pushes over the edge of 80 columns is none.
        state.truncate(STATE_MAX, overflow="ellipsis")
        line.append_text(state)
        if car.eta is not None:
            line.append(f"  {short_eta(car.eta, now)}", style="bold")
        yield line


def _short(train: Formation, car: Car, now: datetime) -> tuple[str, str]:
    """Return what most matters about an entry at a glance, and its style."""
    if not car.place and car.reason is not None:
        return printable(car.reason.value), "dim"  # Whatever was under test of it counts for nothing there.
    likely = next((one for one in car.tested if one.is_running), car.tested[0] if car.tested else None)
    if likely is None:
        if car.place and not car.in_window:
            return "beyond the window", "dim"
        if car.place and train.frozen is None and car.reason in (None, Reason.WAITING_FOR_TRAIN):
            return "waits for a free run" if train.busy >= train.runs else "is being merged", "dim"
        return printable(car.reason.value if car.reason is not None else "waits"), "dim"
    on = f" on {_on(likely.ahead)}" if likely.ahead else ""
    if len(likely.together) > 1:
        on = f" in a batch of {len(likely.together)}{on}"
    gate = next((each for each in likely.gates if each.since is not None), None)
    if gate is not None and gate.since is not None:
        usual = f"/{age(gate.span.usual_s)}" if gate.span is not None else ""
        return f"{gate.name} {age((now - gate.since).total_seconds())}{usual}{on}", "blue"
    if likely.verdict is None:
        return f"conflict{on}", "red"
    if likely.verdict is Verdict.UNDECIDED:
        return f"next{on}", "dim"
    return f"{_SAID[likely.verdict]}{on}", "green" if likely.verdict.lands else "red"


def _on(ahead: tuple[str, ...]) -> str:
    return ahead[-1] if len(ahead) == 1 else f"{ahead[-1]} +{len(ahead) - 1}"
