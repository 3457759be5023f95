"""Calls that come in, as transcripts."""

from __future__ import annotations

import pytest

from offhook.lines.line import Party
from offhook.lines.sip.actions import Confirmed, MediaAgreed, Over
from offhook.lines.sip.negotiation import Agreed

AGREED = MediaAgreed(Agreed(("10.0.0.2", 4000), "PCMU", 101))


def test_invite_gets_100_rings_and_is_answered(far_end, named):
    assert named(far_end.says(far_end.invite())) == [100]
    assert named(far_end.ring()) == [180]
    ok = far_end.answer()[0]
    assert ok.code == 200
    assert b"m=audio 6000 RTP/AVP 0 101" in ok.body
    assert far_end.events == [AGREED]
    assert far_end.says(far_end.ack(ok)) == []
    assert far_end.events == [AGREED, Confirmed()]


def test_repeated_invite_gets_the_last_provisional_again_and_makes_no_second_call(far_end, named):
    far_end.says(far_end.invite())
    far_end.ring()
    assert named(far_end.says(far_end.invite())) == [180]
    assert len(far_end.calls) == 1


def test_200_is_repeated_with_doubling_gaps_until_the_ack(far_end):
    far_end.says(far_end.invite())
    ok = far_end.answer()[0]
    far_end.times.clear()
    far_end.waits(7.9)
    assert far_end.times == [0.5, 1.5, 3.5, 7.5]
    far_end.says(far_end.ack(ok))
    assert far_end.waits(60) == []


def test_without_an_ack_the_call_is_ended_by_bye_after_32_seconds(far_end, named):
    far_end.says(far_end.invite())
    far_end.answer()
    sent = far_end.waits(31.9)
    assert set(named(sent)) == {200}
    assert named(far_end.waits(0.2)) == ["BYE"]
    assert far_end.events[-1] == Over(Party.CARRIER, 408, "no ACK came for our answer within 32 s")


def test_ack_that_comes_twice_confirms_once(far_end):
    ok = far_end.called()
    far_end.says(far_end.ack(ok))
    assert far_end.events.count(Confirmed()) == 1


def test_cancel_before_the_answer_gets_200_and_the_invite_487(far_end, named):
    far_end.says(far_end.invite())
    far_end.ring()
    cancel = far_end.request("CANCEL", branch="inv")
    assert named(far_end.says(cancel)) == [200, 487]
    assert far_end.events == [Over(Party.CALLER, 487, "the caller cancelled the call")]


def test_cancel_after_the_answer_changes_nothing(far_end, named):
    far_end.says(far_end.invite())
    ok = far_end.answer()[0]
    assert named(far_end.says(far_end.request("CANCEL", branch="inv"))) == [200]
    far_end.says(far_end.ack(ok))
    assert far_end.events[-1] == Confirmed()


def test_cancel_of_nothing_gets_481(far_end, named):
    assert named(far_end.says(far_end.request("CANCEL", branch="other"))) == [481]


def test_answer_after_the_cancel_is_not_sent(far_end, named):
    far_end.says(far_end.invite())
    far_end.says(far_end.request("CANCEL", branch="inv"))
    assert far_end.answer() == []
    assert far_end.hang_up() == []


@pytest.mark.parametrize("code", [404, 480, 486, 503, 603])
def test_refusal_is_repeated_until_its_ack(far_end, named, code):
    far_end.says(far_end.invite())
    refusal = far_end.reject(code, 7)[0]
    assert refusal.code == code
    assert refusal.headers.get("Retry-After") == "7"
    assert named(far_end.waits(1.6)) == [code, code]
    far_end.says(far_end.ack(refusal, branch="inv"))
    assert far_end.waits(60) == []
    assert far_end.events == [Over(Party.PLATFORM, code, f"refused with {code} {refusal.phrase}")]
    assert far_end.stack.transactions == 0


