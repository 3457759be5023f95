"""The four transaction tables, timer by timer (RFC 3261 §17, RFC 6026)."""

from __future__ import annotations

import pytest

from offhook.lines.sip.message import Headers, Request, Response
from offhook.lines.sip.transactions import (
    ClientInvite,
    ClientNonInvite,
    Deliver,
    Failed,
    Send,
    ServerInvite,
    ServerNonInvite,
    State,
)


def request(method: str = "INVITE") -> Request:
    return Request(
        Headers(
            [
                ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"),
                ("Route", "<sip:p;lr>"),
                ("From", "<sip:a@x>;tag=1"),
                ("To", "<sip:b@x>"),
                ("Call-ID", "c"),
                ("CSeq", f"5 {method}"),
            ]
        ),
        method=method,
        uri="sip:b@x",
    )


def response(code: int) -> Response:
    return Response(Headers([("To", "<sip:b@x>;tag=2"), ("CSeq", "5 INVITE")]), code=code, phrase="x")


def sends(transaction, until: float) -> list[float]:
    """Times at which it sends of itself."""
    times = []
    while transaction.deadline is not None and transaction.deadline <= until:
        now = transaction.deadline
        times += [now for output in transaction.tick(now) if isinstance(output, Send)]
    return times


def failures(transaction, until: float) -> list[tuple[float, Failed]]:
    found = []
    while transaction.deadline is not None and transaction.deadline <= until:
        now = transaction.deadline
        found += [(now, output) for output in transaction.tick(now) if isinstance(output, Failed)]
    return found


class TestClientInvite:
    def test_timer_a_doubles_and_timer_b_gives_up(self):
        transaction = ClientInvite(request(), reliable=False)
        assert transaction.start(0.0) == [Send(transaction.request)]
        assert sends(transaction, 31.9) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert failures(transaction, 40) == [(32.0, Failed(unreachable=False))]
        assert transaction.over

    def test_reliable_transport_repeats_nothing_but_gives_up_as_well(self):
        transaction = ClientInvite(request(), reliable=True)
        transaction.start(0.0)
        assert sends(transaction, 31.9) == []
        assert failures(transaction, 40) == [(32.0, Failed(unreachable=False))]

    def test_provisional_stops_both(self):
        transaction = ClientInvite(request(), reliable=False)
        transaction.start(0.0)
        assert transaction.receive(response(180), 0.1) == [Deliver(response(180))]
        assert (sends(transaction, 100), failures(transaction, 100)) == ([], [])
        assert transaction.state is State.PROCEEDING

    def test_refusal_is_acknowledged_each_time_and_delivered_once(self):
        transaction = ClientInvite(request(), reliable=False)
        transaction.start(0.0)
        ack, delivered = transaction.receive(response(486), 1.0)
        assert delivered == Deliver(response(486))
        headers = ack.message.headers
        assert (ack.message.method, ack.message.uri, headers.get("CSeq")) == ("ACK", "sip:b@x", "5 ACK")
        assert (headers.get("Via"), headers.get("To")) == ("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx", "<sip:b@x>;tag=2")
        assert headers.all("Route") == ["<sip:p;lr>"]
        assert transaction.receive(response(486), 2.0) == [ack]
        sends(transaction, 32.9)
        assert not transaction.over  # timer D: 32 s for the peer's repetitions
        sends(transaction, 33.0)
        assert transaction.over

    def test_accepted_state_delivers_each_200_for_64_t1(self):
        transaction = ClientInvite(request(), reliable=False)
        transaction.start(0.0)
        assert transaction.receive(response(200), 1.0) == [Deliver(response(200))]
        assert transaction.receive(response(200), 2.0) == [Deliver(response(200))]
        assert transaction.receive(response(486), 2.0) == []
        sends(transaction, 33.0)
        assert transaction.over

    def test_transport_error_ends_it_at_once(self):
        transaction = ClientInvite(request(), reliable=False)
        transaction.start(0.0)
        assert transaction.unreachable(0.1) == [Failed(unreachable=True)]
        assert transaction.over


