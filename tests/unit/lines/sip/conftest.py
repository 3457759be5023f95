"""A far end without a network: it speaks SIP to a stack in virtual time and keeps what came back."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest

from offhook.lines.sip.actions import CallEvent
from offhook.lines.sip.address import Hop, Transport
from offhook.lines.sip.admission import Admission
from offhook.lines.sip.dial import Dial
from offhook.lines.sip.effects import Arrived, Dropped, Effect, Happened, Wire
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import Headers, MalformedMessageError, Request, Response, parse
from offhook.lines.sip.stack import SipStack

US = "10.0.0.1"
THEM = Hop(Transport.UDP, "10.0.0.2", 5080)
OFFER = (
    "v=0\r\no=them 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def read(data: bytes) -> Request | Response:
    """What we sent; the answer to a malformed request may lack what the request lacked."""
    try:
        return parse(data)
    except MalformedMessageError:
        assert data.startswith((b"SIP/2.0 400 ", b"SIP/2.0 505 ", b"SIP/2.0 513 ")), data
        return Response(Headers(), code=int(data[8:11]))


def counting_tokens():
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):016x}"


@dataclass
class FarEnd:
    """The other side of a stack. ``heard`` is every message it got, ``events`` all that our side was told."""

    stack: SipStack
    now: float = 0.0
    heard: list[Request | Response] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    events: list[CallEvent] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    calls: list = field(default_factory=list)
    source: Hop = THEM

    # -- our side acts

    def perform(self, effects: list[Effect]) -> list[Request | Response]:
        """Take what the stack wants done; the messages among it."""
        got = []
        for effect in effects:
            match effect:
                case Wire():
                    got.append(read(effect.data))
                    self.hop = effect.hop
                    self.times.append(self.now)
                case Arrived():
                    self.calls.append(effect.call)
                case Happened():
                    self.events.append(effect.event)
                case Dropped():
                    self.dropped.append(effect.reason)
        self.heard += got
        return got

    def ring(self):
        return self.perform(self.stack.ring(self.calls[-1], self.now))

    def answer(self, port: int = 6000):
        return self.perform(self.stack.answer(self.calls[-1], port, self.now))

    def reject(self, code: int, retry_after_s: int | None = None):
        return self.perform(self.stack.reject(self.calls[-1], code, retry_after_s, self.now))

    def hang_up(self):
        return self.perform(self.stack.hang_up(self.calls[-1], self.now))

    def dial(self, to: str = "sip:bob@10.0.0.2:5080", **options):
        dial = Dial(**{"to": to, "from_": "+33100000000", **options})
        call, effects = self.stack.dial(dial, 6000, self.now)
        self.calls.append(call)
        return self.perform(effects)

    # -- the far end acts

    def says(self, message: str | bytes, source: Hop | None = None):
        """Send to the stack; what it answers at once."""
        data = message.encode() if isinstance(message, str) else message
        return self.perform(self.stack.receive(data, source or self.source, self.now))

    def waits(self, seconds: float):
        """Let time pass, timer by timer; what was sent meanwhile."""
        until, got = self.now + seconds, []
        while self.stack.deadline is not None and self.stack.deadline <= until:
            self.now = max(self.now, self.stack.deadline)
            got += self.perform(self.stack.tick(self.now))
        self.now = until
        return got

    def request(
        self, method: str, *, branch: str, cseq: int = 1, to_tag: str = "", body: str = "",
        uri: str = "sip:100@10.0.0.1", call_id: str = "call-1", from_tag: str = "their-tag", extra: str = "",
        sent_by: str = "10.0.0.2:5080", cseq_method: str | None = None,
    ) -> str:  # fmt: skip
        """A request of the far end."""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        tag = f";tag={to_tag}" if to_tag else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {sent_by};branch=z9hG4bK{branch};rport\r\n"
            f"From: <sip:+33611223344@10.0.0.2>;tag={from_tag}\r\n"
            f"To: <{uri}>{tag}\r\n"
            f"Call-ID: {call_id}\r\n"
            f"CSeq: {cseq} {cseq_method or method}\r\n"
            f"Contact: <sip:them@10.0.0.2:5080>\r\n"
            f"Max-Forwards: 70\r\n{extra}{kind}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def invite(self, branch: str = "inv", body: str = OFFER, **options) -> str:
        return self.request("INVITE", branch=branch, body=body, **options)

    def ack(self, response: Response, *, branch: str = "ack", cseq: int = 1, body: str = "") -> str:
        return self.request("ACK", branch=branch, cseq=cseq, to_tag=response.to_tag, body=body)

    def response(
        self, request: Request, code: int, *, tag: str = "bob-tag", body: str = "", extra: str = "",
        contact: str = "<sip:bob@10.0.0.2:5080>",
    ) -> str:  # fmt: skip
        """The far end's response to a request of ours."""
        copied = "".join(f"Via: {via}\r\n" for via in request.headers.all("Via"))
        to = request.headers.get("To") + ("" if code == 100 or request.to_tag else f";tag={tag}")
        kind = "Content-Type: application/sdp\r\n" if body else ""
        where = f"Contact: {contact}\r\n" if contact else ""
        return (
            f"SIP/2.0 {code} Whatever\r\n{copied}From: {request.headers.get('From')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.headers.get('CSeq')}\r\n{where}{extra}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def called(self) -> Response:
        """The far end calls and we answer, and it confirms; our 200."""
        self.says(self.invite())
        response = self.answer()[-1]
        self.says(self.ack(response))
        return response

    def took(self, body: str = OFFER) -> Request:
        """We call and the far end answers; our ACK."""
        invite = self.dial()[0]
        return self.says(self.response(invite, 200, body=body))[0]


def codes(messages) -> list:
    """Short names of messages: response codes and request methods."""
    return [one.code if isinstance(one, Response) else one.method for one in messages]


@pytest.fixture
def new_far_end():
    """Makes far ends, each with a stack of its own."""
    return lambda: FarEnd(SipStack(Local(lambda _: US, 5060, counting_tokens()), Admission(["10.0.0.0/8"])))


@pytest.fixture
def far_end(new_far_end) -> FarEnd:
    return new_far_end()


@pytest.fixture
def named():
    return codes


@pytest.fixture
def offer() -> str:
    return OFFER
