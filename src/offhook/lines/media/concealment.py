"""Sound in place of a lost frame: the last pitch period again, fading out (after ITU-T G.711 Appendix I)."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from offhook.lines.media.codec import FRAME_SAMPLES

MAX_FRAMES = 3  # 60 ms: Appendix I is silent from there on
_HISTORY_FRAMES = 3  # the longest period twice and what is compared
_SHORTEST, _LONGEST = 40, 120  # samples of a pitch period at 8 kHz: 200 Hz to 66 Hz, as in Appendix I
_MATCH = 160  # samples compared while looking for the period: 20 ms, as in Appendix I
_FULL = 80  # samples before the fade begins (10 ms)
_FADE = 400  # samples of the fade to nothing: 20 % each 10 ms

_I2 = np.dtype("<i2")


class Concealer:
    """Keeps the last 60 ms heard; ``conceal`` continues them."""

    def __init__(self) -> None:
        self._history: deque[bytes] = deque(maxlen=_HISTORY_FRAMES)
        self._period: npt.NDArray[np.float32] | None = None
        self._made = 0

    def heard(self, pcm: bytes) -> None:
        """A frame came (s16le)."""
        self._history.append(pcm)
        self._period = None

    def forget(self) -> None:
        """Silence was heard, or another source begins: there is nothing to continue."""
        self._history.clear()
        self._period = None

    def conceal(self) -> bytes | None:
        """The next made-up frame in a row (s16le); None after the third, or without sound to continue."""
        if self._period is None:
            if len(self._history) < _HISTORY_FRAMES:
                return None
            samples = np.frombuffer(b"".join(self._history), _I2).astype(np.float32)
            self._period, self._made = samples[-_pitch(samples) :], 0
        if self._made >= MAX_FRAMES * FRAME_SAMPLES:
            return None
        index = np.arange(self._made, self._made + FRAME_SAMPLES)
        gain = np.clip(1 - (index - _FULL) / _FADE, 0, 1)
        self._made += FRAME_SAMPLES
        made: bytes = (self._period[index % len(self._period)] * gain).astype(_I2).tobytes()
        return made


def _pitch(samples: npt.NDArray[np.float32]) -> int:
    """The lag (samples) at which the newest 20 ms look most like what came before."""
    newest = samples[-_MATCH:]
    length = len(samples)
    best, best_score = _LONGEST, 0.0
    for lag in range(_SHORTEST, _LONGEST + 1):
        earlier = samples[length - _MATCH - lag : length - lag]
        score = float(newest @ earlier) / (float(earlier @ earlier) + 1.0) ** 0.5
        if score > best_score:
            best, best_score = lag, score
    return best
