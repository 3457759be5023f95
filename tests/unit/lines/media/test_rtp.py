import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.media.rtp import RtpError, RtpPacket, parse_rtp, serialize_rtp

PLAIN = RtpPacket(payload_type=0, marker=True, sequence=65535, timestamp=2**32 - 1, ssrc=1, payload=b"sound")


def test_a_packet_reads_as_it_was_written():
    assert parse_rtp(serialize_rtp(PLAIN)) == PLAIN


def test_contributing_sources_extension_and_padding_are_not_sound():
    header = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 8, 7, 160, 9)
    data = header + b"\0" * 8 + struct.pack("!HH", 0xBEDE, 1) + b"ext!" + b"sound" + b"\0\0\3"
    assert parse_rtp(data) == RtpPacket(8, False, 7, 160, 9, b"sound")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "less than an RTP header"),
        (b"\x80" * 11, "less than an RTP header"),
        (b"\x40" + b"\0" * 20, "version 1"),
        (b"\x8f" + b"\0" * 20, "contributing sources"),
        (b"\x90" + b"\0" * 13, "extension"),
        (b"\x90" + b"\0" * 13 + b"\0\xff" + b"\0" * 8, "extension"),
        (b"\xa0" + b"\0" * 11 + b"sound\0", "padding"),
        (b"\xa0" + b"\0" * 11 + b"sound\x07", "padding"),
    ],
)
def test_what_is_no_rtp_is_refused_with_the_reason(data, why):
    with pytest.raises(RtpError, match=why):
        parse_rtp(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_an_rtp_error(data):
    try:
        packet = parse_rtp(data)
    except RtpError:
        return
    assert len(packet.payload) <= len(data) - 12


@given(
    st.builds(
        RtpPacket,
        payload_type=st.integers(0, 127),
        marker=st.booleans(),
        sequence=st.integers(0, 2**16 - 1),
        timestamp=st.integers(0, 2**32 - 1),
        ssrc=st.integers(0, 2**32 - 1),
        payload=st.binary(max_size=400),
    )
)
def test_every_packet_survives_the_wire(packet):
    assert parse_rtp(serialize_rtp(packet)) == packet
