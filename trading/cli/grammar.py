"""The parser of `trading`. Imports argparse alone, so help costs nothing; each verb names the function it calls."""

from __future__ import annotations

import argparse

from trading.cli import grammar_research
from trading.cli.options import catalog as _catalog
from trading.cli.options import desk_state as _state
from trading.cli.options import output as _output
from trading.cli.options import plain as _plain
from trading.cli.options import run_folder as _run_folder


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="trading", description="A paper-only trading laboratory behind an order firewall."
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    verbs = parser.add_subparsers(metavar="COMMAND", title="commands")
    _gate(verbs)
    _desk(verbs)
    _runs(verbs)
    _costs(verbs)
    _data(verbs)
    grammar_research.add(verbs)
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
    proposing = limits.add_subparsers(metavar="COMMAND", title="commands")
    propose = proposing.add_parser(
        "propose",
        help="Give a running gate new limits: tighter ones hold at once, looser ones from the next session.",
        description="Give a running gate new limits. Tighter ones hold at once. Looser ones need the desk's key, hold "
        "from the next session on, and are void if other limits come before then.",
    )
    propose.add_argument("file", metavar="FILE", help="limits in the form `trading gate limits -o json` prints")
    propose.add_argument("--key", metavar="FILE", help="the desk's signing key, for looser limits")
    _ask(propose)
    propose.set_defaults(calls="signed:propose")
    grant = inner.add_parser(
        "grant",
        help="Sign an override for one order: single use, for a while.",
        description="Print a signed grant: it lets one order out past the codes it names, once. Who sends the order "
        'puts it beside it: {"order": …, "grant": …}. Exposure, size and market data only; no grant opens what a latch '
        "forbids.",
    )
    grant.add_argument("order", metavar="STRATEGY/CLIENT_ID", help="the order, by its name")
    grant.add_argument("--code", metavar="CODE", action="append", required=True, help="overridden; again for more")
    grant.add_argument("--valid-s", metavar="N", type=int, default=300, help="seconds (default %(default)s)")
    grant.add_argument("--key", metavar="FILE", required=True, help="the desk's signing key")
    grant.add_argument("--by", default="", metavar="NAME", help="who says so")
    grant.add_argument("--reason", default="", metavar="TEXT", help="why")
    grant.set_defaults(calls="signed:grant")
    example = inner.add_parser(
        "example",
        help="Print a desk to try the processes on.",
        description="Print a desk.json in which you are everybody and returns are made up: to try it, and as the form "
        "that --desk reads.",
    )
    example.set_defaults(calls="example:example")
    serve = inner.add_parser(
        "serve",
        help="Run the gate: the process strategies talk to, and the only one that talks to a broker.",
        description="Run the gate of a desk until it is stopped. It starts HALTED; `trading arm` lets it open.",
    )
    _places(serve)
    serve.add_argument("--key", metavar="FILE", help="the desk's signing key, for grants and looser limits")
    serve.set_defaults(calls="processes:gate")


