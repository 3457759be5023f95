"""Reading and writing session descriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.sip.negotiation import Negotiation
from offhook.lines.sip.sdp import Direction, SdpError, format_sdp, parse_sdp

BARESIP = (
    "v=0\r\no=- 3820 8461 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=tool:baresip 1.0.0\r\n"
    "m=audio 40000 RTP/AVP 0 8 96 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    "a=sendrecv\r\na=label:1\r\na=rtcp-rsize\r\na=ssrc:13 cname:x\r\na=ptime:20\r\n"
    "m=video 40002 RTP/AVP 97\r\nc=IN IP4 127.0.0.9\r\na=rtpmap:97 H264/90000\r\na=inactive\r\n"
)


def test_reads_what_a_softphone_sends():
    audio, video = parse_sdp(BARESIP.encode()).media
    assert (audio.kind, audio.port, audio.address, audio.ptime_ms) == ("audio", 40000, "127.0.0.1", 20)
    assert [str(one) for one in audio.formats] == ["PCMU/8000", "PCMA/8000", "telephone-event/8000"]
    assert audio.formats[2].parameters == "0-15"
    assert (video.address, video.direction) == ("127.0.0.9", Direction.INACTIVE)


def test_static_payload_types_need_no_rtpmap():
    media = parse_sdp(b"v=0\nc=IN IP4 1.2.3.4\nm=audio 9 RTP/AVP 8 9 77\n").media[0]
    assert [str(one) for one in media.formats] == ["PCMA/8000", "G722/8000"]


def test_direction_at_session_level_holds_for_every_stream():
    assert parse_sdp(b"v=0\na=sendonly\nm=audio 9 RTP/AVP 0\n").media[0].direction is Direction.SENDONLY


def test_what_was_read_is_written_so_that_it_reads_the_same():
    once = parse_sdp(BARESIP.encode())
    again = parse_sdp(format_sdp(once, "127.0.0.1"))
    assert again.media[0].formats == once.media[0].formats
    assert [media.port for media in again.media] == [40000, 40002]


def test_ipv6_is_written_as_ip6():
    assert b"c=IN IP6 2001:db8::1\r\n" in format_sdp(parse_sdp(b"v=0\nm=audio 9 RTP/AVP 0\n"), "2001:db8::1")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "v=0"),
        (b"v=1\nm=audio 9 RTP/AVP 0\n", "v=0"),
        (b"v=0\ns=-\n", "no media"),
        (b"v=0\nm=audio\n", "too short"),
        (b"v=0\nm=audio 99999 RTP/AVP 0\n", "not a number up to 65535"),
        (b"v=0\nm=audio -1 RTP/AVP 0\n", "not a number"),
        (b"v=0\nm=audio 9 RTP/AVP 200\n", "payload type"),
        (b"v=0\nm=audio 9 RTP/AVP x\n", "payload type"),
        (b"v=0\nnonsense\nm=audio 9 RTP/AVP 0\n", "x=value"),
        (b"v=0\nc=IN IP4\nm=audio 9 RTP/AVP 0\n", "internet address"),
        (b"v=0\nc=IN IP4 999.1.1.1/1\nm=audio 9 RTP/AVP 0\n", "no usable address"),
        (b"v=0\nc=IN IP4 224.2.1.1/127\nm=audio 9 RTP/AVP 0\n", "multicast"),
        (b"v=0\nm=audio 9 RTP/AVP 96\na=rtpmap:96 PCMU/x\n", "clock rate"),
        (b"v=0\n" + b"m=audio 9 RTP/AVP 0\n" * 40, "more than"),
    ],
)
def test_fault_is_named(body, complaint):
    with pytest.raises(SdpError, match=complaint):
        parse_sdp(body)


LINES = st.sampled_from(
    [
        "v=0", "v=1", "o=- 1 1 IN IP4 1.1.1.1", "s=-", "t=0 0", "c=IN IP4 10.0.0.1", "c=IN IP6 ::1", "c=IN IP4 0.0.0.0",
        "c=", "m=audio 4000 RTP/AVP 0 8 101",
        "m=audio 0 RTP/AVP 0", "m=video 5000 RTP/AVP 99", "m=audio 1/2 RTP/SAVP 0",
        "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:", "a=rtpmap:0 /", "a=sendonly",
        "a=inactive", "a=ptime:20", "a=ptime:x", "a=fmtp:101 0-15", "a=", "m=", "=", "\x00", "m=audio é RTP/AVP ²",
    ]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=400), st.lists(LINES, max_size=20).map(lambda one: "\r\n".join(one).encode())))
def test_any_bytes_are_answered_or_refused_but_never_break(body):
    negotiation = Negotiation("10.0.0.1", 1)
    try:
        answer = negotiation.answer(body, 6000)
    except SdpError:
        assert negotiation.agreed is None
        return
    # RFC 3264 §6: as many streams as were offered, in their order.
    assert len(parse_sdp(answer).media) == len(parse_sdp(body).media)
    assert negotiation.agreed.codec in {"PCMU", "PCMA"}


@given(st.one_of(st.binary(max_size=400), st.lists(LINES, max_size=20).map(lambda one: "\r\n".join(one).encode())))
def test_any_answer_is_taken_or_refused_but_never_breaks(body):
    negotiation = Negotiation("10.0.0.1", 1)
    negotiation.offer(6000)
    try:
        negotiation.take_answer(body)
    except SdpError:
        assert negotiation.agreed is None
