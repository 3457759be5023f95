"""A SIP call as the rest of the house sees it: ``offhook.lines.line.Line`` over one call and one media leg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import structlog

from offhook.errors import CapacityError, LineError
from offhook.lines.line import Ability, Answered, Ended, Frame, LineEvent, LineFacts, MediaStats, Ringing
from offhook.lines.media.codec import Codec
from offhook.lines.media.leg import MediaLeg
from offhook.lines.sip.actions import CallEvent, Confirmed, MediaAgreed, Over, Rang
from offhook.lines.sip.call import Call
from offhook.lines.sip.negotiation import Agreed
from offhook.lines.sip.uas import InboundCall

log = structlog.get_logger(__name__)

# Frames between our 200 and its ACK are kept, so that nothing the caller says is lost. Ten seconds: the 200 has been
# repeated five times by then.
MAX_HELD_FRAMES = 500


class Carrier(Protocol):
    """What a line asks of its endpoint."""

    def open_leg(self, line: SipLine) -> MediaLeg:
        """A media leg. Raises CapacityError."""

    def ring(self, call: InboundCall) -> None:
        """Send 180."""

    def answer(self, call: InboundCall, rtp_port: int) -> None:
        """Send 200."""

    def reject(self, call: InboundCall, code: int, retry_after_s: int | None) -> None:
        """Refuse."""

    def hang_up(self, call: Call) -> None:
        """CANCEL, BYE or a refusal, whatever fits."""

    def find(self, remote: tuple[str, int], then: Callable[[tuple[str, int]], None]) -> None:
        """Find the address of a host named in SDP."""


class SipLine:
    """One call's line. A leg is opened when it is needed: a call that is refused costs no port."""

    rate_hz = 8000
    abilities = frozenset({Ability.KEYS})

    def __init__(self, carrier: Carrier, facts: LineFacts) -> None:
        self.facts = facts
        self.on_event: Callable[[LineEvent], None] = lambda _: None
        self.final_code: int | None = None
        self._carrier = carrier
        self._call: Call | None = None
        self._leg: MediaLeg | None = None
        self._last_stats = MediaStats()
        self._agreed: Agreed | None = None
        self._take_frame: Callable[[Frame], None] = lambda _: None
        self._answered = False
        self._held: list[Frame] = []
        self._first_index: int | None = None
        self._ended: asyncio.Event = asyncio.Event()

    # ------------------------------------------------------------------ frames

    @property
    def on_frame(self) -> Callable[[Frame], None]:
        """Where the media engine's consumer hands in frames; set it to get them once the call is answered."""
        return self._take_frame if self._answered and self._first_index == 0 else self._sort_frame

    @on_frame.setter
    def on_frame(self, take: Callable[[Frame], None]) -> None:
        self._take_frame = take

    def _sort_frame(self, frame: Frame) -> None:
        """Hold frames until the answer is confirmed, and count them from the answer on.

        What a callee's network plays before the answer (ringing tones, announcements) is no part of the call.
        """
        if self._answered:
            if self._first_index is None:
                self._first_index = frame.index
            first = self._first_index
            self._take_frame(frame if first == 0 else replace(frame, index=frame.index - first))
        elif isinstance(self._call, InboundCall) and len(self._held) < MAX_HELD_FRAMES:
            self._held.append(frame)

    # ------------------------------------------------------------------ what the house asks

    def ring(self) -> None:
        """Tell the caller that it rings (180)."""
        if isinstance(self._call, InboundCall) and not self._ended.is_set():
            self._carrier.ring(self._call)

    def answer(self) -> None:
        """Take the call; without a free port for its audio it is refused with 503."""
        call = self._call
        if not isinstance(call, InboundCall) or not call.pending:
            return
        try:
            leg = self.open_leg()
        except CapacityError as error:
            log.warning("call_refused_no_port", call_id=self.facts.carrier_call_id, error=str(error))
            self._carrier.reject(call, 503, error.retry_after_s)
            return
        self._carrier.answer(call, leg.local_port)

    def reject(self, code: int, retry_after_s: int | None = None) -> None:
        """Refuse the call before it was answered."""
        if isinstance(self._call, InboundCall):
            self._carrier.reject(self._call, code, retry_after_s)

    def play(self, utterance: int, pcm: bytes) -> None:
        """Queue audio of an utterance (s16le mono, 8 kHz)."""
        if self._leg is not None:
            self._leg.play(utterance, pcm)

    def flush(self, utterance: int) -> None:
        """The utterance has no more audio."""
        if self._leg is not None:
            self._leg.flush(utterance)

    def clear(self) -> None:
        """Drop all queued audio that was not yet sent."""
        if self._leg is not None:
            self._leg.clear()

    def send_dtmf(self, digits: str) -> None:
        """Send key presses."""
        if self._leg is not None:
            self._leg.send_dtmf(digits)

    async def transfer(self, destination: str, *, attended: bool) -> None:  # noqa: ARG002 - the protocol's
        """Not possible: raises LineError."""
        raise LineError(f"this line can't transfer to {destination}")

    async def send_text(self, text: str) -> None:  # noqa: ARG002 - the protocol's
        """Not possible: raises LineError."""
        raise LineError("this line can't send text messages")

    async def hang_up(self) -> None:
        """End the call whatever its state; returns when the far end knows or gave up."""
        if self._ended.is_set() or self._call is None:
            return
        if self._answered:
            self._release()  # nothing is to be heard after the BYE
        self._carrier.hang_up(self._call)
        await self._ended.wait()

    @property
    def stats(self) -> MediaStats:
        """Media counters; after the end, the last ones."""
        return self._leg.stats if self._leg is not None else self._last_stats

    # ------------------------------------------------------------------ what the endpoint tells

    def attach(self, call: Call) -> None:
        """The call that this line is of."""
        self._call = call

    def open_leg(self) -> MediaLeg:
        """The media leg, opened when first asked for. Raises CapacityError."""
        if self._leg is None:
            self._leg = self._carrier.open_leg(self)
        return self._leg

    def happened(self, event: CallEvent) -> None:
        """Something happened to the call."""
        match event:
            case Rang():
                self.on_event(Ringing(early_media=event.early_media))
            case MediaAgreed():
                self._agree(event.agreed)
            case Confirmed():
                self._confirm()
            case Over():
                self._end(event)

    def _confirm(self) -> None:
        held, self._held = self._held, []
        self._answered = True
        self.on_event(Answered())
        for frame in held:
            self._sort_frame(frame)

    def _end(self, event: Over) -> None:
        if self._ended.is_set():
            return
        self._release()
        self._held.clear()
        self.final_code = event.code
        code = None if self._answered else event.code
        # Set first: whoever is told may ask the line to hang up, and that must be over then.
        self._ended.set()
        self.on_event(Ended(event.party, code, event.detail))

    def _release(self) -> None:
        if self._leg is not None:
            self._last_stats = self._leg.stats
            self._leg.close()
            self._leg = None

    def _agree(self, agreed: Agreed) -> None:
        self.facts = replace(self.facts, codec=agreed.codec)
        self._carrier.find(agreed.remote, lambda remote: self._connect(replace(agreed, remote=remote)))

    def _connect(self, agreed: Agreed) -> None:
        leg, before = self._leg, self._agreed
        if leg is None:
            return
        self._agreed = agreed
        way = (agreed.remote, agreed.codec, agreed.event_payload)
        if before is None or way != (before.remote, before.codec, before.event_payload):
            leg.connect(agreed.remote, Codec[agreed.codec], agreed.event_payload)
        if agreed.sends:
            leg.resume(send=True)
        else:
            # On hold. What comes now is music at best, and nobody is to answer music.
            leg.pause()