def _desk(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    broker = verbs.add_parser("broker", help="Run the simulated broker of a desk.")
    _places(broker)
    broker.set_defaults(calls="processes:broker")
    watchdog = verbs.add_parser("watchdog", help="Run the watchdog of a desk; start it before the gate.")
    _places(watchdog)
    watchdog.add_argument("--no-close", action="store_true", help="cancel only, sell nothing")
    watchdog.set_defaults(calls="processes:watchdog")
    kill = verbs.add_parser("kill", help="Latch KILLED, now: works with or without a gate that answers.")
    _ask(kill)
    kill.add_argument("--flatten", action="store_true", help="sell what is held, reduce-only and collared")
    kill.set_defaults(calls="desk:kill")
    for verb, words in (
        ("arm", "Let orders out that open something; a named person's word, after a reconcile."),
        ("reduce", "Let out only what reduces; --back comes down to it from KILLED."),
        ("halt", "Let nothing but cancels out."),
        ("reconcile", "Compare the books with the broker's."),
        ("status", "Say what is in force."),
    ):
        parser = verbs.add_parser(verb, help=words, description=words)
        _ask(parser)
        parser.set_defaults(calls=f"desk:{verb}")
        if verb == "reduce":
            parser.add_argument("--back", action="store_true", help="from KILLED, under the conditions of `arm`")
        if verb == "status":
            parser.add_argument("--strategy", metavar="NAME", help="how this one stands: what it holds, open, traded")
        if verb == "reconcile":
            parser.add_argument("--accept-store", action="store_true", help="believe a store that is behind its mark")
    drill = verbs.add_parser("drill", help="Try in earnest, on a desk of its own.")
    inner = drill.add_subparsers(metavar="COMMAND", required=True, title="commands")
    killing = inner.add_parser(
        "kill",
        help="Measure how fast a kill blocks and how fast everything is cancelled.",
        description="Start a throw-away desk, kill it again and again, and print both times against their bounds.",
    )
    killing.add_argument("--rounds", type=int, default=20, help="how often (default %(default)s)")
    killing.add_argument("--orders", type=int, default=20, help="open orders at each kill (default %(default)s)")
    _output(killing)
    killing.set_defaults(calls="drill:kill")
    rehearsing = inner.add_parser(
        "paper",
        help="Play a session through a desk and a paper loop of its own, and compare with a backtest.",
        description="Start a throw-away desk with a clock of its own, let a strategy trade the last minutes of a "
        "made-up session before its gate, kill its loop in the middle and start it again, and compare what it decided, "
        "what was allowed and what was filled with a backtest of the same bars. Exit 1 if anything differs.",
    )
    rehearsing.add_argument("--minutes", type=int, default=90, help="how many (default %(default)s, at most 390)")
    _output(rehearsing)
    rehearsing.set_defaults(calls="drill:paper")


def _runs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    backtest = verbs.add_parser(
        "backtest",
        help="Play a strategy over past bars, before the same gate, with costs.",
        description="Play a run and leave its decisions, trades, summary, report and manifest in a folder of its own.",
    )
    backtest.add_argument("file", metavar="FILE", help="what the run is (TOML): strategy, dataset, costs, instruments")
    backtest.add_argument("--profile", metavar="NAME", help="how orders are executed (default realistic)")
    backtest.add_argument("--costs", metavar="NAME", help="the fee schedule; there is no default")
    _catalog(backtest)
    _run_folder(backtest)
    _plain(backtest)
    _output(backtest)
    backtest.set_defaults(calls="backtest:backtest")
    paper = verbs.add_parser(
        "paper",
        help="Let a strategy trade at a running gate, on paper.",
        description="Play a run's history, then go on with bars that come in, one JSON object a line: its orders go to "
        "the gate of a desk, its fills come from there. Started again it goes on where it was. Ends when the bars do, "
        "or on SIGTERM: exit 0; 1 if it could not go on, 3 if its log and the gate differ.",
    )
    paper.add_argument("file", metavar="FILE", help="what the run is (TOML); its data is the history")
    paper.add_argument("--strategy", metavar="NAME", help="who it is at the desk (default the run's name)")
    paper.add_argument("--bars", metavar="FILE", default="-", help="where bars come from (default standard input)")
    paper.add_argument("--adopt", action="store_true", help="let a new run take over what the strategy holds")
    paper.add_argument("--profile", metavar="NAME", help="what trading is expected to cost (default realistic)")
    paper.add_argument("--costs", metavar="NAME", help="the fee schedule that is expected; there is no default")
    _places(paper)
    _catalog(paper)
    _run_folder(paper)
    _output(paper)
    paper.set_defaults(calls="paper:paper")
    ahead = verbs.add_parser(
        "lookahead",
        help="Find out whether a strategy knows what it cannot know.",
        description="Play a run again without what comes after a cut, for many cuts, in a process that has never seen "
        "what comes after; read what the strategy is made of for files and names that it may not reach. Exit 1 if "
        "anything before a cut changes (a feature, a signal, an order), or for such a name.",
    )
    ahead.add_argument("file", metavar="FILE", help="what the run is (TOML)")
    ahead.add_argument(
        "--cuts",
        metavar="N",
        type=int,
        default=8,
        help="how many, evenly spread, and as many again where the run decided something (default %(default)s)",
    )
    ahead.add_argument("--profile", metavar="NAME", help="how orders are executed (default realistic)")
    ahead.add_argument("--costs", metavar="NAME", help="the fee schedule")
    _plain(ahead)
    _catalog(ahead)
    _output(ahead)
    ahead.set_defaults(calls="lookahead:lookahead")
    replay = verbs.add_parser(
        "replay",
        help="Check what a run decided, and show it.",
        description="Check a run's log, entry by entry, and its files against the manifest; print the decisions asked "
        "for. Exit 1 if anything is not as it was written.",
    )
    replay.add_argument("--run-id", metavar="ID", required=True, help="which run")
    replay.add_argument("--symbol", metavar="SYMBOL", help="only what concerns it, such as AAPL.NASDAQ")
    replay.add_argument("--date", metavar="DAY", help="only what happened on a day in New York, YYYY-MM-DD")
    replay.add_argument("--errors-only", action="store_true", help="only what was denied, rejected, expired or cut")
    replay.add_argument("--again", action="store_true", help="play it once more, and compare every byte")
    replay.add_argument("--limit", metavar="N", type=int, help="at most so many lines")
    _catalog(replay)
    _run_folder(replay)
    _plain(replay, when="again")
    _output(replay)
    replay.set_defaults(calls="backtest:replay")
    accelerate = verbs.add_parser(
        "accelerate",
        help="Compile the engine, for faster runs that leave the same bytes.",
        description="Compile the engine's own source with mypyc, into the cache, for this version of the code and of "
        "Python; verbs that play runs use it from then on. Tools are installed by hash beside it, zig's C compiler too "
        "where the machine has none. The gate never runs compiled code.",
    )
    accelerate.add_argument("--again", action="store_true", help="also if there is a build that fits")
    accelerate.set_defaults(calls="accelerate:accelerate")


def _costs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    costs = verbs.add_parser(
        "tca",
        help="Take apart what a run's orders cost.",
        description="Print what a run's orders cost by symbol and side, in basis points of the order at its decision: "
        "fees, delay, trading and opportunity, against VWAP, and what was expected beside what came.",
    )
    costs.add_argument("--run-id", metavar="ID", required=True, help="which run")
    costs.add_argument("--picture", metavar="FILE", help="draw it as well, as one HTML page")
    _run_folder(costs)
    _output(costs)
    costs.set_defaults(calls="backtest:costs")


def _data(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    data = verbs.add_parser("data", help="Datasets: what there is, and how bars come in.", description="Datasets.")
    inner = data.add_subparsers(metavar="COMMAND", required=True, title="commands")
    show = inner.add_parser("list", help="Print what is in the catalog.")
    _catalog(show)
    _output(show)
    show.set_defaults(calls="data:show")
    take = inner.add_parser(
        "import",
        help="Keep the daily prices of a CSV file, checked, with faulty rows in quarantine.",
        description="Keep the daily prices of a CSV file (Date, Open, High, Low, Close, Volume, and Ticker if there "
        "are several; as yfinance, Stooq, Nasdaq or a spreadsheet save them). Prices as they were traded: what was "
        "adjusted for dividends is not. Faulty rows go to quarantine/NAME.jsonl in the catalog. A jump that looks like "
        "a split keeps everything out until somebody says what it was.",
    )
    take.add_argument("name", metavar="NAME", help="what to call the dataset")
    take.add_argument("file", metavar="FILE", help="CSV, or CSV that gzip packed")
    take.add_argument("--symbol", metavar="SYMBOL", help="whose prices these are, if the file does not say")
    take.add_argument("--venue", metavar="VENUE", default="NASDAQ", help="of the file's tickers (default %(default)s)")
    take.add_argument("--tick", metavar="PRICE", default="0.01", help="the grid of prices (default %(default)s)")
    take.add_argument("--split", metavar="SPLIT", action="append", help="SYMBOL:DAY:NEW:OLD; again for more")
    take.add_argument(
        "--dividend", metavar="DIVIDEND", action="append", help="SYMBOL:DAY:AMOUNT, on its first day without; again"
    )
    take.add_argument("--dates", choices=("mdy", "dmy"), help="what 3/4/2024 means, where the file does not tell")
    take.add_argument("--accept-jumps", action="store_true", help="what looks like a split is a price")
    _catalog(take)
    take.set_defaults(calls="data:take_in")
    generate = inner.add_parser(
        "generate",
        help="Keep a made-up market: a random walk that only depends on its seed.",
        description="Keep a made-up market under a name: a random walk that only depends on its seed.",
    )
    generate.add_argument("name", metavar="NAME", help="what to call the dataset")
    generate.add_argument("--symbol", metavar="SYMBOL", action="append", help="again for more (default AAPL.NASDAQ)")
    generate.add_argument("--first", metavar="DAY", default="2019-01-02", help="where it begins (default %(default)s)")
    generate.add_argument("--count", metavar="N", type=int, default=1000, help="bars a symbol (default %(default)s)")
    generate.add_argument("--minutes", action="store_true", help="bars of a minute instead of a session")
    generate.add_argument("--seed", metavar="N", type=int, default=1, help="(default %(default)s)")
    _catalog(generate)
    generate.set_defaults(calls="data:generate")


def _places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--desk", metavar="FILE", default="desk.json", help="what the desk is (default %(default)s)")
    _state(parser)


def _ask(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument("--by", default="", metavar="NAME", help="who says so")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why")
    _output(parser)
