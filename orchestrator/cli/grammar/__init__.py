"""What a person may type: every verb with its arguments, its paragraph and its examples, one group of verbs per file.

`build` puts them together for `main`. The functions behind the verbs stand in the modules beside this package, named as
`module:function`, so that building the whole grammar costs a few milliseconds.
"""

from __future__ import annotations

import argparse

from orchestrator.cli.grammar import author, inspect, manifests, people, simulate, store, work
from orchestrator.cli.parser import Group, Overview, Parser, Verbs, common_options

ABOUT = """
Interlock runs many coding agents in one repository and makes collisions impossible: every item of work gets a scope of
files nobody else may write, and pull requests land one by one, safety first, each on exactly the tree that was tested.
"""
CLOSING = """
Exit codes: 0 done or yes, 1 not done or no (the reason is printed), 2 misuse or input that cannot be read.

New here? interlock demo

In a repository of yours? interlock init && interlock doctor
"""


def build() -> Parser:
    """Return the parser of the whole command line."""
    common = Parser(add_help=False)
    common_options(common)
    groups = [
        Group("First steps"),
        Group("Plan the work"),
        Group("Run it"),
        Group("See what is going on, and why"),
        Group("Say a person's word (each is recorded with who and why)"),
        Group("Objects, as kubectl users expect them"),
    ]
    parser = Overview(prog="interlock", description=ABOUT, epilog=CLOSING, groups=groups)
    common_options(parser)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    actions = parser.add_subparsers(metavar="COMMAND", parser_class=Parser, help=argparse.SUPPRESS)
    verbs = Verbs(actions, common)
    first, plan, run, see, say, objects = groups
    work.first_steps(verbs, first)
    author.add(verbs, plan)
    simulate.add(verbs, plan)
    work.run(verbs, run)
    work.leader(verbs, run)
    inspect.add(verbs, see)
    people.add(verbs, say)
    store.add(verbs, objects)
    manifests.add(verbs, objects)
    return parser
