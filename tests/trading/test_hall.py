"""Nobody who is connected to a socket of the desk can keep another from being heard."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from trading.gate import hall as halls
from trading.gate.hall import OF_ONE_MAX, OF_STRANGERS_MAX, Hall
from trading.gate.wire import MESSAGE_BYTES_MAX


@pytest.fixture
def callers() -> Iterator[list[socket.socket]]:
    made: list[socket.socket] = []
    yield made
    for one in made:
        one.close()


def call(callers: list[socket.socket], where: Path, *messages: bytes) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.settimeout(5)
    callers.append(made)
    made.connect(str(where))
    for message in messages:
        made.sendall(message)
    return made


def serve(hall: Hall, rounds: int) -> list[bytes]:
    """Answer whatever comes in so many rounds; return it."""
    said = []
    for _ in range(rounds):
        for connection, _, text in hall.round(0.0):
            said.append(text)
            if text and not hall.answer(connection, {"heard": len(text), "filler": "x" * 2000}):
                hall.drop(connection)
    return said


def test_one_uid_has_one_message_a_round_however_many_connections_it_has(
    tmp_path: Path, callers: list[socket.socket]
) -> None:
    hall = Hall(tmp_path / "s", lambda uid: True)
    for name in b"abc":
        call(callers, tmp_path / "s", *(bytes([name, digit]) for digit in b"123"))
    # Each round hears one, and whoever was heard stands behind the others.
    assert [serve(hall, 1) for _ in range(8)][1:] == [[b"a1"], [b"b1"], [b"c1"], [b"a2"], [b"b2"], [b"c2"], [b"a3"]]
    hall.close()


def test_who_does_not_read_his_answers_is_hung_up_on_and_not_waited_for(
    tmp_path: Path, callers: list[socket.socket]
) -> None:
    hall = Hall(tmp_path / "s", lambda uid: True)
    deaf = call(callers, tmp_path / "s")
    deaf.setblocking(False)
    start, dropped = time.monotonic(), False
    while not dropped and time.monotonic() - start < 10:
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            deaf.send(b"and?")
        serve(hall, 1)
        dropped = not hall.connected
    assert dropped
    other = call(callers, tmp_path / "s", b"me too")
    serve(hall, 3)
    assert b'"heard":6' in other.recv(MESSAGE_BYTES_MAX)
    hall.close()


def test_who_opens_more_connections_than_he_may_loses_his_oldest(tmp_path: Path, callers: list[socket.socket]) -> None:
    for is_known, most in ((True, OF_ONE_MAX), (False, OF_STRANGERS_MAX)):
        where = tmp_path / f"{most}"
        hall = Hall(where, lambda uid, is_known=is_known: is_known)  # type: ignore[misc]
        first = call(callers, where)
        for _ in range(most):
            call(callers, where)
            hall.round(0.0)
        gone = hall.round(0.0)
        assert ([(one.uid, one.text) for one in gone], hall.connected) == ([(os.geteuid(), b"")], most)
        assert first.recv(1) == b""
        hall.close()


def test_a_process_without_descriptors_left_makes_room_and_goes_on(
    tmp_path: Path, callers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = Hall(tmp_path / "s", lambda uid: True)
    # Connected, and not accepted: the other half of each takes a descriptor that is not there.
    for _ in range(10):
        call(callers, tmp_path / "s")
    monkeypatch.setattr(halls, "FILES_KEPT", 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = sorted(set(range(200)) - set(map(int, os.listdir("/proc/self/fd"))))
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[4], hard))
    try:
        for _ in range(20):
            hall.round(0.0)
        connected = hall.connected
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 0 < connected <= 4
    late = call(callers, tmp_path / "s", b"still there?")
    serve(hall, 30)
    assert b'"heard":12' in late.recv(MESSAGE_BYTES_MAX)
    hall.close()


def test_what_is_too_long_comes_cut_and_hurts_nobody(tmp_path: Path, callers: list[socket.socket]) -> None:
    hall = Hall(tmp_path / "s", lambda uid: True)
    for message in (b"x" * (MESSAGE_BYTES_MAX + 9), b"short"):
        call(callers, tmp_path / "s", message)
    assert [len(text) for text in serve(hall, 4)] == [MESSAGE_BYTES_MAX + 1, 5]
    hall.close()
