"""What a process says to a long list of questions about the engine, a line each: the same on source and compiled.

`python -m tests.trading.compiled_world source|compiled` prints it. Worlds are drawn of fixed seeds, so two processes
are asked the same; `test_compiled_same` compares the lines.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass, replace
from hashlib import sha256
from importlib import import_module
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings

RUNS, CHECKS, TAILS = 250, 1500, 300


def answers() -> Iterator[str]:
    """Yield every answer of this process."""
    yield from _classes()
    yield from _faults()
    yield from _tails()
    yield from _verdicts()
    yield from _runs()


def _classes() -> Iterator[str]:
    """Yield what the classes of compiled modules are: frozen, collected, hashable, of which fields."""
    from trading.compiled import modules

    for name in modules.MODULES:
        module = import_module(name)
        for each, value in sorted(vars(module).items()):
            if not isinstance(value, type) or value.__module__ != name:
                continue
            said = [value.__name__, ",".join(base.__name__ for base in value.__mro__ if base.__name__ != "Generic")]
            if issubclass(value, msgspec.Struct):
                config = value.__struct_config__
                said += [repr(value.__struct_fields__), f"frozen={config.frozen} gc={config.gc} order={config.order}"]
            if is_dataclass(value):
                said += [repr(getattr(value, "__dataclass_params__"))]  # noqa: B009
            yield f"class {name}.{each}: {' '.join(said)}"


def _played(run: Any, scans_from: int) -> str:
    """Return a digest of everything a run led to, or how it ended."""
    from trading import chain, events
    from trading.engine.backtest import Backtest
    from trading.stages.stage import Faulty

    head, trades = chain.GENESIS, sha256()

    def record(event: events.AnyEvent) -> None:
        nonlocal head
        head = chain.link(head, events.encode(event))

    try:
        outcome = Backtest(run, record, lambda trade: trades.update(msgspec.json.encode(trade, enc_hook=str))).run(
            scans_from=scans_from
        )
    except Exception as error:
        # A fault is a message to people. What Python says of a bug is worded by whoever runs it.
        told = f"{error}" if isinstance(error, Faulty) else ""
        return f"{type(error).__name__} {told} after {head[:16]}"
    days = sha256(b"".join(map(msgspec.json.encode, outcome.days))).hexdigest()[:16]
    return f"{head[:16]} {trades.hexdigest()[:16]} {days} {outcome.cash} {outcome.positions}"


def _runs() -> Iterator[str]:
    """Yield what came of drawn runs: markets, sessions, corporate actions, profiles, controls of risk."""
    from tests.trading import test_agenda

    found: list[str] = []

    @seed(5)
    @settings(
        max_examples=RUNS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(test_agenda.setups())
    def play(run: Any) -> None:
        found.extend((f"walked {_played(run, 10**9)}", f"passed over {_played(run, 0)}"))

    play()
    yield from found


def _faults() -> Iterator[str]:
    """Yield how runs end whose strategy does what none may, and what comes of types that are nearly right."""
    from tests.trading.run_world import A, B, daily, setup, strategy
    from trading.events import Target
    from trading.model import Lots
    from trading.stages import execution, portfolio, risk, stage
    from trading.stages.stage import Alpha, Execution, Interceptor, Portfolio

    says = {(A, 2): 1.0, (B, 3): 0.5, (A, 6): 0.0}
    good = strategy(says)
    bars = daily(
        {A: [(1000 + n, 1010 + n, 990 + n, 1005 + n, 10**5) for n in range(12)], B: [(500,) * 4 + (9000,)] * 12}
    )
    step = good.alpha.step

    def spoken(change: Callable[[Any], Any]) -> Any:
        def spoilt(state: Any, moment: Any) -> Any:
            return change(step(state, moment))

        return replace(good, alpha=Alpha(0, spoilt))

    def strength(value: Any) -> Any:
        return lambda said: (said[0], tuple(msgspec.structs.replace(each, strength=value) for each in said[1]))

    def grows(state: None, targets: tuple[Target, ...], view: Any) -> Any:
        return None, (tuple(msgspec.structs.replace(t, quantity=Lots(t.quantity + 1)) for t in targets), ())

    def sized(change: Callable[[Any], Any]) -> Any:
        lots = portfolio.fixed_lots(10).step
        return replace(good, portfolio=Portfolio(None, lambda s, signals, view: change(lots(s, signals, view))))

    def acted(change: Callable[[Any], Any]) -> Any:
        acts = execution.at_market()
        return replace(good, execution=Execution(0, lambda s, t, v: change(acts.step(s, t, v)), acts.is_busy))

    def elsewhere(said: Any) -> Any:
        return said[0], tuple(msgspec.structs.replace(each, symbol=stage.Symbol("KO", "NYSE")) for each in said[1])

    worlds = {
        "as it should be": good,
        "strength of 2": spoken(strength(2.0)),
        "whole strength": spoken(strength(1)),
        "true": spoken(strength(True)),
        "no number": spoken(strength(float("nan"))),
        "strength of words": spoken(strength("all")),
        "huge whole strength": spoken(strength(2**70)),
        "lists for tuples": spoken(lambda said: [said[0], list(said[1])]),
        "an iterator": spoken(lambda said: iter(said)),
        "no signals": spoken(lambda said: None),
        "too much": spoken(lambda said: (*said, 1)),
        "a stranger": spoken(elsewhere),
        "risk grows": replace(good, risk=(Interceptor("greedy", None, grows),)),
        "targets in a list": sized(lambda said: (said[0], list(said[1]))),
        "no targets": sized(lambda said: (said[0], ())),
        "orders in a list": acted(lambda said: [said[0], list(said[1])]),
        "orders one by one": acted(lambda said: (said[0], iter(said[1]))),
        "orders for a stranger": acted(elsewhere),
        "stopped": replace(good, risk=(risk.trailing_stop(1), risk.drawdown(1), risk.tvar(100, days=2))),
        "in slices": replace(good, execution=execution.in_slices(3)),
    }
    for name, world in worlds.items():
        for profile in ("idealistic", "realistic", "stressed"):
            yield f"{name}, {profile}: {_played(setup(world, bars, profile=profile, costs='us-per-share'), 10**9)}"
    for name, cash in (("a whole account", 10**9), ("an account beyond floats", 10**27)):
        run = setup(good, bars, profile="realistic", cash=cash)
        yield f"{name}: {_played(run, 10**9)}"


def _tails() -> Iterator[str]:
    """Yield estimates of losses to the last bit, of amounts that floats hold exactly and of those they do not."""
    from trading.gate.tail import Tail, tail_value_at_risk
    from trading.model import Symbol

    drawn = random.Random(11)
    symbols = [Symbol("AAPL", "NASDAQ"), Symbol("XOM", "NYSE"), Symbol("KO", "NYSE")]
    for number in range(TAILS):
        days = drawn.choice((2, 3, 20, 250))
        returns = {each: [round(drawn.gauss(0, 0.02), drawn.choice((4, 17))) for _ in range(days)] for each in symbols}
        tail = Tail(returns, {"crash": dict.fromkeys(symbols, -0.2), "whole": dict.fromkeys(symbols, -1)})
        tail.expose({each: drawn.randrange(10 ** drawn.choice((2, 12, 17, 19))) for each in symbols[: number % 3]})
        amount, bps = drawn.randrange(10**18), drawn.choice((9500, 9750, 9900))
        said = [tail.value_at_risk(each, amount, bps).hex() for each in symbols]
        yield f"tail {said} {tail.worst_scenario(symbols[0], amount)}"
        yield f"days {tail_value_at_risk(returns[symbols[0]], bps).hex()}"


def _verdicts() -> Iterator[str]:
    """Yield what the firewall says to documents of the contract, changed in one to three places."""
    from tests.trading.documents import DATA, base, changed
    from trading.gate import limits as limits_module
    from trading.gate.ask import ask

    limits, drawn = limits_module.defaults(), random.Random(7)
    cases = json.loads((DATA / "cases.json").read_text())
    for case in cases:
        documents = changed(case["set"])
        yield f"case {_asked(ask, documents, limits)}"
    values = [0, 1, -1, 10**6, 10**18, 2**62, 2**63, "0.01", "100000.00", "200.02", "x", None, True, [], {}, 1.5, -0.0]
    for _ in range(CHECKS):
        documents = base()
        for _ in range(drawn.randint(1, 3)):
            way = drawn.choice(list(_places(documents)))
            place: Any = documents
            for key in way[:-1]:
                place = place[key]
            old = place[way[-1]]
            nearby = [old + 1, old - 1, old * 2] if isinstance(old, int) and not isinstance(old, bool) else []
            place[way[-1]] = drawn.choice([*values, *nearby, *nearby])
        yield f"document {_asked(ask, documents, limits)}"


def _asked(ask: Any, documents: Any, limits: Any) -> str:
    order, snapshot = (json.dumps(documents[name]).encode() for name in ("order", "snapshot"))
    return json.dumps(ask(order, snapshot, limits, ()))


def _places(documents: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in documents, returns of single days left out."""
    inner = documents.items() if isinstance(documents, dict) else enumerate(documents)
    for key, value in inner:
        yield (*way, key)
        if isinstance(value, dict | list) and value and key != "daily_returns":
            yield from _places(value, (*way, key))


def main() -> None:
    """Print every answer."""
    if sys.argv[1] == "compiled":
        import tests.trading.on_compiled  # noqa: F401
    from trading.engine import backtest

    assert backtest.__file__.endswith(".py") == (sys.argv[1] == "source"), backtest.__file__
    for line in answers():
        print(line)


if __name__ == "__main__":
    main()
