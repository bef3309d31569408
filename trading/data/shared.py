"""Bars that several processes read without a copy: one Arrow file on disk, mapped into each of them.

Ten strategies over the same data hold it once, in the page cache. The file is written beside its name and moved there
whole; its digest comes with it and is checked by whoever wants to (`Bars.digest` reads everything).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa

from trading import events
from trading.data import arrow
from trading.data.bars import COLUMNS, Bars
from trading.events import Dividend, Split
from trading.model import Money, Symbol

_SCHEMA = [pa.field(name, pa.int64(), nullable=False) for name in COLUMNS]
_HEAD = b"trading.bars"


class NotShared(ValueError):
    """A file holds no bars that can be mapped."""


def write(bars: Bars, path: Path) -> None:
    """Put bars into a file that `mapped` reads."""
    head = {
        "digest": bars.digest,
        "symbols": [str(symbol) for symbol in bars.symbols],
        "ticks": list(bars.ticks),
        "actions": [events.encode(action).decode() for action in bars.actions],
    }
    schema = pa.schema(_SCHEMA, metadata={_HEAD: json.dumps(head).encode()})
    batch = pa.record_batch([arrow.column(getattr(bars, name)) for name in COLUMNS], schema=schema)
    beside = path.with_name(path.name + ".new")
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(batch)
    os.replace(beside, path)


def mapped(path: Path) -> Bars:
    """Return the bars of a file as views of it; nothing is read before it is looked at. Raise `NotShared`."""
    try:
        source = pa.memory_map(str(path))
        reader = pa.ipc.open_file(source)
        head = json.loads((reader.schema.metadata or {})[_HEAD])
        batch = reader.get_batch(0)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise NotShared(f"{path}: {error!r}; write it again with `shared.write`") from error
    symbol, opens_at, at, opened, high, low, close, volume = (arrow.numbers(batch.column(name)) for name in COLUMNS)
    actions = tuple(
        action for line in head["actions"] if isinstance(action := events.decode(line.encode()), Split | Dividend)
    )
    symbols, ticks = tuple(map(Symbol.parse, head["symbols"])), tuple(map(Money, head["ticks"]))
    return Bars(symbols, ticks, symbol, opens_at, at, opened, high, low, close, volume, actions)


def said_digest(path: Path) -> str:
    """Return the digest that was written with a file's bars."""
    with pa.memory_map(str(path)) as source:
        found: str = json.loads(pa.ipc.open_file(source).schema.metadata[_HEAD])["digest"]
    return found
