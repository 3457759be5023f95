"""The sending side of a leg: one packet a tick, of speech, silence or a key press."""

from __future__ import annotations

import random
import struct

from offhook.audio.tones import dtmf
from offhook.lines.line import Sent
from offhook.lines.media.codec import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ, Codec
from offhook.lines.media.play_queue import PlayQueue
from offhook.lines.media.route import Route
from offhook.lines.media.telephone_event import EventPacket, EventSender

_HEADER = struct.Struct("!BBHII")
_VERSION = 0x80
_MARKER = 0x80


# What a tick sends: the datagram (None: nothing), the sound in it (None: silence), and whose it is.
Outgoing = tuple[bytes | None, bytes | None, Sent | None]

_NOTHING: Outgoing = (None, None, None)
_SILENCE = {codec: codec.silence * FRAME_SAMPLES for codec in Codec}


class Outbound:
    """Numbers, queue and key presses of what we send; ``play``, ``flush``, ``clear``, ``press`` are the loop's."""

    def __init__(self) -> None:
        # Random start values as RFC 3550 §5.1 asks: known plaintext and old packets must not fit.
        rng = random.SystemRandom()
        self.ssrc = rng.getrandbits(32)
        self.timestamp = rng.getrandbits(32)
        self.packets = 0
        self.octets = 0
        self._sequence = rng.getrandbits(16)
        self._queue = PlayQueue()
        self._events = EventSender()
        self._event_timestamp = 0
        self._after_gap = True

    def play(self, utterance: int, pcm: bytes, codec: Codec) -> None:
        """Queue s16le PCM; it is coded here already, many frames at once, to spare the media thread."""
        self._queue.play(utterance, pcm, codec)

    def flush(self, utterance: int) -> None:
        """Nothing more comes of the utterance."""
        self._queue.flush(utterance)

    def clear(self) -> None:
        """Drop what waits: the next tick already finds the new queue."""
        self._queue = PlayQueue()

    def press(self, digits: str) -> None:
        """Queue key presses. Raises LineError."""
        self._events.press(digits)

    def skip(self) -> Outgoing:
        """A tick that sends nothing: media time goes on, what waits goes on waiting."""
        self.timestamp = (self.timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        self._after_gap = True
        return _NOTHING

    def tick(self, route: Route) -> Outgoing:
        """The next packet: a key press first, else speech, else silence."""
        timestamp = self.timestamp
        self.timestamp = (timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        codec = route.codec
        if not self._events.idle:
            return self._press(route, timestamp)
        taken = self._queue.take(codec)
        if taken is None:
            return self._sound(codec, timestamp, _SILENCE[codec]), None, None
        payload, said, sent = taken
        return self._sound(codec, timestamp, payload), said, sent

    def _press(self, route: Route, timestamp: int) -> Outgoing:
        event, codec = self._events.tick(), route.codec
        if route.telephone_event_pt is not None:
            if isinstance(event, EventPacket):
                return self._event(event, route.telephone_event_pt, timestamp)
        elif (tone := self._events.tone) is not None:
            digit, since = tone
            said = dtmf(digit, RATE_HZ)[2 * since : 2 * since + FRAME_BYTES]
            return self._sound(codec, timestamp, codec.encode(said)), said, None
        return self._sound(codec, timestamp, _SILENCE[codec]), None, None

    def _sound(self, codec: Codec, timestamp: int, payload: bytes) -> bytes:
        # RFC 3551 §4.1: the marker is for the first packet after a time without any.
        marker, self._after_gap = self._after_gap, False
        return self._packet(codec, marker, timestamp, payload)

    def _event(self, event: EventPacket, payload_type: int, timestamp: int) -> Outgoing:
        if event.marker:
            self._event_timestamp = timestamp
        self._after_gap = True
        datagram = self._packet(payload_type, event.marker, self._event_timestamp, event.payload)
        return datagram, None, None

    def _packet(self, payload_type: int, marker: bool, timestamp: int, payload: bytes) -> bytes:
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        second = payload_type | _MARKER if marker else payload_type
        return _HEADER.pack(_VERSION, second, sequence, timestamp, self.ssrc) + payload
