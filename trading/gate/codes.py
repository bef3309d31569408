"""Why an order is denied: one code a control, in the fixed order in which the first one is the reason.

A code's group is the letter TRADING's table gives the control; its sentence says what was found and what to do about
it. `docs/reference/gate.md` is generated from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Control(StrEnum):
    """The groups of controls."""

    INTEGRITY = "A"
    SANITY = "B"
    MARKET = "C"
    SIZE = "D"
    EXPOSURE = "E"
    LOSS = "F"
    RATE = "G"
    CONDUCT = "H"
    AROUND = "I"


class Code(StrEnum):
    """A reason for a denial. The order of definition is the order of reasons."""

    control: Control
    sentence: str

    def __new__(cls, value: str, control: str, sentence: str) -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.control = Control(control)
        code.sentence = sentence
        return code

    ORDER_UNREADABLE = (
        "order_unreadable",
        "A",
        "the order cannot be read ({value}); send one JSON object with the fields of the contract",
    )
    ORDER_TOO_LARGE = "order_too_large", "A", "the order has {value} bytes, allowed are {limit}"
    SNAPSHOT_UNREADABLE = "snapshot_unreadable", "A", "the snapshot cannot be read ({value}); give one JSON object"
    LIMITS_UNREADABLE = (
        "limits_unreadable",
        "A",
        "the limits cannot be read ({value}); start from what `trading gate limits -o json` prints",
    )
    LIMIT_MISSING = "limit_missing", "A", "limit {value} has no value; every limit needs one"
    LIMIT_INVALID = "limit_invalid", "A", "limit {value} is not usable; it must be {limit}"
    LIMIT_UNKNOWN = "limit_unknown", "A", "{value} is no limit; take it out or correct its name"
    FIELD_DUPLICATE = "field_duplicate", "A", "{value} is given twice; give it once"
    FIELD_UNKNOWN = "field_unknown", "A", "{value} is no field of the contract; take it out"
    FIELD_MISSING = "field_missing", "A", "{value} is not there"
    FIELD_INVALID = "field_invalid", "A", "{value} is not {limit}"
    CALLER_MISMATCH = (
        "caller_mismatch",
        "A",
        "the caller is {value}, the order says {limit}; a strategy sends its own orders only",
    )
    MODE_NOT_PAPER = "mode_not_paper", "A", "the mode is {value}; there is no mode but {limit}"
    ENDPOINT_NOT_ALLOWED = "endpoint_not_allowed", "A", "the endpoint {value} is none of {limit}"
    ACCOUNT_NOT_ALLOWED = (
        "account_not_allowed",
        "A",
        "the account {value} is no paper account, whose ids look like {limit}",
    )
    LIMITS_UNKNOWN = "limits_unknown", "A", "these limits ({value}) are not the ones in force ({limit})"
    HALTED = "halted", "A", "the gate is HALTED: nothing but cancels leaves; reconcile and arm it"
    KILLED_OPENING = "killed_opening", "A", "the gate is KILLED: only what reduces a position leaves"
    REDUCING_OPENING = "reducing_opening", "A", "the gate is REDUCING: only what reduces a position leaves"
    EPOCH_STALE = "epoch_stale", "A", "the order is of epoch {value}, now is {limit}; whoever sent it was replaced"
    EPOCH_UNKNOWN = "epoch_unknown", "A", "the order is of epoch {value}, which has not begun; now is {limit}"
    CLOCK_STEPPED = "clock_stepped", "A", "the clock was set by {value} ns, at most {limit} is trusted for an opening"
    QUOTE_FROM_FUTURE = "quote_from_future", "A", "the quote is {value} ns ahead of the clock; one of the two is wrong"
    DECISION_STALE = "decision_stale", "A", "the decision is {value} ns old, allowed are {limit}; decide anew"
    DECISION_FROM_FUTURE = "decision_from_future", "A", "the decision is {value} ns ahead of the clock"
    NOT_DURABLE = "not_durable", "A", "the decision cannot be kept ({value}), so nothing may follow from it"
    ROLE_NOT_ALLOWED = "role_not_allowed", "A", "uid {value} is {limit}, which sends no orders"
    DUPLICATE_ENTRY = "duplicate_entry", "A", "{value} stands twice in the snapshot"

    INSTRUMENT_UNKNOWN = "instrument_unknown", "B", "nothing is known about {value}; add it to the instruments"
    NOT_TRADABLE = "not_tradable", "B", "{value} is not tradable"
    KIND_NOT_ALLOWED = "kind_not_allowed", "B", "the instrument is {value}, allowed are {limit}"
    VENUE_NOT_ALLOWED = "venue_not_allowed", "B", "the venue is {value}, allowed are {limit}"
    ORDER_KIND_NOT_ALLOWED = "order_kind_not_allowed", "B", "the order is {value}, allowed are {limit}"
    LIMIT_PRICE_MISSING = "limit_price_missing", "B", "a limit order needs a limit_price"
    LOT_INCREMENT = "lot_increment", "B", "{value} shares are no whole number of lots of {limit}"
    TICK_INCREMENT = "tick_increment", "B", "{value} is no multiple of the tick {limit}"
    SESSION_CLOSED = "session_closed", "B", "there is no session now; the next order needs one"
    OPENING_TOO_EARLY = "opening_too_early", "B", "the session is {value} ns old, openings start at {limit}"
    OPENING_TOO_LATE = "opening_too_late", "B", "{value} ns are left of the session, openings end at {limit}"
    RESTRICTED_MISSING = "restricted_missing", "B", "the restricted list is missing; without it nothing is sent"
    RESTRICTED_STALE = "restricted_stale", "B", "the restricted list is {value} sessions old, allowed is {limit}"
    RESTRICTED_FROM_FUTURE = "restricted_from_future", "B", "the restricted list is of {value}, today is {limit}"
    RESTRICTED = "restricted", "B", "{value} is on the restricted list"
    SHORT_NOT_ALLOWED = (
        "short_not_allowed",
        "B",
        "this sells {value} of which {limit} are held; short positions are off",
    )

    QUOTE_MISSING = "quote_missing", "C", "there is no usable quote of {value}"
    QUOTE_STALE = "quote_stale", "C", "the quote is {value} ns old, allowed are {limit}"
    BID_NOT_POSITIVE = "bid_not_positive", "C", "the bid is {value}"
    QUOTE_CROSSED = "quote_crossed", "C", "the ask {value} is below the bid {limit}"
    SPREAD = "spread", "C", "the spread is {value}, allowed are {limit} bps of the middle"
    PREVIOUS_CLOSE = "previous_close", "C", "the quote is {value} away from the previous close, allowed are {limit} bps"
    COLLAR = "collar", "C", "the limit {value} is beyond the collar {limit}"
    OWN_DRIFT = "own_drift", "C", "our own orders reach from {value} within the window, allowed are {limit} bps"

    QUANTITY = "quantity", "D", "{value} shares, allowed are {limit}"
    ADV_SHARE = "adv_share", "D", "{value} shares, allowed are {limit} bps of a day's average volume"
    VOLUME_SHARE = "volume_share", "D", "{value} shares, allowed are {limit} bps of the last five minutes' volume"
    NOTIONAL = "notional", "D", "the notional at the worst price is {value}, allowed are {limit}"
    NOTIONAL_EQUITY_SHARE = (
        "notional_equity_share",
        "D",
        "the notional at the worst price is {value}, allowed are {limit} bps of equity",
    )
    NOTIONAL_MIN = "notional_min", "D", "the notional is {value}, at least {limit} are needed"
    BASKET = "basket", "D", "with what this strategy sent just before the notional is {value}, allowed are {limit}"
    AMPLIFICATION = "amplification", "D", "the order would cost {value} messages, allowed are {limit}"

    EXPOSURE_UNKNOWN = "exposure_unknown", "E", "the value of {value} is unknown: no usable quote"
    SECTOR_UNKNOWN = "sector_unknown", "E", "the sector of {value} is unknown"
    SYMBOL_EXPOSURE = "symbol_exposure", "E", "the symbol would reach {value}, allowed are {limit} bps of equity"
    GROSS_EXPOSURE = "gross_exposure", "E", "gross exposure would reach {value}, allowed are {limit} bps of equity"
    NET_EXPOSURE = "net_exposure", "E", "net exposure would reach {value}, allowed are {limit} bps of equity"
    SECTOR_EXPOSURE = "sector_exposure", "E", "the sector would reach {value}, allowed are {limit} bps of equity"
    STRATEGY_EXPOSURE = "strategy_exposure", "E", "the strategy would reach {value}, allowed are {limit} bps of equity"
    WORKING_STRATEGY = (
        "working_strategy",
        "E",
        "the strategy would have {value} open orders, allowed are {limit}; cancel one",
    )
    WORKING_ALL = "working_all", "E", "there would be {value} open orders, allowed are {limit}; cancel one"
    BUYING_POWER = "buying_power", "E", "open buys would need {value}, the cash is {limit}"
    TURNOVER = "turnover", "E", "today's turnover would reach {value}, allowed are {limit} bps of equity"
    RISK_MISSING = "risk_missing", "E", "{value} is missing, so the loss cannot be estimated"
    TVAR = "tvar", "E", "the expected loss in the tail would be {value}, allowed are {limit} bps of equity"
    STRESS = "stress", "E", "the scenario {value}, allowed are {limit} bps of equity"

    STRATEGY_UNKNOWN = "strategy_unknown", "F", "the strategy {value} is not registered"
    STRATEGY_DISABLED = (
        "strategy_disabled",
        "F",
        "the strategy is disabled; it may only reduce until a person enables it",
    )
    STRATEGY_DRAWDOWN = "strategy_drawdown", "F", "the strategy is down {value}, allowed are {limit} bps of its budget"
    EQUITY_UNKNOWN = (
        "equity_unknown",
        "F",
        "{value} is not computable; the gate halts, nothing is flattened on such data",
    )
    DRAWDOWN_KILLED = "drawdown_killed", "F", "the account is down {value} from today's peak: {limit} bps kill"
    DRAWDOWN_REDUCING = (
        "drawdown_reducing",
        "F",
        "the account is down {value} from today's peak, from {limit} bps on it only reduces",
    )
    DAILY_LOSS = "daily_loss", "F", "the account lost {value} today, allowed are {limit} bps"
    STRATEGIES_LOST = "strategies_lost", "F", "{value} strategies are lost, allowed are {limit}"

    RATE_STRATEGY = "rate_strategy", "G", "the strategy sends faster than {limit} a second; wait"
    RATE_ALL = "rate_all", "G", "the account sends faster than {limit} a second; wait"
    MESSAGE_RESERVE = (
        "message_reserve",
        "G",
        "the rest of the messages is kept for cancels and reductions ({limit}); wait",
    )
    REPEATED = (
        "repeated",
        "G",
        "{value} executions of the same kind within the window, allowed are {limit}; a person re-arms",
    )
    REJECTS = "rejects", "G", "the venue rejected {value} in a row, allowed are {limit}; a person enables the strategy"
    DUPLICATE_ID = "duplicate_id", "G", "{value} was sent before; its answer stands"
    DUPLICATE_CONTENT = (
        "duplicate_content",
        "G",
        "the same order was sent {value} ns ago, after {limit} it is no duplicate",
    )

    SELF_TRADE = "self_trade", "H", "{value} would meet our own order at {limit}; cancel that one first"
    REDUCE_ONLY_GROWS = "reduce_only_grows", "H", "a reduce-only order of {value} where {limit} can be reduced"
    FLIP = "flip", "H", "this sells {value} of {limit} held; to turn a position around takes two orders"
    OVERSOLD = "oversold", "H", "this sells {value}; after the sells that are open {limit} are left"

    RECONCILE_STALE = "reconcile_stale", "I", "the last reconcile is {value} ns old, allowed are {limit}"
    RECONCILE_MISSING = "reconcile_missing", "I", "there was no reconcile, or not in the past"
    WATCHDOG_SILENT = "watchdog_silent", "I", "the watchdog's last heartbeat is {value} ns old, allowed are {limit}"
    WATCHDOG_MISSING = "watchdog_missing", "I", "there is no heartbeat of the watchdog, or not in the past"
    UNPROVED = "unproved", "I", "{value} of {limit} checks were made; what is not proved is denied"


ORDER: dict[Code, int] = {code: place for place, code in enumerate(Code)}
"""Where each code stands among the reasons."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One control that did not pass: what it found, and what would have passed."""

    code: Code
    value: str | int | None = None
    limit: str | int | None = None

    @property
    def message(self) -> str:
        """Return the sentence with its values."""
        return self.code.sentence.format(value=self.value, limit=self.limit)
