"""Make a rendered clause fit for a phone line: silence trimmed, one loudness, a pause as its punctuation asks. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_SPEECH_RMS = 10 ** (-21 / 20)  # -21 dBFS while speaking: clear on a handset, with room for peaks in 16 bits and G.711
_PEAK = 10 ** (-3 / 20)
_MOST_GAIN = 4.0  # more would bring up the noise of a clause that is meant to be soft
_AUDIBLE = 0.01  # of full scale: below it is the model's breath and hiss
_LEAD_S = 0.03  # kept before and after, so that no soft consonant is cut
_TAIL_S = 0.05
_PAUSES_S = {",": 0.10, ";": 0.16, ":": 0.16, ".": 0.22, "!": 0.22, "?": 0.22, "…": 0.30, "—": 0.16}
_BLOCK_S = 0.02


def shape(audio: Floats, rate_hz: int, closing: str) -> Floats:
    """Trim, level and pad float32 audio; ``closing`` is the clause's last character."""
    audible = np.flatnonzero(np.abs(audio) > _AUDIBLE)
    if not len(audible):
        return np.zeros(0, np.float32)
    start = max(0, int(audible[0]) - int(_LEAD_S * rate_hz))
    end = min(len(audio), int(audible[-1]) + int(_TAIL_S * rate_hz))
    pause = np.zeros(int(_PAUSES_S.get(closing, 0.0) * rate_hz), np.float32)
    return np.concatenate((_faded(_levelled(audio[start:end], rate_hz), rate_hz), pause))


def _levelled(audio: Floats, rate_hz: int) -> Floats:
    size = max(1, int(_BLOCK_S * rate_hz))
    blocks = audio[: len(audio) // size * size].reshape(-1, size)
    powers = np.mean(blocks**2, axis=1) if len(blocks) else np.array([np.mean(audio**2)])
    # Only blocks within 20 dB of the loudest are speech; pauses would make a slow speaker loud.
    speaking = float(np.sqrt(np.mean(powers[powers >= powers.max() / 100])))
    gain = min(_MOST_GAIN, _SPEECH_RMS / speaking, _PEAK / float(np.abs(audio).max()))
    return (audio * np.float32(gain)).astype(np.float32)


def _faded(audio: Floats, rate_hz: int) -> Floats:
    """A few milliseconds of fade at both ends, against clicks."""
    size = min(len(audio) // 2, int(0.005 * rate_hz))
    ramp = np.linspace(0.0, 1.0, size, dtype=np.float32)
    faded = audio.copy()
    faded[:size] *= ramp
    faded[len(faded) - size :] *= ramp[::-1]
    return faded
