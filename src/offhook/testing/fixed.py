"""A recognizer and a voice with fixed delays, for load tests of everything between them.

They keep the shape and the timing of real providers (a final text some time after it is asked for, audio that
arrives faster than it plays) and cost next to nothing, so that what is measured is this package.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import cycle

import numpy as np

from offhook.models.speech import Transcription, VoiceChoice

CHUNK_S = 0.2
LETTERS_PER_S = 15  # what the local voices speak


class FixedRecognizer:
    """Hears the given texts in turn, each ``delay_s`` after it was asked for."""

    def __init__(self, texts: tuple[str, ...], delay_s: float = 0.2) -> None:
        self.texts, self.delay_s = texts, delay_s

    async def start(self) -> None:
        """Nothing to load."""

    def open(
        self,
        *,
        language: str,  # noqa: ARG002 - the protocol's
        rate_hz: int,  # noqa: ARG002
        vocabulary: tuple[str, ...],  # noqa: ARG002
        on_transcription: Callable[[Transcription], None],
    ) -> FixedStream:
        """Begin to listen to one caller."""
        return FixedStream(cycle(self.texts).__next__, self.delay_s, on_transcription)

    async def close(self) -> None:
        """Nothing to free."""


class FixedStream:
    """One caller of a FixedRecognizer."""

    def __init__(
        self, next_text: Callable[[], str], delay_s: float, on_transcription: Callable[[Transcription], None]
    ) -> None:
        self._next_text, self._delay_s, self._answer = next_text, delay_s, on_transcription
        self._waiting: dict[int, asyncio.TimerHandle] = {}

    def feed(self, pcm: bytes) -> None:
        """Audio is not looked at."""

    def request(self, request_id: int, start_sample: int, end_sample: int, prompt: str | None) -> None:  # noqa: ARG002
        """The next text, after the delay."""
        loop = asyncio.get_running_loop()
        self._waiting[request_id] = loop.call_later(self._delay_s, self._done, request_id)

    def cancel(self, request_id: int) -> None:
        """Forget a request."""
        if handle := self._waiting.pop(request_id, None):
            handle.cancel()

    async def close(self) -> None:
        """Forget all."""
        for request_id in tuple(self._waiting):
            self.cancel(request_id)

    def _done(self, request_id: int) -> None:
        self._waiting.pop(request_id, None)
        self._answer(Transcription(request_id, self._next_text(), confidence=1.0))


class FixedVoice:
    """Hums: a tone as long as speech of the text would be, first bytes after ``delay_s``, then four times real time."""

    def __init__(self, delay_s: float = 0.1, tone_hz: float = 220.0) -> None:
        self.delay_s, self.tone_hz = delay_s, tone_hz

    async def start(self) -> None:
        """Nothing to load."""

    async def prepare(self, texts: Iterable[str], voice: VoiceChoice, rate_hz: int) -> None:
        """Nothing is kept: every clause takes its delay."""

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:  # noqa: ARG002
        """The tone, in chunks of CHUNK_S."""
        await asyncio.sleep(self.delay_s)
        samples = max(int(CHUNK_S * rate_hz), len(text) * rate_hz // LETTERS_PER_S)
        tone = 6000 * np.sin(2 * np.pi * self.tone_hz * np.arange(samples) / rate_hz)
        pcm = tone.astype("<i2").tobytes()
        chunk_bytes = int(CHUNK_S * rate_hz) * 2
        for start in range(0, len(pcm), chunk_bytes):
            yield pcm[start : start + chunk_bytes]
            await asyncio.sleep(CHUNK_S / 4)

    async def close(self) -> None:
        """Nothing to free."""
