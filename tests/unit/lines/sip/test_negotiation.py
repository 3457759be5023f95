"""Offers and answers of a call's audio."""

from __future__ import annotations

import pytest

from offhook.lines.sip.negotiation import Negotiation
from offhook.lines.sip.sdp import SdpError

HEAD = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n"


def described(*media: str) -> bytes:
    return (HEAD + "".join(f"{line}\r\n" for line in media)).encode()


@pytest.fixture
def ours() -> Negotiation:
    return Negotiation("10.0.0.1", 7)


def media_lines(body: bytes) -> list[str]:
    return [line for line in body.decode().split("\r\n") if line.startswith("m=")]


@pytest.mark.parametrize(
    ("payloads", "codec", "number"), [("8 0", "PCMA", 8), ("0 8", "PCMU", 0), ("18 9 8", "PCMA", 8)]
)
def test_codec_is_the_first_of_the_offer_that_we_have(ours, payloads, codec, number):
    answer = ours.answer(described(f"m=audio 4000 RTP/AVP {payloads}"), 6000)
    assert ours.agreed.codec == codec
    assert media_lines(answer) == [f"m=audio 6000 RTP/AVP {number}"]


def test_telephone_event_keeps_the_number_of_the_offer(ours):
    answer = ours.answer(described("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"), 6000)
    assert ours.agreed.event_payload == 96
    assert b"a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15" in answer


def test_telephone_event_at_another_rate_is_not_taken(ours):
    ours.answer(described("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/48000"), 6000)
    assert ours.agreed.event_payload is None


def test_other_streams_are_refused_with_port_0_at_their_places(ours):
    answer = ours.answer(
        described("m=video 5000 RTP/AVP 99", "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0", "m=image 9 udptl t38"),
        6000,
    )
    assert media_lines(answer) == [
        "m=video 0 RTP/AVP 99",
        "m=audio 6000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 0",
        "m=image 0 UDPTL t38",
    ]
    assert ours.agreed.remote == ("10.0.0.2", 4000)


def test_address_of_the_stream_wins_over_that_of_the_session(ours):
    ours.answer(described("m=audio 4000 RTP/AVP 0", "c=IN IP4 10.9.9.9"), 6000)
    assert ours.agreed.remote == ("10.9.9.9", 4000)


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 4000 RTP/AVP 18",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/SAVP 0",
        "m=video 4000 RTP/AVP 0",
        "m=audio 4000 TCP/MRCP 1",
    ],
)
def test_offer_without_usable_audio_is_not_acceptable(ours, media):
    with pytest.raises(SdpError):
        ours.answer(described(media), 6000)


def test_offer_without_an_address_is_not_acceptable(ours):
    with pytest.raises(SdpError, match="no address"):
        ours.answer(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", 6000)


@pytest.mark.parametrize(
    ("theirs", "answered", "sends", "receives"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendonly", "recvonly", False, True),
        ("recvonly", "sendonly", True, False),
        ("inactive", "inactive", False, False),
    ],
)
def test_direction_is_mirrored(ours, theirs, answered, sends, receives):
    answer = ours.answer(described("m=audio 4000 RTP/AVP 0", f"a={theirs}"), 6000)
    assert f"a={answered}\r\n".encode() in answer
    assert (ours.agreed.sends, ours.agreed.receives) == (sends, receives)


def test_version_counts_up_only_when_the_description_changes(ours):
    def version(body: bytes) -> str:
        return body.split(b"\r\n")[1].decode()

    first = ours.answer(described("m=audio 4000 RTP/AVP 0"), 6000)
    again = ours.answer(described("m=audio 4000 RTP/AVP 0"), 6000)
    hold = ours.answer(described("m=audio 4000 RTP/AVP 0", "a=sendonly"), 6000)
    assert version(first) == version(again) == "o=offhook 7 1 IN IP4 10.0.0.1"
    assert version(hold) == "o=offhook 7 2 IN IP4 10.0.0.1"


def test_offer_names_both_g711_and_keys(ours):
    assert media_lines(ours.offer(6000)) == ["m=audio 6000 RTP/AVP 0 8 101"]


def test_offer_inside_a_call_keeps_the_places_of_the_streams(ours):
    ours.answer(described("m=video 5000 RTP/AVP 99", "m=audio 4000 RTP/AVP 8"), 6000)
    assert media_lines(ours.offer(6000)) == ["m=video 0 RTP/AVP 99", "m=audio 6000 RTP/AVP 0 8 101"]


def test_answer_decides_codec_address_and_keys(ours):
    ours.offer(6000)
    agreed = ours.take_answer(described("m=audio 4010 RTP/AVP 8 100", "a=rtpmap:100 telephone-event/8000"))
    assert (agreed.codec, agreed.remote, agreed.event_payload) == ("PCMA", ("10.0.0.2", 4010), 100)


def test_answer_that_refuses_the_audio_is_an_error(ours):
    ours.offer(6000)
    with pytest.raises(SdpError, match="takes no audio"):
        ours.take_answer(described("m=audio 0 RTP/AVP 0"))
