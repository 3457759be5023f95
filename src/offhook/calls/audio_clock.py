"""Time in a call: the clocks it runs by, and its audio time, what ``index * 20 ms`` is on each of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Clocks:
    """Unix and monotonic time in seconds; others than the system's hold a call in virtual time."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class AudioClock:
    """Set by the first frames; a frame that a busy loop took late doesn't move it, an earlier one does."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._zero_s: float | None = None
        self._wall_zero_s = clocks.wall()

    def frame(self, index: int) -> int:
        """A frame passed; the audio time of its end in ms."""
        end_ms = (index + 1) * FRAME_MS
        zero_s = self._clocks.monotonic() - index * FRAME_MS / 1000
        if self._zero_s is None or zero_s < self._zero_s:
            self._zero_s = zero_s
            self._wall_zero_s = self._clocks.wall() - index * FRAME_MS / 1000
        return end_ms

    def now_ms(self) -> int:
        """Audio time now; 0 before the first frame."""
        return 0 if self._zero_s is None else max(0, int((self._clocks.monotonic() - self._zero_s) * 1000))

    def wall(self, at_ms: int) -> float:
        """Unix time of an audio time."""
        return self._wall_zero_s + at_ms / 1000
