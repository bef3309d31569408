"""How many bars a second the engine plays with orders, the gate and every event: python bench/desk/engine.py.

A million bars of a minute, a cross of two means that makes about 22,500 orders, beside a bare loop over the same bars:
from bar to bar, and with what cannot happen passed over (ADR 0051). The source and, where `trading accelerate` made a
build of it, the engine compiled play in turn, every round in a process of its own. Limits are wide, so that orders
pass; the firewall is asked about every one all the same. An order's life is from its signal to the end of its last
fill, whatever else the machine does: the median and the fastest tenth. `--others` plays a fifth of the bars in
backtrader and NautilusTrader too, in turn with our source, in the environment of `make test-differential`; each counts
its own run, without loading. `--processes` starts ten processes and maps the bars into them.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pickle
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from trading import chain, events
from trading.compiled import cache
from trading.costs import fees, profile
from trading.data import generate
from trading.data.bars import COLUMNS, Bars
from trading.engine.backtest import Backtest, Setup
from trading.engine.moments import moments
from trading.events import AnyEvent, Concluded, Denied, Signal
from trading.gate import limits as limits_module
from trading.gate.limits import Limits
from trading.model import UNIT, Instrument, Money, Symbol
from trading.strategies import sma_cross

ROOT = Path(__file__).resolve().parent.parent.parent
AAPL = Symbol.parse("AAPL.NASDAQ")
FAST, SLOW = 12, 60
Clock = Callable[[], float]
NEVER = 2**62
"""More bars than there are: none is passed over."""
WALKED_MIN, BARS_A_SECOND_MIN, OF_MANY_MIN = 100_000, 300_000, 250_000
ORDER_US_MAX = 50
RSS_MB_MAX = 400
UP_S_MAX = 3.0


def wide(days: int) -> Limits:
    """Return the default limits, but for what would stop a strategy that trades all day with a hundred shares.

    The tail is estimated over so many days; before they are over, nothing is opened.
    """
    document = limits_module.document(limits_module.defaults()) | {
        "order_notional_max": "1000000.00",
        "order_notional_bps_max": 10_000,
        "basket_notional_max": "1000000.00",
        "symbol_exposure_bps_max": 10_000,
        "sector_exposure_bps_max": 10_000,
        "strategy_exposure_bps_max": 10_000,
        "net_exposure_bps_max": 10_000,
        "turnover_bps_max": 10**6,
        "returns_min": days,
        "tvar_bps_max": 10_000,
        "stress_loss_bps_max": 10_000,
        "strategy_drawdown_bps_max": 10_000,
        "drawdown_reducing_bps_max": 10_000,
        "drawdown_killed_bps_max": 10_000,
        "daily_loss_bps_max": 10_000,
        "volume_5m_bps_max": 10_000,
    }
    found, failures = limits_module.read(json.dumps(document).encode())
    assert found is not None, failures
    return found


class Log:
    """Takes events as a run's recorder does, without the disk."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.head = chain.GENESIS
        self.lives: list[int] = []
        """Nanoseconds from a signal to the end of its order, one after the other."""
        self._signalled = 0

    def record(self, event: AnyEvent) -> None:
        """Spell, chain and count an event."""
        kind = type(event)
        if kind is Signal:
            self._signalled = time.perf_counter_ns()
        self.head = chain.link(self.head, events.encode(event))
        self.counts[kind.__name__] += 1
        if kind is Concluded and self._signalled:
            self.lives.append(time.perf_counter_ns() - self._signalled)
        if kind is Concluded or kind is Denied:
            self._signalled = 0

    def life_us(self, share: float) -> float:
        """Return the microseconds that so large a share of the orders took at most."""
        return sorted(self.lives)[int(len(self.lives) * share)] / 1000


def setup(bars: Bars, days: int, start: int) -> Setup:
    """Return the run that is measured; before `start` nothing is decided."""
    limits = wide(days)
    return Setup(
        sma_cross.make("sma", sma_cross.Parameters(fast=FAST, slow=SLOW, lots=100)),
        bars,
        {
            symbol: Instrument(symbol, tick, sector=f"s{n}")
            for n, (symbol, tick) in enumerate(zip(bars.symbols, bars.ticks, strict=True))
        },
        profile.load("realistic")[0],
        fees.load("us-per-share")[0],
        limits,
        Money(10_000_000 * UNIT),
        {name: dict.fromkeys(bars.symbols, -0.2) for name in limits.stress_scenarios},
        start,
    )


def measured(
    bars: Bars, days: int = 250, start: int = 0, scans_from: int = 0, clock: Clock = time.process_time
) -> tuple[float, Log]:
    """Return the seconds of one run and what it logged.

    Of the processor: a run has one thread, and what else the machine does is not its speed.
    """
    log = Log()
    run = Backtest(setup(bars, days, start), log.record)
    began = clock()
    run.run(scans_from=scans_from)
    return clock() - began, log


