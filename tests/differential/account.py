"""A real account, six years of it, from the source distribution of pyfolio-reloaded: fetched once, by hash, and kept.

`python -m tests.differential.account` fetches it and prints its folder. Only data files are taken out.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.differential.environment import FOLDER, HERE, Missing

LOCK = HERE / "account.lock"
FILES = ("test_pos.csv.gz", "test_returns.csv.gz", "test_txn.csv.gz")


class Trade(NamedTuple):
    """A transaction: shares are negative for a sale; the price has as many digits as it was kept with."""

    day: str
    symbol: str
    shares: int
    price: str


def folder() -> Path:
    """Return where the account lies; raise Missing where it does not."""
    found = FOLDER / f"account-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if not all((found / name).exists() for name in FILES):
        raise Missing("the account is not there yet: run `make test-differential`")
    return found


def fetch() -> Path:
    """Return where the account lies, fetched if it is not there."""
    try:
        return folder()
    except Missing:
        pass
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as beside:
        words = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes", "-r", str(LOCK)]
        subprocess.run([sys.executable, "-m", "pip", *words, "--dest", beside], check=True)
        (packed,) = Path(beside).glob("*.tar.gz")
        target = FOLDER / f"account-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
        target.mkdir(exist_ok=True)
        with tarfile.open(packed) as archive:
            for member in archive.getmembers():
                name = Path(member.name).name
                if name in FILES and (data := archive.extractfile(member)) is not None:
                    (target / name).write_bytes(data.read())
    return folder()


def _rows(name: str) -> list[list[str]]:
    with gzip.open(folder() / name, "rt", encoding="utf-8") as file:
        return list(csv.reader(file))


def trades() -> list[Trade]:
    """Return the transactions in their order."""
    return [Trade(row[0][:10], row[4], int(row[1]), row[2]) for row in _rows("test_txn.csv.gz")[1:]]


def holdings() -> dict[str, dict[str, float]]:
    """Return what each symbol, and the cash, is worth at the end of each day on which there is something."""
    head, *rows = _rows("test_pos.csv.gz")
    return {
        row[0][:10]: {name: float(value or 0) for name, value in zip(head[1:], row[1:], strict=True)} for row in rows
    }


def returns() -> dict[str, float]:
    """Return the account's returns day by day."""
    return {row[0][:10]: float(row[1]) for row in _rows("test_returns.csv.gz")}


if __name__ == "__main__":
    print(fetch())
