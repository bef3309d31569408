"""Files of prices as they are handed around: each is read as what it says, or refused with reason and remedy."""

from __future__ import annotations

import gzip
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.run_world import A
from trading.cli.main import main
from trading.data import intake, spelling
from trading.data.catalog import Catalog
from trading.data.generate import PENNY
from trading.data.intake import NoPrices, Taken
from trading.data.quality import Fault
from trading.data.spelling import Order
from trading.events import Dividend, Split
from trading.model import UNIT

ROWS = [
    ("2024-01-12", "186.06", "186.74", "185.19", "185.92", "40477800"),
    ("2024-01-16", "182.16", "184.26", "180.93", "183.63", "65603000"),
    ("2024-01-17", "181.27", "182.93", "180.30", "182.68", "47317400"),
]
HEAD = "Date,Open,High,Low,Close,Volume\n"
PLAIN = HEAD + "".join(",".join(row) + "\n" for row in ROWS)


def rows(spell: str, *, volume: str = "{5}", reverse: bool = False) -> str:
    """Return the rows with their day spelled by strftime."""
    return "".join(
        ",".join([f'"{date.fromisoformat(row[0]).strftime(spell)}"', *row[1:5], volume.format(*row)]) + "\n"
        for row in (reversed(ROWS) if reverse else ROWS)
    )


def table(head: str, cells: str) -> str:
    """Return the rows under another head; `{0}` to `{5}` are day, open, high, low, close and volume."""
    return head + "\n" + "".join(cells.format(*row) + "\n" for row in ROWS)


SHAPES = {
    "plain": PLAIN,
    "byte order mark": "\ufeff" + PLAIN,
    "Windows": PLAIN.replace("\n", "\r\n"),
    "old Macintosh": PLAIN.replace("\n", "\r"),
    "empty lines and remarks before the head": "\n# from somewhere\n\n" + PLAIN,
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "newest first": HEAD + rows("%Y-%m-%d", reverse=True),
    "adjusted close beside": table("Date,Open,High,Low,Close,Adj Close,Volume", "{0},{1},{2},{3},{4},180.1,{5}"),
    "yfinance, one ticker a column": (
        "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n"
        + "".join("{0},{4},{2},{3},{1},{5}\n".format(*row) for row in ROWS)
    ),
    "yfinance, history with a zone": table(
        "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits", "{0} 00:00:00-05:00,{1},{2},{3},{4},{5},0.0,0.0"
    ),
    "a frame's index without a name": table(",open,high,low,close,volume", "{0},{1},{2},{3},{4},{5}"),
    "floats as float32 has them": table(
        "Date,Open,High,Low,Close,Volume", "{0},{1}0003051757812,{2}00000610351562,{3}0,{4}0000000000000001,{5}.0"
    ),
    "Stooq": table(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        "AAPL.US,D,{0},000000,{1},{2},{3},{4},{5},0",
    ).replace("2024-01-", "202401"),
    "Nasdaq": re.sub(
        r"2024-(\d+)-(\d+)", r"\1/\2/2024", table("Date,Close/Last,Volume,Open,High,Low", "{0},${4},{5},${1},${2},${3}")
    ),
    "thousands": HEAD + "".join(f'{row[0]},{",".join(row[1:5])},"{int(row[5]):,}"\n' for row in ROWS),
    "months by name": HEAD + rows("%b %d, %Y"),
    "months by name, days first": HEAD + rows("%d-%b-%y"),
    "months in full": HEAD + rows("%d %B %Y"),
    "months first": HEAD + rows("%m/%d/%Y"),
    "days first": HEAD + rows("%d/%m/%Y"),
    "days first, dashes": HEAD + rows("%d-%m-%Y"),
    "points": HEAD + rows("%d.%m.%Y"),
    "without signs": HEAD + rows("%Y%m%d"),
    "moments": HEAD + rows("%Y-%m-%dT05:00:00+00:00"),
    "moments, months first": HEAD + rows("%m/%d/%Y 16:00:00"),
    "a row twice": PLAIN + ",".join(ROWS[1]) + "\n",
}  # fmt: skip


def take(
    tmp_path: Path, text: str, *, named: bool = True, order: Order | None = None, encoding: str = "utf-8"
) -> Taken:
    path = tmp_path / "prices.csv"
    path.write_bytes(text.encode(encoding))
    return intake.take(path, A if named else None, "NASDAQ", PENNY, (), order)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_prices_are_the_same_dataset_however_they_are_spelled(tmp_path: Path, shape: str) -> None:
    assert take(tmp_path, SHAPES[shape]).bars.digest == take(tmp_path, PLAIN).bars.digest


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_of_sixteen_bits_is_read(tmp_path: Path, encoding: str) -> None:
    text = PLAIN if encoding == "utf-16" else "\ufeff" + PLAIN
    assert take(tmp_path, text, encoding=encoding).bars.digest == take(tmp_path, PLAIN).bars.digest
    packed = tmp_path / "prices.csv.gz"
    packed.write_bytes(gzip.compress(text.encode(encoding)))
    assert len(intake.take(packed, A, "NASDAQ", PENNY).bars) == 3


