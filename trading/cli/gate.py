"""`trading gate check` and `trading gate limits`: the firewall asked by hand."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trading.cli.main import Misuse
from trading.compiled import plain
from trading.gate import limits as limits_module
from trading.gate.ask import ask, ask_line
from trading.gate.codes import Failure
from trading.gate.limits import Limits
from trading.gate.strict import BYTES_MAX


def check(args: argparse.Namespace) -> int:
    """Print what the firewall would say; return 0 if it would let everything out."""
    if bool(args.batch) == bool(args.order or args.snapshot) or bool(args.order) != bool(args.snapshot):
        raise Misuse("gate check needs --order FILE and --snapshot FILE, or --batch FILE alone")
    plain.insist("trading gate check")
    limits, faults = _limits(args.limits)
    if args.batch:
        return _batch(Path(args.batch), limits, faults)
    answer = ask(_content(args.order), _content(args.snapshot), limits, faults)
    _print(answer, args.output)
    return 0 if answer["verdict"] == "allow" else 1


def limits(args: argparse.Namespace) -> int:
    """Print the default limits."""
    found = limits_module.defaults()
    if args.output == "json":
        sys.stdout.write(json.dumps(limits_module.document(found), indent=1) + "\n")
        return 0
    for name, value in limits_module.document(found).items():
        words = ", ".join(value) if isinstance(value, list) else value
        sys.stdout.write(f"{name:<28} {words}\n")
    sys.stdout.write(f"{'digest':<28} {found.digest}\n")
    return 0


def _batch(path: Path, limits: Limits | None, faults: tuple[Failure, ...]) -> int:
    code = 0
    for line in _lines(path):
        answer = ask_line(line, limits, faults)
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
        if answer["verdict"] != "allow":
            code = 1
    return code


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, each cut where it is too long to be read, and still too long then."""
    try:
        with path.open("rb") as file:
            while line := file.readline(BYTES_MAX + 1):
                rest = line
                while len(rest) > BYTES_MAX and not rest.endswith(b"\n"):
                    rest = file.readline(BYTES_MAX + 1)
                yield line.rstrip(b"\r\n")
    except OSError as error:
        raise Misuse(f"{path}: {error.strerror}") from error


def _limits(name: str | None) -> tuple[Limits | None, tuple[Failure, ...]]:
    return (limits_module.defaults(), ()) if name is None else limits_module.read(_content(name))


def _content(name: str) -> bytes:
    """Return what a file holds, as far as anybody reads it: one that is longer is too long all the same."""
    try:
        with Path(name).open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Misuse(f"{name}: {error.strerror}") from error


def _print(answer: dict[str, Any], output: str) -> None:
    if output == "json":
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
        return
    sys.stdout.write(f"{answer['verdict']}\n")
    for reason in answer["reasons"]:
        sys.stdout.write(f"  {reason['control']} {reason['code']:<22} {reason['message']}\n")
