"""A selection of RFC 4475: each message is answered or dropped as its section says.

Texts are the RFC's, shortened where a part doesn't matter; ``|`` stands for the end of a line.
"""

from __future__ import annotations

import pytest

SDP = "v=0|o=mhandley 29739 7272939 IN IP4 192.0.2.3|s=-|c=IN IP4 192.0.2.4|t=0 0|m=audio 49217 RTP/AVP 0 12|"


def torture(text: str, body: str = "") -> bytes:
    return (text + "||" + body).replace("|", "\r\n").encode("utf-8", "surrogateescape")


WSINV = (
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0|TO :| sip:vivekg@chair-dnrc.example.com|"
    'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>|  ;|  tag = 98asjd8|MaX-fOrWaRdS: 0068|'
    "Call-ID: wsinv.ndaksdj@192.0.2.1|Content-Length   : {size}|cseq: 0009|  INVITE|"
    "Via  : SIP  /   2.0| /UDP|    192.0.2.2;branch=390skdjuw|s :|NewFangledHeader:   newfangled value|"
    " continued newfangled value|UnknownHeaderWithUnusualValue: ;;,,;;,;|Content-Type: application/sdp|"
    "Route:| <sip:services.example.com;lr;unknownwith=value;unknown-no-value>|"
    "v:  SIP  / 2.0  / TCP     spindle.example.com   ;|  branch  =   z9hG4bK9ikj8  ,|"
    ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=| z9hG4bK30239|m:"Quoted string \\"\\"" '
    "<sip:jdrosen@example.com> ; newparam =|      newvalue ;|  secondparam ; q = 0.33"
).format(size=len(torture("", SDP)) - 4)


def test_wsinv_tortuous_invite_is_a_good_call(far_end, named):
    assert named(far_end.says(torture(WSINV, SDP))) == [100]
    call = far_end.calls[0]
    assert (call.from_number, call.to_number) == (
        "sip:jdrosen@example.com",
        "sip:vivekg@chair-dnrc.example.com",
    )
    vias = far_end.heard[-1].headers.all("Via")
    assert len(vias) == 3
    assert far_end.answer()[0].code == 200


def message(method: str = "OPTIONS", uri: str = "sip:user@example.com", **changed: str) -> bytes:
    fields = {
        "Via": "SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw",
        "To": "sip:user@example.com",
        "From": "<sip:caller@example.net>;tag=93334",
        "Max-Forwards": "87",
        "Call-ID": "torture.239409asdfakjkn23onasd0",
        "CSeq": f"234234 {method}",
        "Content-Length": "0",
    }
    fields.update({name.replace("_", "-"): value for name, value in changed.items()})
    lines = [f"{method} {uri} SIP/2.0", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return torture("|".join(lines))


def test_intmeth_unknown_method_of_odd_characters_gets_501(far_end, named):
    odd = message(
        "!interesting-Method0123456789_*+`.%indeed'~",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        Via="SIP/2.0/UDP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
        From="token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
        ";fromParam''~+*_!.-%=\"работающий\";tag=_token~1'+`*%!-.",
    )
    answer = far_end.says(odd)[0]
    assert answer.code == 501
    assert "branch=z9hG4bK-.!%66*_+`'~" in answer.headers.get("Via")


def test_esc01_escaped_characters_stay_what_they_are(far_end):
    far_end.says(message(uri="sip:sips%3Auser%40example.com@example.net", To="sip:%75se%72@example.com"))
    assert far_end.heard[-1].code == 200
    assert far_end.heard[-1].headers.get("To").startswith("sip:%75se%72@example.com;tag=")


def test_esc02_escaped_method_is_another_method(far_end, named):
    assert named(far_end.says(message("RE%47IST%45R", "sip:registrar.example.com"))) == [501]


def test_lwsdisp_no_space_between_name_and_bracket(far_end, named):
    assert named(far_end.says(message(From="caller<sip:caller@example.com>;tag=323"))) == [200]


def test_dblreq_bytes_after_the_end_are_ignored(far_end, named):
    both = message("OPTIONS") + b"INVITE sip:joe@example.com SIP/2.0\r\nt: sip:joe@example.com\r\n"
    assert named(far_end.says(both)) == [200]


def test_semiuri_semicolon_in_the_user_part(far_end, named):
    assert named(far_end.says(message(uri="sip:user;par=u%40example.net@example.com"))) == [200]


def test_transports_unknown_ones_in_vias_below_ours(far_end, named):
    data = message(
        Via="SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw|Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf|"
        "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj|"
        "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en"
    )
    assert named(far_end.says(data)) == [200]
    assert len(far_end.heard[-1].headers.all("Via")) == 4


def test_noreason_response_without_a_reason_is_taken(far_end):
    invite = far_end.dial()[0]
    far_end.says(far_end.response(invite, 180).replace("180 Whatever", "180 "))
    assert len(far_end.events) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(message(Via="SIP/2.0/UDP 192.0.2.15;;,;,,|Via: SIP/2.0/UDP x"), id="badinv01-a"),
        pytest.param(message(To='"Mr. J. User <sip:j.user@example.com>'), id="quotbal"),
        pytest.param(message(uri="<sip:user@example.com>"), id="ltgtruri"),
        pytest.param(message(uri="sip:user@example.com; lr"), id="lwsruri"),
        pytest.param(message(uri=" sip:user@example.com "), id="lwsstart"),
        pytest.param(message().replace(b" SIP/2.0\r\n", b" SIP/2.0  \r\n", 1), id="trws"),
        pytest.param(message(uri="sip:user@example.com?Route=%3Csip:sip.example.com%3E", CSeq="x"), id="escruri"),
        pytest.param(message(Content_Length="9999"), id="clerr"),
        pytest.param(message(Content_Length="-999"), id="ncl"),
        pytest.param(message(CSeq="36893488147419103232 OPTIONS"), id="scalar02"),
        pytest.param(message(CSeq="8 INVITE"), id="mismatch01"),
        pytest.param(message("NEWMETHOD", CSeq="8 INVITE"), id="mismatch02"),
        pytest.param(message(Call_ID=""), id="insuf"),
        pytest.param(message(From="sip:a@b;tag=1|From: sip:c@d;tag=2"), id="multi01"),
        pytest.param(message(Content_Length="0|Content-Length: 5"), id="mcl01"),
    ],
)
def test_invalid_requests_get_400_or_silence(far_end, named, data):
    assert named(far_end.says(data)) in ([400], [])
    assert len(far_end.heard) + len(far_end.dropped) == 1


