"""Calls that we place, as transcripts."""

from __future__ import annotations

import pytest

from offhook.errors import LineError
from offhook.lines.line import Party
from offhook.lines.sip.actions import Confirmed, MediaAgreed, Over, Rang
from offhook.lines.sip.dial import InvalidNumberError
from offhook.lines.sip.negotiation import Agreed

AGREED = MediaAgreed(Agreed(("10.0.0.2", 4000), "PCMU", 101))


def ended(far_end):
    return [event for event in far_end.events if isinstance(event, Over)]


def test_invite_rings_is_answered_and_confirmed_by_ack(far_end, offer):
    invite = far_end.dial()[0]
    assert (invite.method, invite.uri, invite.headers.get("Max-Forwards")) == ("INVITE", "sip:bob@10.0.0.2:5080", "70")
    assert far_end.says(far_end.response(invite, 100)) == []
    far_end.says(far_end.response(invite, 180))
    ack = far_end.says(far_end.response(invite, 200, body=offer))[0]
    assert (ack.method, ack.uri, ack.to_tag, ack.cseq.sequence) == ("ACK", "sip:bob@10.0.0.2:5080", "bob-tag", 1)
    assert ack.branch != invite.branch
    assert far_end.events == [Rang(early_media=False), AGREED, Confirmed()]


def test_early_media_is_connected_before_the_answer(far_end, offer):
    invite = far_end.dial()[0]
    far_end.says(far_end.response(invite, 183, body=offer))
    assert far_end.events == [AGREED, Rang(early_media=True)]
    # RFC 3264: the 200 may leave out the answer that the 183 brought.
    far_end.says(far_end.response(invite, 200))
    assert far_end.events[-1] == Confirmed()


def test_invite_is_repeated_with_doubling_gaps_until_something_comes(far_end):
    invite = far_end.dial()[0]
    far_end.times.clear()
    far_end.waits(7.6)
    assert far_end.times == [0.5, 1.5, 3.5, 7.5]
    far_end.says(far_end.response(invite, 100))
    assert far_end.waits(20) == []


def test_nobody_answers_for_32_seconds(far_end, named):
    far_end.dial(ring_timeout_s=60)
    assert named(far_end.waits(33)) == ["INVITE"] * 6
    assert far_end.events == [Over(Party.CARRIER, 408, "no response from 10.0.0.2:5080 within 32 s")]
    assert far_end.stack.transactions == 0


def test_port_that_nobody_listens_on_is_known_at_once(far_end):
    far_end.dial()
    far_end.perform(far_end.stack.unreachable(far_end.hop, far_end.now))
    assert far_end.events == [Over(Party.CARRIER, 503, "10.0.0.2:5080 cannot be reached")]


@pytest.mark.parametrize(
    ("code", "party"),
    [
        (486, Party.CALLEE),
        (600, Party.CALLEE),
        (603, Party.CALLEE),
        (480, Party.CALLEE),
        (404, Party.CARRIER),
        (302, Party.CARRIER),
        (500, Party.CARRIER),
    ],
)
def test_refusal_ends_the_call_with_its_code_and_is_acknowledged(far_end, code, party):
    invite = far_end.dial()[0]
    ack = far_end.says(far_end.response(invite, code))[0]
    assert (ack.method, ack.branch, ack.to_tag) == ("ACK", invite.branch, "bob-tag")
    assert far_end.events == [Over(party, code, f"{code} Whatever")]
    # The peer repeats its refusal when our ACK was lost.
    assert far_end.says(far_end.response(invite, code))[0].method == "ACK"
    assert len(ended(far_end)) == 1


def test_ring_limit_cancels(far_end, named):
    invite = far_end.dial(ring_timeout_s=10)[0]
    far_end.says(far_end.response(invite, 180))
    cancel = far_end.waits(10)[-1]
    assert (cancel.method, cancel.branch, cancel.uri) == ("CANCEL", invite.branch, invite.uri)
    assert cancel.headers.get("CSeq") == "1 CANCEL"
    far_end.says(far_end.response(cancel, 200))
    assert named(far_end.says(far_end.response(invite, 487))) == ["ACK"]
    assert ended(far_end) == [Over(Party.CALLEE, 487, "ring limit reached: no answer in 10 s")]


def test_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up(far_end, named, offer):
    invite = far_end.dial(ring_timeout_s=10)[0]
    far_end.says(far_end.response(invite, 180))
    far_end.waits(10)
    assert named(far_end.says(far_end.response(invite, 200, body=offer))) == ["ACK", "BYE"]
    assert ended(far_end) == [Over(Party.CALLEE, 487, "ring limit reached: no answer in 10 s")]


