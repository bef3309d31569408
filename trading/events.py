"""What can happen, as values: the events that flow through the pipeline and are kept in the log.

Engine, gate and service exchange these and nothing else. `encode` gives the same bytes for the same event on every
machine: fields in the order of the class, no floats but in signals, no sets, no dictionaries. `decode` is its inverse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from trading.model import Lots, Money, Nanos, OrderType, Side, Symbol, Ticks, TimeInForce, TradingState


class Event(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="event", forbid_unknown_fields=True):
    """Something that happened at a moment."""

    at: Nanos


class DataRead(Event, frozen=True, gc=False):
    """Rows of a dataset entered the run. Market data is logged by reference, not bar by bar."""

    dataset: str
    """Digest of the dataset, `sha256:…`."""
    first: int
    last: int
    """Row numbers, ends included."""


class Quote(Event, frozen=True, gc=False):
    """Best bid and ask; `at` is exchange time."""

    symbol: Symbol
    bid: Ticks
    ask: Ticks
    bid_size: Lots = Lots(0)
    ask_size: Lots = Lots(0)


class Bar(Event, frozen=True, gc=False):
    """A bar; `at` is when it was complete, so nothing can know it earlier."""

    symbol: Symbol
    open: Ticks
    high: Ticks
    low: Ticks
    close: Ticks
    volume: int


class Signal(Event, frozen=True, gc=False):
    """What a strategy thinks of a symbol: `strength` from -1 (out or short) to 1 (fully in)."""

    strategy: str
    symbol: Symbol
    strength: float
    reason: str = ""


class Intent(Event, frozen=True, gc=False):
    """An order that somebody wants sent. `at` is when it was decided."""

    client_id: str
    strategy: str
    symbol: Symbol
    side: Side
    type: OrderType
    tif: TimeInForce
    quantity: Lots
    limit: Ticks | None
    reduce_only: bool
    decision_price: Money
    epoch: int


class Target(Event, frozen=True, gc=False):
    """How much of a symbol a strategy is to hold."""

    strategy: str
    symbol: Symbol
    quantity: Lots
    decision_price: Money
    """What a share cost when it was decided."""
    reason: str = ""


class Intercepted(Event, frozen=True, gc=False):
    """A control of risk made a target smaller, or cancelled the signal behind it."""

    strategy: str
    symbol: Symbol
    by: str
    wanted: Lots
    kept: Lots
    reason: str


class Estimated(Event, frozen=True, gc=False):
    """What an order was expected to cost when it was sent, in minor units of the account currency."""

    client_id: str
    arrival: Money
    """The middle of bid and ask when the order was sent."""
    spread: Money
    slippage: Money
    impact: Money
    fee: Money

    @property
    def cost(self) -> Money:
        """Return what everything together was expected to cost."""
        return Money(self.spread + self.slippage + self.impact + self.fee)


class Allowed(Event, frozen=True, gc=False):
    """The gate let an intent pass, at a price that binds a market order too."""

    client_id: str
    limit: Ticks
    limits_digest: str


class Denied(Event, frozen=True, gc=False):
    """The gate refused an intent. `reasons` are codes, the decisive one first."""

    client_id: str
    reasons: tuple[str, ...]
    limits_digest: str


class Accepted(Event, frozen=True, gc=False):
    """The venue works the order."""

    client_id: str


class Rejected(Event, frozen=True, gc=False):
    """The venue refused the order."""

    client_id: str
    reason: str


class Cancelled(Event, frozen=True, gc=False):
    """The rest of the order is gone."""

    client_id: str


class Expired(Event, frozen=True, gc=False):
    """The order's time in force is over."""

    client_id: str


class Fill(Event, frozen=True, gc=False):
    """Some of an order traded. `execution` is the venue's id: the same one twice is the same fill."""

    execution: str
    client_id: str
    strategy: str
    symbol: Symbol
    side: Side
    quantity: Lots
    price: Ticks
    notional: Money
    """What changed hands, without fee; always positive."""
    fee: Money


class Concluded(Event, frozen=True, gc=False):
    """An order that left is over. Prices are of a share, for the analysis of what it cost."""

    client_id: str
    filled: Lots
    vwap: Money
    """The mean price of what traded in the bars it met; the arrival price if it met none."""
    last: Money
    """The last price when it ended: what was not filled was given up at it."""


class Split(Event, frozen=True, gc=False):
    """From this moment on `old` shares are `new` ones."""

    symbol: Symbol
    new: int
    old: int


class Dividend(Event, frozen=True, gc=False):
    """Whoever holds a share before this moment is paid an amount for it."""

    symbol: Symbol
    amount: Money


class Adjusted(Event, frozen=True, gc=False):
    """A corporate action changed a position, paid cash, or both: the fraction a split leaves is paid for."""

    strategy: str
    symbol: Symbol
    quantity: Lots
    """What the position is from now on."""
    cash: Money


class StateChanged(Event, frozen=True, gc=False):
    """The gate's state changed, by a person or by itself."""

    state: TradingState
    epoch: int
    by: str
    reason: str


class Joined(Event, frozen=True, gc=False):
    """A run on paper began: what happens at the desk from now on is in its log."""

    strategy: str
    """As the desk calls it."""
    fills: int
    """How many fills the strategy had before; they are not the run's."""


class Sending(Event, frozen=True, gc=False):
    """A run on paper had execution make orders of what is wanted. In a backtest the bars say when."""


AnyEvent = (
    DataRead
    | Quote
    | Bar
    | Signal
    | Target
    | Intercepted
    | Intent
    | Estimated
    | Allowed
    | Denied
    | Accepted
    | Rejected
    | Cancelled
    | Expired
    | Fill
    | Concluded
    | Split
    | Dividend
    | Adjusted
    | StateChanged
    | Joined
    | Sending
)

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)


encode: Callable[[AnyEvent], bytes] = msgspec.json.Encoder().encode
"""Return the one spelling of an event, as a line of JSON without its line end."""


def decode(line: bytes) -> AnyEvent:
    """Return the event that a line spells; raise ValueError for any other line."""
    try:
        event: AnyEvent = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no event: {error}") from error
    return event
