"""Carries out a run: puts strategy, data, costs and limits together, plays it, and leaves its folder.

The id of a run is made of the digests of everything it depends on, so the same run has the same folder and another has
another. What the log implies is compared with what the engine held before the manifest is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

import trading
from trading.costs import fees, profile
from trading.data import calendar
from trading.data.bars import Bars
from trading.engine import artifacts, report, statistics
from trading.engine.artifacts import Recorder
from trading.engine.backtest import Backtest, Outcome, Setup
from trading.engine.lines import Keys
from trading.engine.replay import replay
from trading.engine.runfile import RunFile
from trading.gate import limits as limits_module
from trading.gate.limits import Limits
from trading.model import UNIT, Instrument, Symbol
from trading.stages.stage import Strategy

VERSION = "trading.run/v1"


class Unfit(ValueError):
    """The parts of a run do not fit together; the message lists how."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run file names, as it was found."""

    file: RunFile
    strategy: Strategy
    bars: Bars
    limits: Limits
    features: tuple[Sequence[float | None], ...] = ()

    def setup(self) -> Setup:
        """Return what the engine needs; raise `Unfit` with everything that is missing."""
        file, bars = self.file, self.bars
        problems = unfit(file, bars, self.limits)
        if problems:
            raise Unfit("\n".join(words for _, words in problems))
        instruments = {
            symbol: Instrument(
                symbol,
                tick,
                file.instruments[symbol].lot,
                file.instruments[symbol].kind,
                file.instruments[symbol].sector,
            )
            for symbol, tick in zip(bars.symbols, bars.ticks, strict=True)
        }
        names = {name for symbol in bars.symbols for name in file.instruments[symbol].shocks}
        shocks: dict[str, dict[Symbol, float]] = {
            name: {
                symbol: file.instruments[symbol].shocks[name]
                for symbol in bars.symbols
                if name in file.instruments[symbol].shocks
            }
            for name in sorted(names)
        }
        session = None if file.start is None else calendar.session(file.start)
        return Setup(
            self.strategy,
            bars,
            instruments,
            profile.load(file.profile)[0],
            fees.load(file.costs)[0],
            self.limits,
            file.cash,
            shocks,
            session.opens if session else 0,
            file.seed,
            self.features,
        )

    def inputs(self) -> dict[str, Any]:
        """Return the digest of everything the run depends on."""
        return {
            "code": code_digest(),
            "config": digest_of(msgspec.json.encode(self.file.plain(), order="sorted")),
            "data": self.bars.digest,
            "profile": profile.load(self.file.profile)[1],
            "costs": fees.load(self.file.costs)[1],
            "limits": self.limits.digest,
        }


def unfit(file: RunFile, bars: Bars, limits: Limits) -> list[tuple[Keys, str]]:
    """Return how the parts of a run do not fit together, each with the keys of the run file that say so."""
    name = file.dataset
    problems: list[tuple[Keys, str]] = [(("dataset",), f"dataset {name}: {problem}") for problem in bars.problems()]
    if not len(bars):
        problems.append((("dataset",), f"dataset {name}: holds no bar"))
    problems += [
        (("instruments",), f'{symbol} is in dataset {name} and not in the run; add [instruments."{symbol}"]')
        for symbol in bars.symbols
        if symbol not in file.instruments
    ]
    problems += [
        (
            ("instruments", str(symbol)),
            f'instruments."{symbol}" is not in dataset {name}; take it out, or name it right',
        )
        for symbol in sorted(file.instruments.keys() - set(bars.symbols))
    ]
    problems += [
        (
            ("instruments", str(symbol), "shocks"),
            f'instruments."{symbol}".shocks says nothing of {scenario}, which the limits ask for',
        )
        for symbol in bars.symbols
        if (said := file.instruments.get(symbol)) is not None
        for scenario in sorted(limits.stress_scenarios - said.shocks.keys())
    ]
    return problems + [(("start",), words) for words in _too_late(file, bars)]


def _too_late(file: RunFile, bars: Bars) -> list[str]:
    if file.start is None:
        return []
    session = calendar.session(file.start)
    if session is None:
        return [f"start: {file.start} is no session of the exchange; name a day on which it was open"]
    if len(bars) and session.opens > bars.at[-1]:
        return [f"start: {file.start} is after the last bar, of {calendar.day_of(bars.at[-1])}; name an earlier day"]
    return []


