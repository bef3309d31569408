"""Bars that come in: what cannot be believed is refused with its line, the rest makes moments in order."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.gate_world import NOON, OTHER, SYMBOL
from tests.trading.paper_world import CENT, MINUTE, line
from trading.clock import ManualClock
from trading.data import calendar
from trading.model import SECOND, Instrument, Money
from trading.service.feed import LINE_BYTES_MAX, Feed, Row
from trading.service.paper_run import Lines
from trading.service.rhythm import Rhythm

NOW = NOON + 10 * MINUTE
INSTRUMENTS = {symbol: Instrument(symbol, Money(CENT)) for symbol in (SYMBOL, OTHER)}


class Fed:
    """A feed and what it refused."""

    def __init__(self, length: int = MINUTE) -> None:
        self.clock = ManualClock(NOW)
        self.refused: list[tuple[int, str]] = []
        self.feed = Feed(INSTRUMENTS, Rhythm(length), self.clock, lambda n, why: self.refused.append((n, why)))

    def moments(self) -> list[tuple[Row, ...]]:
        found = []
        while (rows := self.feed.moment()) is not None:
            found.append(rows)
        return found


def ended(*lines: bytes) -> tuple[list[tuple[Row, ...]], list[tuple[int, str]]]:
    """Return the moments of some lines, and what was refused of them."""
    fed = Fed()
    fed.feed.take(b"".join(lines))
    fed.feed.end()
    return fed.moments(), fed.refused


def test_a_moment_is_whole_when_every_symbol_is_there() -> None:
    fed = Fed()
    fed.feed.take(line(NOON, OTHER, 10000))
    assert fed.moments() == [] and not fed.feed.is_empty
    fed.feed.take(line(NOON, SYMBOL))
    ((first, second),) = fed.moments()
    assert (first.symbol, second.symbol, first.close) == (str(SYMBOL), str(OTHER), 20000)
    assert fed.feed.is_empty and fed.refused == []


def test_a_moment_that_is_not_whole_is_made_by_a_later_bar_by_patience_and_by_the_end() -> None:
    fed = Fed()
    fed.feed.take(line(NOON))
    fed.feed.take(line(NOON + MINUTE))
    assert [len(rows) for rows in fed.moments()] == [1]
    fed.clock.advance(SECOND)
    assert [len(rows) for rows in fed.moments()] == [1]
    fed.feed.take(line(NOON + 2 * MINUTE))
    fed.feed.end()
    assert [len(rows) for rows in fed.moments()] == [1]


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"symbol": "MSFT.NASDAQ"}, "MSFT.NASDAQ is not in the run"),
    ({"symbol": "aapl"}, "is no symbol"),
    ({"symbol": 3}, "Expected `str`"),
    ({"open": 200.0}, "Expected `str`"),
    ({"open": "200.001"}, "no multiple of the tick"),
    ({"open": "2e2"}, "no decimal number"),
    ({"open": "NaN"}, "no decimal number"),
    ({"low": "0.00"}, "a price is above zero"),
    ({"low": "-1.00"}, "a price is above zero"),
    ({"low": "200.01"}, "open and close lie between low and high"),
    ({"high": "199.99"}, "open and close lie between low and high"),
    ({"volume": -1}, "Expected `int` >= 0"),
    ({"volume": 1.5}, "Expected `int`"),
    ({"volume": True}, "Expected `int`"),
    ({"more": 1}, "unknown field"),
    ({"at": -5}, "Expected `int` >= 0"),
    ({"opens_at": NOON}, "it ends before it begins"),
    ({"opens_at": NOON - 2 * MINUTE}, "ns long, the run's bars"),
    ({"at": NOW + 2 * MINUTE, "opens_at": NOW + MINUTE}, "it is of the future"),
    ({"at": NOON - 5 * 60 * MINUTE, "opens_at": NOON - 5 * 60 * MINUTE - MINUTE}, "outside the sessions"),
)


@pytest.mark.parametrize(("changes", "why"), WRONG)
def test_a_line_that_cannot_be_believed_is_refused_with_its_number(changes: dict[str, Any], why: str) -> None:
    moments, refused = ended(line(NOON), line(NOON + MINUTE, **changes) if changes else b"", line(NOON + MINUTE))
    if changes.keys() & {"opens_at", "at"}:
        moments, refused = ended(line(NOON - MINUTE), line(NOON, **changes), line(NOON))
    ((number, said),) = refused
    assert number == 2 and why in said
    assert [len(rows) for rows in moments] == [1, 1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[1]\n", "Expected `object`"),
        (b"{\n", "Expecting"),
        (b'{"volume": NaN}\n', ""),
        (b"\xff\xfe\n", "utf-8"),
        (line(NOON).replace(b'"volume"', b'"at": 5, "volume"'), "says at twice"),
        (b"x" * (LINE_BYTES_MAX + 1) + b"\n", "has more than 4096 bytes"),
        (b"[" * 4000 + b"\n", ""),
    ],
)
def test_what_is_no_bar_at_all_is_refused_and_what_follows_counts(text: bytes, why: str) -> None:
    moments, refused = ended(text, line(NOON))
    ((number, said),) = refused
    assert number == 1 and why in said
    assert len(moments) == 1


def test_bars_out_of_order_twice_or_behind_a_moment_are_refused() -> None:
    later, now = line(NOON + MINUTE), line(NOON)
    moments, refused = ended(now, now, later, now, later, line(NOON + MINUTE, OTHER, 10000), later)
    assert [[row.at for row in rows] for rows in moments] == [[NOON], [NOON + MINUTE] * 2]
    assert [number for number, _ in refused] == [2, 4, 5, 7]
    words = ("it came before", "not behind the moment that was made last", "it came before", "not behind the moment")
    assert all(word in said for word, (_, said) in zip(words, refused, strict=True))


@given(st.lists(st.integers(1, 80), max_size=20), st.binary(max_size=60))
def test_lines_mean_the_same_in_whatever_pieces_they_come(cuts: list[int], noise: bytes) -> None:
    text = b"".join((line(NOON), noise.replace(b"\n", b" ") + b"\n", line(NOON, OTHER, 10000), line(NOON + MINUTE)))
    whole, fed = ended(text), Fed()
    rest = text
    for cut in cuts:
        fed.feed.take(rest[:cut])
        rest = rest[cut:]
    fed.feed.take(rest)
    fed.feed.end()
    assert (fed.moments(), fed.refused) == whole


def test_a_bar_is_of_now_until_the_next_one_is_complete() -> None:
    wednesday, thursday = (calendar.session(date(2026, 3, day)) for day in (11, 12))
    friday, monday = (calendar.session(date(2026, 3, day)) for day in (13, 16))
    assert wednesday and thursday and friday and monday
    assert Rhythm(MINUTE).over(NOON) == NOON + MINUTE
    assert Rhythm(MINUTE).over(wednesday.closes) == thursday.opens + MINUTE
    assert Rhythm(7 * MINUTE).over(wednesday.closes - MINUTE) == wednesday.closes
    assert Rhythm(0).over(friday.closes) == monday.closes
    assert not Rhythm(0).skips(friday.closes, monday.opens) and not Rhythm(0).skips(friday.opens, monday.opens)
    assert Rhythm(0).skips(thursday.closes, monday.opens)
    # The day after Thanksgiving closes early: the bar of a session is as long as its session.
    eve, early = (calendar.session(date(2026, 11, day)) for day in (25, 27))
    assert eve and early and early.closes - early.opens < eve.closes - eve.opens
    assert Rhythm(0).over(eve.closes) == early.closes
    assert Rhythm(0).problem(early.opens, early.closes) == ""
    assert "no whole session" in Rhythm(0).problem(eve.opens, eve.closes - MINUTE)
    assert "goes beyond the close" in Rhythm(MINUTE).problem(eve.closes - 1, eve.closes + 1)


def test_a_named_pipe_outlives_its_writers_and_a_file_ends(tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    lines = Lines.of(str(pipe))
    for text in (b"one\n", b"two\n"):
        pipe.write_bytes(text)
        assert lines.read(5.0) == text
        assert lines.read(0.0) == b""
    file.write_bytes(b"one\n")
    ends = Lines.of(str(file))
    assert [ends.read(0.0) for _ in range(3)] == [b"one\n", None, None]
