"""The scenario tables come out as they expect, break no rule, and are caught when the train is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.adapters.documents import load
from orchestrator.cli.simulate import DIALECT, played
from orchestrator.simulate import play
from orchestrator.simulate.file import Simulation
from tests.train.mutants import MUTANTS

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


def _comes_out(table: Simulation) -> bool:
    try:
        result = played(table)
    except Exception:
        return False  # A broken train may do anything, also ask for what no world can do.
    return bool(result.met) and not result.violations


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A train that is broken need not come to rest."""
    monkeypatch.setattr(play, "ROUNDS_MAX", 60)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_train_is_seen_by_the_tables_of_its_rules(name: str) -> None:
    mutant = MUTANTS[name]
    with mutant.applied():
        for rule in mutant.seen_by:
            mine = [table for sentence, table in TABLES.items() if sentence.startswith(f"{rule}: ")]
            assert not all(map(_comes_out, mine)), f"no table of `{rule}` sees it"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("impatient")
def test_every_table_sees_some_broken_train() -> None:
    assert [sentence for sentence, table in TABLES.items() if not _sees_one(sentence, table)] == []


def _sees_one(sentence: str, table: Simulation) -> bool:
    """Return whether the table sees a mutant; asked first is about those that the tables of its rule have to see."""
    rule = sentence.partition(": ")[0]
    for mutant in sorted(MUTANTS.values(), key=lambda one: rule not in one.seen_by):
        with mutant.applied():
            if not _comes_out(table):
                return True
    return False


def test_every_table_expects_something_and_says_it_once() -> None:
    assert len(TABLES) >= 120
    names = [table.name for table in TABLES.values()]
    assert sorted(names) == sorted(set(names))
    assert all(table.spec.expect is not None and table.spec.expect.model_fields_set for table in TABLES.values())
