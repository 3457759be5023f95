"""A call that we place (RFC 3261 §13.2): ringing, early media, credentials, the ring limit, CANCEL and its races."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from offhook.lines.line import Party
from offhook.lines.sip import digest
from offhook.lines.sip.actions import Abandon, Action, Ask, Confirmed, Over, Rang, Transmit
from offhook.lines.sip.address import AddressError, Hop
from offhook.lines.sip.call import Call
from offhook.lines.sip.dial import Dial, contact_of, first_invite, target_of
from offhook.lines.sip.dialog import Dialog
from offhook.lines.sip.local import Local
from offhook.lines.sip.message import Request, Response
from offhook.lines.sip.negotiation import Negotiation
from offhook.lines.sip.sdp import SdpError
from offhook.lines.sip.transactions import PATIENCE_S, cancel_for

# The far end answers a CANCEL at once; five seconds cover four retransmissions of it.
CANCEL_PATIENCE_S = 5.0
# One challenge each of a proxy and of the callee, and a stale nonce of each.
MAX_CHALLENGES = 4
RING_LIMIT = "ring limit reached"
# Refusals that the callee chose; all others come from the network on the way.
_CALLEE_CODES = frozenset({480, 486, 487, 600, 603})


class _Progress(Enum):
    CALLING = auto()
    PROCEEDING = auto()
    FINAL = auto()


@dataclass(eq=False)
class OutboundCall(Call):
    """One outbound call."""

    invite: Request = field(kw_only=True)
    hop: Hop = field(kw_only=True)
    ring_timeout_s: float = field(kw_only=True)
    credentials: digest.Credentials | None = field(kw_only=True)
    _progress: _Progress = _Progress.CALLING
    _outcome: Over | None = None
    _wake_at: float | None = None
    _acks: dict[str, tuple[Request, Hop]] = field(default_factory=dict)
    _challenges: dict[str, digest.Challenge] = field(default_factory=dict)
    _challenged: int = 0
    _signatures: int = 0
    _early: bool | None = None

    @classmethod
    def place(cls, dial: Dial, local: Local, rtp_port: int) -> OutboundCall:
        """Make a call; ``start`` sends its INVITE. Raises LineError for what cannot be dialled."""
        uri, hop = target_of(dial)
        contact = contact_of(dial, local, hop)
        negotiation = Negotiation(local.host_for(hop.host), int(local.token()[:8], 16) & 0x7FFFFFFF)
        return cls(
            local=local,
            negotiation=negotiation,
            far_end=Party.CALLEE,
            contact=contact,
            rtp_port=rtp_port,
            invite=first_invite(dial, uri, hop, local=local, contact=contact, body=negotiation.offer(rtp_port)),
            hop=hop,
            ring_timeout_s=dial.ring_timeout_s,
            credentials=digest.Credentials(dial.username, dial.password or "") if dial.username else None,
        )

    def start(self, now: float) -> list[Action]:
        """Send the INVITE."""
        self._wake_at = now + self.ring_timeout_s
        return [Ask(self.invite, self.hop)]

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our tag: what the peer's requests find it by."""
        return self.invite.call_id, self.invite.from_tag

    @property
    def pending(self) -> bool:
        """Whether the INVITE has no final answer yet."""
        return self._progress is not _Progress.FINAL

    @property
    def deadline(self) -> float | None:
        """When the ring limit, or patience with a CANCEL, is up; inside the call as for any call."""
        return self._wake_at if self.pending else super().deadline

    def tick(self, now: float) -> list[Action]:
        """Do what time asks for."""
        if not self.pending:
            return super().tick(now)
        if self._wake_at is None or now < self._wake_at:
            return []
        if self._outcome is None:
            self._cancel(now, Over(Party.CALLEE, 487, f"{RING_LIMIT}: no answer in {self.ring_timeout_s:g} s"))
        elif not self.over:
            self._end_as_cancelled()
            self._wake_at = now + PATIENCE_S
        else:
            # §9.1: nobody answered CANCEL for 64*T1; the INVITE is taken as cancelled.
            self._progress, self._wake_at = _Progress.FINAL, None
            self._todo.append(Abandon(self.invite))
        return self._drain()

    def hang_up(self, now: float) -> list[Action]:
        """End it: CANCEL before the answer, BYE after."""
        if self.pending:
            if self._outcome is None:
                self._cancel(now, Over(Party.PLATFORM, 487, "we cancelled the call"))
            return self._drain()
        return super().hang_up(now)

    # ------------------------------------------------------------------ what comes back

    def on_response(self, request: Request, response: Response) -> list[Action]:
        """A response to our INVITE, or to a request inside the call."""
        if request is not self.invite:
            if request is self._bye and response.code in {401, 407} and self._sign_again(response):
                self._bye = None
                self._send_bye()
                return self._drain()
            return super().on_response(request, response)
        if response.code < 200:
            self._on_provisional(response)
        elif response.code < 300:
            self._on_success(response)
        elif response.code in {401, 407} and self._outcome is None and self._sign_again(response):
            self._invite_again()
        else:
            self._on_refusal(response)
        return self._drain()

    def on_failure(self, request: Request, *, unreachable: bool) -> list[Action]:
        """The INVITE (or a request inside the call) was never answered, or could not be delivered."""
        if request is not self.invite:
            return super().on_failure(request, unreachable=unreachable)
        self._progress = _Progress.FINAL
        if self._outcome is not None:
            self._end_as_cancelled()
        elif unreachable:
            self._finish(Party.CARRIER, 503, f"{self.hop} cannot be reached")
        else:
            self._finish(Party.CARRIER, 408, f"no response from {self.hop} within {PATIENCE_S:.0f} s")
        return self._drain()

    def _on_provisional(self, response: Response) -> None:
        first = self._progress is _Progress.CALLING
        self._progress = _Progress.PROCEEDING
        if self._outcome is not None:
            if first:
                self._todo.append(Ask(cancel_for(self.invite), self.hop))
            return
        if response.code == 100:
            return
        early = self._take(response)
        if self._early is None or (early and not self._early):
            self._early = early
            self._tell(Rang(early_media=early))

    def _on_success(self, response: Response) -> None:
        self._progress = _Progress.FINAL
        known = self._acks.get(response.to_tag)
        if known is not None:
            self._todo.append(Transmit(*known))
            return
        try:
            dialog = Dialog.of_client(self.invite, response)
            self._acknowledge(dialog)
        except AddressError as error:
            self._finish(Party.CARRIER, 500, f"the answer cannot be confirmed: {error}")
            return
        if self.dialog is not None:
            # A second branch of a forked call answered too (§13.2.2.4).
            self._drop_branch(dialog)
            return
        self.dialog = dialog
        if self._outcome is not None or self.over:
            self._send_bye()
            self._end_as_cancelled()
        elif self._take(response) or self._early:
            self._established = True
            self._tell(Confirmed())
        else:
            self._send_bye()
            self._finish(Party.CARRIER, 488, "answered without audio that we can use")

    def _on_refusal(self, response: Response) -> None:
        self._progress = _Progress.FINAL
        if self._outcome is not None:
            self._end_as_cancelled()
            return
        party = Party.CALLEE if response.code in _CALLEE_CODES else Party.CARRIER
        self._finish(party, response.code, f"{response.code} {response.phrase}".strip())

    def _take(self, response: Response) -> bool:
        """Take the answer in a response; False when it has none that can be used."""
        if response.content_type != "application/sdp" or not response.body:
            return False
        try:
            self.negotiation.take_answer(response.body)
        except SdpError:
            return False
        self._agree()
        return True

    # ------------------------------------------------------------------ what goes out

    def _cancel(self, now: float, outcome: Over) -> None:
        self._outcome = outcome
        self._wake_at = now + CANCEL_PATIENCE_S
        if self._progress is _Progress.PROCEEDING:
            self._todo.append(Ask(cancel_for(self.invite), self.hop))
            return
        # §9.1: no CANCEL before a provisional answer. Nobody has shown up, so there is nobody to wait for.
        self._end_as_cancelled()
        self._wake_at = now + PATIENCE_S

    def _end_as_cancelled(self) -> None:
        if self._outcome is not None:
            self._finish(self._outcome.party, self._outcome.code, self._outcome.detail)

    def _acknowledge(self, dialog: Dialog) -> None:
        hop = dialog.hop()
        signed = tuple((name, value) for name, value in self.invite.headers if name in self._challenges)
        via = self.local.via(hop.transport, hop.host)
        ack = dialog.request("ACK", via, cseq=self.invite.cseq.sequence, fields=signed)
        self._acks[dialog.remote_tag] = (ack, hop)
        self._todo.append(Transmit(ack, hop))

    def _drop_branch(self, dialog: Dialog) -> None:
        hop = dialog.hop()
        self._todo.append(Ask(self._signed(dialog.request("BYE", self.local.via(hop.transport, hop.host))), hop))

    def _sign_again(self, response: Response) -> bool:
        """Whether a challenge can be answered that wasn't yet: another nonce, or the old one gone stale."""
        if self.credentials is None or self._challenged >= MAX_CHALLENGES:
            return False
        for challenge in digest.challenges(response):
            known = self._challenges.get(challenge.answer_header)
            if known is None or challenge.stale or known.realm != challenge.realm:
                self._challenges[challenge.answer_header] = challenge
                self._challenged += 1
                self._signatures = 0
                return True
        return False

    def _invite_again(self) -> None:
        number = self.invite.cseq.sequence + 1
        headers = self.invite.headers.but("Via", self.local.via(self.hop.transport, self.hop.host))
        self.invite = self._signed(replace(self.invite, headers=headers.but("CSeq", f"{number} INVITE")))
        self._progress = _Progress.CALLING
        self._todo.append(Ask(self.invite, self.hop))

    def _signed(self, request: Request) -> Request:
        if self.credentials is None or not self._challenges:
            return request
        self._signatures += 1
        headers = request.headers
        for challenge in self._challenges.values():
            name, value = digest.answer(
                challenge, self.credentials, request.method, request.uri,
                cnonce=self.local.token(), count=self._signatures,
            )  # fmt: skip
            headers = headers.but(name, value)
        return replace(request, headers=headers)