def test_bye_of_the_caller_ends_the_call(far_end, named):
    ok = far_end.called()
    bye = far_end.request("BYE", branch="bye", cseq=2, to_tag=ok.to_tag)
    assert named(far_end.says(bye)) == [200]
    assert far_end.events[-1] == Over(Party.CALLER, None, "BYE")
    assert named(far_end.says(bye)) == [200]
    assert len([event for event in far_end.events if isinstance(event, Over)]) == 1


def test_reason_header_of_a_bye_is_told(far_end):
    ok = far_end.called()
    reason = 'Reason: Q.850;cause=16;text="Normal"\r\n'
    far_end.says(far_end.request("BYE", branch="bye", cseq=2, to_tag=ok.to_tag, extra=reason))
    assert far_end.events[-1].detail == 'BYE (Q.850;cause=16;text="Normal")'


def test_bye_before_the_answer_ends_the_invite_with_487(far_end, named):
    far_end.says(far_end.invite())
    ringing = far_end.ring()[0]
    bye = far_end.request("BYE", branch="bye", cseq=2, to_tag=ringing.to_tag)
    assert named(far_end.says(bye)) == [200, 487]
    assert far_end.events[-1].party is Party.CALLER


def test_our_bye_goes_to_the_contact_and_its_answer_ends_the_call(far_end):
    far_end.called()
    bye = far_end.hang_up()[0]
    assert (bye.method, bye.uri) == ("BYE", "sip:them@10.0.0.2:5080")
    assert far_end.events[-1] == Confirmed()
    far_end.says(far_end.response(bye, 200))
    assert far_end.events[-1] == Over(Party.PLATFORM, None, "we hung up")


def test_bye_that_nobody_answers_is_given_up_after_32_seconds(far_end, named):
    far_end.called()
    far_end.hang_up()
    sent = far_end.waits(32)
    assert named(sent) == ["BYE"] * 10
    assert far_end.events[-1] == Over(Party.PLATFORM, None, "we hung up; the far end did not answer our BYE")


def test_crossing_byes_end_the_call_once(far_end, named):
    ok = far_end.called()
    bye = far_end.hang_up()[0]
    assert named(far_end.says(far_end.request("BYE", branch="bye", cseq=2, to_tag=ok.to_tag))) == [200]
    far_end.says(far_end.response(bye, 481))
    assert [event for event in far_end.events if isinstance(event, Over)] == [
        Over(Party.PLATFORM, None, "both ends hung up at once")
    ]


def test_hanging_up_between_200_and_ack_waits_for_the_ack(far_end, named):
    far_end.says(far_end.invite())
    ok = far_end.answer()[0]
    assert far_end.hang_up() == []
    assert named(far_end.says(far_end.ack(ok))) == ["BYE"]


def test_hanging_up_before_the_answer_refuses(far_end, named):
    far_end.says(far_end.invite())
    assert named(far_end.hang_up()) == [480]


def test_hold_and_resume_by_reinvite(far_end, offer):
    ok = far_end.called()
    hold = far_end.invite("hold", offer + "a=sendonly\r\n", cseq=2, to_tag=ok.to_tag)
    held = far_end.says(hold)[0]
    assert (held.code, b"a=recvonly" in held.body) == (200, True)
    assert far_end.events[-1] == MediaAgreed(Agreed(("10.0.0.2", 4000), "PCMU", 101, sends=False, receives=True))
    far_end.says(far_end.ack(held, branch="ack2", cseq=2))
    back = far_end.says(far_end.invite("back", offer, cseq=3, to_tag=ok.to_tag))[0]
    assert b"a=sendrecv" in back.body
    assert far_end.events[-1] == AGREED
    assert far_end.events.count(Confirmed()) == 1


def test_hold_the_old_way_by_a_null_address(far_end, offer):
    ok = far_end.called()
    old_way = offer.replace("c=IN IP4 10.0.0.2", "c=IN IP4 0.0.0.0")
    held = far_end.says(far_end.invite("hold", old_way, cseq=2, to_tag=ok.to_tag))[0]
    assert held.code == 200
    assert not far_end.events[-1].agreed.sends


