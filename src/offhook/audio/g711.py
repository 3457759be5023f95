"""G.711 by tables: s16le PCM to and from µ-law (PCMU) and A-law (PCMA) bytes (ITU-T G.711, one byte a sample)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_U8 = np.dtype(np.uint8)
_U16 = np.dtype("<u2")
_MU_BIAS = 33  # of the 14-bit magnitude: makes every µ-law segment start at a power of two
_MU_CLIP = 8158  # the largest 14-bit magnitude whose biased value still fits 13 bits


def ulaw_decode(payload: bytes) -> bytes:
    """µ-law bytes to s16le PCM, two bytes a sample."""
    return _ULAW_TO_LINEAR.take(np.frombuffer(payload, _U8)).tobytes()


def alaw_decode(payload: bytes) -> bytes:
    """A-law bytes to s16le PCM, two bytes a sample."""
    return _ALAW_TO_LINEAR.take(np.frombuffer(payload, _U8)).tobytes()


def ulaw_encode(pcm: bytes) -> bytes:
    """s16le PCM (an even number of bytes) to µ-law, one byte a sample."""
    return _LINEAR_TO_ULAW.take(np.frombuffer(pcm, _U16)).tobytes()


def alaw_encode(pcm: bytes) -> bytes:
    """s16le PCM (an even number of bytes) to A-law, one byte a sample."""
    return _LINEAR_TO_ALAW.take(np.frombuffer(pcm, _U16)).tobytes()


def _ulaw_to_linear() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 1) + _MU_BIAS) << ((code >> 4) & 7)) - _MU_BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) << 2).astype("<i2")


def _alaw_to_linear() -> npt.NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype("<i2")


def _all_samples() -> npt.NDArray[np.int32]:
    # Indexed by a sample's unsigned bits, so that encoding needs no shift.
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _linear_to_ulaw() -> npt.NDArray[np.uint8]:
    sample = _all_samples()
    # The shift comes before the sign is taken off, as in the Recommendation's reference code.
    magnitude = np.minimum(np.abs(sample >> 2), _MU_CLIP) + _MU_BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    code: npt.NDArray[np.int32] = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    return (~(code | np.where(sample < 0, 0x80, 0)) & 0xFF).astype(np.uint8)


def _linear_to_alaw() -> npt.NDArray[np.uint8]:
    sample = _all_samples()
    # Negative values are taken as one's complement, as the Recommendation's 13-bit tables do.
    magnitude = np.where(sample >= 0, sample, ~sample) >> 3
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    step = np.where(segment < 2, magnitude >> 1, magnitude >> np.maximum(segment, 1)) & 0x0F
    code: npt.NDArray[np.int32] = (segment << 4) | step
    return (code ^ np.where(sample >= 0, 0xD5, 0x55)).astype(np.uint8)


_ULAW_TO_LINEAR, _ALAW_TO_LINEAR = _ulaw_to_linear(), _alaw_to_linear()
_LINEAR_TO_ULAW, _LINEAR_TO_ALAW = _linear_to_ulaw(), _linear_to_alaw()