def bare(bars: Bars) -> float:
    """Return the seconds of making the same bars and looking at none."""
    start = time.process_time()
    for _ in moments(bars):
        pass
    return time.process_time() - start


def others(bars: Bars, rounds: int) -> None:
    """Print what other engines make of the same bars, and ours in turn with them."""
    from tests.differential import environment

    python = environment.python()
    rows = list(zip(bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True))
    asked = {"bars": {"AAPL": rows}, "cross": [FAST, SLOW, 100], "cash": 10_000_000, "fee_per_share": 0.01}
    took: dict[str, list[float]] = {}
    fills: dict[str, int] = {}
    for _ in range(rounds):
        # A fifth of the bars has too few days for the default; twenty let orders pass almost from the start.
        for name, scans_from in (("ours", 0), ("bar by bar", NEVER)):
            seconds, log = measured(bars, days=20, scans_from=scans_from, clock=time.perf_counter)
            took.setdefault(name, []).append(seconds)
            fills[name] = log.counts["Fill"]
        for name in ("backtrader", "nautilus"):
            ran = subprocess.run(
                [str(python), str(environment.HERE / f"in_{name}.py")],
                input=json.dumps(asked),
                check=True,
                capture_output=True,
                text=True,
            )
            told = json.loads(ran.stdout)
            took.setdefault(name, []).append(told["seconds"])
            fills[name] = told["fills"]
    for name, seconds_of in took.items():
        ratio = min(seconds_of) / min(took["ours"])
        print(f"  {name:<11} {len(bars) / min(seconds_of):>9,.0f} bars/s, {fills[name]} fills, {ratio:.2f}x our time")


def shared_by(bars: Bars, count: int) -> None:
    """Print how long processes take to have the same bars: mapped, and handed over."""
    from trading.data import shared

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.arrow"
        shared.write(bars, path)
        packed = Path(folder) / "bars.pickle"
        packed.write_bytes(pickle.dumps([list(getattr(bars, name)) for name in COLUMNS], protocol=5))
        head = "import time; from pathlib import Path; "
        # Memory of its own: pages of a mapped file are there once for all.
        tail = (
            "; print(time.perf_counter() - s, sum(b), sum(int(x.split()[1]) for x in "
            "Path('/proc/self/smaps_rollup').read_text().splitlines() if x.startswith('Private_')) // 1024)"
        )
        ways = {
            "mapped": head + "from trading.data import shared; s = time.perf_counter(); "
            f"b = shared.mapped(Path({str(path)!r})).close" + tail,
            "pickled": head + "import pickle; s = time.perf_counter(); "
            f"all_ = pickle.loads(Path({str(packed)!r}).read_bytes()); b = all_[{COLUMNS.index('close')}]" + tail,
        }
        for name, script in ways.items():
            ran = [
                subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
                for _ in range(count)
            ]
            said = [process.communicate()[0].split() for process in ran]
            assert len({total for _, total, _ in said}) == 1
            slowest, most = max(float(each[0]) for each in said), max(float(each[2]) for each in said)
            told = f"last one ready after {slowest * 1000:8.1f} ms, {most:.0f} MB of its own"
            print(f"  {count} processes, {name:<8} {told}")


def up(bars: Bars, count: int) -> None:
    """Print how long it takes until so many processes have a strategy, mapped bars and limits, ready to play."""
    from trading.data import shared

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.arrow"
        shared.write(bars, path)
        script = (
            "import sys; from pathlib import Path; from trading.data import shared; from trading.gate import limits; "
            "from trading.engine import backtest; from trading.strategies import sma_cross; "
            f"made = shared.mapped(Path({str(path)!r})), limits.defaults(), "
            "sma_cross.make('sma', sma_cross.Parameters()); print(len(made[0]), flush=True); sys.stdin.read()"
        )
        began = time.perf_counter()
        ran = [
            subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, text=True, cwd=ROOT)
            for _ in range(count)
        ]
        for process in ran:
            assert process.stdout is not None and process.stdout.readline() == f"{len(bars)}\n"
        took = time.perf_counter() - began
        for process in ran:
            process.communicate()
    print(f"  {count} strategy processes up in {took:.2f} s, at most {UP_S_MAX}: {took <= UP_S_MAX}")


class Figures(msgspec.Struct):
    """What one round came to: seconds of the processor, microseconds of an order's life."""

    bare: float
    walked: float
    passed: float
    idle: float
    life: float
    life_fast: float
    hundred: float
    rss_mb: float
    heads: set[str]
    """Of the log: one, however the bars were played."""
    head_of_hundred: str
    counts: dict[str, int]
    counts_of_hundred: dict[str, int]


