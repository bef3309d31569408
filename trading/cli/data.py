"""`trading data`: what is in the catalog, and how bars come into it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from trading.cli.main import Misuse
from trading.data.catalog import Catalog, CatalogError
from trading.model import Symbol


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


def show(args: argparse.Namespace) -> int:
    """Print what is in the catalog."""
    catalog = Catalog(Path(args.catalog))
    found = {name: dict(catalog.describe(name)) for name in catalog.names()}
    if args.output == "json":
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return 0
    for name, said in found.items():
        symbols = ", ".join(json.loads(said["ticks"]))
        sys.stdout.write(f"{name:<20} {said['digest'][:19]} {symbols:<40} {said['source']}\n")
    return 0
