"""The parser of `trading`. Imports argparse alone, so help costs nothing; each verb names the function it calls."""

from __future__ import annotations

import argparse

FORMATS = ("table", "json")


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="trading", description="A paper-only trading laboratory behind an order firewall."
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    verbs = parser.add_subparsers(metavar="COMMAND", title="commands")
    _gate(verbs)
    return parser


def _gate(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    gate = verbs.add_parser("gate", help="Ask the order firewall, or run it.", description="The order firewall.")
    inner = gate.add_subparsers(metavar="COMMAND", required=True, title="commands")
    check = inner.add_parser(
        "check",
        help="Say whether an order would leave, and everything that speaks against it.",
        description="Say what the firewall would: exit 0 for allow, 1 for deny. Nothing is sent.",
    )
    check.add_argument("--order", metavar="FILE", help="the order, one JSON object")
    check.add_argument("--snapshot", metavar="FILE", help="what was known at the moment of the order")
    check.add_argument("--batch", metavar="FILE", help='JSON lines {"order", "snapshot"} instead; one answer a line')
    check.add_argument(
        "--limits", metavar="FILE", help="limits in the form `trading gate limits` prints (default: its own)"
    )
    _output(check)
    check.set_defaults(calls="gate:check")
    limits = inner.add_parser("limits", help="Print the limits in force by default, with their digest.")
    _output(limits)
    limits.set_defaults(calls="gate:limits")


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=FORMATS, default="table", help="format (default %(default)s)")
