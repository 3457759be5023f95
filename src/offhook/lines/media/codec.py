"""The codecs of a media leg: 8 kHz, one byte a sample (RFC 3551 §4.5.14)."""

from __future__ import annotations

from enum import IntEnum

from offhook.audio import g711

RATE_HZ = 8000
FRAME_MS = 20  # the default packet time of RFC 3551 §4.2
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = 2 * FRAME_SAMPLES  # of s16le PCM


class Codec(IntEnum):
    """G.711 in its two laws; the value is the static RTP payload type, the name the encoding name of SDP."""

    PCMU = 0
    PCMA = 8

    @property
    def silence(self) -> bytes:
        """The byte of a sample without sound."""
        return b"\xff" if self is Codec.PCMU else b"\xd5"

    def encode(self, pcm: bytes) -> bytes:
        """s16le PCM to payload."""
        return g711.ulaw_encode(pcm) if self is Codec.PCMU else g711.alaw_encode(pcm)

    def decode(self, payload: bytes) -> bytes:
        """Payload to s16le PCM."""
        return g711.ulaw_decode(payload) if self is Codec.PCMU else g711.alaw_decode(payload)