def test_whoever_a_file_names_once_needs_no_column(tmp_path: Path) -> None:
    taken = take(tmp_path, SHAPES["yfinance, one ticker a column"], named=False)
    assert [str(symbol) for symbol in taken.bars.symbols] == ["AAPL.NASDAQ"]
    kaggle = table("date,open,high,low,close,volume,Name", "{0},{1},{2},{3},{4},{5},MSFT ")
    assert [str(symbol) for symbol in take(tmp_path, kaggle, named=False).bars.symbols] == ["MSFT.NASDAQ"]


AMBIGUOUS = HEAD + "3/4/2024,10,10,10,10,5\n4/4/2024,10,10,10,10,6\n"
REFUSED = {
    "days that can be read in two ways": (AMBIGUOUS, r":2: 3/4/2024 can be read in two ways.*--dates mdy"),
    "days in two orders": (HEAD + "13/3/2024,1,1,1,1,1\n3/13/2024,1,1,1,1,1\n", "and days with the day first"),
    "minutes": (
        HEAD + "2024-01-12 09:30:00,1,1,1,1,1\n2024-01-12 09:31:00,1,1,1,1,1\n", r":3: .*several times on 2024-01-12"
    ),
    "a column twice": (
        table("Date,Open,High,Low,Close,Close,Volume", "{0},{1},{2},{3},{4},1,{5}"), "more than one column close"
    ),
    "tickers side by side": (
        "Price,Close,Close,Open\nTicker,AAPL,MSFT,AAPL\nDate,,,\n", "AAPL, MSFT side by side; save one ticker a file"
    ),
    "no head": (PLAIN.split("\n", 1)[1], "no column for day.*the first line has to name them"),
    "tickers, and one said for all": (
        table("Date,Ticker,Open,High,Low,Close,Volume", "{0},MSFT,{1},{2},{3},{4},{5}") + "2024-01-18,IBM,1,1,1,1,1\n",
        "about 2 tickers .IBM, MSFT….; leave --symbol AAPL.NASDAQ out",
    ),
    "another encoding": ("Währung\n", "UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_mean_two_things_is_refused(tmp_path: Path, what: str) -> None:
    text, words = REFUSED[what]
    with pytest.raises(NoPrices, match=words):
        take(tmp_path, text, encoding="cp1252" if "encoding" in what else "utf-8")


def test_who_says_which_comes_first_is_believed(tmp_path: Path) -> None:
    days = {
        order: [row.day for row in take(tmp_path, AMBIGUOUS, order=order).checked.rows]
        for order in (Order.MDY, Order.DMY)
    }
    assert days == {
        Order.MDY: [date(2024, 3, 4), date(2024, 4, 4)],
        Order.DMY: [date(2024, 4, 3), date(2024, 4, 4)],
    }


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2024-01-18,1,2,1,1,5,6", "7 cells for 6 columns"),
        ("2024-01-18,1,2", "'' is no decimal number"),
        ("2024-01-18,NaN,NaN,NaN,NaN,NaN", "'NaN' is no decimal number"),
        ("2024-01-18,-,-,-,-,-", "'-' is no decimal number"),
        ("2024-01-18,1e2,100,100,100,5", "'1e2' is no decimal number"),
        ('2024-01-18,"1,87",200,1,2,5', "'1,87' is no decimal number"),
        ("2024-01-18,1,1,1,1,5.9e7", "'5.9e7' is no volume"),
        ("2024-01-18,1,1,1,1,99999999999999999", "is no volume"),
        ("2024-01-18,0.004,0.004,0.004,0.004,5", "below half a tick of 0.01; give a smaller --tick"),
        ("1704205800,1,1,1,1,5", "is no day; write YYYY-MM-DD"),
        ("2024-02-30,1,1,1,1,5", "day is out of range"),
    ],
)
def test_a_row_that_cannot_be_read_is_kept_apart_with_its_reason(tmp_path: Path, row: str, words: str) -> None:
    taken = take(tmp_path, PLAIN + row + "\n")
    (finding,) = taken.checked.quarantined
    assert (finding.line, finding.what) == (5, Fault.UNREADABLE) and words in finding.words
    assert len(taken.bars) == 3


def test_decimal_commas_are_not_taken_for_thousands(tmp_path: Path) -> None:
    taken = take(tmp_path, "Date;Open;High;Low;Close;Volume\n2024-01-18;187,150;187,150;187,150;187,150;5\n")
    assert not len(taken.bars) and "write decimals with a point" in taken.checked.quarantined[0].words


