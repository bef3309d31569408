"""Options that several verbs have, spelled the same everywhere. Imports argparse alone."""

from __future__ import annotations

import argparse

FORMATS = ("table", "json")


def output(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a format."""
    parser.add_argument("-o", "--output", choices=FORMATS, default="table", help="format (default %(default)s)")


def catalog(parser: argparse.ArgumentParser) -> None:
    """Add where datasets are."""
    parser.add_argument("--catalog", metavar="DIR", default="catalog", help="where datasets are (default %(default)s)")


def run_folder(parser: argparse.ArgumentParser) -> None:
    """Add where runs are."""
    parser.add_argument("--runs", metavar="DIR", default="runs", help="where runs are (default %(default)s)")


def desk_state(parser: argparse.ArgumentParser) -> None:
    """Add where a desk lies."""
    parser.add_argument("--state", metavar="DIR", help="where the desk keeps its state (default $TRADING_STATE)")
    parser.add_argument("--mark", metavar="FILE", help="the high-water mark, in no backup of the state")


def plain(parser: argparse.ArgumentParser, when: str = "") -> None:
    """Mark a verb as one that plays runs, always or with an argument given, and add the choice of the source."""
    parser.add_argument(
        "--plain", action="store_true", help="play on the engine's source, compiled or not (also $TRADING_PLAIN)"
    )
    parser.set_defaults(plays=when or "plays")
