"""The page of a run: what it came to and four charts, in one file without a script that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any

from trading.costs.tca import OrderCost, Row
from trading.data import calendar
from trading.engine import statistics
from trading.engine.backtest import Day
from trading.engine.chart import STYLE as chart_style
from trading.engine.chart import Line, chart, stacked
from trading.engine.orders import Trade
from trading.model import UNIT, decimal

_TRADES_SHOWN = 200
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.15rem .8rem .15rem 0;text-align:right;border-bottom:1px solid #8884}
td:first-child,th:first-child{text-align:left}
.scroll{overflow-x:auto}.scroll td,.scroll th{white-space:nowrap}
"""


def page(run: str, summary: Mapping[str, Any], days: Sequence[Day], trades: Sequence[Trade]) -> str:
    """Return the page as HTML. The same run gives the same bytes."""
    labels = [day.day for day in days]
    equity = [day.equity / UNIT for day in days]
    exposure = [100.0 * day.exposure / day.equity if day.equity > 0 else 0.0 for day in days]
    drawdown = [100.0 * share for share in statistics.drawdowns(equity)]
    estimated, realised = [day.estimated / UNIT for day in days], [day.realised / UNIT for day in days]
    parts = [
        f"<h1>{escape(run)}</h1>",
        _facts(summary),
        chart("Equity", labels, (Line("equity", equity),)),
        chart("Drawdown, %", labels, (Line("below the best", drawdown),)),
        chart("Exposure, % of equity", labels, (Line("held", exposure),)),
        chart("Cost, sum", labels, (Line("realised", realised), Line("estimated when sent", estimated))),
        _table(trades),
    ]
    return _whole(run, parts)


def costs_page(run: str, rows: Sequence[Row], found: Sequence[OrderCost]) -> str:
    """Return the page of what a run's orders cost: parts by symbol and side, and estimates beside what came."""
    names = ("fees", "delay", "trading", "opportunity")
    parts = [(each.name, (each.fees, each.delay, each.trading, each.opportunity)) for each in rows]
    left = [order for order in found if order.fills]
    estimated = list(accumulate(order.expected / UNIT for order in left))
    realised = list(accumulate(order.realised / UNIT for order in left))
    labels = [order.intent.client_id for order in left]
    lines = (Line("realised", realised), Line("estimated when sent", estimated))
    body = [
        f"<h1>{escape(run)}: what trading cost</h1>",
        stacked("Shortfall, basis points of the order at its decision", names, parts),
        chart("Against the arrival price with fees, sum", labels, lines),
    ]
    return _whole(f"{run}: costs", body)


def _whole(title: str, body: Sequence[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{_STYLE}{chart_style}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _facts(summary: Mapping[str, Any]) -> str:
    counts = summary["events"]
    rows = [
        (
            "Sessions",
            f"{summary['sessions']}, {summary['from']} to {summary['until']}" if summary["sessions"] else "none",
        ),
        ("Profile, costs", f"{summary['profile']}, {summary['costs']}"),
        ("Equity at the end", f"{summary['equity_end'] / UNIT:,.2f}"),
        ("Return", f"{summary['return']:.4%}"),
        ("Sharpe ratio, a year", "none" if summary["sharpe"] is None else f"{summary['sharpe']:.3f}"),
        ("Largest drawdown", f"{summary['drawdown_max']:.4%}"),
        ("Orders asked, denied, rejected", " / ".join(str(counts.get(n, 0)) for n in ("Intent", "Denied", "Rejected"))),
        ("Fills", str(counts.get("Fill", 0))),
        (
            "Cost: estimated, realised",
            f"{summary['cost_estimated'] / UNIT:,.2f} / {summary['cost_realised'] / UNIT:,.2f}",
        ),
    ]
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _table(trades: Sequence[Trade]) -> str:
    if not trades:
        return "<h2>Trades: none</h2><p>trading replay --errors-only tells what was denied, if anything was asked.</p>"
    shown = trades[-_TRADES_SHOWN:]
    names = ("Order", "Day", "Symbol", "Side", "Shares", "Price", "Estimated", "Cost")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
    rows = "".join(
        f"<tr><td>{escape(each.client_id)}</td><td>{calendar.day_of(each.at)}</td><td>{each.symbol}</td><td>{each.side}</td><td>{each.shares}</td>"
        f"<td>{decimal(each.price)}</td><td>{each.estimated / UNIT:.2f}</td><td>{each.realised / UNIT:.2f}</td></tr>"
        for each in shown
    )
    words = f"the last {len(shown)} of {len(trades)}" if len(shown) < len(trades) else f"{len(trades)}"
    return f'<h2>Trades: {words}</h2><div class="scroll"><table>{head}{rows}</table></div>'
