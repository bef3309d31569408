"""The scenario tables come out as they expect, break no rule, and are caught when the train is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.adapters.documents import load
from orchestrator.cli.simulate import DIALECT, played
from orchestrator.simulate.file import Simulation

FOLDER = Path(__file__).parent


def tables() -> dict[str, Simulation]:
    """Return every table by `rule: sentence`."""
    found: dict[str, Simulation] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        loaded = load([path], DIALECT)
        assert loaded.problems == (), path.name
        for one in loaded.resources:
            assert isinstance(one, Simulation)
            found[f"{path.stem}: {one.name.replace('-', ' ')}"] = one
    return found


TABLES = tables()


@pytest.mark.parametrize("sentence", TABLES)
def test_a_table_comes_out_as_it_expects(sentence: str) -> None:
    result = played(TABLES[sentence])
    assert (result.unmet, result.violations, result.met) == ((), (), True)


def test_every_table_expects_something_and_says_it_once() -> None:
    assert len(TABLES) >= 120
    names = [table.name for table in TABLES.values()]
    assert sorted(names) == sorted(set(names))
    assert all(table.spec.expect is not None and table.spec.expect.model_fields_set for table in TABLES.values())
