"""The verbs of people: each writes one Decision, with who said it and why, for the leader to act on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from orchestrator.cli.parser import Group, Verbs, output_option

if TYPE_CHECKING:
    from orchestrator.cli.parser import Parser


def add(verbs: Verbs, group: Group) -> None:
    """Add the deciding verbs to the command line."""
    approve = _verb(
        verbs,
        group,
        "approve",
        "let the present head of a pull request land",
        """
Approves exactly the commit the item's pull request shows now; a later push voids it. --head says which commit you
looked at: if the pull request has moved on since, nothing is approved.
""",
        ["interlock approve order-firewall --reason 'read it, tried it'"],
    )
    approve.add_argument("--head", metavar="SHA", help="the commit you reviewed, whole or abbreviated")
    _verb(
        verbs,
        group,
        "waive",
        "let the train pass over a failed safety item",
        """
A safety item that failed holds every later tier of its roadmap until it is fixed, dropped or waived. Waiving lets the
train pass over it; the item itself stays as it is. A reason is required.
""",
        ["interlock waive order-firewall --reason 'the desk is flat until Monday'"],
        reason_required=True,
    )
    _verb(
        verbs,
        group,
        "hold",
        "keep an item (or the train) from starting and landing",
        "A held item neither starts nor lands until it is released; what runs may finish. A held train lands nothing.",
        ["interlock hold ledger-replay --reason 'wait for the schema'", "interlock hold main"],
    )
    _verb(
        verbs,
        group,
        "release",
        "end a hold, or a freeze of the train",
        "Ends a hold. Of a frozen train it says that the base is fine as it is now: it is bound to that tip.",
        ["interlock release ledger-replay", "interlock release main --reason 'looked at the two commits'"],
    )
    _verb(
        verbs,
        group,
        "retry",
        "give a stalled or cancelled item fresh attempts",
        "Starts a stalled or cancelled item afresh: attempts are given back, branch and pull request are reused.",
        ["interlock retry cost-model --reason 'the quota is back'"],
    )
    _verb(
        verbs,
        group,
        "cancel",
        "drop an item",
        "Drops an item: its agent is ended, its work is kept, its pull request is closed, its files are free.",
        ["interlock cancel cost-model --reason superseded"],
    )
    priority = _verb(
        verbs,
        group,
        "priority",
        "move an item forward or back inside its tier",
        "Gives an item another priority: inside a tier, higher lands first; what it needs comes along.",
        ["interlock priority cost-model 10"],
    )
    priority.add_argument("value", type=_priority, metavar="NUMBER", help="from -1000000 to 1000000")
    for name, line in (
        ("grant", "let an agent have the files it asked for"),
        ("deny", "refuse an agent's wish for files"),
    ):
        _verb(
            verbs,
            group,
            name,
            line,
            "Answers the scope request of an item's agent, as `interlock explain` shows it.",
            [f"interlock {name} cost-model --reason '…'"],
        )


def _verb(
    verbs: Verbs, group: Group, name: str, line: str, about: str, examples: list[str], *, reason_required: bool = False
) -> Parser:
    parser = verbs.add(name, line, about=about, examples=examples, calls=f"people:{name}", group=group)
    parser.add_argument("name", metavar="NAME", help="a spec" + (", or a train" if name in ("hold", "release") else ""))
    parser.add_argument("--reason", required=reason_required, default="", metavar="TEXT", help="why; it is recorded")
    output_option(parser, "table", "json", "yaml")
    return parser


def _priority(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not -1_000_000 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not from -1000000 to 1000000")
    return number
