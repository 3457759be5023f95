"""The sending side of a leg: one packet a tick, of speech, silence or a key press."""

from __future__ import annotations

import random
import struct
from typing import NamedTuple

from offhook.lines.line import Sent
from offhook.lines.media.codec import FRAME_SAMPLES
from offhook.lines.media.play_queue import PlayQueue
from offhook.lines.media.route import Route
from offhook.lines.media.telephone_event import EventPacket, EventSender
from offhook.lines.media.tones import key_tone

_HEADER = struct.Struct("!BBHII")
_VERSION = 0x80
_MARKER = 0x80


class Outgoing(NamedTuple):
    """What a tick sends: the datagram (None: nothing), the sound in it (None: silence), and whose it is."""

    datagram: bytes | None
    said: bytes | None
    sent: Sent | None


_NOTHING = Outgoing(None, None, None)


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

    def play(self, utterance: int, pcm: bytes) -> None:
        """Queue s16le PCM."""
        self._queue.play(utterance, pcm)

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
        said, sent = None, None
        if self._events.idle:
            taken = self._queue.take()
            if taken is not None:
                said, sent = taken
        else:
            event = self._events.tick()
            if route.telephone_event_pt is None:
                said = self._tone()
            elif isinstance(event, EventPacket):
                return self._event(event, route.telephone_event_pt, timestamp)
        payload = route.codec.silence * FRAME_SAMPLES if said is None else route.codec.encode(said)
        # RFC 3551 §4.1: the marker is for the first packet after a time without any.
        marker, self._after_gap = self._after_gap, False
        return Outgoing(self._packet(route.codec, marker, timestamp, payload), said, sent)

    def _event(self, event: EventPacket, payload_type: int, timestamp: int) -> Outgoing:
        if event.marker:
            self._event_timestamp = timestamp
        self._after_gap = True
        datagram = self._packet(payload_type, event.marker, self._event_timestamp, event.payload)
        return Outgoing(datagram, None, None)

    def _tone(self) -> bytes | None:
        tone = self._events.tone
        return None if tone is None else key_tone(*tone)

    def _packet(self, payload_type: int, marker: bool, timestamp: int, payload: bytes) -> bytes:
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        second = payload_type | _MARKER if marker else payload_type
        return _HEADER.pack(_VERSION, second, sequence, timestamp, self.ssrc) + payload
