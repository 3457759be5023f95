"""One call's media: an RTP and an RTCP port, worked by the engine's thread, told what to do from the loop."""

from __future__ import annotations

import contextlib
import socket
from functools import partial
from typing import Protocol

import structlog

from offhook.lines.line import Frame, MediaStats
from offhook.lines.media.codec import FRAME_MS, RATE_HZ, Codec
from offhook.lines.media.control import Control
from offhook.lines.media.inbound import Inbound
from offhook.lines.media.outbound import Outbound, Outgoing
from offhook.lines.media.route import Address, Route, make_route
from offhook.lines.media.rtcp import is_rtcp

log = structlog.get_logger(__name__)

# Ticks later than three packets aren't made up for by a burst: it would overrun the far end's jitter buffer, and be
# heard as a loss anyway. What was to be said is said later instead, at the pace of real time.
MAX_LATE_MS = 3 * FRAME_MS
_DRAIN_PACKETS = 500  # more than a socket's buffer holds: a flood must not keep us reading


class Host(Protocol):
    """What a leg asks of its engine."""

    def begin(self, leg: MediaLeg) -> None:
        """Let its ticks begin."""

    def end(self, leg: MediaLeg) -> None:
        """Take it out and shut it."""

    def say(self, event: partial[None]) -> None:
        """Run something on the loop: the media thread writes no log itself, since that may block."""


