"""Bars as Arrow tables and back: the same whole numbers, without a copy where Arrow already has them in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from trading.data.bars import COLUMNS, Action, Bars
from trading.model import Money, Symbol

SCHEMA = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in COLUMNS[1:]),
    ]
)


def table(bars: Bars) -> pa.Table:
    """Return bars as a table: symbols by name, everything else as it is counted."""
    names = pa.array([str(symbol) for symbol in bars.symbols], pa.string())
    symbols = names.take(column(bars.symbol)) if len(bars) else pa.array([], pa.string())
    columns = [symbols, *(column(getattr(bars, name)) for name in COLUMNS[1:])]
    return pa.table(columns, schema=SCHEMA)


def bars_of(found: pa.Table, ticks: Mapping[Symbol, Money], actions: tuple[Action, ...] = ()) -> Bars:
    """Return a table's bars in order. `ticks` says which symbols there are and in which steps they trade."""
    symbols = tuple(sorted(ticks))
    ordered = found.sort_by([("at", "ascending"), ("symbol", "ascending")])
    index = pa.compute.index_in(ordered["symbol"], pa.array([str(symbol) for symbol in symbols]))
    columns = [numbers(index.cast(pa.int64())), *(numbers(ordered[name]) for name in COLUMNS[1:])]
    symbol, opens_at, at, opened, high, low, close, volume = columns
    steps = tuple(ticks[each] for each in symbols)
    return Bars(symbols, steps, symbol, opens_at, at, opened, high, low, close, volume, actions)


def numbers(column: pa.ChunkedArray | pa.Array) -> memoryview:
    """Return a column of int64 without nulls as a view of Arrow's own memory; raise ValueError for another one."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], pa.int64())
    if whole.type != pa.int64() or whole.null_count:
        raise ValueError(f"a column of {whole.type} with {whole.null_count} nulls is no column of whole numbers")
    buffer = whole.buffers()[1]
    view = memoryview(b"" if buffer is None else buffer).cast("B")
    return view[8 * whole.offset : 8 * (whole.offset + len(whole))].cast("q")


def column(values: Sequence[int]) -> pa.Array:
    """Return whole numbers as an Arrow column; without a copy where they already lie in a row."""
    try:
        view = memoryview(values)  # type: ignore[arg-type]
    except TypeError:
        return pa.array(values, pa.int64())
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(view)])
