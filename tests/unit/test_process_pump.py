"""The bounded, masked log against the whole text at once."""

from __future__ import annotations

import os
import tempfile

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.adapters.process.pump import BoundedLog, Masker

WORDS = st.text("ab*", max_size=30).map(str.encode)
SECRETS = st.lists(st.text("ab", min_size=1, max_size=6).map(str.encode), max_size=4)


@given(chunks=st.lists(WORDS, max_size=12), secrets=SECRETS)
@example(chunks=[b"hunt", b"er2-lo", b"ng"], secrets=[b"hunter2", b"hunter2-long"])
def test_how_output_is_cut_into_pieces_makes_no_difference(chunks: list[bytes], secrets: list[bytes]) -> None:
    masker = Masker(secrets)
    pieces = b"".join([*(masker.feed(chunk) for chunk in chunks), masker.finish()])
    whole = Masker(secrets)
    assert pieces == whole.feed(b"".join(chunks)) + whole.finish()


@given(text=st.text("abc", max_size=60).map(str.encode), secret=st.text("ab", min_size=1, max_size=5).map(str.encode))
def test_one_secret_is_replaced_as_replace_would(text: bytes, secret: bytes) -> None:
    masker = Masker([secret])
    assert masker.feed(text) + masker.finish() == text.replace(secret, b"***")


@given(
    chunks=st.lists(st.binary(max_size=40), max_size=40),
    bytes_max=st.integers(min_value=2, max_value=64),
    refresh=st.booleans(),
)
def test_a_log_keeps_the_first_and_the_last_bytes(chunks: list[bytes], bytes_max: int, refresh: bool) -> None:
    text = b"".join(chunks)
    with tempfile.TemporaryFile() as file:
        log = BoundedLog(file.fileno(), bytes_max)
        for chunk in chunks:
            log.write(chunk)
            if refresh:
                log.refresh()
        log.refresh()
        kept = os.pread(file.fileno(), 1 << 16, 0)
    head, tail = bytes_max // 2, bytes_max - bytes_max // 2
    dropped = max(0, len(text) - bytes_max)
    assert (log.seen, log.dropped) == (len(text), dropped)
    gap = b"\n[... %d bytes of output dropped here ...]\n" % dropped if dropped else b""
    assert kept == (text[:head] + gap + text[-tail:] if dropped else text)