def test_reinvite_that_we_cannot_take_gets_488_and_the_call_goes_on(far_end, offer, named):
    ok = far_end.called()
    video = offer.replace("0 8 101", "18").replace("a=rtpmap:101 telephone-event/8000\r\n", "")
    assert named(far_end.says(far_end.invite("bad", video, cseq=2, to_tag=ok.to_tag))) == [488]
    assert far_end.events[-1] == Confirmed()
    assert far_end.hang_up()[0].method == "BYE"


def test_late_offer_is_made_in_200_and_answered_in_ack(far_end, offer):
    far_end.says(far_end.invite(body=""))
    ok = far_end.answer()[0]
    assert b"m=audio 6000 RTP/AVP 0 8 101" in ok.body
    assert far_end.events == []
    far_end.says(far_end.ack(ok, body=offer.replace("0 8 101", "8 101")))
    assert far_end.events == [MediaAgreed(Agreed(("10.0.0.2", 4000), "PCMA", 101)), Confirmed()]


def test_late_offer_without_an_answer_ends_the_call(far_end, named):
    far_end.says(far_end.invite(body=""))
    ok = far_end.answer()[0]
    assert named(far_end.says(far_end.ack(ok))) == ["BYE"]
    assert far_end.events[-1].code == 488


def test_late_offer_by_reinvite(far_end, offer):
    ok = far_end.called()
    ours = far_end.says(far_end.invite("late", "", cseq=2, to_tag=ok.to_tag))[0]
    assert b"m=audio 6000 RTP/AVP 0 8 101" in ours.body
    far_end.says(far_end.ack(ours, branch="ack2", cseq=2, body=offer.replace("4000", "4002")))
    assert far_end.events[-1] == MediaAgreed(Agreed(("10.0.0.2", 4002), "PCMU", 101))


def test_second_offer_before_the_ack_of_the_first_gets_491(far_end, named, offer):
    far_end.says(far_end.invite())
    ok = far_end.answer()[0]
    assert named(far_end.says(far_end.invite("glare", offer, cseq=2, to_tag=ok.to_tag))) == [491]
    far_end.says(far_end.ack(ok))
    assert far_end.events[-1] == Confirmed()


def test_second_invite_before_the_answer_gets_500_with_retry_after(far_end, offer):
    far_end.says(far_end.invite())
    ringing = far_end.ring()[0]
    refusal = far_end.says(far_end.invite("second", offer, cseq=2, to_tag=ringing.to_tag))[0]
    assert refusal.code == 500
    assert refusal.headers.get("Retry-After")


def test_update_moves_the_audio(far_end, offer):
    ok = far_end.called()
    update = far_end.request("UPDATE", branch="u", cseq=2, to_tag=ok.to_tag, body=offer.replace("4000", "4010"))
    answer = far_end.says(update)[0]
    assert (answer.code, b"m=audio 6000" in answer.body) == (200, True)
    assert far_end.events[-1].agreed.remote == ("10.0.0.2", 4010)


def test_update_without_a_body_refreshes_the_target(far_end):
    ok = far_end.called()
    update = far_end.request("UPDATE", branch="u", cseq=2, to_tag=ok.to_tag)
    assert far_end.says(update.replace("sip:them@10.0.0.2:5080", "sip:moved@10.0.0.9:5099"))[0].code == 200
    assert far_end.hang_up()[0].uri == "sip:moved@10.0.0.9:5099"


def test_reordered_request_gets_500(far_end, named):
    ok = far_end.called()
    far_end.says(far_end.request("OPTIONS", branch="o", cseq=9, to_tag=ok.to_tag))
    assert named(far_end.says(far_end.request("BYE", branch="b", cseq=8, to_tag=ok.to_tag))) == [500]
    assert far_end.events[-1] == Confirmed()


@pytest.mark.parametrize(("method", "code"), [("REFER", 405), ("SUBSCRIBE", 405), ("FANCY", 501), ("OPTIONS", 200)])
def test_other_methods_inside_a_call(far_end, method, code):
    ok = far_end.called()
    answer = far_end.says(far_end.request(method, branch="x", cseq=2, to_tag=ok.to_tag))[0]
    assert answer.code == code
    assert "INVITE" in (answer.headers.get("Allow") or "")


