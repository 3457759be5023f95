"""DTMF tones, as ITU-T Q.23 has them: each key is one low and one high frequency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")  # a row for each low frequency
_PEAK = 0.35  # of full scale each: -9 dBm0, inside Q.24's range, and two of them don't clip
_RAMP_S = 0.005


def dtmf(digit: str, rate_hz: int, duration_ms: int = 100, gap_ms: int = 60) -> bytes:
    """A key press followed by a gap, as s16le; 40 ms of each are the least that receivers must take (Q.24).

    Raises ValueError for anything but ``0-9*#A-D``.
    """
    low, high = _frequencies(digit)
    times = np.arange(rate_hz * duration_ms // 1000) / rate_hz
    tone = _PEAK * (np.sin(2 * np.pi * low * times) + np.sin(2 * np.pi * high * times))
    ramp = np.minimum(1.0, np.minimum(times, times[::-1]) / _RAMP_S)
    gap: npt.NDArray[np.float64] = np.zeros(rate_hz * gap_ms // 1000)
    samples = np.concatenate((tone * ramp, gap))
    return np.rint(samples * 32767).astype("<i2").tobytes()


def _frequencies(digit: str) -> tuple[int, int]:
    for row, keys in enumerate(KEYS):
        if len(digit) == 1 and digit in keys:
            return LOW_HZ[row], HIGH_HZ[keys.index(digit)]
    raise ValueError(f"{digit!r} is not a key: use 0-9, *, #, A-D")
