"""The receiving side of a leg: whose packets count, and what they become."""

from __future__ import annotations

from collections import deque

from offhook.audio import g711
from offhook.lines.media.jitter import JitterBuffer, Playout
from offhook.lines.media.reception import Reception
from offhook.lines.media.route import Address, Route
from offhook.lines.media.rtp import RtpError, RtpPacket, parse_rtp
from offhook.lines.media.telephone_event import EventError, EventReceiver

# Both laws are understood whichever was agreed: their payload types are static, and some peers switch.
_DECODERS = {0: g711.ulaw_decode, 8: g711.alaw_decode}
_COMFORT_NOISE = 13  # RFC 3389: the far end says that it is silent
_STRAGGLER_MS = 500.0  # how long after a change of source packets of the old one are taken for stragglers


class Inbound:
    """Symmetric RTP with a lock: only the negotiated address is heard; its first packet may tell another port (NAT)."""

    def __init__(self) -> None:
        self.received = 0
        self.ignored = 0
        self.malformed = 0
        self.concealed = 0
        self.source: Address | None = None
        self.reception: Reception | None = None
        self._route: Route | None = None
        self._event_kind: int | None = None
        self._buffer = JitterBuffer()
        self._events = EventReceiver()
        self.digits: deque[str] = deque()
        self._lost_before = 0
        self._late_before = 0
        self._former: tuple[int, float] | None = None

    @property
    def lost(self) -> int:
        """Packets that never came, of all sources so far."""
        return self._lost_before + (self.reception.lost if self.reception is not None else 0)

    @property
    def late(self) -> int:
        """Packets that came after their time."""
        return self._late_before + self._buffer.late

    def follow(self, route: Route) -> None:
        """Take a new route. The same address keeps its learned port: a session refresh must not undo it."""
        if self._route is None or route.address != self._route.address:
            self.source = None
        self._route = route
        self._event_kind = route.telephone_event_pt

    def datagram(self, data: bytes, source: Address, arrival_ms: float) -> bool:
        """Take what came to the RTP port; False if it isn't from the negotiated address and was ignored."""
        route = self._route
        if source != self.source and (route is None or self.source is not None or source[0] != route.address[0]):
            self.ignored += 1
            return False
        try:
            self._packet(parse_rtp(data), source, arrival_ms)
        except (RtpError, EventError):
            self.malformed += 1
        return True

    def frame(self, now_ms: float) -> Playout:
        """What the tick at ``now_ms`` hears."""
        playout = self._buffer.get(now_ms)
        self.concealed += playout[1]
        return playout

    def digit(self) -> str | None:
        """The next key press not yet told."""
        return self.digits.popleft() if self.digits else None

    def _packet(self, packet: RtpPacket, source: Address, arrival_ms: float) -> None:
        kind, _, number, timestamp, ssrc, payload = packet
        decode = _DECODERS.get(kind)
        if decode is None and kind not in (self._event_kind, _COMFORT_NOISE):
            self.malformed += 1
            return
        reception = self.reception
        if reception is None or ssrc != reception.ssrc:
            if self._straggles(ssrc, arrival_ms):
                return
            reception = self._begin_source(ssrc, arrival_ms)
        sequence = reception.accept(number)
        if sequence is None:
            return
        self.source = source
        self.received += 1
        if decode is None:
            self._buffer.skip(sequence)
            if kind == self._event_kind:
                self._press(payload, timestamp)
            return
        reception.arrival(timestamp, arrival_ms)
        self._buffer.put(sequence, timestamp, decode(payload), arrival_ms)

    def _press(self, payload: bytes, timestamp: int) -> None:
        digit = self._events.receive(payload, timestamp)
        if digit is not None:
            self.digits.append(digit)

    def _straggles(self, ssrc: int, arrival_ms: float) -> bool:
        return self._former is not None and self._former[0] == ssrc and arrival_ms < self._former[1] + _STRAGGLER_MS

    def _begin_source(self, ssrc: int, arrival_ms: float) -> Reception:
        """Another SSRC: its numbers and clock have nothing to do with the former one's."""
        if self.reception is not None:
            self._former = (self.reception.ssrc, arrival_ms)
            self._lost_before += self.reception.lost
            self._late_before += self._buffer.late
        self._buffer, self._events = JitterBuffer(), EventReceiver()
        self.reception = Reception(ssrc)
        return self.reception
