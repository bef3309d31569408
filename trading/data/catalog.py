"""Datasets under names: an Iceberg catalog in SQLite with Parquet files beside it, no server and no account.

Whoever asks gets what was put in, or an error: a dataset's digest is kept with it and checked when it is read as bars.
Arrow and polars readers are for research, where the digest is asked for by whoever needs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading import events
from trading.data import arrow
from trading.data.bars import Action, Bars
from trading.events import Dividend, Split
from trading.model import Money, Symbol

if TYPE_CHECKING:
    import polars
    import pyarrow
    from pyiceberg.table import Table

_NAMESPACE = "bars"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_PROPERTY = "trading."


class CatalogError(ValueError):
    """A dataset cannot be had or kept; the message names it and what to do."""


class Catalog:
    """The datasets below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._database = self._folder / "catalog.sqlite"

    def names(self) -> tuple[str, ...]:
        """Return the names of all datasets, in order."""
        if not self._database.exists():
            return ()
        return tuple(sorted(name[-1] for name in self._iceberg().list_tables(_NAMESPACE)))

    def save(self, name: str, bars: Bars, source: str) -> str:
        """Keep bars under a name and return their digest; a name that is taken keeps what it has."""
        if not _NAME.fullmatch(name):
            raise CatalogError(f"{name!r} names no dataset; use small letters, digits and _, a letter first")
        if name in self.names():
            if self.describe(name)["digest"] == bars.digest:
                return bars.digest
            raise CatalogError(f"dataset {name} is there with other bars; datasets do not change: take another name")
        self._folder.mkdir(parents=True, exist_ok=True)
        head = {
            "digest": bars.digest,
            "source": source,
            "ticks": json.dumps({str(s): tick for s, tick in zip(bars.symbols, bars.ticks, strict=True)}),
            "actions": json.dumps([events.encode(action).decode() for action in bars.actions]),
        }
        iceberg = self._iceberg()
        iceberg.create_namespace_if_not_exists(_NAMESPACE)
        made = iceberg.create_table(
            f"{_NAMESPACE}.{name}",
            schema=arrow.SCHEMA,
            properties={_PROPERTY + key: value for key, value in head.items()},
        )
        made.append(arrow.table(bars))
        return bars.digest

    def load(self, name: str) -> Bars:
        """Return the bars of a dataset; raise `CatalogError` if they are not those that were kept."""
        said = self.describe(name)
        ticks = {Symbol.parse(symbol): Money(tick) for symbol, tick in json.loads(said["ticks"]).items()}
        actions = tuple(_action(line) for line in json.loads(said["actions"]))
        bars = arrow.bars_of(self.read_arrow(name), ticks, actions)
        if bars.digest != said["digest"]:
            raise CatalogError(
                f"dataset {name} in {self._folder} is damaged: it holds {bars.digest}, {said['digest']} was kept; "
                "import it again under another name"
            )
        return bars

    def read_arrow(self, name: str) -> pyarrow.Table:
        """Return a dataset as an Arrow table."""
        found: pyarrow.Table = self._table(name).scan().to_arrow()
        return found.cast(arrow.SCHEMA)

    def read_polars(self, name: str) -> polars.LazyFrame:
        """Return a dataset as a lazy frame, in the order of the engine."""
        import polars

        frame = polars.from_arrow(self.read_arrow(name))
        assert isinstance(frame, polars.DataFrame)
        return frame.lazy().sort("at", "symbol")

    def describe(self, name: str) -> Mapping[str, str]:
        """Return what is kept about a dataset: digest, source, ticks, actions."""
        properties = self._table(name).properties
        return {key.removeprefix(_PROPERTY): value for key, value in properties.items() if key.startswith(_PROPERTY)}

    def _table(self, name: str) -> Table:
        if name not in self.names():
            known = ", ".join(self.names()) or "none"
            raise CatalogError(f"there is no dataset {name} in {self._folder} (there: {known}); see `trading data`")
        found: Table = self._iceberg().load_table(f"{_NAMESPACE}.{name}")
        return found

    def _iceberg(self) -> Any:
        from pyiceberg.catalog.sql import SqlCatalog

        self._folder.mkdir(parents=True, exist_ok=True)
        return SqlCatalog("trading", uri=f"sqlite:///{self._database}", warehouse=self._folder.as_uri())


def _action(line: str) -> Action:
    found = events.decode(line.encode())
    if not isinstance(found, Split | Dividend):
        raise CatalogError(f"{line} is no corporate action")
    return found
