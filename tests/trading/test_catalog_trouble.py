"""A catalog whose maker was ended, whose disk is full or whose files are damaged says so and keeps nothing by half."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trading.run_world import A, daily, flat
from trading.cli.main import main
from trading.data import arrow
from trading.data.catalog import Catalog, CatalogError
from trading.engine import artifacts

MADE = daily({A: flat(1000, 30)})


def parquet(folder: Path) -> Path:
    (found,) = folder.glob("bars/one/data/*.parquet")
    return found


def manifest(folder: Path) -> Path:
    return next(path for path in folder.glob("bars/one/metadata/*.avro") if not path.name.startswith("snap-"))


def list_of_manifests(folder: Path) -> Path:
    return next(folder.glob("bars/one/metadata/snap-*.avro"))


def metadata(folder: Path) -> Path:
    return max(folder.glob("bars/one/metadata/*.metadata.json"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a catalog with one dataset, which nobody has read yet."""
    folder = tmp_path_factory.mktemp("kept") / "catalog"
    Catalog(folder).save("one", MADE, "by hand")
    return folder


def test_what_is_ended_before_its_commit_has_kept_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(tmp_path / "c")

    def ended(bars: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(arrow, "table", ended)
        with pytest.raises(KeyboardInterrupt):
            catalog.save("one", MADE, "x")
    assert catalog.names() == ()
    assert catalog.save("one", MADE, "x") == catalog.load("one").digest == MADE.digest


def test_a_disk_that_takes_no_more_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(tmp_path / "c")

    def full(bars: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(arrow, "table", full)
        with pytest.raises(CatalogError, match=r"No space left.*nothing was kept; make room"):
            catalog.save("one", MADE, "x")
    assert catalog.names() == ()


def test_two_who_keep_the_same_name_at_once_both_have_it_and_other_bars_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "c"
    Catalog(folder).save("zero", MADE, "x")
    slow = Catalog(folder)
    before = arrow.table

    def meanwhile(bars: object) -> object:
        monkeypatch.setattr(arrow, "table", before)
        Catalog(folder).save("one", MADE, "the other")
        return before(MADE)

    monkeypatch.setattr(arrow, "table", meanwhile)
    assert slow.save("one", MADE, "x") == MADE.digest
    assert slow.describe("one")["source"] == "the other"

    def others(bars: object) -> object:
        monkeypatch.setattr(arrow, "table", before)
        Catalog(folder).save("two", MADE, "the other")
        return before(MADE)

    monkeypatch.setattr(arrow, "table", others)
    with pytest.raises(CatalogError, match="datasets do not change"):
        slow.save("two", daily({A: flat(7, 3)}), "x")


@pytest.mark.parametrize("part", [parquet, manifest, list_of_manifests, metadata])
@pytest.mark.parametrize("harm", ["cut", "gone", "garbage"])
def test_a_damaged_file_is_named_and_never_a_traceback(
    kept: Path, part: Callable[[Path], Path], harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = part(kept)
    whole = path.read_bytes()
    try:
        match harm:
            case "cut":
                path.write_bytes(whole[: len(whole) // 2])
            case "gone":
                path.unlink()
            case _:
                path.write_bytes(b"\xff" * len(whole))
        with pytest.raises(CatalogError, match=r"one.*(import|restore)"):
            Catalog(kept).load("one")
        assert not (kept / "mapped").exists()
        # What there is of it is still listed, or what is wrong with it said.
        assert main(["data", "list", "--catalog", str(kept)]) == (1 if part is metadata else 0)
        assert "one" in "".join(capsys.readouterr())
    finally:
        path.write_bytes(whole)


def test_a_catalog_whose_beginning_was_interrupted_is_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "catalog.sqlite").write_bytes(b"")
    assert Catalog(folder).names() == ()
    assert Catalog(folder).save("one", MADE, "x") == MADE.digest


@pytest.mark.parametrize("words", [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 200])
def test_a_database_that_is_none_is_named(tmp_path: Path, words: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "catalog.sqlite").write_bytes(words)
    for command in (["data", "list"], ["data", "generate", "one", "--count", "3"]):
        assert main([*command, "--catalog", str(folder)]) == 2
        assert "catalog.sqlite" in capsys.readouterr().err


def test_a_catalog_that_was_moved_says_that_it_cannot_be(kept: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(kept, moved)
    with sqlite3.connect(moved / "catalog.sqlite") as database:
        database.execute("UPDATE iceberg_tables SET metadata_location = replace(metadata_location, 'kept', 'gone')")
    with pytest.raises(CatalogError, match="cannot be moved"):
        Catalog(moved).load("one")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["data", "generate", "one", "--count", "3", "--catalog", str(tmp_path / "file")]) == 2
    assert "name a folder that can be written" in capsys.readouterr().err


def test_an_empty_catalog_says_how_to_fill_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "--catalog", str(tmp_path)]) == 0
    assert "trading data import" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["backtest", "walk-forward"])
def test_a_place_that_cannot_be_written_is_named(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cross = Path(__file__).resolve().parents[2] / "docs/trading/cross.toml"
    symbols = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "700"]
    catalog = ["--catalog", str(tmp_path / "c")]
    assert main(["data", "generate", "made_up", *symbols, *catalog]) == 0
    (tmp_path / "file").write_text("x")
    assert main([verb, str(cross), *catalog, "--runs", str(tmp_path / "file")]) in (1, 2)
    assert f"{tmp_path}/file" in capsys.readouterr().err


def test_a_disk_that_is_full_when_a_run_ends_leaves_a_run_that_did_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cross = Path(__file__).resolve().parents[2] / "docs/trading/cross.toml"
    symbols = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "700"]
    catalog, runs = ["--catalog", str(tmp_path / "c")], ["--runs", str(tmp_path / "r")]
    assert main(["data", "generate", "made_up", *symbols, *catalog]) == 0

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "write_json", full)
        assert main(["backtest", str(cross), *catalog, *runs]) == 1
    assert "No space left on device; make room" in capsys.readouterr().err
    (folder,) = (tmp_path / "r").iterdir()
    assert main(["replay", "--run-id", folder.name, *runs]) == 2
    assert "there is no finished run" in capsys.readouterr().err
    assert main(["backtest", str(cross), *catalog, *runs]) == 0