class MediaLeg:
    """A leg of the engine. ``owner`` is whoever takes its frames; ``local_port`` its even RTP port.

    Everything up to ``close`` is for the loop; ``receive``, ``receive_control``, ``send``, ``frame`` and ``shut`` are
    the media thread's. Between the two pass single references and deques, each swapped or appended in one step, so
    neither waits for the other.
    """

    def __init__(self, host: Host, rtp: socket.socket, rtcp: socket.socket, owner: object) -> None:
        self.owner = owner
        self.rtp, self.rtcp = rtp, rtcp
        self.local_port: int = rtp.getsockname()[1]
        self._host = host
        self._route: Route | None = None
        self._followed: Route | None = None
        self._destination: Address | None = None
        self._sends, self._hears = True, True
        self._index = 0
        self._sent_ms = 0.0
        self._outgoing: Outgoing = (None, None, None)
        self._sent = self._unsent = self._control_ignored = 0
        self._stranger_told = False
        self._closed = False
        self._inbound, self._outbound = Inbound(), Outbound()
        self._control = Control(self._inbound, self._outbound, f"{self._outbound.ssrc:08x}@offhook")

    # ------------------------------------------------------------------ for the loop

    def connect(self, remote: Address, codec: Codec, telephone_event_pt: int | None) -> None:
        """Send to and hear ``remote``; ticks begin with the first call. Another call changes the route only.

        Raises LineError if ``remote`` is not an IP address.
        """
        first = self._route is None
        self._route = make_route(remote, codec, telephone_event_pt)
        if first and not self._closed:
            _drain(self.rtp)
            self._host.begin(self)

    def pause(self) -> None:
        """Hold: neither send nor hear. Ticks go on, what was to be played waits."""
        self._sends = self._hears = False

    def resume(self, send: bool = True) -> None:
        """Hear again, and with ``send`` also send."""
        self._hears, self._sends = True, send

    def play(self, utterance: int, pcm: bytes) -> None:
        """Queue s16le PCM, 8 kHz mono, of an utterance."""
        route = self._route
        self._outbound.play(utterance, pcm, Codec.PCMU if route is None else route.codec)

    def flush(self, utterance: int) -> None:
        """The utterance has no more audio: its last partial frame is padded and sent."""
        self._outbound.flush(utterance)

    def clear(self) -> None:
        """Drop all audio not yet sent; no tick after this call sends any of it."""
        self._outbound.clear()

    def send_dtmf(self, digits: str) -> None:
        """Press keys (``0-9*#A-D``, ``w`` waits half a second). Raises LineError for others."""
        self._outbound.press(digits)

    @property
    def stats(self) -> MediaStats:
        """Counters so far."""
        inbound, control = self._inbound, self._control
        jitter = inbound.reception.jitter_samples if inbound.reception is not None else 0.0
        return MediaStats(
            sent=self._sent,
            received=inbound.received,
            lost=inbound.lost,
            late=inbound.late,
            ignored=inbound.ignored + self._control_ignored,
            jitter_ms=round(jitter * 1000 / RATE_HZ, 3),
            malformed=inbound.malformed + control.malformed,
            unsent=self._unsent,
            concealed=inbound.concealed,
            remote_lost=control.remote_lost,
            remote_jitter_ms=control.remote_jitter_ms,
            round_trip_ms=control.round_trip_ms,
        )

    def close(self) -> None:
        """Say BYE and free the ports; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._host.end(self)

    # ------------------------------------------------------------------ for the media thread

    def receive(self, data: bytes, source: Address, arrival_ms: float) -> None:
        """Take a datagram from the RTP port."""
        if self._route is not self._followed:
            self._follow()
        if is_rtcp(data):
            self.receive_control(data, source, arrival_ms)
        elif not self._inbound.datagram(data, source, arrival_ms):
            self._tell_stranger(source)

    def receive_control(self, data: bytes, source: Address, arrival_ms: float) -> None:
        """Take a datagram from the RTCP port."""
        route = self._route
        if route is None or source[0] != route.address[0]:
            self._control_ignored += 1
            self._tell_stranger(source)
        else:
            self._control.datagram(data, arrival_ms)

    def send(self, now_ms: float, late_ms: float) -> None:
        """The first half of a tick, run ``late_ms`` after it was due: our packet."""
        route = self._follow()
        too_late = late_ms > MAX_LATE_MS and now_ms - self._sent_ms < FRAME_MS
        if route is None or not self._sends or too_late or not route.reachable:
            self._outgoing = self._outbound.skip()
            return
        self._sent_ms = now_ms
        self._outgoing = outgoing = self._outbound.tick(route)
        if outgoing[0] is not None:
            self._send(outgoing[0])

    def frame(self, now_ms: float) -> Frame:
        """The second half of a tick, due at ``now_ms``: what passed in both directions."""
        inbound = self._inbound
        heard, concealed = inbound.frame(now_ms)
        _, said, sent = self._outgoing
        if self._control.due(now_ms):
            self._send_control(self._control.report(now_ms))
        index, self._index = self._index, self._index + 1
        if not self._hears:
            heard, concealed = None, False
        return Frame(index, heard, said, sent, inbound.digit() if inbound.digits else None, concealed)

    def shut(self) -> None:
        """Say BYE and close the sockets."""
        if self._index:
            self._send_control(self._control.bye())
        self.rtp.close()
        self.rtcp.close()

    def _follow(self) -> Route | None:
        route = self._route
        if route is not None and route is not self._followed:
            self._followed = route
            self._inbound.follow(route)
        return route

    def _send(self, datagram: bytes) -> None:
        route = self._followed
        address = self._inbound.source or (route.address if route is not None else None)
        if address is None:
            return
        try:
            self.rtp.sendto(datagram, address)
        except OSError:
            # A full send queue or a network that is down: the packet is lost as on any network, the next may pass.
            self._unsent += 1
        else:
            self._sent += 1

    def _send_control(self, datagram: bytes) -> None:
        route = self._followed
        if route is None or not route.reachable:
            return
        host, port = self._inbound.source or route.address
        try:
            self.rtcp.sendto(datagram, (host, port + 1))
        except (OSError, OverflowError):
            self._unsent += 1

    def _tell_stranger(self, source: Address) -> None:
        if not self._stranger_told:
            self._stranger_told = True
            negotiated = self._route.address if self._route is not None else None
            event = partial(
                log.warning, "media_from_stranger", port=self.local_port, source=source, negotiated=negotiated
            )
            self._host.say(event)


def _drain(reader: socket.socket) -> None:
    """Throw away what came before the call's media began: it would be heard as a burst of old sound."""
    with contextlib.suppress(OSError):
        for _ in range(_DRAIN_PACKETS):
            reader.recv(1)
