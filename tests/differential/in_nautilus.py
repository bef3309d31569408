"""Runs inside NautilusTrader's own environment: plays a schedule, or a cross of two means, and prints what came of it.

Takes what `in_backtrader.py` takes. For a schedule the market is a quote at each open, without a spread: this engine
fills what is decided on a bar at that bar's close, and the schedule is about the next open. A cross is played on bars.
"""

import json
import sys
import time
from collections import deque
from decimal import Decimal

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import PerContractFeeModel
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType, QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
MINUTE = 60_000_000_000


class Scheduled(Strategy):
    def __init__(self, ids, orders):
        super().__init__()
        self.ids, self.orders, self.fills = ids, orders, []
        self.seen = dict.fromkeys(orders, 0)

    def on_start(self):
        for each in self.ids:
            self.subscribe_quote_ticks(each)

    def on_quote_tick(self, tick):
        name = tick.instrument_id.symbol.value
        bar = self.seen[name]
        self.seen[name] = bar + 1
        # Decided on the bar before, sent when this one opens.
        shares = self.orders[name].get(bar - 1)
        if shares:
            side = OrderSide.BUY if shares > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(tick.instrument_id, side, Quantity.from_int(abs(shares))))

    def on_order_filled(self, event):
        name = event.instrument_id.symbol.value
        signed = int(event.last_qty) * (1 if event.order_side == OrderSide.BUY else -1)
        price, fee = float(event.last_px), float(event.commission.as_decimal())
        self.fills.append([name, self.seen[name] - 1, signed, price, fee])


class Cross(Strategy):
    def __init__(self, bar_type, fast, slow, shares):
        super().__init__()
        self.bar_type, self.fills, self.is_in, self.was = bar_type, 0, False, None
        self.quantity = Quantity.from_int(shares)
        self.fast, self.slow = deque(maxlen=fast), deque(maxlen=slow)
        self.sums = [0.0, 0.0]

    def on_start(self):
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar):
        close = bar.close.as_double()
        for number, window in enumerate((self.fast, self.slow)):
            if len(window) == window.maxlen:
                self.sums[number] -= window[0]
            window.append(close)
            self.sums[number] += close
        if len(self.slow) < self.slow.maxlen:
            return
        above = self.sums[0] / self.fast.maxlen > self.sums[1] / self.slow.maxlen
        if above is self.was:
            return
        self.was = above
        if above is not self.is_in:
            self.is_in = above
            side = OrderSide.BUY if above else OrderSide.SELL
            self.submit_order(self.order_factory.market(self.bar_type.instrument_id, side, self.quantity))

    def on_order_filled(self, event):
        self.fills += 1


def main():
    asked = json.load(sys.stdin)
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.CASH,
        [Money(asked["cash"], USD)],
        base_currency=USD,
        fee_model=PerContractFeeModel(Money(asked["fee_per_share"], USD)),
        bar_execution="cross" in asked,
    )
    ids = []
    for name, rows in asked["bars"].items():
        instrument_id = InstrumentId(Symbol(name), VENUE)
        ids.append(instrument_id)
        cent, one = Price(Decimal("0.01"), 2), Quantity.from_int(1)
        engine.add_instrument(Equity(instrument_id, Symbol(name), USD, 2, cent, one, 0, 0))
        if "cross" in asked:
            kind = BarType.from_str(f"{instrument_id}-1-MINUTE-LAST-EXTERNAL")
            engine.add_data(
                [
                    Bar(
                        kind,
                        *(Price(price / 100, 2) for price in row[:4]),
                        Quantity.from_int(row[4]),
                        n * MINUTE,
                        n * MINUTE,
                    )
                    for n, row in enumerate(rows, start=1)
                ]
            )
            engine.add_strategy(Cross(kind, *asked["cross"]))
        else:
            much = Quantity.from_int(10**9)
            quotes = []
            for n, row in enumerate(rows, start=1):
                price = Price(row[0] / 100, 2)
                quotes.append(QuoteTick(instrument_id, price, price, much, much, n * MINUTE, n * MINUTE))
            engine.add_data(quotes)
    if "cross" not in asked:
        orders = {name: dict(given) for name, given in asked["orders"].items()}
        engine.add_strategy(Scheduled(ids, orders))
    started = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - started
    (strategy,) = engine.trader.strategies()
    cash = float(engine.portfolio.account(VENUE).balance_total(USD).as_decimal())
    json.dump({"fills": strategy.fills, "cash": cash, "seconds": seconds}, sys.stdout)


main()
