"""Datasets: kept as they were, checked row by row, joined and shared without knowing anything too early."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import polars
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading import prices
from tests.trading.run_world import A, B, daily, flat, session
from trading import events
from trading.cli.main import main
from trading.data import arrow, bars, features, generate, intake, pit, quality, shared
from trading.data.bars import COLUMNS, Bars
from trading.data.catalog import Catalog, CatalogError
from trading.data.generate import PENNY
from trading.data.quality import Fault, Oddity, Row
from trading.engine import statistics
from trading.gate import tail
from trading.gate.tail import tail_value_at_risk
from trading.model import UNIT, Money, Nanos

numbers = st.integers(-(2**62), 2**62)
whole_rows = st.lists(
    st.tuples(st.integers(0, 1), numbers, st.integers(0, 2**62), numbers, numbers, numbers, numbers, numbers),
    unique_by=lambda row: (row[2], row[0]),
    max_size=20,
)


def columns(found: Bars) -> list[list[int]]:
    return [list(getattr(found, name)) for name in COLUMNS]


@given(whole_rows)
def test_bars_survive_being_an_arrow_table(rows: list[tuple[int, ...]]) -> None:
    made = bars.made([(A, PENNY), (B, Money(5))], rows)
    again = arrow.bars_of(arrow.table(made), {A: PENNY, B: Money(5)})
    assert columns(again) == columns(made) and again.digest == made.digest


@given(whole_rows.filter(bool), st.integers(0, 7), st.integers(0, 19))
def test_a_digest_changes_with_any_number(rows: list[tuple[int, ...]], column: int, at: int) -> None:
    made = bars.made([(A, PENNY), (B, PENNY)], rows)
    at %= len(rows)
    changed = list(getattr(made, COLUMNS[column]))
    changed[at] ^= 1
    from dataclasses import replace

    assert replace(made, **{COLUMNS[column]: changed}).digest != made.digest


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(0, 10, 10)], "ends before it begins"),
        ([(0, 1, 10), (0, 2, 10)], "is not behind the one before it"),
        ([(0, session(0).opens, session(0).closes + 1)], "goes beyond the session of 2024-01-02"),
        ([(0, session(0).opens, session(4).closes)], "goes beyond the session of 2024-01-02"),
    ],
)
def test_bars_the_engine_cannot_work_with_are_named(rows: list[tuple[int, ...]], said: str) -> None:
    made = bars.made([(A, PENNY)], [(*row, 1, 1, 1, 1, 1) for row in rows])
    (problem,) = made.problems()
    assert said in problem


LOADS = """
print(Catalog(Path(sys.argv[1])).load("two").digest)
print(*(name in sys.modules for name in ("pyiceberg", "sqlalchemy", "polars")))
"""


def test_a_dataset_is_what_was_put_in(tmp_path: Path) -> None:
    made = daily({A: flat(1000, 5), B: flat(2000, 4)}, [events.Split(Nanos(session(2).opens), A, 2, 1)])
    catalog = Catalog(tmp_path / "catalog")
    digest = catalog.save("two", made, "by hand")
    found = catalog.load("two")
    assert (found.digest, found.actions, columns(found)) == (digest, made.actions, columns(made))
    assert catalog.read_arrow("two").num_rows == 9
    assert catalog.read_polars("two").filter(polars.col("symbol") == str(B)).collect()["close"].to_list() == [2000] * 4
    assert catalog.save("two", made, "again") == digest
    with pytest.raises(CatalogError, match="datasets do not change"):
        catalog.save("two", daily({A: flat(1, 2)}), "other")
    with pytest.raises(CatalogError, match="names no dataset"):
        catalog.save("No Name", made, "x")
    assert [*catalog.describe("two")] == ["digest", "source", "ticks", "actions", "rows", "first", "last"]
    # Whatever was read once is there without the libraries that take longest to load.
    asked = f"import sys; from pathlib import Path; from trading.data.catalog import Catalog{LOADS}"
    told = subprocess.run(
        [sys.executable, "-c", asked, str(tmp_path / "catalog")], check=True, capture_output=True, text=True
    ).stdout
    assert told.split() == [digest, "False", "False", "False"]
    # What was kept beside is believed as little as anything else.
    (copy,) = (tmp_path / "catalog" / "mapped").iterdir()
    for other in (b"", copy.read_bytes().replace((1000).to_bytes(8, "little"), (1001).to_bytes(8, "little"))):
        copy.unlink()
        copy.write_bytes(other)
        assert catalog.load("two").digest == digest
    # The same name with other rows behind the catalog's back.
    catalog._table("two").append(arrow.table(daily({A: flat(7, 1)})))
    with pytest.raises(CatalogError, match="is damaged"):
        catalog.load("two")


def test_no_pandas_is_loaded_by_anything_that_runs(tmp_path: Path) -> None:
    words = f"--catalog {tmp_path}/c"
    script = (
        "import sys; from trading.cli.main import main\n"
        "made = 'data generate made_up --symbol AAPL.NASDAQ --symbol XOM.NYSE --count 300'\n"
        f"assert main((made + ' {words}').split()) == 0\n"
        f"assert main('backtest docs/trading/cross.toml {words} --runs {tmp_path}/r'.split()) == 0\n"
        "from trading.data import features, pit, shared, intake\n"
        "assert 'polars' in sys.modules and 'pyiceberg' in sys.modules\n"
        "assert not {'pandas', 'numpy'} & set(sys.modules), 'pandas'\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True, capture_output=True)


def test_several_processes_read_one_file_without_a_copy(tmp_path: Path) -> None:
    made = generate.daily([A, B], date(2020, 1, 2), 5000, 3)
    path = tmp_path / "bars.arrow"
    shared.write(made, path)
    before = pa.total_allocated_bytes()
    found = shared.mapped(path)
    assert pa.total_allocated_bytes() - before < 64 * 1024 < 8 * len(made)
    assert found.digest == made.digest == shared.said_digest(path)
    with pytest.raises(TypeError):
        found.close[0] = 1  # type: ignore[index]
    ask = "import sys; from pathlib import Path; from trading.data import shared; import pyarrow as pa; b = shared.mapped(Path(sys.argv[1])); print(pa.total_allocated_bytes() < 65536, b.digest)"  # noqa: E501
    told = subprocess.run([sys.executable, "-c", ask, str(path)], check=True, capture_output=True, text=True).stdout
    assert told == f"True {made.digest}\n"


def test_what_is_no_shared_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"not arrow at all, but long enough to be looked at")
    with pytest.raises(shared.NotShared, match="write it again"):
        shared.mapped(path)


def row(day: date, close: int = 100, **given: int) -> Row:
    values = {"open": close, "high": close, "low": close, "close": close, "volume": 10} | given
    return Row(1, A, day, *(values[name] * (1 if name == "volume" else UNIT) for name in values))


MONDAY = date(2024, 1, 8)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (row(MONDAY, low=0), Fault.NOT_POSITIVE),
        (row(MONDAY, high=99), Fault.RANGE),
        (row(MONDAY, low=101), Fault.RANGE),
        (row(MONDAY, volume=-1), Fault.NEGATIVE_VOLUME),
        (row(date(2024, 1, 7)), Fault.NO_SESSION),
        (row(date(2024, 1, 15)), Fault.NO_SESSION),
        (row(date(2006, 1, 9)), Fault.NO_CALENDAR),
    ],
)
def test_a_row_that_cannot_be_is_quarantined(bad: Row, fault: Fault) -> None:
    checked = quality.check([bad])
    assert ([finding.what for finding in checked.quarantined], checked.rows) == ([fault], [])


def test_the_same_row_again_is_quarantined_and_the_first_is_kept() -> None:
    checked = quality.check([row(MONDAY), row(MONDAY)])
    assert [finding.what for finding in checked.quarantined] == [Fault.DUPLICATE]
    assert [kept.close for kept in checked.rows] == [100 * UNIT]


def test_of_rows_that_say_different_things_of_a_day_none_is_kept() -> None:
    checked = quality.check([row(MONDAY), row(MONDAY, 101), row(date(2024, 1, 9))])
    assert [finding.what for finding in checked.quarantined] == [Fault.CONTRADICTED] * 2
    assert [kept.day for kept in checked.rows] == [date(2024, 1, 9)]


@pytest.mark.parametrize(
    ("after", "oddity"),
    [
        (row(date(2024, 1, 9), 50), Oddity.SPLIT),
        (row(date(2024, 1, 9), 199), Oddity.SPLIT),
        (row(date(2024, 1, 9), 43), Oddity.LARGE_MOVE),
        (row(date(2024, 1, 9), volume=0), Oddity.NO_TRADES),
        (row(date(2024, 1, 9)), Oddity.REPEATED),
        (row(date(2024, 1, 11), 101), Oddity.GAP),
    ],
)
def test_what_is_odd_is_remarked_and_kept(after: Row, oddity: Oddity) -> None:
    checked = quality.check([row(MONDAY), after])
    assert [finding.what for finding in checked.remarks] == [oddity]
    assert len(checked.rows) == 2


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        (10_000, 5000, (2, 1)),
        # Three hundredths beside the ratio are like it, a little more is not.
        (10_000, 5150, (2, 1)),
        (10_000, 5151, None),
        (10_000, 4850, (2, 1)),
        (10_000, 4849, None),
        (5000, 10_000, (1, 2)),
        (100, 2000, (1, 20)),
        (3000, 2000, (3, 2)),
        (2000, 3000, (2, 3)),
        (5000, 2000, (5, 2)),
        (10_000, 10_000, None),
        (10_000, 7000, None),
    ],
)
def test_a_jump_is_like_a_split_within_three_hundredths(before: int, after: int, ratio: tuple[int, int] | None) -> None:
    assert quality.split_ratio(before, after) == ratio


@pytest.mark.parametrize(("close", "is_large"), [(140, False), (141, True), (60, False), (59, True)])
def test_a_move_is_large_above_two_fifths(close: int, is_large: bool) -> None:
    after = row(date(2024, 1, 9), close, open=100, high=max(close, 100), low=min(close, 100))
    found = [finding.what for finding in quality.check([row(MONDAY), after]).remarks]
    assert found == ([Oddity.LARGE_MOVE] if is_large else [])


def test_symbols_have_nothing_to_do_with_each_other() -> None:
    other = row(date(2024, 1, 9), 50)._replace(symbol=B)
    checked = quality.check([row(MONDAY), other, row(date(2024, 1, 9), 101)])
    assert (checked.remarks, checked.quarantined, len(checked.rows)) == ([], [], 3)


def test_what_lies_in_quarantine_is_nobodys_day_before() -> None:
    faulty = row(date(2024, 1, 9), 50, low=51)
    checked = quality.check([row(MONDAY), faulty, row(date(2024, 1, 10), 101)])
    assert [finding.what for finding in checked.quarantined] == [Fault.RANGE]
    # Neither a split into it nor one out of it; the day is missing.
    assert [finding.what for finding in checked.remarks] == [Oddity.GAP]


def test_a_row_without_trades_is_not_called_repeated() -> None:
    checked = quality.check([row(MONDAY, volume=0), row(date(2024, 1, 9), volume=0)])
    assert [finding.what for finding in checked.remarks] == [Oddity.NO_TRADES] * 2


def test_real_stocks_have_exactly_three_jumps_that_are_splits() -> None:
    taken = intake.take(prices.STOCKS, None, "NASDAQ", PENNY)
    found = [(each.symbol, each.day, each.words.split(": ")[1]) for each in quality.suspected(taken.checked)]
    # Not among them: Apple's fall from 53.50 to 28.19 after a warning in September 2000.
    assert found == [
        ("AAPL.NASDAQ", "2000-06-21", "2 for 1?"),
        ("AAPL.NASDAQ", "2005-02-28", "2 for 1?"),
        ("MSFT.NASDAQ", "2003-02-18", "2 for 1?"),
    ]
    faults = {finding.what for finding in taken.checked.quarantined}
    assert faults == {Fault.NO_CALENDAR}
    assert len(taken.bars) + len(taken.checked.quarantined) == 12_154 and taken.rounded == 1068


def test_the_statistics_of_an_index_are_those_others_published() -> None:
    values = prices.column(prices.SP500, "Adj Close")
    changes = statistics.returns(values)
    assert statistics.sharpe(changes) == pytest.approx(0.2827392290, abs=5e-11)
    assert min(statistics.drawdowns(values)) == pytest.approx(-0.5677538775, abs=5e-11)
    assert statistics.quantile(changes, 0.05) == pytest.approx(-0.0186433297, abs=5e-11)
    assert statistics.expected_shortfall(changes, 0.05) == pytest.approx(-0.0286092704, abs=5e-11)
    losses = [-change for change in changes]
    _, density, share = tail._normal_tail(9500)
    normal = statistics.mean(losses) + statistics.deviation(losses) * density / share
    assert normal == pytest.approx(0.0246016825, abs=5e-11)
    # The gate's estimate is the largest of three: here the mean of the worst days themselves.
    assert tail_value_at_risk(losses, 9500) >= 0.0286092704 - 5e-11


def test_an_import_waits_until_somebody_says_what_a_jump_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(
        "Date,Open,High,Low,Close,Volume\n2024-01-08,100.00,100.00,100.00,100.00,10\n"
        "2024-01-09,50.00,51.00,49.00,50.005,10\n2024-01-10,nan,1,1,1,1\n2024-01-13,50,50,50,50,1\n"
    )
    words = ["data", "import", "two", str(path), "--symbol", "AAPL.NASDAQ", "--catalog", str(tmp_path / "c")]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "prices.csv:3: AAPL.NASDAQ 2024-01-09 looks_like_a_split: 100.00 to 50.00: 2 for 1?" in said
    assert "--split SYMBOL:DAY:NEW:OLD" in said and Catalog(tmp_path / "c").names() == ()
    assert main([*words, "--split", "AAPL.NASDAQ:2024-01-09:2:1"]) == 0
    assert "2 rows in quarantine" in capsys.readouterr().out
    quarantined = (tmp_path / "c/quarantine/two.jsonl").read_text().splitlines()
    assert ["unreadable" in quarantined[0], "no_session" in quarantined[1]] == [True, True]
    kept = Catalog(tmp_path / "c").load("two")
    assert (list(kept.close), len(kept.actions)) == ([10_000, 5001], 1)


@pytest.mark.parametrize("split", ["AAPL.NASDAQ:2024-01-09:2", "AAPL:2024-01-09:2:1", "AAPL.NASDAQ:2024-01-07:2:1"])
def test_a_split_that_says_nothing_is_refused(tmp_path: Path, split: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "import", "x", str(tmp_path / "none.csv"), "--split", split]) == 2
    assert split.split(":")[0] in capsys.readouterr().err


def test_a_file_without_prices_says_which_columns_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Date,Price\n")
    with pytest.raises(intake.NoPrices, match="no column for open, high, low, volume, ticker"):
        intake.take(path, None, "NASDAQ", PENNY)


def test_a_feature_looks_at_each_symbol_by_itself_and_sees_no_split() -> None:
    made = daily({A: [*flat(2000, 3), *flat(1000, 2)], B: flat(7, 5)}, [events.Split(Nanos(session(3).opens), A, 2, 1)])
    (change,) = features.evaluate(made, [polars.col("close").diff()])
    assert list(change) == [None, None] + [0.0] * 8
    (volume,) = features.evaluate(made, [polars.col("volume")])
    assert volume[-2:] == [50_000.0, 100_000.0]


def test_a_bar_knows_what_was_published_by_then_in_its_version_of_then() -> None:
    at = [session(n).closes for n in range(6)]
    made = daily({A: flat(1000, 6)})
    facts = polars.LazyFrame(
        {
            "symbol": [str(A)] * 5,
            "period": [202303, 202303, 202306, 202303, 202309],
            # The figure of March is revised after that of June is out: what counts stays June's.
            "known_at": [at[1], at[2], at[3], at[4], at[5] + 1],
            "earnings": [1.0, 1.5, 2.0, 9.0, 3.0],
        }
    )
    joined = pit.as_of(features.frame(made), facts, ("earnings",)).collect()
    assert joined["earnings"].to_list() == [None, 1.0, 1.5, 2.0, 2.0, 2.0]


@given(st.integers(0, 6), st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.floats(0, 9)), max_size=12))
def test_what_is_published_later_changes_no_join_before(cut: int, published: list[tuple[int, int, float]]) -> None:
    at = [session(n).closes for n in range(7)]
    made = features.frame(daily({A: flat(1000, 7)}))

    def joined(rows: list[tuple[int, int, float]]) -> list[float | None]:
        facts = polars.LazyFrame(
            {
                "symbol": [str(A)] * len(rows),
                "period": [period for _, period, _ in rows],
                "known_at": [at[day] for day, _, _ in rows],
                "value": [value for _, _, value in rows],
            },
            schema={"symbol": polars.String, "period": polars.Int64, "known_at": polars.Int64, "value": polars.Float64},
        )
        return pit.as_of(made, facts, ("value",)).collect()["value"].to_list()[: cut + 1]

    assert joined(published) == joined([fact for fact in published if fact[0] <= cut])
