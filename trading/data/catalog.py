"""Datasets under names: an Iceberg catalog in SQLite with Parquet files beside it, no server and no account.

Whoever asks gets what was put in, or an error: a dataset's digest is kept with it and checked when it is read as bars.
Arrow and polars readers are for research, where the digest is asked for by whoever needs it.

Loading pyiceberg and SQLAlchemy takes longer than a short run. So what the catalog's files say is read from them, and
bars that were read once lie beside as one Arrow file that is mapped, for as long as the table is the one they were read
of. That file is no second truth: it is checked like any other, and made anew where it is missing or wrong.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from trading import events
from trading.data import arrow, calendar, shared
from trading.data.bars import Action, Bars
from trading.events import Dividend, Split
from trading.model import Money, Symbol

if TYPE_CHECKING:
    import polars
    import pyarrow
    from pyiceberg.table import Table

_CATALOG, _NAMESPACE = "trading", "bars"
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
        return tuple(sorted(self._locations()))

    def save(self, name: str, bars: Bars, source: str) -> str:
        """Keep bars under a name and return their digest; a name that is taken keeps what it has."""
        if not _NAME.fullmatch(name):
            raise CatalogError(f"{name!r} names no dataset; use small letters, digits and _, a letter first")
        if name in self.names():
            return self._kept(name, bars)
        head = {
            "digest": bars.digest,
            "source": source,
            "ticks": json.dumps({str(s): tick for s, tick in zip(bars.symbols, bars.ticks, strict=True)}),
            "actions": json.dumps([events.encode(action).decode() for action in bars.actions]),
            "rows": str(len(bars)),
            "first": _day(bars, 0),
            "last": _day(bars, -1),
        }
        try:
            self._commit(name, bars, {_PROPERTY + key: value for key, value in head.items()})
        except CatalogError:
            raise
        except Exception as error:
            # Arrow, SQLAlchemy and pyiceberg each have errors of their own for a disk that takes no more, and for
            # somebody else who kept something under this name meanwhile.
            if name in self.names():
                return self._kept(name, bars)
            words = str(error).splitlines()[0] if str(error) else ""
            raise CatalogError(
                f"dataset {name} cannot be kept in {self._folder}: {type(error).__name__}: {words}; nothing was kept; "
                "make room, or name another folder"
            ) from error
        return bars.digest

    def _kept(self, name: str, bars: Bars) -> str:
        if self.describe(name)["digest"] == bars.digest:
            return bars.digest
        raise CatalogError(f"dataset {name} is there with other bars; datasets do not change: take another name")

    def _commit(self, name: str, bars: Bars, properties: Mapping[str, str]) -> None:
        iceberg = self._iceberg()
        iceberg.create_namespace_if_not_exists(_NAMESPACE)
        # One commit: whoever is ended before it has kept nothing, and not a name without its bars.
        with iceberg.create_table_transaction(
            f"{_NAMESPACE}.{name}", schema=arrow.SCHEMA, properties=properties
        ) as made:
            made.append(arrow.table(bars))

    def load(self, name: str) -> Bars:
        """Return the bars of a dataset; raise `CatalogError` if they are not those that were kept."""
        location = self._location(name)
        said = _properties(location)
        copy = self._folder / "mapped" / f"{name}-{sha256(location.encode()).hexdigest()[:16]}.arrow"
        with contextlib.suppress(shared.NotShared):
            mapped = shared.mapped(copy)
            if mapped.digest == said["digest"]:
                return mapped
        bars = self._read(name, said)
        # A catalog that cannot be written to is read the long way every time.
        with contextlib.suppress(OSError):
            copy.parent.mkdir(exist_ok=True)
            shared.write(bars, copy)
        return bars

    def _read(self, name: str, said: Mapping[str, str]) -> Bars:
        try:
            ticks = {Symbol.parse(symbol): Money(tick) for symbol, tick in json.loads(said["ticks"]).items()}
            actions = tuple(_action(line) for line in json.loads(said["actions"]))
            bars = arrow.bars_of(self.read_arrow(name), ticks, actions)
        except CatalogError:
            raise
        except Exception as error:
            # Readers of Avro and Parquet raise whatever they stumble over in a damaged file.
            raise CatalogError(
                f"dataset {name} in {self._folder} cannot be read: {type(error).__name__}: {error}; restore its files, "
                "or import it again under another name"
            ) from error
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
        """Return what is kept about a dataset: digest, source, ticks, actions, rows, first and last day."""
        return _properties(self._location(name))

    def _locations(self) -> dict[str, str]:
        """Return where the metadata of each table lies."""
        if not self._database.exists():
            return {}
        begun = "SELECT 1 FROM sqlite_master WHERE name = 'iceberg_tables'"
        asked = (
            "SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?"
        )
        try:
            with contextlib.closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as database:
                # A file without a table is what is left of a catalog whose beginning was interrupted.
                if database.execute(begun).fetchone() is None:
                    return {}
                return dict(database.execute(asked, (_CATALOG, _NAMESPACE)))
        except sqlite3.Error as error:
            raise CatalogError(
                f"{self._database}: {error}; restore it, or import the data into another folder"
            ) from error

    def _location(self, name: str) -> str:
        found = self._locations()
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise CatalogError(f"there is no dataset {name} in {self._folder} (there: {known}); see `trading data`")
        return found[name]

    def _table(self, name: str) -> Table:
        self._location(name)
        found: Table = self._iceberg().load_table(f"{_NAMESPACE}.{name}")
        return found

    def _iceberg(self) -> Any:
        from pyiceberg.catalog.sql import SqlCatalog

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(f"{self._folder}: {error.strerror}; name a folder that can be written") from error
        return SqlCatalog(_CATALOG, uri=f"sqlite:///{self._database}", warehouse=self._folder.as_uri())


def _properties(location: str) -> dict[str, str]:
    """Return what a table's metadata keeps about a dataset."""
    path = Path(unquote(urlsplit(location).path))
    try:
        found = json.loads(path.read_bytes())["properties"]
        said = {key.removeprefix(_PROPERTY): value for key, value in found.items() if key.startswith(_PROPERTY)}
        return {key: said.pop(key) for key in ("digest", "source", "ticks", "actions")} | said
    except FileNotFoundError as error:
        raise CatalogError(
            f"{path}: is not there; a catalog names its files by their whole path and cannot be moved: put it back "
            "where it was, or import the data into another folder"
        ) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CatalogError(f"{path}: {error!r}; restore it, or import the data under another name") from error


def _day(bars: Bars, row: int) -> str:
    """Return the day in New York of a row; nothing where there is none."""
    day = calendar.day_of(bars.at[row]) if len(bars) else None
    return "" if day is None else day.isoformat()


def _action(line: str) -> Action:
    found = events.decode(line.encode())
    if not isinstance(found, Split | Dividend):
        raise CatalogError(f"{line} is no corporate action")
    return found
