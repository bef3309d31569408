"""`trading data`: what is in the catalog, and how bars come into it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from trading.cli.main import Misuse
from trading.data import calendar
from trading.data.catalog import Catalog, CatalogError
from trading.events import Dividend, Split
from trading.model import Money, Nanos, Symbol, money

if TYPE_CHECKING:
    from trading.data.quality import Finding

T = TypeVar("T")
_SHOWN = 10
"""Rows of each kind that are told one by one."""


def generate(args: argparse.Namespace) -> int:
    """Keep a made-up market under a name."""
    from trading.data import generate as made_up

    try:
        symbols = [Symbol.parse(name) for name in args.symbol or ["AAPL.NASDAQ"]]
        first = date.fromisoformat(args.first)
    except ValueError as error:
        raise Misuse(str(error)) from error
    make = made_up.minutes if args.minutes else made_up.daily
    bars = make(sorted(set(symbols)), first, args.count, args.seed)
    source = f"generated: seed {args.seed}, {args.count} {'minutes' if args.minutes else 'sessions'} from {first}"
    try:
        digest = Catalog(Path(args.catalog)).save(args.name, bars, source)
    except CatalogError as error:
        raise Misuse(str(error)) from error
    sys.stdout.write(f"{args.name} {len(bars)} bars {digest}\n")
    return 0


def take_in(args: argparse.Namespace) -> int:
    """Keep the prices of a file under a name, the faulty rows beside them; return 1 where nothing was kept."""
    from trading.data import intake, quality
    from trading.data.spelling import Order

    problems: list[str] = []
    symbol = _read(problems, "--symbol", Symbol.parse, args.symbol) if args.symbol else None
    tick = _read(problems, "--tick", _tick, args.tick)
    splits = [split for text in args.split or [] if (split := _read(problems, "--split", _split, text))]
    dividends = [paid for text in args.dividend or [] if (paid := _read(problems, "--dividend", _dividend, text))]
    if problems or tick is None:
        raise Misuse("\n".join(problems))
    order = Order(args.dates) if args.dates else None
    try:
        taken = intake.take(Path(args.file), symbol, args.venue, tick, [*splits, *dividends], order)
    except intake.NoPrices as error:
        raise Misuse(str(error)) from error
    checked = taken.checked
    _remark(args.file, [*checked.quarantined, *checked.remarks])
    if taken.unread:
        words = ", ".join(taken.unread)
        sys.stderr.write(f"{args.file}: not read: {words}; splits and dividends are told by --split and --dividend\n")
    told = {(str(split.symbol), split.at) for split in splits}
    unexplained = [
        finding
        for finding in quality.suspected(checked)
        if (finding.symbol, _opening(finding.day)) not in told and _opening(finding.day)
    ]
    if unexplained and not args.accept_jumps:
        sys.stderr.write(
            f"trading: {len(unexplained)} jumps look like splits; say --split SYMBOL:DAY:NEW:OLD for each, or "
            "--accept-jumps if these are prices; nothing was kept\n"
        )
        return 1
    if not len(taken.bars):
        sys.stderr.write(f"trading: no row of {args.file} can be used; nothing was kept\n")
        return 1
    catalog = Path(args.catalog)
    try:
        digest = Catalog(catalog).save(args.name, taken.bars, f"file {Path(args.file).name}")
    except CatalogError as error:
        raise Misuse(str(error)) from error
    beside = catalog / "quarantine"
    beside.mkdir(exist_ok=True)
    lines = (json.dumps(finding._asdict()) + "\n" for finding in checked.quarantined)
    (beside / f"{args.name}.jsonl").write_text("".join(lines))
    sys.stdout.write(
        f"{args.name} {len(taken.bars)} bars {digest}; {len(checked.quarantined)} rows in quarantine, "
        f"{len(checked.remarks)} remarks, {taken.rounded} prices put on the grid\n"
    )
    return 0


def _remark(file: str, findings: Sequence[Finding]) -> None:
    """Print what is to be said of rows: the first of each kind, and how many more there are."""
    count: Counter[str] = Counter()
    for finding in findings:
        count[finding.what] += 1
        if count[finding.what] <= _SHOWN:
            sys.stderr.write(f"{file}:{finding.line}: {finding.symbol} {finding.day} {finding.what}: {finding.words}\n")
    for what, found in count.items():
        if found > _SHOWN:
            sys.stderr.write(f"{file}: and {found - _SHOWN} more rows: {what}\n")


def _read(problems: list[str], option: str, parse: Callable[[str], T], text: str) -> T | None:
    """Return what an option says; None, and why among the problems, for what it cannot."""
    try:
        return parse(text)
    except ValueError as error:
        problems.append(f"{option} {text}: {error}")
        return None


def _tick(text: str) -> Money:
    found = money(text)
    if found <= 0:
        raise ValueError("a tick is above zero, such as 0.01")
    return found


def _split(text: str) -> Split:
    """Return what SYMBOL:DAY:NEW:OLD says."""
    parts = text.split(":")
    if len(parts) != 4 or not (parts[2].isdigit() and parts[3].isdigit() and int(parts[2]) and int(parts[3])):
        raise ValueError("write SYMBOL:DAY:NEW:OLD, such as AAPL.NASDAQ:2014-06-09:7:1")
    return Split(_session(parts[1]), Symbol.parse(parts[0]), int(parts[2]), int(parts[3]))


def _dividend(text: str) -> Dividend:
    """Return what SYMBOL:DAY:AMOUNT says."""
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError("write SYMBOL:DAY:AMOUNT, such as AAPL.NASDAQ:2024-02-09:0.24")
    amount = money(parts[2])
    if amount <= 0:
        raise ValueError("an amount is above zero")
    return Dividend(_session(parts[1]), Symbol.parse(parts[0]), amount)


def _session(day: str) -> Nanos:
    at = _opening(day)
    if at is None:
        raise ValueError(f"{day} is no session that is known")
    return Nanos(at)


def _opening(day: str) -> int | None:
    session = calendar.session(date.fromisoformat(day))
    return None if session is None else session.opens


def show(args: argparse.Namespace) -> int:
    """Print what is in the catalog; return 1 where something in it cannot be read."""
    catalog = Catalog(Path(args.catalog))
    found, problems = {}, []
    try:
        names = catalog.names()
    except CatalogError as error:
        raise Misuse(str(error)) from error
    for name in names:
        try:
            found[name] = dict(catalog.describe(name))
        except CatalogError as error:
            problems.append(f"{name}: {error}")
    if args.output == "json":
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        for name, said in found.items():
            symbols = [*json.loads(said["ticks"])]
            shown = ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if len(symbols) > 3 else "")
            span = f"{said.get('rows', '?')} bars, {said.get('first', '?')} to {said.get('last', '?')}"
            sys.stdout.write(f"{name:<20} {said['digest'][:19]} {span:<38} {shown:<40}  {said['source']}\n")
        if not names:
            sys.stderr.write(
                f"{args.catalog}: holds no dataset; `trading data import` keeps prices, `trading data generate` "
                "makes some up\n"
            )
    for problem in problems:
        sys.stderr.write(f"trading: {problem}\n")
    return 1 if problems else 0
