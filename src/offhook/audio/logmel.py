"""Log-mel features of 16 kHz audio as the Whisper paper defines them (Radford et al. 2022, §2.2).

80 Slaney-scaled mel bands from 25-ms Hann windows every 10 ms, log10, clamped to 8 decades below the peak,
scaled to about [-1, 1]. Both the recognizer and the turn model read these.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

RATE_HZ = 16000
HOP_SAMPLES = 160
N_MELS = 80
_N_FFT = 400
_FLOOR = 1e-10
# Slaney's scale: linear (200/3 Hz a mel) up to 1 kHz, then 27 mels for each factor of 6.4.
_LINEAR_HZ_PER_MEL = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def log_mel(samples: npt.NDArray[np.floating]) -> Floats:
    """Features of a 16 kHz signal of at least 25 ms: float32 (80, len // 160)."""
    half = _N_FFT // 2
    padded = np.pad(np.asarray(samples, np.float64), half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::HOP_SAMPLES]
    # The reference drops the last frame, so that 10 ms of audio are one column.
    spectrum = np.fft.rfft(frames[: len(samples) // HOP_SAMPLES] * _window(), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log10(np.maximum(_mel_bank() @ power.T, _FLOOR))
    scaled: npt.NDArray[np.float64] = (np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0
    return scaled.astype(np.float32)


@cache
def _window() -> npt.NDArray[np.float64]:
    return np.hanning(_N_FFT + 1)[:-1]


@cache
def _mel_bank() -> npt.NDArray[np.float64]:
    """Triangles of equal area, (80, 201)."""
    edges = _mel_to_hz(np.linspace(0.0, float(_hz_to_mel(np.array(RATE_HZ / 2))), N_MELS + 2))
    bins = np.linspace(0, RATE_HZ / 2, _N_FFT // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))


def _hz_to_mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _KNEE_MEL + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hz < _KNEE_HZ, hz / _LINEAR_HZ_PER_MEL, above)


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ_PER_MEL, above)