def test_peer_that_ignores_cancel_is_waited_for_five_seconds(far_end, named, offer):
    invite = far_end.dial(ring_timeout_s=10)[0]
    far_end.says(far_end.response(invite, 180))
    far_end.waits(14.9)
    assert ended(far_end) == []
    far_end.waits(0.2)
    assert len(ended(far_end)) == 1
    # It answers after all: the call must not stay open at its end.
    assert named(far_end.says(far_end.response(invite, 200, body=offer))) == ["ACK", "BYE"]
    far_end.waits(70)
    assert (far_end.stack.calls, far_end.stack.transactions) == (0, 0)


def test_peer_that_rings_for_ever_is_forgotten(far_end):
    invite = far_end.dial(ring_timeout_s=10)[0]
    far_end.says(far_end.response(invite, 180))
    far_end.waits(100)
    assert (far_end.stack.calls, far_end.stack.transactions) == (0, 0)


def test_cancel_waits_for_the_first_provisional_answer(far_end, named):
    invite = far_end.dial()[0]
    assert far_end.hang_up() == []
    assert ended(far_end) == [Over(Party.PLATFORM, 487, "we cancelled the call")]
    assert named(far_end.says(far_end.response(invite, 180))) == ["CANCEL"]
    assert far_end.events[-1] == ended(far_end)[0]


def test_hanging_up_while_it_rings_cancels(far_end, named):
    invite = far_end.dial()[0]
    far_end.says(far_end.response(invite, 180))
    assert named(far_end.hang_up()) == ["CANCEL"]
    far_end.says(far_end.response(invite, 487))
    assert ended(far_end) == [Over(Party.PLATFORM, 487, "we cancelled the call")]


def test_repeated_200_gets_the_same_ack_again(far_end, offer):
    invite = far_end.dial()[0]
    first = far_end.says(far_end.response(invite, 200, body=offer))
    assert far_end.says(far_end.response(invite, 200, body=offer)) == first
    assert far_end.events.count(Confirmed()) == 1


def test_second_branch_that_answers_is_hung_up(far_end, offer):
    invite = far_end.dial()[0]
    far_end.says(far_end.response(invite, 200, body=offer))
    ack, bye = far_end.says(far_end.response(invite, 200, tag="other", body=offer))
    assert (ack.method, ack.to_tag, bye.method, bye.to_tag) == ("ACK", "other", "BYE", "other")
    assert ended(far_end) == []


def test_answer_without_audio_is_hung_up(far_end, named):
    invite = far_end.dial()[0]
    assert named(far_end.says(far_end.response(invite, 200))) == ["ACK", "BYE"]
    assert ended(far_end)[0].code == 488


def test_bye_of_the_callee_ends_the_call(far_end, named):
    ack = far_end.took()
    bye = far_end.request(
        "BYE", branch="b", call_id=ack.call_id, to_tag=ack.from_tag, from_tag="bob-tag", uri="sip:offhook@10.0.0.1"
    )
    assert named(far_end.says(bye)) == [200]
    assert far_end.events[-1] == Over(Party.CALLEE, None, "BYE")


def test_our_bye_counts_up_cseq(far_end):
    far_end.took()
    bye = far_end.hang_up()[0]
    assert (bye.cseq.sequence, bye.to_tag) == (2, "bob-tag")
    far_end.says(far_end.response(bye, 200))
    assert far_end.events[-1] == Over(Party.PLATFORM, None, "we hung up")


def test_answer_without_a_contact_is_acknowledged_to_the_uri_dialled(far_end, offer):
    invite = far_end.dial()[0]
    assert far_end.says(far_end.response(invite, 200, body=offer, contact=""))[0].uri == "sip:bob@10.0.0.2:5080"


CHALLENGE = 'Proxy-Authenticate: Digest realm="pbx", nonce="n1", qop="auth,auth-int", algorithm=MD5\r\n'


def test_challenge_is_answered_with_the_credentials(far_end, offer):
    invite = far_end.dial(username="bob", password="secret")[0]
    ack, again = far_end.says(far_end.response(invite, 407, extra=CHALLENGE))
    assert ack.method == "ACK"
    assert (again.method, again.cseq.sequence, again.call_id) == ("INVITE", 2, invite.call_id)
    assert again.branch != invite.branch
    assert again.from_tag == invite.from_tag
    assert 'username="bob"' in again.headers.get("Proxy-Authorization")
    confirmed = far_end.says(far_end.response(again, 200, body=offer))[0]
    assert confirmed.headers.get("Proxy-Authorization") == again.headers.get("Proxy-Authorization")
    assert "nc=00000002" in far_end.hang_up()[0].headers.get("Proxy-Authorization")


def test_wrong_password_ends_the_call(far_end, named):
    invite = far_end.dial(username="bob", password="wrong")[0]
    again = far_end.says(far_end.response(invite, 407, extra=CHALLENGE))[1]
    assert named(far_end.says(far_end.response(again, 407, extra=CHALLENGE.replace("n1", "n2")))) == ["ACK"]
    assert ended(far_end)[0].code == 407


