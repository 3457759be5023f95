"""What the stack does with requests outside calls, with floods, and with bytes that are no SIP."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.lines.sip.actions import Confirmed
from offhook.lines.sip.address import Hop, Transport
from offhook.lines.sip.admission import SETUP_BURST

# The fixture only makes far ends; each example has its own.
FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
STRANGER = Hop(Transport.UDP, "192.0.2.66", 5060)


def test_options_tells_what_is_served(far_end):
    answer = far_end.says(far_end.request("OPTIONS", branch="o"))[0]
    assert answer.code == 200
    assert set(answer.headers.tokens("Allow")) >= {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"}
    assert answer.headers.get("Accept") == "application/sdp"
    assert answer.to_tag


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH"])
def test_known_methods_that_are_not_served_get_405_with_allow(far_end, method):
    answer = far_end.says(far_end.request(method, branch="x"))[0]
    assert (answer.code, "INVITE" in answer.headers.tokens("Allow")) == (405, True)


def test_unknown_method_gets_501(far_end, named):
    assert named(far_end.says(far_end.request("FROBNICATE", branch="x"))) == [501]


@pytest.mark.parametrize("method", ["BYE", "UPDATE", "INFO"])
def test_requests_of_calls_that_do_not_exist_get_481(far_end, named, method):
    assert named(far_end.says(far_end.request(method, branch="x", to_tag="nobody"))) == [481]
    assert named(far_end.says(far_end.request(method, branch="y"))) == [481]


def test_stray_ack_and_stray_response_get_nothing(far_end):
    assert far_end.says(far_end.request("ACK", branch="x", to_tag="nobody")) == []
    stray = far_end.response(far_end.dial()[0], 200).replace("z9hG4bK", "z9hG4bKother")
    assert far_end.says(stray) == []
    assert far_end.events == []


def test_required_extension_gets_420_and_its_name(far_end):
    answer = far_end.says(far_end.invite(extra="Require: 100rel, timer\r\n"))[0]
    assert (answer.code, answer.headers.get("Unsupported")) == (420, "100rel, timer")


def test_scheme_that_is_no_telephone_gets_416(far_end, named):
    assert named(far_end.says(far_end.invite(uri="http:x"))) == [416]


def test_body_that_is_no_sdp_gets_415_with_accept(far_end):
    answer = far_end.says(far_end.invite().replace("application/sdp", "application/unknown"))[0]
    assert (answer.code, answer.headers.get("Accept")) == (415, "application/sdp")


def test_compressed_body_gets_415(far_end, named):
    assert named(far_end.says(far_end.invite(extra="Content-Encoding: gzip\r\n"))) == [415]


def test_sdp_without_audio_that_we_have_gets_488_with_a_warning(far_end, offer):
    bad = offer.replace("0 8 101", "18").replace("a=rtpmap:101 telephone-event/8000\r\n", "")
    answer = far_end.says(far_end.invite(body=bad))[-1]
    assert (answer.code, "G.711" in answer.headers.get("Warning")) == (488, True)
    assert far_end.calls == []


def test_invite_without_contact_gets_400(far_end, named):
    invite = far_end.invite().replace("Contact: <sip:them@10.0.0.2:5080>\r\n", "")
    assert named(far_end.says(invite)) == [400]


@pytest.mark.parametrize("value", ["300", "-1", "x", "²"])
def test_nonsense_in_max_forwards_gets_400(far_end, named, value):
    assert named(far_end.says(far_end.invite().replace("Max-Forwards: 70", f"Max-Forwards: {value}"))) == [400]


def test_max_forwards_0_reaches_an_endpoint(far_end, named):
    # RFC 4475 (zeromf): only a proxy answers 483; whoever is called takes the call.
    assert named(far_end.says(far_end.invite().replace("Max-Forwards: 70", "Max-Forwards: 0"))) == [100]


def test_same_invite_by_two_ways_gets_482(far_end, named):
    assert named(far_end.says(far_end.invite("first"))) == [100]
    assert named(far_end.says(far_end.invite("second"))) == [482]
    assert len(far_end.calls) == 1


def test_stranger_gets_403_and_leaves_no_trace(far_end, named):
    assert named(far_end.says(far_end.invite(), STRANGER)) == [403]
    assert (far_end.calls, far_end.stack.transactions) == ([], 0)


def test_callee_outside_the_allowed_networks_may_end_the_call_it_was_called_into(far_end, named):
    ack = far_end.took()
    bye = far_end.request("BYE", branch="b", call_id=ack.call_id, to_tag=ack.from_tag, from_tag="bob-tag")
    assert named(far_end.says(bye, STRANGER)) == [200]


def test_response_goes_to_the_source_port_with_rport_and_to_the_via_port_without(far_end):
    source = Hop(Transport.UDP, "10.0.0.3", 40001)
    answer = far_end.says(far_end.request("OPTIONS", branch="o", sent_by="phone.example:5070"), source)[0]
    assert (far_end.hop.host, far_end.hop.port) == ("10.0.0.3", 40001)
    assert answer.headers.get("Via") == ("SIP/2.0/UDP phone.example:5070;branch=z9hG4bKo;received=10.0.0.3;rport=40001")
    plain = far_end.request("OPTIONS", branch="p", sent_by="phone.example:5070").replace(";rport", "")
    far_end.says(plain, source)
    assert (far_end.hop.host, far_end.hop.port) == ("10.0.0.3", 5070)


def test_vias_of_all_proxies_come_back_as_they_were(far_end):
    invite = far_end.invite().replace("\r\nFrom:", "\r\nVia: SIP/2.0/TCP p1;branch=z9hG4bK1|+,SIP/2.0/UDP p2\r\nFrom:")
    vias = far_end.says(invite)[0].headers.all("Via")
    assert vias[1:] == ["SIP/2.0/TCP p1;branch=z9hG4bK1|+", "SIP/2.0/UDP p2"]


def test_branch_without_the_magic_cookie_is_matched_the_old_way(far_end, named):
    old = far_end.invite().replace("z9hG4bKinv", "1")
    assert named(far_end.says(old)) == [100]
    assert named(far_end.says(old)) == [100]
    assert len(far_end.calls) == 1


@pytest.mark.parametrize("ping", [b"", b"\r\n", b"\r\n\r\n", b"\x00\x00\x00\x00"])
def test_keep_alives_are_silent(far_end, ping):
    assert far_end.says(ping) == []
    assert far_end.dropped == []


def test_message_may_follow_empty_lines(far_end, named):
    assert named(far_end.says(b"\r\n" + far_end.request("OPTIONS", branch="o").encode())) == [200]


def test_malformed_request_gets_400_where_its_via_can_be_read(far_end, named):
    assert named(far_end.says(far_end.invite().replace("Call-ID: call-1\r\n", ""))) == [400]
    assert far_end.says("nonsense") == []
    assert far_end.dropped == ["request line"]


def test_flood_of_invites_gets_503_without_memory_and_the_call_in_progress_goes_on(far_end, named):
    ok = far_end.called()
    answers = []
    for number in range(int(SETUP_BURST) + 500):
        answers += far_end.says(far_end.invite(f"flood{number}", call_id=f"flood{number}"))
    refused = [answer for answer in answers if answer.code == 503]
    assert len(refused) == 501  # the call in progress took one place of the burst
    assert {answer.headers.get("Retry-After") for answer in refused} == {"5"}
    assert far_end.stack.transactions == SETUP_BURST
    assert named(far_end.says(far_end.request("BYE", branch="bye", cseq=2, to_tag=ok.to_tag))) == [200]


def test_after_the_flood_calls_are_taken_again(far_end, named):
    for number in range(int(SETUP_BURST) + 1):
        last = far_end.says(far_end.invite(f"flood{number}", call_id=f"flood{number}"))
    assert named(last) == [503]
    far_end.now += 1
    assert named(far_end.says(far_end.invite("after", call_id="after"))) == [100]


def test_ten_thousand_calls_leave_nothing(far_end):
    for number in range(1000):
        names = {"call_id": f"c{number}"}
        far_end.says(far_end.invite(f"i{number}", **names))
        ok = far_end.answer()[0]
        far_end.says(far_end.request("ACK", branch=f"a{number}", to_tag=ok.to_tag, **names))
        far_end.says(far_end.request("BYE", branch=f"b{number}", cseq=2, to_tag=ok.to_tag, **names))
        far_end.waits(1.0)
    assert far_end.events.count(Confirmed()) == 1000
    assert len(far_end.stack._heap) < 1000
    far_end.waits(64)
    assert (far_end.stack.calls, far_end.stack.transactions, len(far_end.stack._merged)) == (0, 0, 0)


PIECES = st.sampled_from(
    [b"INVITE", b"ACK", b"BYE", b"SIP/2.0", b"sip:a@10.0.0.1", b" ", b"\r\n", b"\r\n\r\n", b"Via: SIP/2.0/UDP h",
     b";branch=", b"z9hG4bK", b"From: ", b"To: ", b"<sip:", b">", b";tag=1", b"Call-ID: x", b"CSeq: 1 INVITE", b'"',
     b"Contact: *", b"\\", b"Content-Length: 5", b"Record-Route: <sip:p;lr>", b"Require: x", b"v=0", b"\xff", b",",
     b"self=1", b"200 OK"]
)  # fmt: skip


@settings(FIXTURE)
@given(message=st.one_of(st.binary(max_size=500), st.lists(PIECES, max_size=40).map(b"".join)))
def test_any_bytes_are_survived(new_far_end, message):
    new_far_end().says(message)


@settings(FIXTURE, max_examples=300)
@given(data=st.data())
def test_any_damage_to_a_real_invite_is_survived_and_what_arrives_can_be_answered(new_far_end, data):
    far_end = new_far_end()
    damaged = bytearray(far_end.invite(extra="Record-Route: <sip:10.0.0.5;lr>\r\n").encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 4))] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"<", b">", b'"', b";", b",", b"\r\n", b"?", b"%", b":"]))
        )
    far_end.says(bytes(damaged))
    if far_end.calls:
        far_end.ring()
        far_end.answer()
        far_end.hang_up()
    far_end.waits(70)


@settings(FIXTURE, max_examples=200)
@given(data=st.data())
def test_any_damage_to_a_response_is_survived(new_far_end, data):
    far_end = new_far_end()
    invite = far_end.dial(username="u", password="p")[0]
    code = data.draw(st.sampled_from([100, 183, 200, 302, 401, 407, 486]))
    extra = 'WWW-Authenticate: Digest realm="r", nonce="n"\r\nProxy-Authenticate: Digest realm="r", nonce="n"\r\n'
    damaged = bytearray(
        far_end.response(invite, code, body="v=0\r\nc=IN IP4 1.1.1.1\r\nm=audio 4 RTP/AVP 0\r\n", extra=extra).encode()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    far_end.says(bytes(damaged))
    far_end.hang_up()
    far_end.waits(110)
    assert far_end.stack.calls == 0
