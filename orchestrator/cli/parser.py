"""The parser of the command line: help that teaches, a guess at what was meant, verbs bound to functions by name.

`main` builds one from `grammar`. Nothing here or in `grammar` imports more than argparse and difflib: `interlock
--help` and shell completion must not pay for pydantic or rich. A verb names its function as `module:function`; `main`
imports it when called.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from orchestrator.core.suggest import did_you_mean

WIDTH_MAX = 92


class Group:
    """A heading of the overview and the verbs below it, in the order a newcomer meets them.

    No dataclass: importing those costs more than building the whole parser.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.verbs: list[tuple[str, str]] = []


class Help(argparse.HelpFormatter):
    """Fills paragraphs, leaves indented lines as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)
        self._width = min(self._width, WIDTH_MAX)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(_block(block, width) for block in textwrap.dedent(text).strip("\n").split("\n\n"))


class Parser(argparse.ArgumentParser):
    """An argument parser that guesses what an unknown word was meant to be. Mistakes end with exit code 2."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", Help)
        # An abbreviation that works today is ambiguous, or means something else, tomorrow.
        super().__init__(allow_abbrev=False, **settings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            what = "command" if isinstance(action, argparse._SubParsersAction) else "value"
            raise argparse.ArgumentError(
                None if what == "command" else action,
                f"there is no {what} `{value}`{did_you_mean(str(value), choices)}",
            )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nSee: {self.prog} --help\n")


class Overview(Parser):
    """The parser of `interlock` itself: its help is an overview by groups."""

    def __init__(self, *, groups: Sequence[Group], **settings: Any) -> None:
        super().__init__(**settings)
        self.groups = groups

    def format_help(self) -> str:
        """Return the overview: what it is, every verb with one line, the options all verbs share."""
        formatter = self._get_formatter()
        formatter.add_text(self.description)
        parts = [formatter.format_help().strip("\n"), "Usage: interlock COMMAND [OPTION…]"]
        for group in self.groups:
            lines = [f"  {name:<10} {line}" for name, line in group.verbs]
            parts.append("\n".join([f"{group.title}:", *lines]))
        formatter = self._get_formatter()
        formatter.start_section("Options of every command")
        formatter.add_arguments(a for a in self._actions if not isinstance(a, argparse._SubParsersAction))
        formatter.end_section()
        formatter.add_text(self.epilog)
        parts.append(formatter.format_help().strip("\n"))
        return "\n\n".join(parts) + "\n"


class Verbs:
    """Where the files of `grammar` put their verbs. One instance per level: `lanes` has one of its own."""

    def __init__(self, actions: argparse._SubParsersAction[Parser], common: Parser) -> None:
        self._actions = actions
        self._common = common

    def add(
        self,
        name: str,
        line: str,
        *,
        about: str,
        examples: Sequence[str],
        calls: str | None,
        group: Group | None = None,
    ) -> Parser:
        """Add a verb and return its parser for arguments. `calls` is `module:function` below `orchestrator.cli`."""
        parser = self._actions.add_parser(
            name,
            help=line,
            description=about,
            epilog="examples:\n" + "\n".join(f"  {example}" for example in examples) if examples else None,
            parents=[self._common],
        )
        if calls:
            parser.set_defaults(calls=calls)
        if group is not None:
            group.verbs.append((name, line))
        return parser

    def below(self, parser: Parser) -> Verbs:
        """Return the place for the verbs below a verb, one of which must be given."""
        actions = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser, title="commands")
        return Verbs(actions, self._common)


def common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options every verb takes, before or after the verb; what is not given is absent from the result."""
    add = parser.add_argument
    add("--repo", metavar="DIR", default=argparse.SUPPRESS, help="the repository (default: the one around here)")
    add(
        "--state",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="where Interlock keeps its state (default: INTERLOCK_STATE, else under the XDG state home)",
    )
    add("--kube", action="store_true", default=argparse.SUPPRESS, help="work on a cluster instead of the state folder")
    add(
        "-n",
        "--namespace",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="with --kube: the namespace (default: the context's)",
    )
    add(
        "--context",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="with --kube: the context of the kubeconfig (default: its current one)",
    )


def output_option(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add `-o`, whose values are always formats; the first one is the default."""
    parser.add_argument(
        "-o", "--output", choices=formats, default=formats[0], metavar="|".join(formats), help="format on stdout"
    )


def _block(block: str, width: int) -> str:
    """Return a paragraph filled to the width; a block with an indented line is left as it is."""
    if any(line.startswith(" ") for line in block.splitlines()):
        return block
    return textwrap.fill(" ".join(block.split()), width)
