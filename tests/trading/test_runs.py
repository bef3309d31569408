"""A run from its file to its folder: refused with everything that is wrong, complete, and checked at replay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.trading import prices
from trading.cli import strategies
from trading.data import bars as bars_module
from trading.data import calendar, generate, intake
from trading.engine import artifacts, runfile, runner
from trading.engine.runner import Parts
from trading.events import Denied, Fill
from trading.gate import limits
from trading.model import Symbol

_LAST = calendar.session(date(2010, 6, 30))
assert _LAST is not None
REAL_UNTIL = _LAST.closes
CROSS = Path(__file__).resolve().parents[2] / "docs/trading/cross.toml"


def example(runs: Path, **overrides: str) -> Path:
    """Play the documentation's run on made-up bars and return its folder."""
    file = runfile.read(CROSS, overrides)
    symbols = [Symbol.parse("AAPL.NASDAQ"), Symbol.parse("XOM.NYSE")]
    bars = generate.daily(symbols, date(2019, 1, 2), 600, 1)
    strategy = strategies.make(file.strategy, file.name, file.parameters)
    return runner.carry_out(Parts(file, strategy, bars, limits.defaults()), runs)


def test_a_run_that_names_no_cost_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(CROSS.read_text().replace('costs = "us-per-share"', ""))
    with pytest.raises(runfile.Refused, match="names no cost model") as refused:
        runfile.read(path, {})
    assert len(str(refused.value).splitlines()) == 1 and "us-retail" in str(refused.value)
    assert runfile.read(path, {"costs": "none"}).costs == "none"


def test_everything_that_is_wrong_with_a_run_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'version = "trading.run/v1"\nname = "No Name"\nstrategy = "sma_cross"\ncosts = "cheap"\nprofile = "lucky"\n'
        'cash = "-1"\nstart = "soon"\nlucky = true\n[instruments."aapl"]\nsector = "x"\n'
    )
    with pytest.raises(runfile.Refused) as refused:
        runfile.read(path, {})
    said = [" ".join(line.removeprefix(f"{path}:").split()[:2]) for line in str(refused.value).splitlines()]
    assert said == [
        "says no", "2: name:", "4: costs:", "5: profile:", "6: cash:", "7: start:", "8: 'lucky'",
        "9: instruments.aapl:",
    ]  # fmt: skip


def test_a_profile_that_is_not_named_is_the_realistic_one(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("\n".join(line for line in CROSS.read_text().splitlines() if not line.startswith("profile")))
    assert runfile.read(path, {}).profile == "realistic"


def test_worse_execution_costs_more(tmp_path: Path) -> None:
    costs = [
        artifacts.read_json(example(tmp_path, profile=name), artifacts.SUMMARY)["cost_realised"]
        for name in ("idealistic", "realistic", "stressed")
    ]
    assert 0 < costs[0] < costs[1] < costs[2]


def test_what_a_run_depends_on_makes_its_id(tmp_path: Path) -> None:
    first, again, other = example(tmp_path), example(tmp_path), example(tmp_path, costs="us-retail")
    assert first == again != other


@pytest.mark.parametrize("damage", ["changed", "dropped", "swapped"])
def test_decisions_that_were_tampered_with_are_not_read_past_the_place(tmp_path: Path, damage: str) -> None:
    folder = example(tmp_path)
    path = folder / artifacts.DECISIONS
    lines = path.read_bytes().splitlines(keepends=True)
    match damage:
        case "changed":
            lines[5] = lines[5].replace(b'"at":1', b'"at":2')
        case "dropped":
            del lines[5]
        case _:
            lines[5], lines[6] = lines[6], lines[5]
    path.write_bytes(b"".join(lines))
    with pytest.raises(artifacts.Damaged, match=r":6: does not follow"):
        list(artifacts.read_decisions(folder))


def test_real_prices_are_played_and_cost_more_under_stress(tmp_path: Path) -> None:
    bars = intake.take(prices.STOCKS, None, "NASDAQ", generate.PENNY).bars.until(REAL_UNTIL)
    plain = runfile.read(CROSS, {})
    shocks = {"2008-10": -0.2, "2020-03": -0.25}
    costs = []
    for name in ("idealistic", "realistic", "stressed"):
        file = replace(
            plain,
            profile=name,
            start=date(2008, 3, 3),
            instruments={symbol: runfile.Traded("technology", shocks=shocks) for symbol in bars.symbols},
        )
        strategy = strategies.make("sma_cross", "real", {"fast": 5, "slow": 20, "weight_bps": 700})
        summary = artifacts.read_json(
            runner.carry_out(Parts(file, strategy, bars, limits.defaults()), tmp_path), artifacts.SUMMARY
        )
        assert summary["events"]["Fill"] > 20
        costs.append(summary["cost_realised"])
    assert 0 < costs[0] < costs[1] < costs[2]


def test_twenty_stocks_over_sixteen_years_stay_within_the_gates_limits(tmp_path: Path) -> None:
    days, closes = prices.twenty()
    symbols = [Symbol.parse(f"{name}.NYSE") for name in sorted(closes)]
    rows = []
    for row, day in enumerate(days):
        session = calendar.session(day)
        if session is not None:
            for number, symbol in enumerate(symbols):
                close = closes[symbol.ticker][row]
                rows.append((number, session.opens, session.closes, close, close, close, close, 5_000_000))
    bars = bars_module.made([(symbol, generate.PENNY) for symbol in symbols], rows)
    # Every day on which these traded is a session of ours.
    assert len(bars) == 20 * sum(day.year >= calendar.FIRST_YEAR for day in days) and bars.problems() == []
    shocks = {"2008-10": -0.2, "2020-03": -0.25}
    file = replace(
        runfile.read(CROSS, {}),
        start=date(2008, 3, 3),
        instruments={symbol: runfile.Traded(f"s{n % 5}", shocks=shocks) for n, symbol in enumerate(symbols)},
    )
    strategy = strategies.make("sma_cross", "twenty", {"fast": 20, "slow": 60, "weight_bps": 300})
    folder = runner.carry_out(Parts(file, strategy, bars, limits.defaults()), tmp_path)
    log = [event for _, event in artifacts.read_decisions(folder)]
    assert sum(isinstance(event, Fill) for event in log) > 300
    assert any("strategy_exposure" in event.reasons for event in log if isinstance(event, Denied))
    said = [json.loads(line) for line in (folder / artifacts.EQUITY).read_text().splitlines()]
    # At most 15 % when something is opened; what only rises is not sold for it.
    assert 0.1 < max(day["exposure"] / day["equity"] for day in said) < 0.2
    assert min(day["cash"] for day in said) > 0


def test_a_dataset_the_run_says_nothing_about_is_refused(tmp_path: Path) -> None:
    file = runfile.read(CROSS, {})
    bars = generate.daily([Symbol.parse("MSFT.NASDAQ")], date(2019, 1, 2), 30, 1)
    strategy = strategies.make(file.strategy, file.name, file.parameters)
    with pytest.raises(runner.Unfit, match=r"MSFT\.NASDAQ is in dataset made_up and not in the run"):
        runner.carry_out(Parts(file, strategy, bars, limits.defaults()), tmp_path)


@pytest.mark.parametrize("parameters", [{"fast": 0}, {"fast": 50, "slow": 10}, {"speed": 1}])
def test_parameters_a_strategy_does_not_take_are_refused(parameters: dict[str, int]) -> None:
    with pytest.raises(strategies.UnknownStrategy, match="parameters of sma_cross"):
        strategies.make("sma_cross", "x", parameters)
