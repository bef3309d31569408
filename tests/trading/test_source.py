"""What a strategy is made of, and which changes ask for evidence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.trading.research_world import NAME, backtest, created, failed, records, validation
from trading.research import changes, source
from trading.research.entries import AnyEntry, Check
from trading.research.source import FOLDER, Unreadable

MAKE = b"def make(name, parameters): ...\n"
FILES = {
    "__init__.py": b'"""Strategies."""\n',
    "sma_cross.py": b"from trading.strategies import means\n" + MAKE,
    "means.py": b"from trading.stages import risk\n",
    "reversion.py": MAKE,
    "family/__init__.py": b"",
    "family/one.py": b"from .common import pick\nimport trading.strategies.means as m\n" + MAKE,
    "family/common.py": b"pick = 1\n",
    "family/two.py": b"from trading.strategies.sma_cross import make\n",
}
DIGEST = source.digest("sma_cross", FILES)
PROFILES = ("idealistic", "realistic", "stressed")


def test_a_strategy_is_made_of_what_it_imports_and_of_the_packages_around_it() -> None:
    assert source.closure("sma_cross", FILES) == {"__init__.py", "sma_cross.py", "means.py"}
    assert source.closure("reversion", FILES) == {"__init__.py", "reversion.py"}
    assert source.closure("family.one", FILES) == {
        "__init__.py", "family/__init__.py", "family/one.py", "family/common.py", "means.py",
    }  # fmt: skip
    assert source.closure("family.two", FILES) == {
        "__init__.py", "family/__init__.py", "family/two.py", "sma_cross.py", "means.py",
    }  # fmt: skip


def test_what_can_be_run_is_a_strategy_and_what_is_only_imported_is_not() -> None:
    assert source.strategies(FILES) == ("family.one", "family.two", "reversion", "sma_cross")
    # Nobody imports it: a `make` may come about in ways that no reader sees.
    assert "odd" in source.strategies({**FILES, "odd.py": b"globals()['ma' + 'ke'] = print\n"})


@pytest.mark.parametrize("changed", ["sma_cross.py", "means.py", "__init__.py"])
def test_any_byte_of_it_changes_its_digest(changed: str) -> None:
    after = {**FILES, changed: FILES[changed] + b"#\n"}
    assert source.digest("sma_cross", after) != DIGEST
    assert source.digest("sma_cross", {**FILES, "reversion.py": b"#"}) == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        b"import trading.strategies.means\n",
        b"from trading.strategies.means import a\n",
        b"from . import means\n",
        b"from .means import a\n",
        b"def make():\n    from trading.strategies import means\n",
        b"if 0:\n    import trading.strategies.means as x\n",
    ],
)
def test_every_way_to_import_is_seen(text: bytes) -> None:
    found = source.closure("sma_cross", {**FILES, "sma_cross.py": text})
    assert found == {"__init__.py", "sma_cross.py", "means.py"}


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("gone", FILES, "gone.py: there is no such strategy"),
        ("sma_cross", {**FILES, "sma_cross.py": b"def make(:\n"}, "sma_cross.py:1: .*no Python"),
        ("sma_cross", {**FILES, "sma_cross.py": b"\0"}, "sma_cross.py:1: .*no Python"),
        ("sma_cross", {**FILES, "sma_cross.py": b"import trading.strategies.nothing\n"}, "nothing.py: there is no"),
    ],
)
def test_what_is_not_there_or_no_python_is_named(name: str, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        source.digest(name, files)


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("trading/strategies/sma_cross.py", "sma_cross.py"),
        ("./trading/strategies/family/one.py", "family/one.py"),
        ("trading/engine/../strategies/x.py", "x.py"),
        ("/repo/trading/strategies/x.py", "x.py"),
        (" trading/strategies/x.py ", "x.py"),
        ('"trading/strategies/na\\303\\257f.py"', "naïf.py"),
        ('"trading/strategies/a\\"b\\\\c\\td.py"', 'a"b\\c\td.py'),
        ('"docs/na\\303\\257f.py"', None),
        ("trading/strategies", None),
        ("trading/strategies_old/x.py", None),
        ("trading/stages/risk.py", None),
        ("docs/trading/strategies/x.py", None),
        ("../trading/strategies/x.py", None),
        ("/other/trading/strategies/x.py", None),
    ],
)
def test_a_path_is_inside_however_it_is_spelled(path: str, below: str | None) -> None:
    assert changes.inside(path, "/repo") == below


def complete(strategy: str = "sma_cross", name: str = NAME) -> list[AnyEntry]:
    digest = source.digest(strategy, FILES)
    return [
        created(name, strategy),
        *(backtest(profile, source=digest, candidate=name) for profile in PROFILES),
        validation(Check.LOOKAHEAD, source=digest, name=name),
    ]


def without(*kinds: str) -> list[AnyEntry]:
    return [
        entry
        for entry in complete()
        if getattr(entry, "profile", None) not in kinds and getattr(entry, "check", None) not in kinds
    ]


OLD = "sha256:old"
UNKNOWN = ["NoCandidate", *["ProfileMissing"] * 3, "LookaheadMissing"]
CASES: list[tuple[str, list[AnyEntry], Sequence[str], list[str], list[str]]] = [
    ("nothing changed", [], [], [], []),
    ("no Python", [], ["README.md", "data.json"], [], []),
    ("a strategy nobody knows", [], ["sma_cross.py"], ["sma_cross", "family.two"], UNKNOWN * 2),
    ("all there", complete(), ["reversion.py"], ["reversion"], UNKNOWN),
    ("all there for another", complete("reversion"), ["reversion.py"], ["reversion"], []),
    ("a helper", complete(), ["family/common.py"], ["family.one"], UNKNOWN),
    ("a file that is gone", complete(), ["family/gone.py"], [], []),
    ("failed attempts only", [created(strategy="reversion"), failed()], ["reversion.py"], ["reversion"],
     ["ProfileMissing"] * 3 + ["LookaheadMissing"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "changed", "touched", "codes"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_what_a_change_asks_for(said: list[AnyEntry], changed: list[str], touched: list[str], codes: list[str]) -> None:
    found = changes.answer(records(*said), FILES, changed)
    assert sorted(found.strategies) == sorted(touched)
    assert [demand.code for demand in found.demands] == codes
    assert all(demand.run.startswith(("trading ", "git ", "python ")) for demand in found.demands)


ONE = {name: text for name, text in FILES.items() if not name.startswith("family")}
LACKING: list[tuple[str, list[AnyEntry], list[str]]] = [
    ("nothing", complete(), []),
    ("idealistic", without("idealistic"), ["ProfileMissing"]),
    ("realistic", without("realistic"), ["ProfileMissing"]),
    ("stressed", without("stressed"), ["ProfileMissing"]),
    ("lookahead", without("lookahead"), ["LookaheadMissing"]),
    ("all profiles", without(*PROFILES), ["ProfileMissing"] * 3),
    ("a costs check is no lookahead test", [*without("lookahead"), validation(Check.COSTS, source=DIGEST)],
     ["LookaheadMissing"]),
    ("an older lookahead test", [*without("lookahead"), validation(Check.LOOKAHEAD, source=OLD)], ["LookaheadMissing"]),
    ("a failed one", [*complete(), validation(Check.LOOKAHEAD, passed=False, source=DIGEST)], ["LookaheadFailed"]),
    ("mended", [created(), *complete()[1:4], validation(Check.LOOKAHEAD, passed=False, source=DIGEST),
                validation(Check.LOOKAHEAD, source=DIGEST)], []),
    ("an older run", [*without("stressed"), backtest("stressed", source=OLD)], ["ProfileMissing"]),
    ("a failed run", [*without("stressed"), failed(profile="stressed", source=DIGEST)], ["ProfileMissing"]),
    ("another setup", [*without("stressed"), backtest("stressed", source=DIGEST, setup="x")], ["ProfileMissing"]),
    ("other data", [*without("stressed"), backtest("stressed", source=DIGEST, data="x")], ["ProfileMissing"]),
    ("of two candidates each half", [*without("stressed"), created("two"),
                                     backtest("stressed", source=DIGEST, candidate="two")], ["ProfileMissing"]),
    ("an older candidate beside a whole one", [created("old"), *complete()], []),
]  # fmt: skip


@pytest.mark.parametrize(("said", "codes"), [row[1:] for row in LACKING], ids=[row[0] for row in LACKING])
def test_a_changed_strategy_lacks(said: list[AnyEntry], codes: list[str]) -> None:
    found = changes.answer(records(*said), ONE, ["means.py"])
    assert found.strategies == ("sma_cross",)
    assert [demand.code for demand in found.demands] == codes


def test_what_is_no_python_is_refused_and_not_passed_over() -> None:
    broken = {**ONE, "reversion.py": b"def make(:\n"}
    found = changes.answer(records(*complete()), broken, ["reversion.py"])
    assert [demand.code for demand in found.demands] == ["SourceUnreadable"]


def test_a_helper_taken_away_from_a_strategy_is_refused() -> None:
    gone = {name: text for name, text in ONE.items() if name != "means.py"}
    found = changes.answer(records(*complete()), gone, ["means.py"])
    assert "SourceUnreadable" in [demand.code for demand in found.demands]


@pytest.mark.parametrize("path", ["fast.so", "fast.pyd", "sma_cross.pyc", "family/fast.so"])
def test_what_nobody_can_read_is_refused(path: str) -> None:
    found = changes.answer(records(*complete()), FILES, ["sma_cross.py", path])
    assert [demand.code for demand in found.demands] == ["NotSource"]
    linked = changes.answer(records(*complete()), FILES, [], links=[path])
    assert [demand.code for demand in linked.demands] == ["NotSource"]


def test_the_folder_is_the_one_the_program_runs_strategies_from() -> None:
    import trading.strategies

    (where,) = trading.strategies.__path__
    assert where.replace("\\", "/").endswith(FOLDER)