def test_novelsc_unknown_scheme_gets_416(far_end, named):
    assert named(far_end.says(message(uri="nobodyKnowsThisScheme:totallyopaquecontent"))) == [416]
    assert named(far_end.says(message(uri="soap.beep://192.0.2.103:3002", Via="SIP/2.0/UDP h;branch=z9hG4bKx"))) == [
        416
    ]


def test_bext01_unknown_extension_gets_420(far_end):
    answer = far_end.says(message(Require="nothingSupportsThis, nothingSupportsThisEither"))[0]
    assert answer.code == 420
    assert answer.headers.get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"


def test_badvers_gets_505(far_end, named):
    assert named(far_end.says(message().replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1))) == [505]


def test_badbranch_that_is_only_the_cookie_is_no_branch(far_end, named):
    bad = message(Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK")
    assert named(far_end.says(bad)) == [200]


def test_zeromf_is_processed_by_an_endpoint(far_end, named):
    assert named(far_end.says(message(Max_Forwards="0"))) == [200]


def test_bigcode_response_that_is_no_response_is_dropped(far_end):
    invite = far_end.dial()[0]
    assert far_end.says(far_end.response(invite, 200).replace("200 Whatever", "4294967301 better not break")) == []
    assert far_end.events == []


def test_scalarlg_response_with_huge_numbers_is_dropped(far_end):
    invite = far_end.dial()[0]
    huge = far_end.response(invite, 503).replace("CSeq: 1 INVITE", "CSeq: 9292394834772304023312 INVITE")
    assert far_end.says(huge) == []
    assert far_end.events == []


def test_regbadct_and_other_registrations_get_405(far_end, named):
    assert named(far_end.says(message("REGISTER", "sip:example.com"))) == [405]


def test_baddate_is_nothing_that_a_call_needs(far_end, named):
    assert named(far_end.says(message(Date="Fri, 01 Jan 2010 16:00:00 EST"))) == [200]


def test_inv2543_old_invite_is_a_good_call(far_end, named):
    old = torture(
        "INVITE sip:UserB@example.com SIP/2.0|Via: SIP/2.0/UDP iftgw.example.com|"
        "From: <sip:+13035551111@ift.client.example.net;user=phone>|"
        "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>|"
        "To: sip:+16505552222@ss1.example.net;user=phone|Call-ID: inv2543.1717@ift.client.example.com|CSeq: 56 INVITE|"
        "Content-Type: application/sdp|Contact: <sip:gw@ift.example.com>",
        SDP,
    )
    assert named(far_end.says(old)) == [100]
    ok = far_end.answer()[0]
    ack = old.split(b"\r\n\r\n")[0].replace(b"INVITE sip", b"ACK sip").replace(b"56 INVITE", b"56 ACK")
    to = f"To: sip:+16505552222@ss1.example.net;user=phone;tag={ok.to_tag}".encode()
    far_end.says(ack.replace(b"To: sip:+16505552222@ss1.example.net;user=phone", to) + b"\r\n\r\n")
    assert far_end.waits(10) == []


def test_invut_body_of_unknown_type_gets_415(far_end, named):
    odd = (
        message("INVITE", Content_Type="application/unknownformat", Content_Length="5", Contact="<sip:a@b>") + b"abcde"
    )
    assert named(far_end.says(odd)) == [415]


def test_longreq_message_with_long_values_is_taken(far_end, named):
    long = message(
        "INVITE", Contact="<sip:a@b>", X="x" * 3000, From=f'"{"I have a user name" * 60}" <sip:u@example.net>;tag=1'
    )
    assert named(far_end.says(long)) == [100]
