"""`trading gate grant` and `trading gate limits propose`: a person's signed words, made where the desk's key is."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import Any

from trading.cli.keys import read_key
from trading.cli.main import Misuse
from trading.cli.places import places
from trading.clock import SystemClock
from trading.gate import grants, names
from trading.gate import limits as limits_module
from trading.gate.client import GateClient
from trading.gate.wire import Unanswered
from trading.model import SECOND


def grant(args: argparse.Namespace) -> int:
    """Print a grant for one order; whoever sends the order puts it beside it."""
    _named(args)
    known = {code.value for code in grants.overridable()}
    codes = sorted(set(args.code))
    strange = [code for code in codes if code not in known]
    if strange:
        raise Misuse(f"no grant overrides {', '.join(strange)}; it can override: {', '.join(sorted(known))}")
    if not 0 < args.valid_s <= grants.VALID_NS_MAX // SECOND:
        raise Misuse(f"--valid-s is from 1 to {grants.VALID_NS_MAX // SECOND}")
    strategy, client_id = names.split(args.order)
    if not strategy or not client_id:
        raise Misuse(f"{args.order}: an order is named STRATEGY/CLIENT_ID, as its denial says (name)")
    made: dict[str, Any] = {
        "strategy": strategy,
        "client_id": client_id,
        "codes": codes,
        "nonce": secrets.token_hex(16),
        "by": args.by,
        "reason": args.reason,
        "expires": SystemClock().now() + args.valid_s * SECOND,
    }
    signed = made | {"signature": grants.signature(read_key(args.key), made)}
    sys.stdout.write(json.dumps(signed, indent=1) + "\n")
    return 0


def propose(args: argparse.Namespace) -> int:
    """Give the running gate new limits; return 0 if it took them."""
    _named(args)
    try:
        text = Path(args.file).read_bytes()
    except OSError as error:
        raise Misuse(f"{args.file}: {error.strerror}") from error
    found, failures = limits_module.read(text)
    if found is None:
        sys.stderr.write("".join(f"trading: {args.file}: {failure.message}\n" for failure in failures))
        return 1
    words: dict[str, Any] = {"by": args.by, "reason": args.reason}
    if args.key is not None:
        bound = words | {"digest": found.digest, "nonce": secrets.token_hex(16)}
        words |= {"nonce": bound["nonce"], "signature": grants.signature(read_key(args.key), bound)}
    try:
        answer = GateClient(places(args).gate_socket).ask("limits", limits=limits_module.document(found), **words)
    except Unanswered as error:
        answer = {"error": f"the gate does not answer ({error}); its limits are what they were"}
    if args.output == "json":
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    else:
        for name, value in answer.items():
            sys.stdout.write(f"{name:<16} {', '.join(value) if isinstance(value, list) else value}\n")
        if answer.get("later"):
            sys.stdout.write("What is looser holds from the next session on; new limits before then void it.\n")
    return 0 if "later" in answer else 1


def _named(args: argparse.Namespace) -> None:
    missing = [f"--{name}" for name in ("by", "reason") if not getattr(args, name).strip()]
    if missing:
        raise Misuse(f"this is a person's word: add {' and '.join(missing)}")
