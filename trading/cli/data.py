"""`trading data`: what is in the catalog, and how bars come into it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from trading.cli.main import Misuse
from trading.data import calendar
from trading.data.catalog import Catalog, CatalogError
from trading.events import Split
from trading.model import Nanos, Symbol, money


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

    try:
        symbol = Symbol.parse(args.symbol) if args.symbol else None
        splits = [_split(text) for text in args.split or []]
        taken = intake.take(Path(args.file), symbol, args.venue, money(args.tick), splits)
    except (ValueError, intake.NoPrices) as error:
        raise Misuse(str(error)) from error
    checked = taken.checked
    catalog = Path(args.catalog)
    for finding in [*checked.quarantined, *checked.remarks]:
        sys.stderr.write(
            f"{args.file}:{finding.line}: {finding.symbol} {finding.day} {finding.what}: {finding.words}\n"
        )
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


def _split(text: str) -> Split:
    """Return what SYMBOL:DAY:NEW:OLD says."""
    parts = text.split(":")
    if len(parts) != 4 or not (parts[2].isdigit() and parts[3].isdigit() and int(parts[2]) and int(parts[3])):
        raise ValueError(f"--split {text}: write SYMBOL:DAY:NEW:OLD, such as AAPL.NASDAQ:2014-06-09:7:1")
    at = _opening(parts[1])
    if at is None:
        raise ValueError(f"--split {text}: {parts[1]} is no session that is known")
    return Split(Nanos(at), Symbol.parse(parts[0]), int(parts[2]), int(parts[3]))


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
            sys.stdout.write(f"{name:<20} {said['digest'][:19]} {span:<38} {shown:<40} {said['source']}\n")
        if not names:
            sys.stderr.write(
                f"{args.catalog}: holds no dataset; `trading data import` keeps prices, `trading data generate` "
                "makes some up\n"
            )
    for problem in problems:
        sys.stderr.write(f"trading: {problem}\n")
    return 1 if problems else 0
