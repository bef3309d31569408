"""The parser of `trading research` and `trading walk-forward`. Imports argparse alone."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from trading.cli.options import catalog, desk_state, output, plain, run_folder

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_RESEARCH = """\
A ledger of everything that was tried of a strategy, and the gate in front of a promotion. Entries are only added, each
chained to all before it; a ledger that was changed is not read. The way of a candidate:

  trading research create cross --strategy sma_cross --hypothesis "trends last" --by AUTHOR
  trading research snapshot cross --dataset prices --by AUTHOR
  trading backtest cross.toml --profile idealistic         and realistic, stressed
  trading research record-backtest cross --all --by AUTHOR           failed attempts too: --failed TEXT
  trading research record-validation cross cross.toml --check lookahead --by AUTHOR
  trading research record-validation cross --check costs --by AUTHOR
  trading walk-forward cross.toml --candidate cross --vary fast=5,10,20 --by AUTHOR
  trading research approve-review cross --by REVIEWER --reason "…"   somebody who took no part
  trading research blockers cross                                    what is missing, and what to run
  trading research promote cross --to paper --by AUTHOR --reason "…"

Exit 0 is done or yes, 1 not done or no with the reasons, 2 misuse or something that cannot be read.
"""


def add(verbs: Verbs) -> None:
    """Add both verbs."""
    _walk(verbs)
    research = verbs.add_parser(
        "research",
        help="The ledger of what was tried, and the gate in front of a promotion.",
        description=_RESEARCH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = research.add_subparsers(metavar="COMMAND", required=True, title="commands")
    _record(inner)
    _judge(inner)


def _record(inner: Verbs) -> None:
    create = _verb(
        inner,
        "create",
        "Begin a candidate: an idea, and the strategy that carries it out.",
        "Begins the ledger as well if there is none. A new candidate for a strategy that was tried before begins with "
        "what was tried of it: trials are counted by strategy.",
    )
    create.add_argument("--strategy", metavar="NAME", required=True, help="the strategy's module")
    create.add_argument("--hypothesis", metavar="TEXT", required=True, help="why it should earn anything")
    snapshot = _verb(
        inner,
        "snapshot",
        "Pin the data a candidate is judged by.",
        "Keeps the digest of a dataset of the catalog. A run over other data counts for no promotion.",
    )
    snapshot.add_argument("--dataset", metavar="NAME", required=True, help="its name in the catalog")
    catalog(snapshot)
    backtest = _verb(
        inner,
        "record-backtest",
        "Record attempts: finished runs, or one that failed.",
        "Reads finished runs from their folders and checks every file against the manifest; the program that made them "
        "has to be the one that is here. An attempt that came to nothing is recorded with --failed: it was a trial. "
        "What is recorded already is not recorded twice.",
    )
    backtest.add_argument("--run", metavar="ID", action="append", help="a finished run; again for more")
    backtest.add_argument("--all", action="store_true", help="every finished run of the strategy there is")
    backtest.add_argument("--failed", metavar="TEXT", help="instead: why an attempt came to nothing")
    backtest.add_argument("--profile", metavar="NAME", default="realistic", help="of what failed (default %(default)s)")
    backtest.add_argument("--parameters", metavar="JSON", default="", help="of what failed, such as '{\"fast\": 3}'")
    run_folder(backtest)
    validation = _verb(
        inner,
        "record-validation",
        "Make a check and record what it found.",
        "lookahead plays the run of FILE again on less and less data, as `trading lookahead` does: what changes was "
        "known too early. costs compares what a run's orders were estimated to cost with what they cost. Exit 1 if the "
        "check fails; that is recorded too.",
    )
    validation.add_argument("file", metavar="FILE", nargs="?", help="for lookahead: what the run is (TOML)")
    validation.add_argument("--check", choices=("lookahead", "costs"), required=True, help="which check")
    validation.add_argument("--run", metavar="ID", default="", help="for costs (default: its last realistic one)")
    validation.add_argument("--cuts", metavar="N", type=int, default=8, help="for lookahead (default %(default)s)")
    catalog(validation)
    run_folder(validation)
    plain(validation, when="file")
    validation.set_defaults(calls="checks:record_validation")
    paper = _verb(
        inner,
        "record-paper",
        "Record how it went on the paper desk.",
        "Reads a report (JSON, version trading.paper/v1): strategy, source, first, last, orders, fills, denied, "
        "cost_estimated, cost_realised (minor units) and returns, one a session.",
    )
    paper.add_argument("file", metavar="FILE", help="the report")
    store = _verb(
        inner,
        "store-walk-forward",
        "Store the folds of a walk forward.",
        "Reads what `trading walk-forward` wrote; with --candidate that stores it itself. Windows that overlap, gaps "
        "that are not kept and series of another length are refused. All its parameter sets count as trials.",
    )
    store.add_argument("file", metavar="FILE", help="walk-forward.json")
    review = _verb(
        inner,
        "approve-review",
        "Say that somebody who took no part looked at the evidence and found it good.",
        "Counts for the run it names and for what the ledger holds now: evidence that comes later asks for another "
        "review. Whoever created the candidate or recorded anything of it is refused.",
    )
    review.add_argument("--run", metavar="ID", default="", help="the run (default: the candidate's last realistic one)")
    review.add_argument("--reason", metavar="TEXT", required=True, help="what was looked at, and why it is good")


def _judge(inner: Verbs) -> None:
    summary = inner.add_parser(
        "summary",
        help="Print candidates: trials, statistics, folds, stage.",
        description="Print every candidate, or one with its entries. Ratios are per session. `deflated` is the "
        "probability of skill after all trials (Bailey and López de Prado 2014), `overfit` that of having chosen an "
        "overfit trial (Bailey, Borwein, López de Prado and Zhu 2015).",
    )
    summary.add_argument("candidate", metavar="NAME", nargs="?", help="one candidate")
    _common(summary)
    summary.set_defaults(calls="promotion:summary")
    for verb, words, more in (
        (
            "blockers",
            "Name everything that keeps a candidate from a promotion.",
            "Each with what to run. Exit 1 if any.",
        ),
        (
            "promote",
            "Promote a candidate, if nothing stands in the way.",
            "Decided in the transaction that records it. Nothing is promoted while the desk is killed.",
        ),
    ):
        parser = _verb(inner, verb, words, more, module="promotion", by=verb == "promote")
        parser.add_argument("--to", choices=("paper", "champion"), default="paper", help="(default %(default)s)")
        parser.add_argument("--run", metavar="ID", default="", help="the run (default: its last realistic one)")
        run_folder(parser)
        desk_state(parser)
        if verb == "promote":
            parser.add_argument("--reason", metavar="TEXT", required=True, help="why now")
    check = inner.add_parser(
        "check",
        help="Check that the ledger is what was written.",
        description="Walk the chain and compare the schema; print the head. Keep the head elsewhere and hand it in: "
        "only so it shows when entries are missing at the end.",
    )
    check.add_argument("--head", metavar="SERIAL:DIGEST", default="", help="a head that was kept; exit 1 if it is gone")
    _common(check)
    check.set_defaults(calls="promotion:check")
    gate = inner.add_parser(
        "gate",
        help="For CI: refuse a change to strategies without its evidence.",
        description="Every strategy that is made of a changed file needs a candidate in the ledger, a backtest of this "
        "very version under each of three profiles, and a lookahead test that passed. Exit 1 with what to run if "
        "anything is missing; changes elsewhere pass. "
        "`git diff -z --name-only main | trading research gate --changed -`",
    )
    gate.add_argument(
        "--changed", metavar="FILE", nargs="*", required=True, help="changed files; - reads them, a line each"
    )
    gate.add_argument("--root", metavar="DIR", default=".", help="what they are relative to (default %(default)s)")
    gate.add_argument("--head", metavar="SERIAL:DIGEST", default="", help="a head that the ledger has to hold")
    _common(gate)
    gate.set_defaults(calls="promotion:gate")


def _walk(verbs: Verbs) -> None:
    walk = verbs.add_parser(
        "walk-forward",
        help="Choose parameters on the past, judge them on what came next, again and again.",
        description="Walk a run forward: on each training window the best of the varied parameters by Sharpe ratio is "
        "chosen, in the test window behind it judged. Lengths are sessions. Between the windows lie --purge (how far "
        "the outcome of a training day reaches) and --embargo (how far back a test day looks). Writes "
        "walk-forward.json; with --candidate the ledger gets it as well.",
    )
    walk.add_argument("file", metavar="FILE", help="what the run is (TOML)")
    walk.add_argument("--train", metavar="N", type=int, default=252, help="sessions of training (default %(default)s)")
    walk.add_argument("--test", metavar="N", type=int, default=63, help="sessions of a test (default %(default)s)")
    walk.add_argument(
        "--scheme",
        choices=("rolling", "anchored"),
        default="rolling",
        help="training moves along, or always begins at the first session (default %(default)s)",
    )
    walk.add_argument("--purge", metavar="N", type=int, default=1, help="(default %(default)s)")
    walk.add_argument("--embargo", metavar="N", type=int, default=0, help="(default %(default)s)")
    walk.add_argument("--vary", metavar="NAME=A,B", action="append", default=[], help="a parameter; again for more")
    walk.add_argument("--profile", metavar="NAME", help="how orders are executed (default realistic)")
    walk.add_argument("--costs", metavar="NAME", help="the fee schedule")
    walk.add_argument("--out", metavar="DIR", default="", help="where to write (default RUNS/NAME-walk-forward)")
    walk.add_argument("--candidate", metavar="NAME", default="", help="store it in the ledger under this candidate")
    walk.add_argument("--by", metavar="NAME", default="", help="who says so; needed with --candidate")
    catalog(walk)
    run_folder(walk)
    plain(walk)
    _common(walk)
    walk.set_defaults(calls="walk:walk_forward")


def _verb(
    inner: Verbs, verb: str, words: str, more: str, *, module: str = "research", by: bool = True
) -> argparse.ArgumentParser:
    parser = inner.add_parser(verb, help=words, description=f"{words} {more}")
    parser.add_argument("candidate", metavar="NAME", help="the candidate")
    if by:
        parser.add_argument("--by", metavar="NAME", required=True, help="who says so")
    _common(parser)
    parser.set_defaults(calls=f"{module}:{verb.replace('-', '_')}")
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ledger", metavar="FILE", help="the ledger (default $TRADING_LEDGER, else ledger.sqlite here)"
    )
    output(parser)
    parser.add_argument("--json", dest="output", action="store_const", const="json", help="the same as -o json")
