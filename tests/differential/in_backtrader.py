"""Runs inside backtrader's own environment: plays a schedule, or a cross of two means, and prints what came of it.

Reads one JSON document from standard input: `bars` by symbol (open, high, low, close, volume; prices in cents),
`orders` by symbol ([bar, shares]), `cash` and `fee_per_share` in currency; or `cross` (fast, slow, shares) instead of
`orders`; or `targets` by symbol ([bar, shares to hold]) with `participation_pct`, of which a bar fills no more of its
volume: what is left of an order after a bar is taken back.
"""

import datetime
import json
import sys
import time

import backtrader as bt

# The engine's own dates have no zone either.
START = datetime.datetime(2000, 1, 3)  # noqa: DTZ001


class Feed(bt.feed.DataBase):
    params = (("rows", ()), ("step", datetime.timedelta(minutes=1)))

    def start(self):
        super().start()
        self.at = 0

    def _load(self):
        if self.at >= len(self.p.rows):
            return False
        opened, high, low, close, volume = self.p.rows[self.at]
        lines = self.lines
        lines.datetime[0] = bt.date2num(START + self.at * self.p.step)
        lines.open[0], lines.high[0], lines.low[0], lines.close[0] = opened / 100, high / 100, low / 100, close / 100
        lines.volume[0], lines.openinterest[0] = volume, 0
        self.at += 1
        return True


class Scheduled(bt.Strategy):
    params = (("orders", {}),)

    def __init__(self):
        self.fills = []

    def next(self):
        for data in self.datas:
            shares = self.p.orders.get(data._name, {}).get(len(data) - 1)
            if shares:
                (self.buy if shares > 0 else self.sell)(data=data, size=abs(shares))

    def notify_order(self, order):
        if order.status == order.Completed:
            done = order.executed
            self.fills.append([order.data._name, len(order.data) - 1, int(done.size), done.price, done.comm])


class Holding(bt.Strategy):
    params = (("targets", {}),)

    def __init__(self):
        self.fills, self.open = [], []

    def next(self):
        # What the last bar has left of an order, or has not begun to fill, is taken back.
        for order in self.open:
            done = order.executed
            if done.size:
                self.fills.append([order.data._name, len(order.data) - 1, int(done.size), done.price, done.comm])
            if order.alive():
                self.cancel(order)
        self.open = []
        for data in self.datas:
            target = self.p.targets.get(data._name, {}).get(len(data) - 1)
            missing = 0 if target is None else target - self.getposition(data).size
            if missing:
                self.open.append((self.buy if missing > 0 else self.sell)(data=data, size=abs(missing)))


class Cross(bt.Strategy):
    params = (("fast", 10), ("slow", 40), ("shares", 100))

    def __init__(self):
        self.fills = []
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=self.p.fast), bt.ind.SMA(period=self.p.slow))

    def next(self):
        if self.cross[0] > 0 and not self.position:
            self.buy(size=self.p.shares)
        elif self.cross[0] < 0 and self.position:
            self.close()

    def notify_order(self, order):
        if order.status == order.Completed:
            self.fills.append(1)


def main():
    asked = json.load(sys.stdin)
    cerebro = bt.Cerebro(stdstats=False)
    for name, rows in asked["bars"].items():
        cerebro.adddata(Feed(rows=rows), name=name)
    cerebro.broker.setcash(asked["cash"])
    cerebro.broker.setcommission(commission=asked["fee_per_share"], stocklike=True, commtype=bt.CommInfoBase.COMM_FIXED)
    if "cross" in asked:
        fast, slow, shares = asked["cross"]
        cerebro.addstrategy(Cross, fast=fast, slow=slow, shares=shares)
    elif "targets" in asked:
        cerebro.broker.set_filler(bt.broker.fillers.FixedBarPerc(perc=asked["participation_pct"]))
        targets = {name: dict(given) for name, given in asked["targets"].items()}
        cerebro.addstrategy(Holding, targets=targets)
    else:
        orders = {name: dict(given) for name, given in asked["orders"].items()}
        cerebro.addstrategy(Scheduled, orders=orders)
    started = time.perf_counter()
    (ran,) = cerebro.run()
    seconds = time.perf_counter() - started
    fills = ran.fills if "cross" not in asked else len(ran.fills)
    json.dump({"fills": fills, "cash": cerebro.broker.getcash(), "seconds": seconds}, sys.stdout)


main()
