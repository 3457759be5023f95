"""Messages cut out of a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.sip.framing import Framer, FramingError

ONE = b"OPTIONS sip:a SIP/2.0\r\nl : 4\r\n\r\nbody"
TWO = b"BYE sip:b SIP/2.0\r\nX: content-length: 9\r\nContent-Length:0\r\n\r\n"


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_messages_come_out_whole_however_the_bytes_come_in(sizes):
    stream, framer, got = ONE + b"\r\n" + TWO + ONE, Framer(), []
    while stream:
        size = sizes[len(stream) % len(sizes)]
        got += framer.feed(stream[:size])
        stream = stream[size:]
    assert got == [ONE, TWO, ONE]


def test_double_line_end_is_a_ping():
    framer = Framer()
    assert list(framer.feed(b"\r\n")) == []
    assert list(framer.feed(b"\r\n")) == [b""]
    assert list(framer.feed(ONE)) == [ONE]


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n", "no Content-Length"),
        (b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 9999999\r\n\r\n", "too large"),
        (b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999999999\r\n\r\n", "no Content-Length"),
        (b"x" * 20_000, "without end"),
    ],
)
def test_stream_that_cannot_be_cut_is_given_up(stream, reason):
    with pytest.raises(FramingError, match=reason):
        list(Framer().feed(stream))
