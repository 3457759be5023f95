"""An adaptive jitter buffer: packets in any order in, one frame of 20 ms each tick out. Pure; time is handed in.

How it works. Playing begins once the first packet has waited ``target_ms``. When a frame is due and nothing is there,
the cursor stands still (up to 60 ms are concealed, then it is silent): a packet that comes late is still played, and
the delay has grown by the wait. A frame missing with later ones present is lost: it is concealed and passed over.
Every five seconds the least time that packets waited tells how much delay was never needed, and quiet frames are left
out to win it back. The delay never passes 200 ms.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from offhook.lines.media.codec import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, RATE_HZ
from offhook.lines.media.concealment import MAX_FRAMES, Concealer

MIN_MS = 20  # one packet: with less, each tick would race the packet it needs
MAX_MS = 200  # more makes people talk over each other (ITU-T G.114)
_MAX_SAMPLES = MAX_MS * RATE_HZ // 1000
_WINDOW_FRAMES = 250  # 5 s between decisions to shorten the delay; a shorter look forgets bursts that come each second
_QUIET = 300  # of 32767 (-41 dBFS): leaving such a frame out isn't heard
_MAX_SEGMENTS = 64  # packets held at once: a flood or wild timestamps must not grow memory
_HALF_WRAP, _WRAP = 1 << 31, 1 << 32
_NEVER = -(1 << 62)  # a cursor before all time: nothing was played yet
_by_start = attrgetter("start")


@dataclass(slots=True)
class _Segment:
    """Sound of one packet: its first sample's time, s16le PCM, extended sequence number, time of arrival."""

    start: int
    pcm: bytes
    sequence: int
    arrival_ms: float

    @property
    def end(self) -> int:
        return self.start + len(self.pcm) // 2


# What a tick plays: s16le PCM of one frame or None for silence, and whether it was made up.
Playout = tuple[bytes | None, bool]

_SILENCE: Playout = (None, False)


