"""What both directions of a call share once a dialog stands: BYE, re-INVITE, UPDATE, 200s repeated until the ACK."""

from __future__ import annotations

from dataclasses import dataclass, field

from offhook.lines.line import Party
from offhook.lines.sip.actions import Action, Ask, CallEvent, Confirmed, MediaAgreed, Over, Respond, Tell
from offhook.lines.sip.address import AddressError
from offhook.lines.sip.dialog import Dialog
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import Request, Response, readable
from offhook.lines.sip.negotiation import Negotiation
from offhook.lines.sip.replies import ALLOW, reply
from offhook.lines.sip.sdp import SdpError
from offhook.lines.sip.transactions import PATIENCE_S, T1_S, T2_S, ServerTransaction

SDP_TYPE = "application/sdp"
KEYS_BY_INFO = {"application/dtmf-relay", "application/dtmf"}
DETAIL_CHARS = 300  # a sentence for the record, whatever a peer writes into its reason
SDP_FIELDS = (("Content-Type", SDP_TYPE),)


@dataclass(slots=True)
class Unconfirmed:
    """A 200 to an INVITE, repeated until its ACK comes (RFC 3261 §13.3.1.4). ``offered``: the ACK brings the answer."""

    transaction: ServerTransaction
    response: Response
    cseq: int
    offered: bool
    repeat_at: float
    give_up_at: float
    interval_s: float = T1_S

    def repeat(self, now: float) -> bool:
        """Whether the 200 goes out once more now."""
        if now < self.repeat_at:
            return False
        self.interval_s = min(self.interval_s * 2, T2_S)
        self.repeat_at = now + self.interval_s
        return True


