"""A stored recording decoded to WAV, any part of it, without holding the whole sound in memory."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator

import soundfile

HEADER_BYTES = 44
SAMPLE_BYTES = 2
BLOCK_FRAMES = 80_000  # ten seconds: 10 ms of decoding a thread's turn


class WavView:
    """The WAV file (16-bit PCM) that a stored Ogg Opus file would be."""

    def __init__(self, opus: bytes) -> None:
        self._sound = soundfile.SoundFile(io.BytesIO(opus))
        self._frame_bytes: int = self._sound.channels * SAMPLE_BYTES

    @property
    def size(self) -> int:
        """Bytes of the whole WAV file."""
        frames: int = self._sound.frames
        return HEADER_BYTES + frames * self._frame_bytes

    async def stream(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes ``start … end-1``; decoding is done in a thread."""
        if start < HEADER_BYTES:
            yield self._header()[start:end]
        first, last = max(0, start - HEADER_BYTES), end - HEADER_BYTES
        frame = first // self._frame_bytes
        skip = first - frame * self._frame_bytes
        left = last - first
        while left > 0:
            block = await asyncio.to_thread(self._decode, frame)
            part = block[skip : skip + left]
            yield part
            frame, skip, left = frame + BLOCK_FRAMES, 0, left - len(part)

    def _decode(self, frame: int) -> bytes:
        if self._sound.tell() != frame:
            self._sound.seek(frame)
        pcm: bytes = self._sound.read(BLOCK_FRAMES, "int16", always_2d=True).astype("<i2").tobytes()
        return pcm

    def _header(self) -> bytes:
        channels, rate_hz = self._sound.channels, self._sound.samplerate
        data = self.size - HEADER_BYTES
        layout = struct.pack(
            "<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * self._frame_bytes, self._frame_bytes, 8 * SAMPLE_BYTES
        )
        return b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + layout + b"data" + struct.pack("<I", data)
