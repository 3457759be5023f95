"""Key tones as sound (ITU-T Q.23), for peers that take no telephone events."""

from __future__ import annotations

import numpy as np

from offhook.lines.media.codec import FRAME_SAMPLES, RATE_HZ

_ROWS_HZ = (697, 770, 852, 941)
_COLUMNS_HZ = (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
_LEVEL = 6000  # of 32767 for each of the two: about -12 dBm0, inside Q.24's receiving range


def key_tone(digit: str, since: int) -> bytes:
    """20 ms (s16le) of a key's two tones, ``since`` samples after its beginning."""
    row = next(index for index, keys in enumerate(_KEYS) if digit in keys)
    low_hz, high_hz = _ROWS_HZ[row], _COLUMNS_HZ[_KEYS[row].index(digit)]
    angle = 2 * np.pi * np.arange(since, since + FRAME_SAMPLES) / RATE_HZ
    tone: bytes = (_LEVEL * (np.sin(low_hz * angle) + np.sin(high_hz * angle))).astype("<i2").tobytes()
    return tone
