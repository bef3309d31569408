"""What a stage is: where its state begins, and the function that takes it on.

The functions are pure: they change no argument and answer the same for the same. That is what makes a run repeatable,
and what lets the lookahead test run them again on less data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from trading.events import Bar, Intent, Intercepted, Signal, Target
from trading.model import Symbol
from trading.stages.view import Moment, View

S = TypeVar("S")
F: TypeAlias = tuple[float | None, ...]


class Faulty(RuntimeError):
    """A stage did what no stage may: the run ends, and the message says which and what."""


@dataclass(frozen=True, slots=True)
class Universe(Generic[S]):
    """Says which symbols may be held."""

    start: S
    step: Callable[[S, Moment, View], tuple[S, frozenset[Symbol]]]
    looks_once: bool = False
    """Whether it changes only at moments at which some symbol trades for the first time."""


class Columns(Protocol):
    """One symbol's bars in their order, column by column: prices in ticks, volume in shares."""

    @property
    def open(self) -> Sequence[int]: ...
    @property
    def high(self) -> Sequence[int]: ...
    @property
    def low(self) -> Sequence[int]: ...
    @property
    def close(self) -> Sequence[int]: ...
    @property
    def volume(self) -> Sequence[int]: ...


Mark: TypeAlias = tuple[int, float, str]
"""At which of a symbol's bars an alpha speaks, and its signal's strength and reason."""
Scan: TypeAlias = Callable[[Columns], Iterable[Mark]]


@dataclass(frozen=True, slots=True)
class Alpha(Generic[S]):
    """Says what it thinks of symbols. Sees the market and nothing of the account.

    `scan` says in one go what the steps would say of a symbol, mark by mark in the order of its bars. It makes runs
    faster and nothing else: the step is what counts, and a scan that says something else is a bug.
    """

    start: S
    step: Callable[[S, Moment], tuple[S, tuple[Signal, ...]]]
    scan: Scan | None = None


@dataclass(frozen=True, slots=True)
class Portfolio(Generic[S]):
    """Makes targets of signals."""

    start: S
    step: Callable[[S, tuple[Signal, ...], View], tuple[S, tuple[Target, ...]]]


Cut: TypeAlias = tuple[tuple[Target, ...], tuple[Intercepted, ...]]


@dataclass(frozen=True, slots=True)
class Interceptor(Generic[S]):
    """Makes targets smaller, cancels the ones that grow a position, or adds one that ends it. `name` says who did."""

    name: str
    start: S
    step: Callable[[S, tuple[Target, ...], View], tuple[S, Cut]]
    watches: bool = True
    """Whether it may do something where there is no target: it is asked at every moment while something is held."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An order that is to be taken back."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Execution(Generic[S]):
    """Makes orders of targets, at a moment when they can be sent. Called without targets as well while it is busy."""

    start: S
    step: Callable[[S, tuple[Target, ...], View], tuple[S, tuple[Withdrawal | Intent, ...]]]
    is_busy: Callable[[S], bool]


@dataclass(frozen=True, slots=True)
class Strategy:
    """Five stages under a name, and the features its alpha is handed with each bar.

    `features` are made by a function of no arguments that returns polars expressions, evaluated for each symbol by
    itself; the function keeps polars out of whoever only runs the gate.
    """

    name: str
    universe: Universe[Any]
    alpha: Alpha[Any]
    portfolio: Portfolio[Any]
    risk: tuple[Interceptor[Any], ...]
    execution: Execution[Any]
    features: Callable[[], tuple[Any, ...]] | None = None


def each_symbol(
    start: S, step: Callable[[S, Bar, F], tuple[S, Signal | None]], scan: Scan | None = None
) -> Alpha[Mapping[Symbol, S]]:
    """Return an alpha that looks at every symbol by itself."""

    def lifted(states: Mapping[Symbol, S], moment: Moment) -> tuple[Mapping[Symbol, S], tuple[Signal, ...]]:
        if len(moment.bars) == 1:
            (bar,) = moment.bars
            symbol = bar.symbol
            state, signal = step(states.get(symbol, start), bar, moment.features[0] if moment.features else ())
            return {**states, symbol: state}, () if signal is None else (signal,)
        changed = dict(states)
        signals = []
        for number, bar in enumerate(moment.bars):
            features = moment.features[number] if moment.features else ()
            state, signal = step(changed.get(bar.symbol, start), bar, features)
            changed[bar.symbol] = state
            if signal is not None:
                signals.append(signal)
        return changed, tuple(signals)

    return Alpha({}, lifted, scan)
