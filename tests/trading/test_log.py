"""Events in one order, a log that cannot be changed unseen, and a state that follows from it to the byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading import chain, events
from trading.engine.log import EventLog, LogDamaged, read
from trading.engine.queue import EventQueue, Priority
from trading.engine.replay import State, replay
from trading.events import AnyEvent
from trading.model import Lots, Money, Nanos, OrderType, Side, Symbol, Ticks, TimeInForce, TradingState

SYMBOLS = [Symbol.parse(name) for name in ("AAPL.NASDAQ", "MSFT.NASDAQ", "XOM.NYSE")]
moments = st.integers(0, 2**62).map(Nanos)
ids = st.sampled_from([f"o-{n}" for n in range(6)])


def fills() -> st.SearchStrategy[AnyEvent]:
    return st.builds(
        events.Fill,
        at=moments,
        execution=st.sampled_from([f"x-{n}" for n in range(9)]),
        client_id=ids,
        strategy=st.sampled_from(["a", "b"]),
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(Side),
        quantity=st.integers(1, 50).map(Lots),
        price=st.integers(1, 10**6).map(Ticks),
        notional=st.integers(0, 10**15).map(Money),
        fee=st.integers(0, 10**9).map(Money),
    )


def intents() -> st.SearchStrategy[AnyEvent]:
    return st.builds(
        events.Intent,
        at=moments,
        client_id=ids,
        strategy=st.sampled_from(["a", "b"]),
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(Side),
        type=st.sampled_from(OrderType),
        tif=st.sampled_from(TimeInForce),
        quantity=st.integers(1, 50).map(Lots),
        limit=st.none() | st.integers(1, 10**6).map(Ticks),
        reduce_only=st.booleans(),
        decision_price=st.integers(1, 10**12).map(Money),
        epoch=st.integers(0, 9),
    )


some_events = st.lists(
    fills()
    | intents()
    | st.builds(events.Cancelled, at=moments, client_id=ids)
    | st.builds(events.Denied, at=moments, client_id=ids, reasons=st.tuples(st.text(max_size=5)), limits_digest=st.text(max_size=3))
    | st.builds(events.StateChanged, at=moments, state=st.sampled_from(TradingState), epoch=st.integers(0, 5), by=st.text(max_size=3), reason=st.text(max_size=3)),
    max_size=30,
)  # fmt: skip


@given(some_events)
def test_an_event_survives_being_written_and_read(found: list[AnyEvent]) -> None:
    assert [events.decode(events.encode(event)) for event in found] == found


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"null", b'{"event":"Fill"}', b'{"event":"Accepted","at":1,"client_id":"a","x":1}']
)
def test_a_line_that_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="no event"):
        events.decode(line)


@given(some_events)
def test_the_state_of_a_log_is_the_state_that_wrote_it(
    tmp_path_factory: pytest.TempPathFactory, found: list[AnyEvent]
) -> None:
    path = tmp_path_factory.mktemp("log") / "events"
    state = State()
    with EventLog(path) as log:
        for event in found:
            log.append(event)
            state.apply(event)
    assert replay(read(path)).canonical() == state.canonical()


def test_replay_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with EventLog(path) as log:
        for n in range(200):
            symbol = SYMBOLS[n % 3]
            log.append(events.Fill(Nanos(n), f"x-{n % 150}", f"o-{n}", f"s{n % 7}", symbol, list(Side)[n % 2], Lots(n % 5 + 1), Ticks(n), Money(n * 7), Money(n)))  # fmt: skip
    ask = "import sys; from pathlib import Path; from trading.engine import log, replay; sys.stdout.buffer.write(replay.replay(log.read(Path(sys.argv[1]))).canonical())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", ask, str(path)], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert seen == {replay(read(path)).canonical()}


def written(path: Path, count: int = 5) -> list[bytes]:
    with EventLog(path) as log:
        for n in range(count):
            log.append(events.Accepted(Nanos(n), f"o-{n}"))
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("damage", ["changed", "dropped", "swapped", "inserted"])
def test_a_log_that_was_tampered_with_is_not_read_past_the_place(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "events"
    lines = written(path)
    match damage:
        case "changed":
            lines[2] = lines[2].replace(b"o-2", b"o-9")
        case "dropped":
            del lines[2]
        case "swapped":
            lines[2], lines[3] = lines[3], lines[2]
        case _:
            lines.insert(2, lines[2])
    path.write_bytes(b"".join(lines))
    with pytest.raises(LogDamaged, match=r":[34]: does not follow"):
        list(read(path))
    with pytest.raises(LogDamaged):
        EventLog(path)


def test_a_line_that_a_crash_cut_off_never_counted(tmp_path: Path) -> None:
    path = tmp_path / "events"
    lines = written(path)
    for cut in range(1, len(lines[4])):
        path.write_bytes(b"".join(lines[:4]) + lines[4][:cut])
        assert len(list(read(path))) == 4
        with EventLog(path) as log:
            log.append(events.Accepted(Nanos(4), "o-4"))
        assert path.read_bytes() == b"".join(lines)


def test_a_chain_names_the_first_entry_that_does_not_follow() -> None:
    head, entries = chain.GENESIS, []
    for payload in (b"a", b"b", b"c"):
        head = chain.link(head, payload)
        entries.append((head, payload))
    assert chain.broken_at(entries) is None
    assert chain.broken_at([entries[0], (entries[1][0], b"B"), entries[2]]) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(Priority))))
def test_events_come_by_time_then_priority_then_in_the_order_they_were_put(found: list[tuple[int, Priority]]) -> None:
    queue = EventQueue()
    for n, (at, priority) in enumerate(found):
        queue.put(events.Accepted(Nanos(at), str(n)), priority)
    taken = [queue.take() for _ in range(len(queue))]
    wanted = sorted(enumerate(found), key=lambda each: (each[1][0], each[1][1], each[0]))
    assert [event.client_id for event in taken if isinstance(event, events.Accepted)] == [str(n) for n, _ in wanted]


def test_nothing_is_put_before_what_was_given_out() -> None:
    queue = EventQueue()
    queue.put(events.Accepted(Nanos(5), "a"), Priority.ORDER)
    queue.take()
    queue.put(events.Accepted(Nanos(5), "b"), Priority.FILL)
    with pytest.raises(ValueError, match="comes too late"):
        queue.put(events.Accepted(Nanos(4), "c"), Priority.FILL)
