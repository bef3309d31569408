"""Compiled code is used where it fits, by processes that play runs, and never by those of the gate."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import msgspec._core
import pytest

from trading.cli import trial
from trading.cli.accelerate import accelerate
from trading.cli.grammar import build as grammar
from trading.cli.main import main
from trading.compiled import build as build_module
from trading.compiled import cache, finder, modules, plain

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(str(msgspec._core.__file__))
"""Some library that Python can load."""
# A quotient of two whole numbers beyond 2**53 is rounded twice where it is compiled: these have a float on one side, or
# numbers that are far smaller, or, the last, one that is so large that Python itself divides.
QUOTIENTS = {
    "trading.costs.impact": "quantity / daily_volume, shares_outstanding / daily_volume, share / days, "
    "self.permanent_bps / 2",
    "trading.gate.controls.exposure": "cost / (UNIT * PARTS)",
    "trading.gate.tail": "1.0 / (UNIT * PARTS), tail_value_at_risk(losses, confidence_bps) / _SAMPLE, "
    "sum(losses) / count, (second + fourth - dist(squares, losses) ** 2) / 2.0, second / count, third / count, "
    "fourth / count, (third - 3.0 * mean * second + 2.0 * mean ** 3) / (variance * sigma), "
    "(fourth - 4.0 * mean * third + 6.0 * mean ** 2 * second - 3.0 * mean ** 4) / (variance * variance), "
    "density / share, z * skew / 6.0, (z * z - 1.0) * excess / 24.0, (2.0 * z * z - 1.0) * skew * skew / 36.0, "
    "count / (count - 1), (sum(worst_first[:whole]) + rest) / days, confidence_bps / 10000, "
    "-z * z / 2.0, exp(-z * z / 2.0) / sqrt(2.0 * pi), (10000 - confidence_bps) / 10000",
}


def tree(module: str) -> ast.Module:
    return ast.parse((modules.PACKAGE.parent / modules.path_of(module)).read_text())


def made(folder: Path) -> Path:
    """Return a folder that looks like a build: every library is there, and none is what it is called."""
    libraries = {}
    for name in (*modules.MODULES, "trading__mypyc"):
        libraries[name] = folder / f"{name}{EXTENSION_SUFFIXES[0]}"
        libraries[name].parent.mkdir(parents=True, exist_ok=True)
        libraries[name].write_bytes(name.encode())
    cache.write(folder, libraries)
    return folder


def asked(code: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with this package or a copy of it."""
    environment = dict(os.environ) | {"PYTHONPATH": str(folder or ROOT)} | environment
    words = [sys.executable, "-c", code]
    return subprocess.run(words, env=environment, cwd=folder or ROOT, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package, to be changed."""
    folder = tmp_path_factory.mktemp("copied")
    shutil.copytree(modules.PACKAGE, folder / "trading", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_a_build_is_named_after_the_engine_and_not_after_strategies(copied: Path) -> None:
    package = copied / "trading"
    before = modules.key(package)
    assert before == modules.key()
    for name in ("strategies/sma_cross.py", "cli/backtest.py", "research/walk.py", "service/watchdog.py"):
        (package / name).write_text("changed = 1\n")
    assert modules.key(package) == before
    keys = {before}
    for name in ("engine/backtest.py", "model.py", "stages/risk.py", "compiled/translate.py", "compiled/tools.lock"):
        text = (package / name).read_text()
        (package / name).write_text(text + "# changed\n")
        keys.add(modules.key(package))
        (package / name).write_text(text)
    assert len(keys) == 6


def test_nothing_a_build_is_made_of_imports_what_is_not_in_its_name() -> None:
    waiting, found = list(modules.MODULES), set[str]()
    while waiting:
        module = waiting.pop()
        if module in found or not (modules.PACKAGE.parent / modules.path_of(module)).is_file():
            continue
        found.add(module)
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "trading":
                waiting += [str(node.module), *(f"{node.module}.{each.name}" for each in node.names)]
    assert len(found) > len(modules.MODULES)
    assert {module for module in found if module.split(".")[1] in modules.ABOVE} == set()


def test_no_compiled_module_divides_large_whole_numbers() -> None:
    unknown = []
    for module in modules.MODULES:
        known = QUOTIENTS.get(module, "")
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
                quotient = ast.unparse(node)
                if quotient not in known:
                    unknown.append(f"{module}:{node.lineno}: {quotient}")
    assert unknown == [], "write truediv(a, b), or say here why it is exact"


def test_a_class_of_a_compiled_module_says_nothing_that_is_lost() -> None:
    # mypyc passes on no keywords of a class: structs inherit what they say from `model.Value`.
    said = [
        (module, node.name, [ast.unparse(base) for base in node.bases])
        for module in modules.MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ClassDef) and node.keywords
    ]
    assert [name for _, name, _ in said] == ["Trade", "OpenOrder", "Sent", "Verdict"]
    assert {tuple(bases) for _, _, bases in said} == {("Value",)}


def test_a_build_that_is_not_what_it_was_made_as_is_none(tmp_path: Path) -> None:
    folder = made(tmp_path / "whole")
    found = cache.read(folder)
    assert found is not None and found.name == "whole" and set(modules.MODULES) < set(found.libraries)
    library = found.libraries["trading.engine.backtest"]
    library.write_bytes(b"something else")
    assert cache.read(folder) is None
    library.unlink()
    assert cache.read(folder) is None
    index = json.loads((made(tmp_path / "less") / cache.INDEX).read_text())
    del index["trading.engine.backtest"]
    (tmp_path / "less" / cache.INDEX).write_text(json.dumps(index))
    assert cache.read(tmp_path / "less") is None
    for text in ("[]", "{", '{"a": 1}'):
        (tmp_path / "less" / cache.INDEX).write_text(text)
        assert cache.read(tmp_path / "less") is None
    assert cache.read(tmp_path / "nowhere") is None


def test_a_build_cannot_be_mixed_with_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trading.compiled import plain
    from trading.engine import backtest

    # Another test may have made a gate in this process, which says no first.
    monkeypatch.setattr(plain, "_insisted", set())
    assert backtest.__file__.endswith(".py")
    found, before = cache.read(made(tmp_path / "build")), list(sys.meta_path)
    assert found is not None
    with pytest.raises(finder.NotUsable, match="is imported already"):
        finder.use(found)
    assert sys.meta_path == before and finder.used() is None


def test_a_build_that_cannot_be_loaded_leaves_the_source_in_place(tmp_path: Path) -> None:
    # The commands say so and go on, as where there is no build.
    folder = made(tmp_path / "compiled" / modules.key())
    done = asked(
        "from trading.cli import accelerate, grammar\n"
        "args = grammar.build().parse_args(['lookahead', 'nowhere.toml']); print(accelerate.chosen(args))\n"
        "import trading.engine.backtest as it; print(it.__file__)",
        TRADING_CACHE=str(tmp_path),
    )
    said, file = done.stdout.splitlines()
    assert said.startswith(f"plain Python ({folder} cannot be loaded: ") and said.endswith(": trading accelerate)")
    assert file.endswith("backtest.py") and done.stderr == ""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a catalog and a run file."""
    folder = tmp_path_factory.mktemp("played")
    shutil.copy(ROOT / "docs/trading/cross.toml", folder)
    words = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "300", "--catalog", str(folder / "catalog")]
    assert main(["data", "generate", "made_up", *words]) == 0
    return folder


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["backtest", "cross.toml"], {}, "engine: plain Python (`trading accelerate` compiles it)\n"),
        (["backtest", "cross.toml", "--plain"], {}, "engine: plain Python, as asked for\n"),
        (["backtest", "cross.toml"], {"TRADING_PLAIN": "1"}, "engine: plain Python, as asked for\n"),
        (["data", "list"], {}, ""),
    ],
)
def test_who_plays_says_on_what(
    words: list[str],
    environment: dict[str, str],
    said: str,
    played: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(played)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(words) == 0
    assert capsys.readouterr().err == said


def test_a_build_that_fits_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRADING_CACHE", str(tmp_path))
    folder = made(tmp_path / "compiled" / modules.key())
    assert accelerate(grammar().parse_args(["accelerate"])) == 0
    assert capsys.readouterr().out == f"{folder}: there already\n"


def test_without_headers_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRADING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(build_module.sysconfig, "get_path", lambda name: str(tmp_path))
    assert accelerate(grammar().parse_args(["accelerate"])) == 1
    said = f"trading: accelerate: Python.h is not in {tmp_path}; install the headers of this Python"
    assert capsys.readouterr().err.startswith(said) and not (tmp_path / "cache").exists()


def test_builds_of_long_ago_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    for number in range(4):
        made(tmp_path / f"build-{number}")
        os.utime(tmp_path / f"build-{number}" / cache.INDEX, (number, number))
    (tmp_path / "something else").mkdir()
    build_module._keep_newest(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build-2", "build-3", "something else"]


@pytest.mark.parametrize(
    ("source", "build", "said"),
    [
        ("print(1)", "print(1)", ""),
        ("print(1)", "print(2)", "a trial run says 1 on the source and 2 compiled"),
        ("print(1)", "print(1); raise SystemExit('no')", "a trial run ended with exit 1:\nno\n"),
    ],
)
def test_a_build_that_says_something_else_is_told_from_one_that_does_not(source: str, build: str, said: str) -> None:
    assert trial.between([sys.executable, "-c", source], [sys.executable, "-c", build]) == said


def test_the_trial_run_has_something_to_say() -> None:
    said = trial.played()
    assert said == trial.played() and int(said.split()[-2]) > 1000


# The gate.


def test_a_process_of_the_gate_takes_no_build(tmp_path: Path) -> None:
    folder = made(tmp_path / "compiled" / modules.key())
    done = asked(
        "from trading.compiled import cache, finder, plain\n"
        "plain.insist('the gate')\n"
        "found = cache.fitting()\n"
        "try: finder.use(found)\n"
        "except finder.NotUsable as error: print(found.folder, error, finder.used())",
        TRADING_CACHE=str(tmp_path),
    )
    told = f"{folder} this is a process of the gate (the gate), which takes no compiled code None\n"
    assert (done.stdout, done.stderr) == (told, "")


def worlds() -> Iterator[tuple[str, str]]:
    """Yield who must refuse compiled code, and how one of it is started or made."""
    yield "trading gate check", "cli(['gate', 'check', '--order', 'o', '--snapshot', 's'])"
    yield "the gate", "cli(['gate', 'serve', '--desk', 'desk.json', '--state', 'state'])"
    yield "the broker", "cli(['broker', '--desk', 'desk.json', '--state', 'state'])"
    yield "the watchdog", "cli(['watchdog', '--desk', 'desk.json', '--state', 'state'])"
    yield "the gate", "from trading.gate.server import GateServer; GateServer(*[None] * 5)"
    yield "the broker", "from trading.broker.serve import BrokerServer; BrokerServer(*[None] * 4)"
    yield "the watchdog", "from trading.service.watchdog import Watchdog; Watchdog(*[None] * 4)"


@pytest.mark.parametrize(("who", "start"), list(worlds()), ids=lambda value: value[:24])
def test_no_process_of_the_gate_starts_on_compiled_code(who: str, start: str, tmp_path: Path) -> None:
    from trading.cli.example import document

    (tmp_path / "desk.json").write_text(json.dumps(document(os.getuid())))
    done = asked(
        "import os, sys; from importlib.machinery import ExtensionFileLoader as L\n"
        "from importlib.util import module_from_spec, spec_from_file_location as spec\n"
        # A module of the service that came out of a library, whatever the library has in it.
        f"made = module_from_spec(spec('msgspec._core', {str(LIBRARY)!r}))\n"
        "sys.modules['trading.engine.queue'] = made\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "def cli(words):\n    from trading.cli.main import main\n    sys.exit(main(words))\n" + start
    )
    assert done.returncode == 1
    assert f"{who}: not loaded from source: trading.engine.queue; the gate runs as it is written" in done.stderr
    assert not start.startswith("cli") or "Traceback" not in done.stderr


def test_no_process_of_the_gate_starts_beside_a_library_in_its_source(copied: Path, tmp_path: Path) -> None:
    # Python itself would import it in place of the file beside it, later, when somebody asks for it.
    library = copied / "trading/gate" / f"freeze{EXTENSION_SUFFIXES[0]}"
    start = "import sys; from trading.compiled.plain import insist; insist('the gate')"
    assert asked(start, copied).returncode == 0
    library.write_bytes(b"")
    done = asked(start, copied)
    library.unlink()
    assert done.returncode == 1
    assert f"NotPlain: the gate: {library} would be imported in place of its source; delete it" in done.stderr


def test_this_process_is_plain() -> None:
    plain.insist("a test")
    assert "a test" in plain.insisting()
