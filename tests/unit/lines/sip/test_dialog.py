"""Dialogs: tags, order, and the way of requests."""

from __future__ import annotations

import pytest

from offhook.lines.sip.address import AddressError, Hop, Transport
from offhook.lines.sip.dialog import Dialog
from offhook.lines.sip.message import Headers, Request, Response

VIA = "SIP/2.0/UDP us;branch=z9hG4bKx"


def invite(*fields: tuple[str, str]) -> Request:
    base = [("Via", VIA), ("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>"), ("Call-ID", "c"), ("CSeq", "5 INVITE")]
    return Request(Headers([*base, *fields]), method="INVITE", uri="sip:b@10.0.0.9")


def response(*fields: tuple[str, str]) -> Response:
    return Response(Headers([("To", "<sip:b@x>;tag=2"), *fields]), code=200)


def test_callee_sends_to_the_contact_by_the_routes_in_their_order():
    dialog = Dialog.of_server(
        invite(("Contact", "<sip:a@10.0.0.2:5070>"), ("Record-Route", "<sip:p1;lr>, <sip:p2;lr>")), "9"
    )
    bye = dialog.request("BYE", VIA)
    assert bye.uri == "sip:a@10.0.0.2:5070"
    assert bye.headers.all("Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert (bye.headers.get("From"), bye.headers.get("To")) == ("<sip:b@x>;tag=9", "<sip:a@x>;tag=1")
    assert dialog.hop() == Hop(Transport.UDP, "p1", 5060)


def test_caller_sends_by_the_routes_in_reverse():
    answered = response(
        ("Contact", "<sip:b@10.0.0.2>"), ("Record-Route", "<sip:p1;lr>"), ("Record-Route", "<sip:p2;lr>")
    )
    dialog = Dialog.of_client(invite(), answered)
    assert dialog.request("BYE", VIA).headers.all("Route") == ["<sip:p2;lr>", "<sip:p1;lr>"]
    assert dialog.request("BYE", VIA).cseq.sequence == 7
    assert dialog.request("ACK", VIA, cseq=5).headers.get("CSeq") == "5 ACK"


def test_strict_router_gets_itself_as_request_uri_and_the_target_goes_last():
    dialog = Dialog.of_server(
        invite(("Contact", "<sip:a@10.0.0.2>"), ("Record-Route", "<sip:strict.example>, <sip:p2;lr>")), "9"
    )
    bye = dialog.request("BYE", VIA)
    assert bye.uri == "sip:strict.example"
    assert bye.headers.all("Route") == ["<sip:p2;lr>", "<sip:a@10.0.0.2>"]
    assert dialog.hop().host == "strict.example"


def test_requests_must_come_in_order():
    dialog = Dialog.of_server(invite(("Contact", "<sip:a@10.0.0.2>")), "9")
    assert dialog.follows(Request(Headers([("CSeq", "6 BYE")]), method="BYE"))
    assert not dialog.follows(Request(Headers([("CSeq", "6 BYE")]), method="BYE"))
    assert not dialog.follows(Request(Headers([("CSeq", "4 BYE")]), method="BYE"))


@pytest.mark.parametrize("contact", ["", "<sip:a@x", "<tel:+33>", "*", "<sips:a@x>"])
def test_caller_without_a_usable_contact_cannot_be_answered(contact):
    with pytest.raises(AddressError):
        Dialog.of_server(invite(("Contact", contact)), "9")


def test_bad_new_target_leaves_the_old_one():
    dialog = Dialog.of_server(invite(("Contact", "<sip:a@10.0.0.2>")), "9")
    dialog.refresh(Headers([("Contact", "<mailto:a>")]))
    assert dialog.remote_target == "sip:a@10.0.0.2"


def test_requests_go_back_by_the_connection_that_the_caller_opened():
    tcp = Dialog.of_server(invite(("Contact", "<sip:a@10.0.0.2;transport=tcp>")), "9", flow=3)
    udp = Dialog.of_server(invite(("Contact", "<sip:a@10.0.0.2>")), "9", flow=None)
    assert (tcp.hop().flow, udp.hop().flow) == (3, None)