def run_id(parts: Parts) -> str:
    """Return the id of a run: its name and twelve digits of what it depends on."""
    return f"{parts.file.name}-{digest_of(msgspec.json.encode(parts.inputs()))[7:19]}"


def carry_out(parts: Parts, runs: Path, progress: Callable[[int], object] = lambda rows: None, name: str = "") -> Path:
    """Play a run and return its folder, complete; the folder is called by the run's id, or as it was called before."""
    setup = parts.setup()
    folder = runs / (name or run_id(parts))
    with Recorder(folder) as recorder:
        outcome = Backtest(setup, recorder.record, recorder.traded).run(progress)
    return conclude(parts, folder, outcome, (recorder.head, recorder.count))


def conclude(
    parts: Parts, folder: Path, outcome: Outcome, log: tuple[str, int], more: Mapping[str, Any] | None = None
) -> Path:
    """Write what a run leaves beside its log, given as head and count of events, and return its folder.

    What the log implies is compared with what was held. The manifest comes last; `more` is said in it as well.
    """
    days = b"".join(msgspec.json.encode(day) + b"\n" for day in outcome.days)
    (folder / artifacts.EQUITY).write_bytes(days)
    state = replay(event for _, event in artifacts.read_decisions(folder))
    held = {f"{symbol}": lots for (_, symbol), lots in sorted(state.positions.items())}
    if (state.cash + parts.file.cash, held) != (outcome.cash, outcome.positions):
        raise RuntimeError(f"{folder}: the log implies {state.cash} and {held}, the engine held {outcome}")
    said = summary(parts, outcome, state.counts, digest_of(state.canonical()))
    artifacts.write_json(folder, artifacts.SUMMARY, said)
    trades = artifacts.read_trades(folder)
    (folder / artifacts.REPORT).write_text(report.page(folder.name, said, outcome.days, trades), encoding="utf-8")
    manifest = {
        "version": VERSION,
        "run": folder.name,
        "file": parts.file.plain(),
        "dataset": parts.file.dataset,
        "rows": len(parts.bars),
        "inputs": parts.inputs(),
        "limits": limits_module.document(parts.limits),
        "head": log[0],
        "events": log[1],
        "artifacts": artifacts.digests(folder),
    }
    artifacts.write_json(folder, artifacts.MANIFEST, manifest | dict(more or {}))
    return folder


def code_digest() -> str:
    """Return the digest of the program: every source and data file of it, in the order of their paths."""
    root = Path(trading.__file__).parent
    made = sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in (".py", ".json")):
        made.update(f"{path.relative_to(root).as_posix()}\n".encode() + sha256(path.read_bytes()).digest())
    return "sha256:" + made.hexdigest()


def summary(parts: Parts, outcome: Outcome, counts: dict[str, int], state: str) -> dict[str, Any]:
    """Return what came of a run, in numbers; `state` is the digest of the one that its log implies."""
    equity = [parts.file.cash / UNIT, *(day.equity / UNIT for day in outcome.days)]
    changes = statistics.returns(equity)
    last = outcome.days[-1] if outcome.days else None
    sharpe = statistics.sharpe(changes)
    return {
        "run": parts.file.name,
        "profile": parts.file.profile,
        "costs": parts.file.costs,
        "from": outcome.days[0].day if outcome.days else None,
        "until": last.day if last else None,
        "sessions": len(outcome.days),
        "bars": outcome.bars,
        "cash_start": parts.file.cash,
        "equity_end": last.equity if last else parts.file.cash,
        "return": round(equity[-1] / equity[0] - 1.0, 10),
        "sharpe": None if sharpe is None else round(sharpe, 10),
        "drawdown_max": round(min(statistics.drawdowns(equity)), 10),
        "var_5": round(statistics.quantile(changes, 0.05), 10) if changes else None,
        "shortfall_5": round(statistics.expected_shortfall(changes, 0.05), 10) if changes else None,
        "cost_estimated": last.estimated if last else 0,
        "cost_realised": last.realised if last else 0,
        "positions": outcome.positions,
        "events": dict(sorted(counts.items())),
        "state": state,
    }


def digest_of(text: bytes) -> str:
    """Return the digest of a text."""
    return "sha256:" + sha256(text).hexdigest()
