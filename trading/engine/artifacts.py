"""What a run leaves in its folder: decisions, trades, a summary, a manifest. The same inputs leave the same bytes.

Nothing in them tells when or where the run was made. Decisions are chained: each line has the digest of all up to it.
The manifest is written last: a folder without one is a run that did not end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from trading import chain, events
from trading.engine.orders import Trade
from trading.events import AnyEvent

DECISIONS, TRADES, SUMMARY, MANIFEST = "decision_events.jsonl", "trades.jsonl", "summary.json", "manifest.json"
EQUITY, REPORT = "equity.jsonl", "report.html"
BARS, ON_PAPER = "bars.jsonl", "paper.json"
"""Of runs on paper: the bars that came, and the report that the research ledger takes."""
WRITTEN = (DECISIONS, EQUITY, TRADES, SUMMARY, REPORT, BARS, ON_PAPER)
"""What the manifest has digests of."""
_HEAD = b'{"head":"'
_EVENT = b'","event":'


class Damaged(ValueError):
    """A run's folder is not what it was written as; the message names file and line."""


class Kept(msgspec.Struct, frozen=True):
    """A manifest, as far as a run is looked at by it."""

    run: str
    file: dict[str, Any]
    dataset: str
    inputs: dict[str, str]
    limits: dict[str, Any]
    head: str
    events: int
    artifacts: dict[str, str]

    @property
    def lots(self) -> dict[str, int]:
        """Return the shares in a lot of each symbol that can be traded."""
        return {symbol: said["lot"] for symbol, said in self.file["instruments"].items()}


class Recorder:
    """Writes decisions and trades as they happen."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # What is written from now on belongs to no finished run.
        (folder / MANIFEST).unlink(missing_ok=True)
        self._decisions = (folder / DECISIONS).open("wb")
        self._trades = (folder / TRADES).open("wb")
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self.head = chain.GENESIS
        self.count = 0

    def record(self, event: AnyEvent) -> None:
        """Write an event behind the others."""
        payload = events.encode(event)
        self.head = chain.link(self.head, payload)
        self.count += 1
        self._decisions.write(b"".join((_HEAD, self.head.encode(), _EVENT, payload, b"}\n")))

    def traded(self, trade: Trade) -> None:
        """Write a trade behind the others."""
        self._trades.write(self._encoder.encode(trade) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._decisions.close()
        self._trades.close()


def spelled(head: str, payload: bytes) -> bytes:
    """Return the line of an event with the digest of everything up to it."""
    return b"".join((_HEAD, head.encode(), _EVENT, payload, b"}\n"))


def payload_of(line: bytes) -> bytes:
    """Return the event in a line; whether the line is one is seen by spelling it."""
    return line[83:-2]


def read_decisions(folder: Path) -> Iterator[tuple[int, AnyEvent]]:
    """Yield line number and event of every decision; raise `Damaged` at the first line that does not follow."""
    head, path = chain.GENESIS, folder / DECISIONS
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            digest, payload = line[9:73], payload_of(line)
            head = chain.link(head, payload)
            if line != spelled(head, payload) or digest != head.encode():
                raise Damaged(f"{path}:{number}: does not follow from the lines before it; run the backtest again")
            yield number, events.decode(payload)


def read_trades(folder: Path) -> list[Trade]:
    """Return the trades of a run; raise `Damaged` for a line that is none."""
    path = folder / TRADES
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(line, type=Trade))
        except msgspec.MsgspecError as error:
            raise Damaged(f"{path}:{number}: {error}; run the backtest again") from error
    return found


def write_json(folder: Path, name: str, document: Mapping[str, Any]) -> None:
    """Write one document, with the spelling every run has."""
    (folder / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Return a document of a run; raise `Damaged` if it is not there or none."""
    path = folder / name
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Damaged(f"{path}: {error}; run the backtest again") from error
    if not isinstance(found, dict):
        raise Damaged(f"{path}: holds no object; run the backtest again")
    return found


def manifest(folder: Path) -> Kept:
    """Return what a run's manifest keeps; raise `Damaged` for one that no run has written."""
    try:
        found = msgspec.convert(read_json(folder, MANIFEST), Kept)
        if not all(isinstance(lot, int) for lot in found.lots.values()):
            raise ValueError("an instrument without a lot")
    except (msgspec.ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, Damaged):
            raise
        raise Damaged(f"{folder / MANIFEST}: {error!r}; run the backtest again") from error
    always = (DECISIONS, EQUITY, TRADES, SUMMARY, REPORT)
    lacking = [name for name in always if name not in found.artifacts]
    if lacking:
        raise Damaged(f"{folder / MANIFEST}: names no {', '.join(lacking)}; run the backtest again")
    return found


def changed(folder: Path, kept: Kept) -> tuple[str, ...]:
    """Return the files of a run that are not those its manifest names, also those that are gone."""
    return tuple(
        name for name, said in kept.artifacts.items() if not (folder / name).is_file() or digest(folder / name) != said
    )


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each file a run has written."""
    return {name: digest(folder / name) for name in WRITTEN if (folder / name).exists()}


def digest(path: Path) -> str:
    """Return the digest of a file."""
    return "sha256:" + sha256(path.read_bytes()).hexdigest()
