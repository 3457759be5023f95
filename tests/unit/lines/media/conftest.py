"""What the media tests build packets and streams from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from offhook.lines.media.rtp import RtpPacket, serialize_rtp

FRAME_SAMPLES = 160


def numbered(number: int, samples: int = FRAME_SAMPLES) -> bytes:
    """PCM that tells which frame it is: every sample is ``number``."""
    return np.full(samples, number, dtype="<i2").tobytes()


@pytest.fixture
def frame_of() -> Callable[..., bytes]:
    return numbered


@pytest.fixture
def rtp() -> Callable[..., bytes]:
    """A datagram; ``number`` counts 20 ms packets from 0."""

    def make(
        number: int, *, payload: bytes = b"\xff" * 160, kind: int = 0, ssrc: int = 7, timestamp: int | None = None
    ) -> bytes:
        at = 5000 + 160 * number if timestamp is None else timestamp
        return serialize_rtp(RtpPacket(kind, False, (1000 + number) & 0xFFFF, at & 0xFFFFFFFF, ssrc, payload))

    return make
