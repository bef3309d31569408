"""Fifth stage: the orders that lead from what is held to what is wanted. The gate and the venue have the last words."""

from __future__ import annotations

from collections.abc import Mapping

from trading.events import Intent, Target
from trading.model import Lots, Money, Nanos, OrderType, Side, Symbol, TimeInForce
from trading.stages.stage import Execution, Withdrawal
from trading.stages.view import View

Step = tuple[Withdrawal | Intent, ...]
Plan = tuple[Target, int]
"""A target, and over how many more moments it is to be reached."""


def at_market() -> Execution[int]:
    """Return an execution that sends the whole difference at once; the state is the number of the last order."""

    def step(serial: int, targets: tuple[Target, ...], view: View) -> tuple[int, Step]:
        orders: list[Withdrawal | Intent] = []
        for target in targets:
            difference = target.quantity - view.held.get(target.symbol, 0)
            working = view.working.get(target.symbol, ())
            if working and sum(order.side.sign * order.remaining for order in working) == difference:
                continue
            # What is still open was meant for an older target: it is taken back, then the difference is exact.
            orders.extend(Withdrawal(order.client_id) for order in working)
            if difference:
                serial += 1
                orders.append(_intent(serial, target, difference, view))
        return serial, tuple(orders)

    return Execution(0, step, lambda serial: False)


def in_slices(count: int) -> Execution[tuple[int, Mapping[Symbol, Plan]]]:
    """Return an execution that spreads a difference evenly over the next `count` bars of a symbol."""

    def step(
        state: tuple[int, Mapping[Symbol, Plan]], targets: tuple[Target, ...], view: View
    ) -> tuple[tuple[int, Mapping[Symbol, Plan]], Step]:
        serial, plans = state
        changed = {**plans, **{target.symbol: (target, count) for target in targets}}
        orders: list[Withdrawal | Intent] = []
        for symbol, (target, left) in list(changed.items()):
            if symbol not in view.quoted:
                continue
            orders.extend(Withdrawal(order.client_id) for order in view.working.get(symbol, ()))
            difference = target.quantity - view.held.get(symbol, 0)
            part = difference // left if difference > 0 else -(-difference // left)
            if part:
                serial += 1
                orders.append(_intent(serial, target, part, view))
            if left > 1 and difference:
                changed[symbol] = (target, left - 1)
            else:
                del changed[symbol]
        return (serial, changed), tuple(orders)

    return Execution((0, {}), step, lambda state: bool(state[1]))


def _intent(serial: int, target: Target, difference: int, view: View) -> Intent:
    side = Side.BUY if difference > 0 else Side.SELL
    return Intent(
        Nanos(view.now),
        f"{target.strategy}-{serial}",
        target.strategy,
        target.symbol,
        side,
        OrderType.MARKET,
        TimeInForce.DAY,
        Lots(abs(difference)),
        None,
        side is Side.SELL,
        Money(target.decision_price),
        0,
    )
