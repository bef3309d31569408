"""Simulations written as text in a test, and what comes of them."""

from __future__ import annotations

import textwrap

from orchestrator.adapters.documents import load_bytes
from orchestrator.cli.simulate import DIALECT, played
from orchestrator.errors import Problem
from orchestrator.simulate.file import Simulation
from orchestrator.simulate.result import Result

HEAD = "apiVersion: interlock.dev/v1alpha1\nkind: Simulation\nmetadata: {name: story}\nspec:\n"


def simulation(spec: str) -> Simulation:
    """Return the simulation whose spec this is."""
    loaded = load_bytes((HEAD + textwrap.indent(textwrap.dedent(spec), "  ")).encode(), "story.yaml", DIALECT)
    assert loaded.problems == ()
    (one,) = loaded.resources
    assert isinstance(one, Simulation)
    return one


def problems(spec: str) -> list[Problem]:
    """Return what is wrong with a spec."""
    text = HEAD + textwrap.indent(textwrap.dedent(spec), "  ")
    return list(load_bytes(text.encode(), "story.yaml", DIALECT).problems)


def story(spec: str) -> Result:
    """Return what comes of a simulation, which breaks no rule."""
    result = played(simulation(spec))
    assert result.violations == ()
    return result


def one_by_one(spec: str) -> Result:
    """Return what comes of a story in which one entry is tested at a time: it does not depend on how more would be."""
    train = "train: {runs: 1, window: {start: 1, min: 1, max: 1}, speculation: off, retries: {flaky: 0, infra: 3}}\n"
    return story(train + textwrap.dedent(spec))


def fates(result: Result) -> dict[str, str]:
    """Return each entry's outcome, its reason where it did not land, and when: `b rejected GateFailed 14`."""
    return {
        name: " ".join(
            part
            for part in (
                fate.outcome,
                "" if fate.outcome in ("landed", "cancelled", "held") else fate.reason,
                "" if fate.at is None else f"{fate.at:g}",
            )
            if part
        )
        for name, fate in result.entries.items()
    }


def runs(result: Result) -> list[str]:
    """Return each validation: `a+b 0-10 pass`."""
    return [
        f"{'+'.join(run.names)} {run.start:g}-{run.end:g} {run.verdict.value if run.verdict else 'running'}"
        for run in result.runs
    ]