def test_floats_that_miss_each_other_by_a_trillionth_are_one_price(tmp_path: Path) -> None:
    taken = take(tmp_path, HEAD + "2024-01-18,187.10,187.14999999999998,187.0,187.15,5\n")
    assert (len(taken.bars), taken.checked.quarantined, taken.rounded) == (1, [], 0)


@given(st.integers(0, 10**12 - 1), st.integers(0, 10**9 - 1), st.booleans())
def test_a_price_is_read_as_it_is_written(whole: int, fraction: int, is_grouped: bool) -> None:
    text = f"{whole:,}" if is_grouped else str(whole)
    assert spelling.price(f"{text}.{fraction:09}") == whole * UNIT + fraction
    assert spelling.price(f"-${text}.{fraction:09}49") == -(whole * UNIT + fraction)
    assert spelling.price(f"{text}.{fraction:09}5") == whole * UNIT + fraction + 1


@pytest.mark.parametrize(
    ("text", "shares"),
    [("82488700", 82_488_700), ("82,488,700", 82_488_700), ("82.49M", 82_490_000), ("1.5K", 1500), ("2B", 2 * 10**9),
     ("7.9", 7), ("-3", -3), ("1.2345678M", 1_234_567), ("0", 0)],
)  # fmt: skip
def test_a_volume_is_whole_shares(text: str, shares: int) -> None:
    assert spelling.volume(text) == shares


@given(st.dates(date(2007, 1, 1), date(2050, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y", "%Y%m%d"]))
def test_a_day_is_read_as_it_is_written(day: date, spell: str) -> None:
    assert spelling.day(day.strftime(spell), None) == (day, "")


@given(st.lists(st.dates(date(2007, 1, 1), date(2050, 12, 31)), min_size=13, unique=True), st.sampled_from(list(Order)))
def test_a_file_says_in_which_order_its_days_are(days: list[date], order: Order) -> None:
    spell = "%m/%d/%Y" if order is Order.MDY else "%d/%m/%Y"
    told = spelling.order(day.strftime(spell) for day in days)
    assert order in told and (len(told) == 1 or all(day.day <= 12 for day in days))


def imported(tmp_path: Path, text: str, *words: str) -> int:
    path = tmp_path / "prices.csv"
    path.write_text(text)
    return main(["data", "import", "one", str(path), "--catalog", str(tmp_path / "c"), *words])


def test_dividends_and_splits_that_are_told_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PLAIN + "2024-01-18,91.0,93.0,91.0,92.0,5\n"
    told = ("--split", "AAPL.NASDAQ:2024-01-18:2:1", "--dividend", "AAPL.NASDAQ:2024-01-17:0.24")
    assert imported(tmp_path, text, "--symbol", "AAPL.NASDAQ", *told) == 0
    kept = Catalog(tmp_path / "c").load("one").actions
    assert [type(action) for action in kept] == [Dividend, Split]
    assert isinstance(kept[0], Dividend) and kept[0].amount == 240_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--split", "AAPL.NASDAQ:2024-01-17:2:1"], ["split 2 for 1 on 2024-01-17", "name the day of the jump"]),
        (["--split", "AAPL.NASDAQ:2024-01-17:1:10"], ["said to have split 1 for 10"]),
        (["--dividend", "MSFT.NASDAQ:2024-01-17:0.24"], ["MSFT.NASDAQ: is told something of and not in the file"]),
        (
            ["--dividend=AAPL.NASDAQ:2024-01-15:1", "--dividend=x", "--split=y", "--tick=0", "--symbol=aapl"],
            ["2024-01-15 is no session", "--dividend x: write SYMBOL:DAY", "--split y: write", "--tick 0:", "aapl"],
        ),
        (["--dividend", "AAPL.NASDAQ:2024-01-17:-1"], ["an amount is above zero"]),
    ],
)  # fmt: skip
def test_what_is_told_wrongly_is_refused_all_at_once(
    tmp_path: Path, words: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(tmp_path, PLAIN, "--symbol", "AAPL.NASDAQ", *words) == 2
    told = capsys.readouterr().err
    assert all(each in told for each in said), told
    assert not (tmp_path / "c").exists()


def test_many_rows_of_one_fault_are_counted_and_columns_that_are_not_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = date(2024, 1, 1)
    days = [first + timedelta(days=n) for n in range(366)]
    text = HEAD.replace("\n", ",Adj Close,Dividends\n") + "".join(
        f"{day},10,10,10,10,{n},9,0\n" for n, day in enumerate(days)
    )
    assert imported(tmp_path, text, "--symbol", "AAPL.NASDAQ") == 0
    said = capsys.readouterr().err
    assert len(re.findall("no_session", said)) == 11 and "and 104 more rows: no_session" in said
    assert "not read: Adj Close, Dividends" in said
    assert len((tmp_path / "c/quarantine/one.jsonl").read_text().splitlines()) == 114