@dataclass(eq=False)
class Call:
    """One call, seen from us. Methods return what is to be done; ``deadline`` is when ``tick`` wants to be called."""

    local: Local
    negotiation: Negotiation
    far_end: Party
    contact: str
    rtp_port: int = 0
    dialog: Dialog | None = None
    over: bool = False
    _unconfirmed: Unconfirmed | None = None
    _bye: Request | None = None
    _hang_up_wanted: bool = False
    _established: bool = False
    _todo: list[Action] = field(default_factory=list)

    # ------------------------------------------------------------------ driven by the stack

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our tag: what the peer's requests find it by."""
        return (self.dialog.call_id, self.dialog.local_tag) if self.dialog else ("", "")

    @property
    def deadline(self) -> float | None:
        """When the next 200 is due."""
        pending = self._unconfirmed
        return min(pending.repeat_at, pending.give_up_at) if pending else None

    def tick(self, now: float) -> list[Action]:
        """Do what time asks for."""
        pending = self._unconfirmed
        if pending is None:
            return []
        if now >= pending.give_up_at:
            self._unconfirmed = None
            self._send_bye()
            self._finish(Party.CARRIER, 408, f"no ACK came for our answer within {PATIENCE_S:.0f} s")
        elif pending.repeat(now):
            self._todo.append(Respond(pending.transaction, pending.response))
        return self._drain()

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> list[Action]:
        """A request inside the dialog, other than ACK and CANCEL."""
        if not self._in_order(request):
            self._answer(transaction, 500, fields=(("Retry-After", "1"),))
        elif request.method == "BYE":
            self._on_bye(request, transaction)
        elif request.method == "INVITE":
            self._on_reinvite(request, transaction, now)
        elif request.method == "UPDATE":
            self._on_update(request, transaction)
        elif request.method == "INFO":
            # Keys by INFO are acknowledged so that the peer doesn't repeat them; RFC 4733 and the audio carry them.
            known = request.content_type in KEYS_BY_INFO
            self._answer(transaction, 200 if known else 415, fields=() if known else (("Accept", SDP_TYPE),))
        elif request.method == "OPTIONS":
            self._answer(transaction, 200, fields=(("Allow", ALLOW), ("Accept", SDP_TYPE)))
        else:
            self._answer(transaction, 405, fields=(("Allow", ALLOW),))
        return self._drain()

    def on_ack(self, ack: Request) -> list[Action]:
        """The ACK of a 200."""
        pending = self._unconfirmed
        if pending is None or pending.cseq != ack.cseq.sequence:
            return []
        self._unconfirmed = None
        if pending.offered and not self._take_late_answer(ack):
            return self._drain()
        if not self._established:
            self._established = True
            self._tell(Confirmed())
        if self._hang_up_wanted:
            self._send_bye()
        return self._drain()

    def on_response(self, request: Request, response: Response) -> list[Action]:
        """A response to a request of ours."""
        if request is self._bye and response.code >= 200:
            self._finish(Party.PLATFORM, None, "we hung up")
        return self._drain()

    def on_failure(self, request: Request, *, unreachable: bool) -> list[Action]:
        """A request of ours was never answered, or could not be delivered."""
        if request is self._bye:
            why = "cannot be reached" if unreachable else "did not answer our BYE"
            self._finish(Party.PLATFORM, None, f"we hung up; the far end {why}")
        return self._drain()

    def hang_up(self, now: float) -> list[Action]:  # noqa: ARG002 - an unanswered call needs it
        """End it."""
        if not self.over:
            self._send_bye()
        return self._drain()

    # ------------------------------------------------------------------ inside the dialog

    def _in_order(self, request: Request) -> bool:
        return self.dialog is not None and self.dialog.follows(request)

    def _on_bye(self, request: Request, transaction: ServerTransaction) -> None:
        self._answer(transaction, 200)
        self._unconfirmed = None
        if self._bye is not None:
            self._finish(Party.PLATFORM, None, "both ends hung up at once")
            return
        reason = request.headers.get("Reason")
        self._finish(self.far_end, None, f"BYE ({reason})" if reason else "BYE")

    def _on_reinvite(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        if self._bye is not None or self.over:
            self._answer(transaction, 481)
        elif self._unconfirmed is not None:
            # RFC 3261 §14.2 and RFC 3264 §4: one offer at a time.
            self._answer(transaction, 491)
        elif request.body:
            self._reanswer(request, transaction, now)
        else:
            body = self.negotiation.offer(self.rtp_port)
            self._accept(request, transaction, body, now, offered=True)

    def _reanswer(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        try:
            body = self.negotiation.answer(request.body, self.rtp_port)
        except SdpError as error:
            self._answer(transaction, 488, fields=(("Warning", warning(error)),))
            return
        self._accept(request, transaction, body, now, offered=False)
        self._agree()

    def _on_update(self, request: Request, transaction: ServerTransaction) -> None:
        """RFC 3311: a new target or a new offer without a three-way handshake."""
        if self._unconfirmed is not None and request.body:
            self._answer(transaction, 491)
            return
        body = b""
        fields: tuple[tuple[str, str], ...] = (("Contact", self.contact), ("Allow", ALLOW))
        if request.body:
            try:
                body = self.negotiation.answer(request.body, self.rtp_port)
            except SdpError as error:
                self._answer(transaction, 488, fields=(("Warning", warning(error)),))
                return
            fields = (*fields, *SDP_FIELDS)
        self._refresh(request)
        self._answer(transaction, 200, fields=fields, body=body)
        if body:
            self._agree()

    def _accept(
        self, request: Request, transaction: ServerTransaction, body: bytes, now: float, *, offered: bool
    ) -> None:
        """Send the 200 to an INVITE, first or inside the dialog, and repeat it until the ACK."""
        self._refresh(request)
        fields = (("Contact", self.contact), ("Allow", ALLOW), *SDP_FIELDS)
        response = reply(request, 200, tag=self.tag, fields=fields, body=body)
        self._unconfirmed = Unconfirmed(
            transaction, response, request.cseq.sequence, offered, now + T1_S, now + PATIENCE_S
        )
        self._todo.append(Respond(transaction, response))

    def _take_late_answer(self, ack: Request) -> bool:
        try:
            self.negotiation.take_answer(ack.body)
        except SdpError as error:
            self._send_bye()
            self._finish(self.far_end, 488, f"the answer in the ACK {error}")
            return False
        self._agree()
        return True

    def _refresh(self, request: Request) -> None:
        if self.dialog is not None:
            self.dialog.refresh(request.headers)

    # ------------------------------------------------------------------ ends

    def _send_bye(self) -> None:
        """Say BYE once; its answer, or the lack of one, ends the call."""
        if self.dialog is None or self._bye is not None:
            return
        try:
            hop = self.dialog.hop()
            self._bye = self._signed(self.dialog.request("BYE", self.local.via(hop.transport, hop.host)))
        except AddressError as error:
            self._finish(Party.PLATFORM, None, f"we hung up; the far end cannot be told: {error}")
            return
        self._todo.append(Ask(self._bye, hop))

    def _finish(self, party: Party, code: int | None, detail: str) -> None:
        if not self.over:
            self.over = True
            self._unconfirmed = None
            self._tell(Over(party, code, readable(detail, DETAIL_CHARS)))

    # ------------------------------------------------------------------ small things

    def _signed(self, request: Request) -> Request:
        """A request of ours with the credentials it needs; an inbound call has none."""
        return request

    @property
    def tag(self) -> str:
        """Our tag."""
        return self.dialog.local_tag if self.dialog else ""

    def _answer(
        self, transaction: ServerTransaction, code: int, *, fields: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> None:
        response = reply(transaction.request, code, tag=self.tag, fields=fields, body=body)
        self._todo.append(Respond(transaction, response))

    def _agree(self) -> None:
        if self.negotiation.agreed is not None:
            self._tell(MediaAgreed(self.negotiation.agreed))

    def _tell(self, event: CallEvent) -> None:
        self._todo.append(Tell(event))

    def _drain(self) -> list[Action]:
        todo, self._todo = self._todo, []
        return todo


def warning(error: Exception) -> str:
    """A Warning header that tells what was wrong with a description (RFC 3261 §20.43: 399, miscellaneous)."""
    text = "".join(char if char.isprintable() and char not in '"\\' else " " for char in str(error))
    return f'399 offhook "{text}"'
