"""Fourth stage: controls that make less of what is wanted, one after the other, and say what they cut.

A target stands for what would be held; a symbol without one stays as it is. No control may let more be held than was
wanted before it: `reduced` refuses one that tries, because it is a bug and not a choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading.events import Intercepted, Target
from trading.gate.tail import tail_value_at_risk
from trading.model import UNIT, Lots, Money, Nanos, Symbol
from trading.stages.stage import Cut, Faulty, Interceptor
from trading.stages.view import View

_BPS = 10_000


class RiskGrew(Faulty):
    """A control let more be held than was wanted."""


def reduced(
    chain: tuple[Interceptor[Any], ...], states: tuple[Any, ...], targets: tuple[Target, ...], view: View
) -> tuple[tuple[Any, ...], Cut]:
    """Return the states after every control, the targets that are left, and what was cut; raise `RiskGrew`."""
    after = []
    cut: tuple[Intercepted, ...] = ()
    for interceptor, state in zip(chain, states, strict=True):
        wanted = targets
        changed, (targets, why) = interceptor.step(state, targets, view)
        _refuse_growth(interceptor.name, wanted, targets, view)
        after.append(changed)
        cut += why
    return tuple(after), (tuple(targets), cut)


def trailing_stop(stop_bps: int) -> Interceptor[Mapping[Symbol, int]]:
    """Return a control that ends a position which fell so far from its highest close since it was opened.

    Of each share, not of the position: adding to a position moves no stop. Until the position is gone, signals to hold
    more of it are cancelled.
    """
    name = "trailing_stop"

    def step(peaks: Mapping[Symbol, int], targets: tuple[Target, ...], view: View) -> tuple[Mapping[Symbol, int], Cut]:
        if not view.held:
            return ({}, (targets, ())) if peaks else (peaks, (targets, ()))
        changed = {}
        stopped = {}
        for symbol in view.held:
            price = view.steady[symbol]
            peak = changed[symbol] = max(peaks.get(symbol, 0), price)
            if price * _BPS <= peak * (_BPS - stop_bps):
                stopped[symbol] = f"{price * _BPS // peak - _BPS} bps from its best close"
        if not stopped:
            return changed, (targets, ())
        return changed, _ended(name, targets, stopped, view)

    return Interceptor(name, {}, step)


def tvar(limit_bps: int, confidence_bps: int = 9750, days: int = 250) -> Interceptor[None]:
    """Return a control that cancels what would raise the expected loss of the worst days beyond a share of equity.

    The estimate is the gate's: the largest of normal, historical and Cornish-Fisher (`gate.tail`). A symbol with fewer
    days than asked for is not added to. Every target is judged as if those before it had been carried out.
    """
    name = "tvar"

    def step(state: None, targets: tuple[Target, ...], view: View) -> tuple[None, Cut]:
        if all(target.quantity <= view.held.get(target.symbol, 0) for target in targets):
            return None, (targets, ())
        holding = dict(view.held)
        kept: list[Target] = []
        cut: list[Intercepted] = []
        bound = view.equity / UNIT * limit_bps / _BPS
        # What makes room comes first, so that a swap is not held against itself.
        for target in sorted(targets, key=lambda each: each.quantity > view.held.get(each.symbol, 0)):
            before = holding.get(target.symbol, 0)
            holding[target.symbol] = target.quantity
            if target.quantity > before:
                loss = _tail_loss(holding, view, confidence_bps, days)
                if loss is None or loss > bound:
                    holding[target.symbol] = before
                    why = f"too few of {days} days" if loss is None else f"{loss:.2f} of at most {bound:.2f}"
                    cut.append(_cut(name, target, before, why, view))
                    continue
            kept.append(target)
        return None, (tuple(kept), tuple(cut))

    return Interceptor(name, None, step, watches=False)


def weight_cap(cap_bps: int) -> Interceptor[None]:
    """Return a control that makes a target no larger than a share of equity; it sells nothing that only rose."""
    name = "weight_cap"

    def step(state: None, targets: tuple[Target, ...], view: View) -> tuple[None, Cut]:
        if not targets:
            return None, (targets, ())
        room = view.equity * cap_bps // _BPS
        kept, cut = [], []
        for target in targets:
            most = max(room // (view.prices[target.symbol] * view.instruments[target.symbol].lot), 0)
            most = max(most, min(view.held.get(target.symbol, 0), target.quantity))
            if target.quantity > most:
                cut.append(_cut(name, target, most, f"at most {cap_bps} bps of equity", view))
                target = _with(target, most)
            kept.append(target)
        return None, (tuple(kept), tuple(cut))

    return Interceptor(name, None, step, watches=False)


def drawdown(limit_bps: int) -> Interceptor[int]:
    """Return a control that ends every position once equity fell so far from its best; it forgets nothing."""
    name = "drawdown"

    def step(peak: int, targets: tuple[Target, ...], view: View) -> tuple[int, Cut]:
        equity = view.equity
        peak = max(peak, equity)
        if (peak - equity) * _BPS < limit_bps * peak:
            return peak, (targets, ())
        why = f"equity is {(peak - equity) * _BPS // peak} bps from its best"
        return peak, _ended(name, targets, dict.fromkeys((*view.held, *(t.symbol for t in targets)), why), view)

    return Interceptor(name, 0, step)


def _tail_loss(holding: Mapping[Symbol, int], view: View, confidence_bps: int, days: int) -> float | None:
    losses = [0.0] * days
    for symbol, lots in holding.items():
        if not lots:
            continue
        returns = view.returns.get(symbol, ())
        if len(returns) < days:
            return None
        worth = view.value(symbol, lots) / UNIT
        losses = [loss - worth * each for loss, each in zip(losses, returns[-days:], strict=True)]
    return tail_value_at_risk(losses, confidence_bps)


def _ended(name: str, targets: tuple[Target, ...], why: Mapping[Symbol, str], view: View) -> Cut:
    """Return targets with those of some symbols at zero, added where there was none and something is held."""
    kept, cut, told = [], [], set()
    for target in targets:
        reason = why.get(target.symbol)
        if reason is not None:
            told.add(target.symbol)
            if target.quantity:
                cut.append(_cut(name, target, 0, reason, view))
                target = _with(target, 0)
        kept.append(target)
    for symbol, reason in why.items():
        if symbol not in told and view.held.get(symbol):
            told.add(symbol)
            price, held = view.prices[symbol], Lots(view.held[symbol])
            target = Target(Nanos(view.now), view.strategy, symbol, held, Money(price), name)
            cut.append(_cut(name, target, 0, reason, view))
            kept.append(_with(target, 0))
    return tuple(kept), tuple(cut)


def _with(target: Target, lots: int) -> Target:
    return Target(target.at, target.strategy, target.symbol, Lots(lots), target.decision_price, target.reason)


def _cut(name: str, target: Target, kept: int, reason: str, view: View) -> Intercepted:
    return Intercepted(Nanos(view.now), target.strategy, target.symbol, name, target.quantity, Lots(kept), reason)


def _refuse_growth(name: str, wanted: tuple[Target, ...], left: tuple[Target, ...], view: View) -> None:
    if wanted is left:
        return
    before = {target.symbol: target.quantity for target in wanted}
    after = {target.symbol: target.quantity for target in left}
    if len(after) != len(left):
        raise RiskGrew(f"{name} gave two targets for one symbol; give one")
    for symbol in (*before, *after):
        held = view.held.get(symbol, 0)
        allowed, outcome = before.get(symbol, held), after.get(symbol, held)
        if not 0 <= outcome <= allowed:
            raise RiskGrew(f"{name} would hold {outcome} of {symbol} where {allowed} was wanted; risk may only shrink")
