"""The limits an order is held against: one file, complete or refused, with a digest that names it.

`limits.json` beside this module holds the defaults for a paper account of $100,000. What can never be allowed, whatever
a file says, is no limit and not here: another mode than paper, another host, a live account, a short position, a
fraction of a share. Every limit knows which way is tighter, so that loosening can be told from tightening.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

from trading.gate.codes import Code, Failure
from trading.gate.strict import Unreadable, is_integer, parse
from trading.model import UNIT, Money, decimal, money

VERSION = "trading.limits/v1"
_DEFAULTS = Path(__file__).with_name("limits.json")
_COUNT_MAX = 10**9
_MONEY_MAX = 10**9 * UNIT
_WORDS_MAX, _WORD_LENGTH_MAX = 64, 32

LOWER, HIGHER, FEWER, MORE = "lower", "higher", "fewer", "more"
"""Which way a limit is tighter."""

AtMost = Annotated[int, LOWER]
AtLeast = Annotated[int, HIGHER]
MoneyAtMost = Annotated[Money, LOWER]
MoneyAtLeast = Annotated[Money, HIGHER]
OneOf = Annotated[frozenset[str], FEWER]
AllOf = Annotated[frozenset[str], MORE]


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit there is. Bounds include their ends: equality passes.

    Names end in `_max` where less is tighter and in `_min` where more is. `bps` are hundredths of a percent.
    """

    decision_age_ms_max: AtMost
    """An order is sent soon after it was decided."""
    clock_step_ms_max: AtMost
    """A clock that was set further is not trusted for an opening."""
    order_kinds: OneOf
    """Type/time in force."""
    instrument_kinds: OneOf
    """No options, no crypto."""
    venues: OneOf
    """Those that keep the sessions of New York."""
    opening_delay_s_min: AtLeast
    """No opening before the session is that old."""
    closing_margin_s_min: AtLeast
    """No opening when less is left of it."""
    restricted_age_sessions_max: AtMost
    quote_age_opening_ms_max: AtMost
    quote_age_reducing_ms_max: AtMost
    mark_age_s_max: AtMost
    """Quotes by which what is held is valued: a session, before or behind now."""
    spread_bps_max: AtMost
    """Of the middle."""
    close_deviation_bps_max: AtMost
    """Bid and ask from the previous close."""
    collar_bps_max: AtMost
    """Buys above the ask, sells below the bid."""
    own_drift_bps_max: AtMost
    """Between our own orders of a symbol and side."""
    own_drift_window_s_min: AtLeast
    order_quantity_max: AtMost
    """Shares."""
    adv_bps_max: AtMost
    """Of a day's average volume."""
    volume_5m_bps_max: AtMost
    """Of the last five minutes' volume."""
    order_notional_max: MoneyAtMost
    order_notional_bps_max: AtMost
    """Of equity."""
    order_notional_min: MoneyAtLeast
    """Reducing exempt."""
    basket_notional_max: MoneyAtMost
    """Openings a strategy sends within the window."""
    basket_window_s_min: AtLeast
    messages_per_order_max: AtMost
    """Send, change, cancel."""
    symbol_exposure_bps_max: AtMost
    """Of equity, as all exposures."""
    gross_exposure_bps_max: AtMost
    net_exposure_bps_max: AtMost
    sector_exposure_bps_max: AtMost
    strategy_exposure_bps_max: AtMost
    working_strategy_max: AtMost
    working_all_max: AtMost
    turnover_bps_max: AtMost
    """Of equity, a day."""
    tvar_bps_max: AtMost
    tvar_confidence_bps_min: AtLeast
    returns_min: AtLeast
    """Daily returns of everything held."""
    stress_loss_bps_max: AtMost
    stress_scenarios: AllOf
    """Must be there."""
    strategy_drawdown_bps_max: AtMost
    """Of its budget."""
    drawdown_reducing_bps_max: AtMost
    """Of today's peak."""
    drawdown_killed_bps_max: AtMost
    daily_loss_bps_max: AtMost
    """Of the day's start."""
    strategies_lost_max: AtMost
    """The third kills."""
    kill_cooldown_s_min: AtLeast
    rate_strategy_per_s_max: AtMost
    rate_strategy_burst_max: AtMost
    rate_all_per_s_max: AtMost
    rate_all_burst_max: AtMost
    messages_per_s_max: AtMost
    """Cancels and changes too."""
    messages_burst_max: AtMost
    messages_reserved_bps_min: AtLeast
    """Of the burst, for cancels and reductions."""
    repeated_executions_max: AtMost
    """Of one strategy, symbol, side and quantity."""
    repeated_window_s_min: AtLeast
    rejects_in_a_row_max: AtMost
    """The tenth disables."""
    duplicate_window_ms_min: AtLeast
    """The same content within it is a duplicate."""
    reconcile_age_s_max: AtMost
    reconcile_every_s_max: AtMost
    watchdog_age_s_max: AtMost

    digest: str
    """`sha256:` over the canonical document; made of the rest, not part of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one limit's value may be."""

    name: str
    kind: str
    tighter: str

    def read(self, value: object) -> int | frozenset[str] | None:
        """Return the value as it is held, or None if it cannot be one."""
        if self.kind == "words":
            fits = isinstance(value, list) and len(value) <= _WORDS_MAX and all(_is_word(word) for word in value)
            return frozenset(value) if fits and isinstance(value, list) and len(set(value)) == len(value) else None
        if self.kind == "money":
            try:
                amount = money(value) if isinstance(value, str) else None
            except ValueError:
                return None
            return amount if amount is not None and 0 <= amount <= _MONEY_MAX else None
        return value if is_integer(value) and 0 <= value <= _COUNT_MAX else None

    @property
    def wanted(self) -> str:
        """Return what a value has to be, for a message."""
        return {
            "words": f"a list of at most {_WORDS_MAX} different words",
            "money": "a decimal amount as text, not negative",
            "count": f"a whole number from 0 to {_COUNT_MAX}",
        }[self.kind]

    def is_looser(self, new: object, old: object) -> bool:
        """Return whether a new value allows something that the old one does not."""
        match self.tighter:
            case "lower":
                return _number(new) > _number(old)
            case "higher":
                return _number(new) < _number(old)
            case "fewer":
                return not _words(new) <= _words(old)
            case _:
                return not _words(new) >= _words(old)


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rule of every limit, in the order of the file."""
    hints = get_type_hints(Limits, include_extras=True)
    found = []
    for field in fields(Limits):
        if field.name != "digest":
            held, tighter = get_args(hints[field.name])
            kind = "count" if held is int else "money" if held is Money else "words"
            found.append(Rule(field.name, kind, tighter))
    return tuple(found)


def read(text: bytes) -> tuple[Limits | None, tuple[Failure, ...]]:
    """Return the limits a file holds; None with everything that is wrong if it is not a complete set."""
    try:
        document, duplicates = parse(text)
    except Unreadable as error:
        return None, (Failure(Code.LIMITS_UNREADABLE, str(error)),)
    if not isinstance(document, dict):
        return None, (Failure(Code.LIMITS_UNREADABLE, "no object"),)
    failures = [Failure(Code.FIELD_DUPLICATE, f"limits.{path}") for path in duplicates]
    failures += [Failure(Code.LIMIT_UNKNOWN, name) for name in document if name not in _names()]
    if document.get("version") != VERSION:
        failures.append(Failure(Code.LIMIT_INVALID, "version", VERSION))
    values: dict[str, int | frozenset[str]] = {}
    for rule in rules():
        given = document.get(rule.name)
        value = rule.read(given)
        if value is not None:
            values[rule.name] = value
        elif given is None:
            failures.append(Failure(Code.LIMIT_MISSING, rule.name))
        else:
            failures.append(Failure(Code.LIMIT_INVALID, rule.name, rule.wanted))
    if not failures and not 5000 < _number(values["tvar_confidence_bps_min"]) < 10_000:
        failures.append(Failure(Code.LIMIT_INVALID, "tvar_confidence_bps_min", "from 5001 to 9999"))
    return (None, tuple(failures)) if failures else (_made(values), ())


@cache
def defaults() -> Limits:
    """Return the limits this package comes with."""
    limits, failures = read(_DEFAULTS.read_bytes())
    if limits is None:
        raise ValueError(f"{_DEFAULTS}: {'; '.join(failure.message for failure in failures)}")
    return limits


def document(limits: Limits) -> dict[str, object]:
    """Return limits in the form that `read` takes."""
    return {"version": VERSION} | {rule.name: _plain(rule, getattr(limits, rule.name)) for rule in rules()}


def loosened(new: Limits, old: Limits) -> tuple[str, ...]:
    """Return the limits that would allow more than before."""
    return tuple(rule.name for rule in rules() if rule.is_looser(getattr(new, rule.name), getattr(old, rule.name)))


def tightest(one: Limits, other: Limits) -> Limits:
    """Return limits that allow only what both allow: what holds until a loosening takes effect."""
    values = {}
    for rule in rules():
        a, b = getattr(one, rule.name), getattr(other, rule.name)
        match rule.tighter:
            case "lower":
                values[rule.name] = min(a, b)
            case "higher":
                values[rule.name] = max(a, b)
            case "fewer":
                values[rule.name] = a & b
            case _:
                values[rule.name] = a | b
    return _made(values)


def _made(values: Mapping[str, int | frozenset[str]]) -> Limits:
    plain = {"version": VERSION} | {rule.name: _plain(rule, values[rule.name]) for rule in rules()}
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Limits(**values, digest=f"sha256:{sha256(canonical.encode()).hexdigest()}")  # type: ignore[arg-type]


def _plain(rule: Rule, value: int | frozenset[str]) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return decimal(value) if rule.kind == "money" else value


@cache
def _names() -> frozenset[str]:
    return frozenset({"version", *(rule.name for rule in rules())})


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _WORD_LENGTH_MAX and value.isascii() and value.isprintable()


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _words(value: object) -> frozenset[str]:
    assert isinstance(value, frozenset)
    return value
