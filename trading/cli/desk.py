"""`trading kill|arm|reduce|halt|reconcile|status`: what a person says to a desk, and what it says of itself."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from typing import Any

import msgspec

from trading.cli.main import Misuse
from trading.cli.places import places
from trading.clock import SystemClock
from trading.gate import state
from trading.gate.client import GateClient, Refused
from trading.gate.settings import Places
from trading.gate.store import Store, StoreBroken
from trading.gate.wire import Unanswered
from trading.model import TradingState, decimal

_FILLS_SHOWN = 10


def kill(args: argparse.Namespace) -> int:
    """Latch KILLED: by the gate if it answers, else in its store, else by the kill file."""
    where = places(args)
    try:
        with closing(GateClient(where.gate_socket, 10.0)) as client:
            answer = client.ask("kill", **_words(args), flatten=args.flatten)
        if "level" not in answer:
            # Somebody answered, and did not do it: this person has no part in the desk, or the gate has a bug.
            answer = _without_a_gate(where, args, str(answer.get("error", answer)))
    except Unanswered as error:
        answer = _without_a_gate(where, args, str(error))
    return _end(answer, args.output, answer.get("level") == TradingState.KILLED and not answer.get("openLeft"))


def arm(args: argparse.Namespace) -> int:
    """Let openings out."""
    return _asked(args, "arm", TradingState.ARMED)


def reduce(args: argparse.Namespace) -> int:
    """Let only reductions out."""
    return _asked(args, "rearm" if args.back else "reduce", TradingState.REDUCING)


def halt(args: argparse.Namespace) -> int:
    """Let nothing but cancels out."""
    return _asked(args, "halt", TradingState.HALTED)


def reconcile(args: argparse.Namespace) -> int:
    """Compare with the broker."""
    if args.accept_store and not (args.by.strip() and args.reason.strip()):
        raise Misuse("--accept-store is a person's word: add --by NAME and --reason TEXT")
    answer = _ask(args, "reconcile", accept=args.accept_store)
    return _end(answer, args.output, answer.get("problem") == "" and answer.get("suspicion") == "")


def status(args: argparse.Namespace) -> int:
    """Print what is in force, or how one strategy stands; return 0 if openings may leave, or it is enabled."""
    if args.strategy:
        return _strategy(args)
    answer = _ask(args, "status")
    return _end(answer, args.output, answer.get("state") == TradingState.ARMED)


def _strategy(args: argparse.Namespace) -> int:
    """Print what a strategy holds, has open and traded, as the gate tells an operator, or the strategy itself."""
    try:
        with closing(GateClient(places(args).gate_socket)) as client:
            mine = client.mine(strategy=args.strategy)
    except Unanswered as error:
        return _end({"error": f"the gate does not answer ({error}); nothing leaves without it"}, args.output, False)
    except Refused as error:
        return _end({"error": str(error)}, args.output, False)
    told: dict[str, Any] = msgspec.to_builtins(mine)
    if args.output != "json":
        told = {name: told[name] for name in ("strategy", "state", "epoch", "enabled")}
        told |= {"budget": decimal(mine.budget), "fills": mine.fills_count}
        told["holds"] = ", ".join(f"{held} {symbol}" for symbol, held in mine.positions.items()) or "nothing"
        told["open"] = ", ".join(order.client_id for order in mine.orders) or "nothing"
        for each in mine.fills[-_FILLS_SHOWN:]:
            price = decimal(each.price)
            told[f"fill {each.serial}"] = f"{each.side} {each.quantity} {each.symbol} at {price} ({each.client_id})"
    return _end(told, args.output, mine.enabled)


def _asked(args: argparse.Namespace, verb: str, wanted: TradingState) -> int:
    answer = _ask(args, verb)
    return _end(answer, args.output, answer.get("state") == wanted)


def _ask(args: argparse.Namespace, verb: str, **values: Any) -> dict[str, Any]:
    try:
        with closing(GateClient(places(args).gate_socket)) as client:
            return client.ask(verb, **_words(args), **values)
    except Unanswered as error:
        return {"error": f"the gate does not answer ({error}); nothing leaves without it"}


def _without_a_gate(where: Places, args: argparse.Namespace, why: str) -> dict[str, Any]:
    """Latch where the next gate, or one that is frozen, will find it."""
    answer: dict[str, Any] = {"gate": f"does not answer ({why}); its open orders were not cancelled"}
    try:
        # The file first: it needs no store, and a gate looks at it before anything else.
        where.state.mkdir(parents=True, exist_ok=True)
        where.kill_file.touch()
        answer["file"] = str(where.kill_file)
    except OSError as error:
        answer["file"] = f"not written: {error}"
    try:
        store = Store(where.store, where.mark)
        now = SystemClock().now()
        latch = store.change_latch(
            lambda old: state.raised(
                old, TradingState.KILLED, now, args.by or "somebody", args.reason or "no reason given"
            )
        )
        store.close()
        answer["level"] = latch.level
    except StoreBroken as error:
        answer["store"] = str(error)
        if where.kill_file.exists():
            answer["level"] = TradingState.KILLED
    return answer


def _words(args: argparse.Namespace) -> dict[str, str]:
    return {"by": args.by, "reason": args.reason}


def _end(answer: dict[str, Any], output: str, is_done: bool) -> int:
    if output == "json":
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    else:
        for name, value in answer.items():
            sys.stdout.write(f"{name:<16} {value}\n")
    return 0 if is_done else 1
