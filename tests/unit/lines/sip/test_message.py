"""Messages split and joined."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.sip.message import (
    Headers,
    MalformedMessageError,
    Request,
    Response,
    parse,
    split_list,
    tag_of,
)

GOOD = (
    b"OPTIONS sip:100@10.0.0.1;x=%41 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.2:5080;branch=z9hG4bKa+b!c;rport\r\n"
    b'From: "J\xc3\xb6rg \xff" <sip:a@x>;tag=1\r\n'
    b"To: <sip:100@10.0.0.1>\r\n"
    b"Call-ID: c\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def test_message_that_is_read_and_written_is_the_same_to_the_byte():
    assert bytes(parse(GOOD)) == GOOD


def test_short_header_names_are_known_by_their_long_ones():
    short = GOOD.replace(b"Via:", b"v:").replace(b"From:", b"f:").replace(b"Call-ID:", b"i:").replace(b"To:", b"t:")
    message = parse(short)
    assert (message.call_id, message.from_tag, message.via.host) == ("c", "1", "10.0.0.2")


def test_bytes_after_the_content_length_are_no_part_of_a_datagram():
    assert parse(GOOD + b"more").body == b"body"


def test_response_may_have_no_reason():
    response = parse(GOOD.replace(b"OPTIONS sip:100@10.0.0.1;x=%41 SIP/2.0", b"SIP/2.0 200 ", 1))
    assert isinstance(response, Response)
    assert (response.code, response.phrase) == (200, "")


def without(name: bytes) -> bytes:
    head, _, body = GOOD.partition(b"\r\n\r\n")
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(name)) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("data", "reason", "answered"),
    [
        (without(b"From"), "no From", True),
        (without(b"To"), "no To", True),
        (without(b"Call-ID"), "no Call-ID", True),
        (without(b"CSeq"), "no CSeq", True),
        (without(b"Via"), "no Via", False),
        (GOOD.replace(b"SIP/2.0/UDP 10", b"nonsense 10"), "Via", False),
        (GOOD.replace(b"1 OPTIONS", b"1 INVITE"), "another method", True),
        (GOOD.replace(b"1 OPTIONS", b"2147483648 OPTIONS"), "2\\*\\*31", True),
        (GOOD.replace(b"1 OPTIONS", b"one OPTIONS"), "CSeq", True),
        (GOOD.replace(b"th: 4", b"th: 40"), "shorter", True),
        (GOOD.replace(b"th: 4", b"th: -4"), "not a number", True),
        (GOOD.replace(b"th: 4", b"th: \xc2\xb2"), "not a number", True),
        (GOOD.replace(b"th: 4", b"th: " + b"9" * 5000), "not a number", True),
        (GOOD.replace(b"Call-ID: c\r\n", b"Call-ID: c\r\nCall-ID: d\r\n"), "more than one Call-ID", True),
        (GOOD.replace(b"Call-ID: c\r\n", b"Call-ID: c\r\nno colon\r\n"), "header line", True),
        (GOOD.replace(b"Call-ID: c\r\n", b"Call-ID: c\r\n" + b"X: y\r\n" * 300), "more than 200", True),
        (GOOD.replace(b'"J', b"J"), "quotes", True),
        (GOOD.replace(b" SIP/2.0\r\n", b"  SIP/2.0\r\n", 1), "request line", True),
        (GOOD.replace(b"sip:100@10.0.0.1;x=%41", b"<sip:100@10.0.0.1>", 1), "request line", True),
        (GOOD.partition(b"\r\n\r\n")[0], "no empty line", True),
        (b"", "neither", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "request line", False),
        (b"SIP/2.0 99 No\r\n\r\n", "response code", False),
        (b"SIP/2.0 2000 No\r\n\r\n", "response code", False),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "neither", False),
    ],
)
def test_fault_is_named_and_answered_where_a_via_is_there(data, reason, answered):
    with pytest.raises(MalformedMessageError, match=reason) as caught:
        parse(data)
    assert (caught.value.partial is not None) is answered
    assert caught.value.status == 400


def test_malformed_ack_is_never_answered():
    with pytest.raises(MalformedMessageError) as caught:
        parse(without(b"From").replace(b"OPTIONS", b"ACK"))
    assert caught.value.partial is None


def test_message_of_another_version_is_answered_with_505():
    with pytest.raises(MalformedMessageError) as caught:
        parse(GOOD.replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1))
    assert caught.value.status == 505


def test_message_too_large_is_answered_with_513():
    with pytest.raises(MalformedMessageError) as caught:
        parse(GOOD.replace(b"Call-ID", b"Subject: " + b"x" * 20_000 + b"\r\nCall-ID"))
    assert (caught.value.status, caught.value.partial.via.host) == (513, "10.0.0.2")


def test_folded_lines_are_one_value():
    folded = GOOD.replace(b"CSeq: 1 OPTIONS", b"cseq:\r\n  0001\r\n\tOPTIONS")
    assert parse(folded).cseq.sequence == 1


def test_a_parameter_named_self_does_no_harm():
    with pytest.raises(MalformedMessageError, match="Via"):
        parse(GOOD.replace(b";rport", b";self=1"))


def test_headers_are_changed_at_their_place():
    headers = Headers([("Via", "1"), ("From", "2"), ("via", "3")])
    assert list(headers.but("Via", "a", "b")) == [("Via", "a"), ("Via", "b"), ("From", "2")]
    assert list(headers.but("To", "x"))[-1] == ("To", "x")


def test_list_is_split_outside_quotes_and_brackets():
    assert split_list('"a, \\"b" <sip:x,y@z>;q=1 , <sip:c>,,') == ['"a, \\"b" <sip:x,y@z>;q=1', "<sip:c>"]


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ("<sip:a@x>;tag=1", "1"),
        ("<sip:a@x;tag=no>", ""),
        ("sip:a@x;tag=1", "1"),
        ('"x;tag=no" <sip:a@x>; TAG = 2 ;y=1', "2"),
        ("", ""),
    ],
)
def test_tag_is_that_of_the_header_not_of_the_uri(value, tag):
    assert tag_of(value) == tag


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data):
    try:
        message = parse(data)
    except MalformedMessageError:
        return
    assert isinstance(message, Request | Response)


@given(st.data())
def test_any_damage_to_a_good_message_is_read_or_refused(data):
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(MalformedMessageError):
        parse(bytes(damaged))


@pytest.mark.parametrize("host", ["pbx1", "asterisk01.lan:5070", "my_pbx_1 ;x", "10.0.0.2", "[2001:db8::1]:5060"])
def test_via_may_name_any_host(host):
    via = parse(GOOD.replace(b"UDP 10.0.0.2:5080", b"UDP " + host.encode())).via
    assert host.startswith(via.host)