def test_stale_nonce_is_tried_again(far_end, named):
    invite = far_end.dial(username="bob", password="secret")[0]
    again = far_end.says(far_end.response(invite, 407, extra=CHALLENGE))[1]
    stale = CHALLENGE.replace("n1", "n2").replace("algorithm", "stale=true, algorithm")
    assert named(far_end.says(far_end.response(again, 407, extra=stale))) == ["ACK", "INVITE"]


def test_endless_stale_nonces_are_given_up(far_end, named):
    invite = far_end.dial(username="bob", password="secret")[0]
    stale = CHALLENGE.replace("algorithm", "stale=true, algorithm")
    for _ in range(10):
        sent = far_end.says(far_end.response(invite, 407, extra=stale))
        if named(sent) == ["ACK"]:
            break
        invite = sent[1]
    assert ended(far_end)[0].code == 407


def test_challenge_without_credentials_ends_the_call(far_end):
    invite = far_end.dial()[0]
    far_end.says(far_end.response(invite, 401, extra=CHALLENGE))
    assert ended(far_end)[0] == Over(Party.CARRIER, 401, "401 Whatever")


def test_challenged_bye_is_signed(far_end, offer):
    invite = far_end.dial(username="bob", password="secret")[0]
    far_end.says(far_end.response(invite, 200, body=offer))
    bye = far_end.hang_up()[0]
    signed = far_end.says(far_end.response(bye, 407, extra=CHALLENGE))[0]
    assert (signed.method, signed.cseq.sequence) == ("BYE", 3)
    far_end.says(far_end.response(signed, 200))
    assert len(ended(far_end)) == 1


def test_number_is_dialled_by_the_proxy(far_end):
    invite = far_end.dial("+33 1 99-88-77", proxy="10.0.0.3:5090")[0]
    assert invite.uri == "sip:+331998877@10.0.0.3:5090"
    assert str(far_end.hop) == "10.0.0.3:5090"


def test_uri_is_sent_by_the_proxy(far_end):
    assert far_end.dial("sip:bob@far.example", proxy="10.0.0.3")[0].uri == "sip:bob@far.example"
    assert str(far_end.hop) == "10.0.0.3:5060"


@pytest.mark.parametrize(
    "to", ["+33199", "tel:+33199", "bob", "http://x", "", "sip:", "sip:bob@x y", "sips:b@x", "sip:b@x:0"]
)
def test_what_cannot_be_dialled_is_said_before_anything_is_sent(far_end, to):
    with pytest.raises(InvalidNumberError):
        far_end.dial(to)


def test_custom_headers_go_out_and_may_override_who_calls(far_end):
    headers = {
        "X-Rounded-Call-Id": "42",
        "From": '"Clinic" <sip:+33100@clinic.example>',
        "to": "<sip:desk@clinic.example>",
        "P-Asserted-Identity": "<sip:+33100@clinic.example>",
    }
    invite = far_end.dial(headers=headers)[0]
    assert invite.headers.get("X-Rounded-Call-Id") == "42"
    assert invite.headers.get("From").startswith('"Clinic" <sip:+33100@clinic.example>;tag=')
    assert invite.headers.all("To") == ["<sip:desk@clinic.example>"]
    assert invite.headers.get("P-Asserted-Identity") == "<sip:+33100@clinic.example>"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "1\r\nVia: evil"},
        {"X-A": "1\nX-B: 2"},
        {"X-A": "1\x00"},
        {"X A": "1"},
        {"X-A:\r\nVia": "1"},
        {"": "1"},
        {"Via": "SIP/2.0/UDP x"},
        {"call-id": "1"},
        {"L": "0"},
        {"From": "nonsense"},
    ],
)
def test_headers_that_would_break_the_message_are_refused(far_end, headers):
    with pytest.raises(LineError):
        far_end.dial(headers=headers)
    assert far_end.heard == []


def test_hold_by_the_callee_inside_our_call(far_end, offer):
    ack = far_end.took()
    hold = far_end.invite(
        "hold", offer + "a=inactive\r\n", call_id=ack.call_id, to_tag=ack.from_tag, from_tag="bob-tag", cseq=1
    )
    assert b"a=inactive" in far_end.says(hold)[0].body
    assert far_end.events[-1].agreed.sends is False


@pytest.mark.parametrize("caller", ["bob", "sip:a@b\nX: y", "sip:a@b\n", "sip:a@b>;x", "<sip:a@b>", "tel:+33", ""])
def test_caller_that_is_neither_number_nor_uri_is_refused(far_end, caller):
    with pytest.raises(InvalidNumberError):
        far_end.dial(from_=caller)