def figures(bars: int) -> Figures:
    """Return one round, played in this process on whatever engine it has imported."""
    one = generate.minutes([AAPL], date(2012, 1, 3), bars, 1)
    hundred = generate.minutes([Symbol.parse(f"S{n}.NYSE") for n in range(100)], date(2012, 1, 3), bars // 100, 2)
    (passed, log), (walked, other) = measured(one), measured(one, scans_from=NEVER)
    idle, _ = measured(one, start=2**62)
    # Ten thousand minutes are 26 days: two of history let orders pass.
    many, logged = measured(hundred, days=2)
    return Figures(
        bare(one),
        walked,
        passed,
        idle,
        log.life_us(0.5),
        log.life_us(0.1),
        many,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        {log.head, other.head},
        logged.head,
        dict(log.counts),
        dict(logged.counts),
    )


def round_of(engine: str, bars: int) -> Figures:
    """Return one round of an engine, played in a process of its own."""
    # Before the engine is imported: afterwards it is too late to choose.
    begin = "from trading.compiled import cache, finder; finder.use(cache.fitting()); " if engine == "compiled" else ""
    code = f"{begin}import runpy; runpy.run_path({str(Path(__file__).resolve())!r}, run_name='__main__')"
    words = [sys.executable, "-c", code, "--round", "--bars", str(bars)]
    ran = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(ran.stdout, type=Figures)


def show(engine: str, rounds: list[Figures], bars: int) -> None:
    """Print what an engine played, at its best, and whether that is what TRADING asks for."""
    least = {name: min(getattr(each, name) for each in rounds) for name in Figures.__struct_fields__[:7]}
    one = rounds[0]
    orders = one.counts["Intent"]
    walked, passed, many = (bars / least[name] for name in ("walked", "passed", "hundred"))
    each = (least["passed"] - least["idle"]) / orders * 1e6
    rss = max(each.rss_mb for each in rounds)
    print(f"{engine}:")
    print(f"  from bar to bar {walked:,.0f} bars/s, at least {WALKED_MIN:,}: {walked >= WALKED_MIN}")
    print(f"  passing over {passed:,.0f} bars/s, at least {BARS_A_SECOND_MIN:,}: {passed >= BARS_A_SECOND_MIN}")
    print(f"  with its bars and its share of the log an order costs {each:.0f} us")
    kept = f"at most {ORDER_US_MAX}: {least['life'] <= ORDER_US_MAX}"
    print(f"  from signal to fill {least['life']:.0f} us, {least['life_fast']:.0f} us for the fastest tenth, {kept}")
    print(f"  100 symbols {many:,.0f} bars/s, at least {OF_MANY_MIN:,}: {many >= OF_MANY_MIN}")
    print(f"  most memory {rss:.0f} MB, at most {RSS_MB_MAX}: {rss <= RSS_MB_MAX}")


def main() -> None:
    """Print bars a second, and whether they are what TRADING asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--round", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    parser.add_argument("--others", action="store_true", help="side by side with other engines")
    parser.add_argument("--processes", action="store_true", help="share the bars with ten processes")
    args = parser.parse_args()
    if args.round:
        sys.stdout.buffer.write(msgspec.json.encode(figures(args.bars)))
        return
    if args.profile:
        with cProfile.Profile() as profiled:
            measured(generate.minutes([AAPL], date(2012, 1, 3), args.bars, 1))
        pstats.Stats(profiled).sort_stats("tottime").print_stats(25)
        return
    engines = ("source",) if cache.fitting() is None else ("source", "compiled")
    played: dict[str, list[Figures]] = {engine: [] for engine in engines}
    for _ in range(args.rounds):
        for engine in engines:
            played[engine].append(round_of(engine, args.bars))
    every = [each for rounds in played.values() for each in rounds]
    one = every[0]
    told = f"{one.counts['Intent']} orders, {one.counts['Denied']} denied, {sum(one.counts.values())} events"
    print(f"{args.bars} bars, {told}; a bare loop {args.bars / min(each.bare for each in every):,.0f} bars/s")
    print(f"of 100 symbols {one.counts_of_hundred['Intent']} orders, {one.counts_of_hundred['Denied']} denied")
    for engine, rounds in played.items():
        show(engine, rounds, args.bars)
    is_same = len(set().union(*(each.heads for each in every))) == len({each.head_of_hundred for each in every}) == 1
    print(f"every run logged the same: {is_same}")
    if len(engines) == 1:
        print("compiled: there is no build of this code; trading accelerate makes one")
    if args.others:
        others(generate.minutes([AAPL], date(2012, 1, 3), args.bars // 5, 1), args.rounds)
    if args.processes:
        bars = generate.minutes([AAPL], date(2012, 1, 3), args.bars, 1)
        up(bars, 10)
        shared_by(bars, 10)


if __name__ == "__main__":
    main()
