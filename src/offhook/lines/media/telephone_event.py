"""Key presses as RTP telephone events (RFC 4733): received once each, sent with their repeats."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from offhook.errors import LineError
from offhook.lines.media.codec import FRAME_SAMPLES

_EVENT = struct.Struct("!BBH")
DIGITS = "0123456789*#ABCD"  # event codes 0–15 (RFC 4733 §3.2)
WAIT = "w"
_END = 0x80
_VOLUME = 10  # -10 dBm0, what phones send
_MAX_DURATION = 0xFFFF
_WRAP = 1 << 32
_TONE_TICKS = 5  # 100 ms: long enough for every exchange (ITU-T Q.24 asks for 40)
_GAP_TICKS = 3  # 60 ms between presses: Q.24 and gateways want 50
_WAIT_TICKS = 25  # half a second
_END_REPEATS = 2  # the last packet goes out three times (RFC 4733 §2.5.1.4)


class EventError(ValueError):
    """These bytes are not a telephone event."""


@dataclass(slots=True)
class Press:
    """A key press as received so far. ``timestamp`` names it; ``duration`` counts samples."""

    digit: str
    timestamp: int
    duration: int
    ended: bool


class EventReceiver:
    """The key presses of one source. A press is told at its first packet, whichever of its packets that is."""

    def __init__(self) -> None:
        self.current: Press | None = None

    def receive(self, payload: bytes, timestamp: int) -> str | None:
        """Take one packet; the digit if it begins a press. Raises EventError for a payload that is too short."""
        if len(payload) < _EVENT.size:
            raise EventError(f"{len(payload)} bytes are less than a telephone event")
        code, flags, duration = _EVENT.unpack_from(payload)
        if code >= len(DIGITS):
            return None  # flash, modem and fax signals are no keys
        ended, digit, current = bool(flags & _END), DIGITS[code], self.current
        if current is not None:
            if timestamp == current.timestamp:
                # Packets may come out of order, and the last one comes three times.
                current.duration, current.ended = max(current.duration, duration), current.ended or ended
                return None
            if (timestamp - current.timestamp) % _WRAP > _WRAP // 2:
                return None  # a straggler of an earlier press
            if self._continues(current, digit, timestamp):
                self.current = Press(digit, timestamp, duration, ended)
                return None
        self.current = Press(digit, timestamp, duration, ended)
        return digit

    @staticmethod
    def _continues(current: Press, digit: str, timestamp: int) -> bool:
        """A press longer than 8 s goes on under a new timestamp (§2.5.1.3)."""
        return not current.ended and digit == current.digit and (timestamp - current.timestamp) % _WRAP == _MAX_DURATION


@dataclass(frozen=True, slots=True)
class EventPacket:
    """One packet to send. All packets of a press carry the timestamp of the first, which has the marker (§2.5.1.2)."""

    payload: bytes
    marker: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """This tick sends no event."""


class EventSender:
    """Key presses waiting to be sent, one packet a tick. ``press`` may be called from another thread."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._digit = ""
        self._tick = 0

    def press(self, digits: str) -> None:
        """Queue keys: ``0-9*#A-D``, ``w`` waits half a second. Raises LineError for anything else, queuing nothing."""
        for key in digits:
            if key not in "wW" and key.upper() not in DIGITS:
                raise LineError(f"{key!r} is not a key of a phone: use 0-9, *, #, A-D, or w to wait")
        self._waiting.extend(WAIT if key in "wW" else key.upper() for key in digits)

    @property
    def idle(self) -> bool:
        """Nothing is being sent and nothing waits."""
        return not self._digit and not self._waiting

    def tick(self) -> EventPacket | Pause | None:
        """What this tick sends instead of sound; None when sound has its turn."""
        if not self._digit:
            if not self._waiting:
                return None
            self._digit, self._tick = self._waiting.popleft(), 0
        tick, self._tick = self._tick, self._tick + 1
        if self._digit == WAIT:
            if self._tick >= _WAIT_TICKS:
                self._digit = ""
            return Pause()
        return self._packet(tick)

    @property
    def tone(self) -> tuple[str, int] | None:
        """Of the tick just taken: the digit that sounds and the samples it has sounded before; None in a gap.

        For peers that take no telephone events and must hear the tone itself.
        """
        tick = self._tick - 1
        return (self._digit, tick * FRAME_SAMPLES) if self._digit in DIGITS and tick < _TONE_TICKS else None

    def _packet(self, tick: int) -> EventPacket | Pause:
        code = DIGITS.index(self._digit)
        if self._tick >= _TONE_TICKS + _GAP_TICKS:
            self._digit = ""
        if tick >= _TONE_TICKS + _END_REPEATS:
            return Pause()
        ended = tick >= _TONE_TICKS - 1
        duration = min(tick + 1, _TONE_TICKS) * FRAME_SAMPLES
        payload = _EVENT.pack(code, _VOLUME | (_END if ended else 0), duration)
        return EventPacket(payload, marker=tick == 0)
