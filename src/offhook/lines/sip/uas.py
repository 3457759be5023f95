"""A call that came in (RFC 3261 §13.3): ringing, answered, refused or cancelled, then as any call."""

from __future__ import annotations

from dataclasses import dataclass, field

from offhook.lines.line import Party
from offhook.lines.sip.actions import Action, Respond
from offhook.lines.sip.address import AddressError, Hop, caller_or_callee, read_name_addr
from offhook.lines.sip.call import Call
from offhook.lines.sip.dialog import Dialog
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import Request, readable
from offhook.lines.sip.negotiation import Negotiation
from offhook.lines.sip.replies import ALLOW, reply
from offhook.lines.sip.sdp import SdpError
from offhook.lines.sip.transactions import ServerTransaction

# An INVITE that nobody answers or refuses must not live for ever: three minutes is the longest any network rings
# (RFC 3261 §16.6 step 11, timer C).
UNANSWERED_LIMIT_S = 180.0
HANG_UP_CODE = 480


@dataclass(eq=False)
class InboundCall(Call):
    """One inbound call, made by an INVITE that passed the endpoint's checks."""

    invite: Request = field(kw_only=True)
    transaction: ServerTransaction = field(kw_only=True)
    source: Hop = field(kw_only=True)
    expires_at: float = field(kw_only=True)

    @classmethod
    def receive(
        cls, invite: Request, transaction: ServerTransaction, source: Hop, local: Local, now: float
    ) -> InboundCall:
        """Take an INVITE. Raises AddressError (400: no usable Contact) and SdpError (488)."""
        if invite.body:
            Negotiation.check(invite.body)
        user = invite.uri.partition(":")[2].partition("@")[0] if "@" in invite.uri else ""
        return cls(
            local=local,
            negotiation=Negotiation(local.host_for(source.host), _session_id(local)),
            far_end=Party.CALLER,
            contact=local.contact(user, source.transport, source.host),
            dialog=Dialog.of_server(invite, local.token(), source.flow),
            invite=invite,
            transaction=transaction,
            source=source,
            expires_at=now + UNANSWERED_LIMIT_S,
        )

    @property
    def from_number(self) -> str:
        """Who calls: P-Asserted-Identity where the network gives it (RFC 3325), else From."""
        for name in ("P-Asserted-Identity", "From"):
            value = self.invite.headers.get(name)
            if value is not None:
                try:
                    return readable(caller_or_callee(read_name_addr(value).uri))
                except AddressError:
                    continue
        return ""

    @property
    def to_number(self) -> str:
        """Who is called: the Request-URI."""
        return readable(caller_or_callee(self.invite.uri))

    @property
    def pending(self) -> bool:
        """Whether the INVITE has no final answer yet."""
        return not self.over and self._unconfirmed is None and not self._established

    @property
    def deadline(self) -> float | None:
        """When a 200 is due again, or the INVITE has waited too long."""
        return self.expires_at if self.pending else super().deadline

    def tick(self, now: float) -> list[Action]:
        """Do what time asks for."""
        if self.pending:
            return self.reject(HANG_UP_CODE) if now >= self.expires_at else []
        return super().tick(now)

    def ring(self) -> list[Action]:
        """Send 180."""
        if self.pending:
            fields = (("Contact", self.contact), ("Allow", ALLOW))
            response = reply(self.invite, 180, tag=self.tag, fields=fields)
            self._todo.append(Respond(self.transaction, response))
        return self._drain()

    def answer(self, rtp_port: int, now: float) -> list[Action]:
        """Send 200 with our answer, or with our offer when the INVITE brought none."""
        if not self.pending:
            return self._drain()
        self.rtp_port = rtp_port
        try:
            offered = not self.invite.body
            negotiation = self.negotiation
            body = negotiation.offer(rtp_port) if offered else negotiation.answer(self.invite.body, rtp_port)
        except SdpError as error:
            return self.reject(488, detail=str(error))
        self._accept(self.invite, self.transaction, body, now, offered=offered)
        if not offered:
            self._agree()
        return self._drain()

    def reject(self, code: int, retry_after_s: int | None = None, detail: str | None = None) -> list[Action]:
        """Refuse it with a final code; after the answer this does nothing."""
        if self.pending:
            fields = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
            response = reply(self.invite, code, tag=self.tag, fields=fields)
            self._todo.append(Respond(self.transaction, response))
            self._finish(Party.PLATFORM, code, detail or f"refused with {code} {response.phrase}")
        return self._drain()

    def cancel(self) -> list[Action]:
        """The caller gave up (§9.2); too late once it was answered."""
        if self.pending:
            self._todo.append(Respond(self.transaction, reply(self.invite, 487, tag=self.tag)))
            self._finish(Party.CALLER, 487, "the caller cancelled the call")
        return self._drain()

    def hang_up(self, now: float) -> list[Action]:
        """End it: a refusal before the answer, BYE after; before the ACK the BYE waits for it (§15)."""
        if self.pending:
            return self.reject(HANG_UP_CODE)
        if self._unconfirmed is not None and not self._established:
            self._hang_up_wanted = True
            return self._drain()
        return super().hang_up(now)

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> list[Action]:
        """A request in the early or confirmed dialog."""
        if not self.pending:
            return super().on_request(request, transaction, now)
        if not self._in_order(request) or request.method == "INVITE":
            # §14.2: a second INVITE before the first has its answer.
            self._answer(transaction, 500, fields=(("Retry-After", "2"),))
            return self._drain()
        if request.method == "BYE":
            self._answer(transaction, 200)
            return [*self._drain(), *self.cancel()]
        if request.method == "UPDATE" and request.body:
            self._answer(transaction, 491)
            return self._drain()
        return super().on_request(request, transaction, now)


def _session_id(local: Local) -> int:
    # RFC 8866 §5.2 wants a number; 31 bits because old parsers read it as a signed int.
    return int(local.token()[:8], 16) & 0x7FFFFFFF