def test_keys_by_info_are_acknowledged(far_end, named):
    ok = far_end.called()
    info = far_end.request("INFO", branch="i", cseq=2, to_tag=ok.to_tag, body="Signal=5\r\nDuration=160\r\n")
    assert named(far_end.says(info.replace("application/sdp", "application/dtmf-relay"))) == [200]


def test_in_dialog_request_of_another_dialog_gets_481(far_end, named):
    ok = far_end.called()
    stranger = far_end.request("BYE", branch="x", cseq=2, to_tag=ok.to_tag, from_tag="not-theirs")
    assert named(far_end.says(stranger)) == [481]
    assert far_end.events[-1] == Confirmed()


def test_invite_that_nobody_answers_is_refused_after_three_minutes(far_end, named):
    far_end.says(far_end.invite())
    far_end.ring()
    assert named(far_end.waits(180)) == [480]


def test_requests_in_the_call_follow_the_record_route(far_end):
    routes = "Record-Route: <sip:p2.example;lr>\r\nRecord-Route: <sip:10.0.0.7:5070;lr>, <sip:10.0.0.8;lr>\r\n"
    far_end.says(far_end.invite(extra=routes))
    ok = far_end.answer()[0]
    assert ok.headers.all("Record-Route") == ["<sip:p2.example;lr>", "<sip:10.0.0.7:5070;lr>, <sip:10.0.0.8;lr>"]
    far_end.says(far_end.ack(ok))
    bye = far_end.hang_up()[0]
    assert bye.headers.all("Route") == ["<sip:p2.example;lr>", "<sip:10.0.0.7:5070;lr>", "<sip:10.0.0.8;lr>"]
    assert far_end.hop.host == "p2.example"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "+33611223344"),
        ("P-Asserted-Identity: <tel:+33999>\r\n", "+33999"),
        ('P-Asserted-Identity: "A" <sip:alice@pbx.example:5070;user=phone>\r\n', "sip:alice@pbx.example:5070"),
    ],
)
def test_caller_is_known_by_the_asserted_identity_before_from(far_end, header, expected):
    far_end.says(far_end.invite(extra=header))
    assert far_end.calls[-1].from_number == expected
    assert far_end.calls[-1].to_number == "100"


def test_nothing_is_remembered_after_a_call(far_end):
    ok = far_end.called()
    far_end.says(far_end.request("BYE", branch="bye", cseq=2, to_tag=ok.to_tag))
    far_end.waits(64)
    assert (far_end.stack.calls, far_end.stack.transactions, far_end.stack.deadline) == (0, 0, None)


def test_bytes_that_are_no_text_never_reach_the_record(far_end):
    invite = (
        far_end.invite(extra="P-Asserted-Identity: <mailto:x\x07y>\r\n").encode().replace(b"mailto:x", b"mailto:\xff")
    )
    far_end.says(invite)
    ok = far_end.answer()[0]
    far_end.says(far_end.ack(ok))
    assert far_end.calls[0].from_number == "mailto:\ufffd\ufffdy"
    bye = far_end.request(
        "BYE", branch="bye", cseq=2, to_tag=ok.to_tag, extra="Reason: SIP;text=X" + "y" * 900 + "\r\n"
    )
    far_end.says(bye.encode().replace(b"text=X", b"text=\xff"))
    detail = far_end.events[-1].detail
    assert detail.startswith("BYE (SIP;text=\ufffdyyy")
    assert len(detail) == 300


def test_busy_stack_still_ends_calls(far_end, named, monkeypatch):
    ok = far_end.called()
    monkeypatch.setattr("offhook.lines.sip.stack.MAX_TRANSACTIONS", 0)
    assert named(far_end.says(far_end.request("OPTIONS", branch="o", cseq=2, to_tag=ok.to_tag))) == [503]
    assert named(far_end.says(far_end.request("BYE", branch="b", cseq=3, to_tag=ok.to_tag))) == [200]