class TestClientNonInvite:
    def test_timer_e_doubles_up_to_t2_and_timer_f_gives_up(self):
        transaction = ClientNonInvite(request("BYE"), reliable=False)
        transaction.start(0.0)
        assert sends(transaction, 31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert failures(transaction, 40) == [(32.0, Failed(unreachable=False))]

    def test_provisional_slows_timer_e_to_t2_and_timer_f_goes_on(self):
        transaction = ClientNonInvite(request("BYE"), reliable=False)
        transaction.start(0.0)
        transaction.receive(response(100), 0.1)
        assert sends(transaction, 31.9) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
        assert failures(transaction, 40) == [(32.0, Failed(unreachable=False))]

    def test_timer_k_absorbs_repetitions_for_t4(self):
        transaction = ClientNonInvite(request("BYE"), reliable=False)
        transaction.start(0.0)
        assert transaction.receive(response(200), 1.0) == [Deliver(response(200))]
        assert transaction.receive(response(200), 1.5) == []
        assert sends(transaction, 5.9) == []
        assert not transaction.over
        sends(transaction, 6.0)
        assert transaction.over

    def test_reliable_transport_needs_no_timer_k(self):
        transaction = ClientNonInvite(request("BYE"), reliable=True)
        transaction.start(0.0)
        transaction.receive(response(200), 1.0)
        sends(transaction, 1.0)
        assert transaction.over


class TestServerInvite:
    def test_repeated_invite_gets_the_last_provisional(self):
        transaction = ServerInvite(request(), reliable=False)
        transaction.respond(response(100), 0.0)
        transaction.respond(response(180), 0.1)
        assert transaction.receive(request(), 0.5) == [Send(response(180))]

    def test_timer_g_repeats_a_refusal_up_to_t2_and_timer_h_gives_up(self):
        transaction = ServerInvite(request(), reliable=False)
        assert transaction.respond(response(486), 0.0) == [Send(response(486))]
        assert transaction.receive(request(), 0.1) == [Send(response(486))]
        assert sends(transaction, 31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert failures(transaction, 40) == [(32.0, Failed(unreachable=False))]

    def test_ack_stops_timer_g_and_timer_i_absorbs_more_of_them(self):
        transaction = ServerInvite(request(), reliable=False)
        transaction.respond(response(486), 0.0)
        assert transaction.receive(request("ACK"), 0.2) == []
        assert transaction.receive(request("ACK"), 0.3) == []
        assert sends(transaction, 5.1) == []
        assert not transaction.over
        sends(transaction, 5.2)
        assert transaction.over

    def test_accepted_state_absorbs_the_invite_and_passes_200s_and_acks(self):
        transaction = ServerInvite(request(), reliable=False)
        transaction.respond(response(200), 0.0)
        assert transaction.receive(request(), 0.5) == []
        assert transaction.respond(response(200), 0.5) == [Send(response(200))]
        assert transaction.receive(request("ACK"), 0.6) == [Deliver(request("ACK"))]
        sends(transaction, 32.0)
        assert transaction.over


class TestServerNonInvite:
    def test_repeated_request_is_silent_until_there_is_an_answer(self):
        transaction = ServerNonInvite(request("BYE"), reliable=False)
        assert transaction.receive(request("BYE"), 0.1) == []
        assert transaction.respond(response(200), 0.2) == [Send(response(200))]
        assert transaction.receive(request("BYE"), 0.3) == [Send(response(200))]
        assert sends(transaction, 32.1) == []
        assert not transaction.over
        sends(transaction, 32.2)
        assert transaction.over

    def test_reliable_transport_needs_no_timer_j(self):
        transaction = ServerNonInvite(request("BYE"), reliable=True)
        transaction.respond(response(200), 0.2)
        sends(transaction, 0.2)
        assert transaction.over


@pytest.mark.parametrize("kind", [ClientInvite, ClientNonInvite])
def test_abandoned_transaction_wants_nothing_more(kind):
    transaction = kind(request(), reliable=False)
    transaction.start(0.0)
    transaction.abandon()
    assert transaction.over
    assert transaction.deadline is None
