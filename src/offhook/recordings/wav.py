"""A stored recording decoded to WAV, any part of it, without holding the whole sound in memory."""

from __future__ import annotations

import asyncio
import os
import struct
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import soundfile

from offhook.errors import StorageError

HEADER_BYTES = 44
SAMPLE_BYTES = 2
BLOCK_FRAMES = 80_000  # ten seconds: 10 ms of decoding a thread's turn
NICENESS = 15  # as the encoder: calls in progress come first


def _be_nice() -> None:
    # Linux gives each thread a priority of its own.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


# One thread decodes for all who listen, a block at a time each; and a file is never closed while it is decoded.
DECODER = ThreadPoolExecutor(1, thread_name_prefix="wav", initializer=_be_nice)


class WavView:
    """The WAV file (16-bit PCM) that an Ogg Opus file would be. Takes the open file over and closes it."""

    def __init__(self, opus: IO[bytes]) -> None:
        self._opus = opus
        try:
            self._sound = soundfile.SoundFile(opus)
        except soundfile.LibsndfileError as error:
            opus.close()
            raise StorageError(f"the recording could not be decoded: {error}") from error
        self._frame_bytes: int = self._sound.channels * SAMPLE_BYTES

    @property
    def size(self) -> int:
        """Bytes of the whole WAV file."""
        frames: int = self._sound.frames
        return HEADER_BYTES + frames * self._frame_bytes

    async def stream(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes ``start … end-1``; decoding is done in a thread. Closes the file at the end."""
        loop = asyncio.get_running_loop()
        try:
            if start < HEADER_BYTES:
                yield self._header()[start:end]
            first, last = max(0, start - HEADER_BYTES), end - HEADER_BYTES
            frame = first // self._frame_bytes
            skip = first - frame * self._frame_bytes
            left = last - first
            while left > 0:
                block = await loop.run_in_executor(DECODER, self._decode, frame)
                part = block[skip : skip + left]
                yield part
                frame, skip, left = frame + BLOCK_FRAMES, 0, left - len(part)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file, after what the decoder may be at."""
        DECODER.submit(self._shut)

    def _shut(self) -> None:
        self._sound.close()
        self._opus.close()

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