class JitterBuffer:
    """The packets of one source. ``late`` counts those that came after their time had passed, or were too many."""

    def __init__(self) -> None:
        self.late = 0
        self.target_ms = MIN_MS
        self._segments: list[_Segment] = []
        self._skipped: set[int] = set()
        self._concealer = Concealer()
        self._playing = False
        self._cursor = _NEVER
        self._newest_sequence = -1
        self._last_start: int | None = None
        self._played_sequence = -1
        self._stalled = 0
        self._floor_ms = float("inf")
        self._frames = 0
        self._surplus = 0
        self._impatient = False

    @property
    def depth_ms(self) -> int:
        """Sound held, up to the newest sample."""
        if not self._segments:
            return 0
        start = max(self._segments[0].start, self._cursor)
        return max(0, self._segments[-1].end - start) * 1000 // RATE_HZ

    def skip(self, sequence: int) -> None:
        """A packet without sound (a key press, comfort noise) had this extended sequence number: it isn't lost."""
        self._skipped.add(sequence)
        if len(self._skipped) > _MAX_SEGMENTS:
            self._skipped.discard(min(self._skipped))
        self._concealer.forget()

    def put(self, sequence: int, timestamp: int, pcm: bytes, arrival_ms: float) -> None:
        """Take a packet: extended sequence number (never twice the same), RTP timestamp, s16le PCM."""
        if not pcm:
            return
        start = self._extend(timestamp)
        newest = sequence > self._newest_sequence
        if newest:
            self._newest_sequence, self._last_start = sequence, start
        cursor, end = self._cursor, start + len(pcm) // 2
        if end <= cursor:
            if not newest or cursor - end <= _MAX_SAMPLES:
                self.late += 1
                return
            self._restart()
        segments = self._segments
        segment = _Segment(start, pcm, sequence, arrival_ms)
        if len(segments) < _MAX_SEGMENTS and (not segments or segments[-1].start < start):
            segments.append(segment)
        else:
            self._insert(segment)

    def get(self, now_ms: float) -> Playout:
        """The frame of the tick at ``now_ms``; call it once each 20 ms."""
        if not self._playing and not self._begin(now_ms):
            return _SILENCE
        segments = self._segments
        if segments and (self._surplus or segments[-1].start - self._cursor > _MAX_SAMPLES):
            self._shorten(now_ms)
        if segments and segments[0].start <= self._cursor:
            return self._play(now_ms), False
        return self._missing(now_ms)

    # ------------------------------------------------------------------ in

    def _extend(self, timestamp: int) -> int:
        if self._last_start is None:
            return _WRAP + timestamp
        step = (timestamp - self._last_start) % _WRAP
        return self._last_start + (step - _WRAP if step >= _HALF_WRAP else step)

    def _restart(self) -> None:
        # The sender's clock went back: a new timeline, to be played from its beginning.
        self._segments.clear()
        self._playing, self._cursor = False, _NEVER
        self._concealer.forget()

    def _insert(self, segment: _Segment) -> None:
        segments = self._segments
        if any(other.start == segment.start for other in segments):
            self.late += 1
        else:
            insort(segments, segment, key=_by_start)
        if len(segments) > _MAX_SEGMENTS:
            self.late += 1
            del segments[0]

    # ------------------------------------------------------------------ out

    def _begin(self, now_ms: float) -> bool:
        if not self._segments:
            return False
        head = self._segments[0]
        if now_ms - head.arrival_ms < self.target_ms:
            return False
        self._playing, self._cursor = True, head.start
        self._played_sequence = head.sequence - 1
        self._stalled, self._floor_ms, self._frames, self._surplus = 0, float("inf"), 0, 0
        return True

    def _play(self, now_ms: float) -> bytes:
        segments, cursor = self._segments, self._cursor
        head = segments[0]
        if self._stalled:
            # What was awaited came late: the delay has grown by the wait, so expect as much again.
            self.target_ms = min(MAX_MS, self.target_ms + self._stalled * FRAME_MS)
            self._stalled = 0
        self._floor_ms = min(self._floor_ms, now_ms - head.arrival_ms)
        self._frames += 1
        if self._frames >= _WINDOW_FRAMES:
            self._review()
        self._cursor = cursor + FRAME_SAMPLES
        if head.start == cursor and len(head.pcm) == FRAME_BYTES:
            del segments[0]
            self._played_sequence = head.sequence
            pcm = head.pcm
        else:
            pcm = self._assemble(cursor)
        self._concealer.heard(pcm)
        return pcm

    def _assemble(self, cursor: int) -> bytes:
        """A frame out of packets of other lengths; what isn't there is silence."""
        frame, end = bytearray(FRAME_BYTES), cursor + FRAME_SAMPLES
        segments = self._segments
        while segments and segments[0].start < end:
            head = segments[0]
            start, stop = max(head.start, cursor), min(head.end, end)
            if start < stop:
                frame[2 * (start - cursor) : 2 * (stop - cursor)] = head.pcm[
                    2 * (start - head.start) : 2 * (stop - head.start)
                ]
            if head.end > end:
                break
            self._played_sequence = head.sequence
            del segments[0]
        return bytes(frame)

    def _missing(self, now_ms: float) -> Playout:
        """Nothing for this frame: lost, late, or the far end is silent."""
        cursor = self._cursor
        if not self._segments:
            self._stalled += 1
            if self._stalled > MAX_FRAMES:
                self._playing = False
            return self._conceal()
        head = self._segments[0]
        covered = min(head.start - cursor, self._stalled * FRAME_SAMPLES)
        if now_ms - head.arrival_ms > MAX_MS - FRAME_MS:
            covered = head.start - cursor  # it has waited long enough for what was before it
        cursor += covered
        self._cursor, self._stalled = cursor, 0
        if head.start == cursor:
            return self._play(now_ms), False
        if head.start - cursor > _MAX_SAMPLES:
            # Silence by a jump of the clock: the new talk spurt waits as the first one did.
            self._playing = False
            return _SILENCE
        if head.start < cursor + FRAME_SAMPLES:
            return self._play(now_ms), False
        self._cursor = cursor + FRAME_SAMPLES
        return _SILENCE if self._silent_before(head.sequence) else self._conceal()

    def _conceal(self) -> Playout:
        pcm = self._concealer.conceal()
        return _SILENCE if pcm is None else (pcm, True)

    def _silent_before(self, sequence: int) -> bool:
        """All packets between the last played and this one came, without sound: a pause, no loss."""
        between = range(self._played_sequence + 1, sequence)
        return len(between) <= _MAX_SEGMENTS and all(number in self._skipped for number in between)

    # ------------------------------------------------------------------ delay

    def _review(self) -> None:
        # Five seconds of sound without a quiet frame: one is left out all the same.
        self._impatient = self._surplus > 0
        self._surplus = max(0, int((self._floor_ms - MIN_MS) // FRAME_MS))
        self._frames, self._floor_ms = 0, float("inf")

    def _shorten(self, now_ms: float) -> None:
        segments = self._segments
        if self._surplus and len(segments) > 1 and (self._impatient or _quiet(segments[0].pcm)):
            self._surplus -= 1
            self._impatient = False
            self._leave_out()
        if segments[-1].end - self._cursor > _MAX_SAMPLES + FRAME_SAMPLES:
            self._bound(now_ms)

    def _leave_out(self) -> None:
        head = self._segments[0]
        if self._cursor == head.start:
            self._cursor = head.end
            self._played_sequence = head.sequence
            del self._segments[0]
            self.target_ms = max(MIN_MS, self.target_ms - FRAME_MS)

    def _bound(self, now_ms: float) -> None:
        """Drop the oldest sound so that at most 200 ms wait.

        Packets that arrived after ``now_ms`` don't count: a tick run late sees more than was there at its time.
        """
        arrived = [segment.end for segment in self._segments if segment.arrival_ms <= now_ms]
        if not arrived:
            return
        oldest = max(arrived) - _MAX_SAMPLES
        while self._segments and self._segments[0].end <= oldest:
            self.late += 1
            self._played_sequence = self._segments[0].sequence
            del self._segments[0]
        self._cursor = max(self._cursor, oldest)


def _quiet(pcm: bytes) -> bool:
    return int(np.abs(np.frombuffer(pcm, np.dtype("<i2")).astype(np.int32)).max()) < _QUIET
