"""What the caller says: frames to VAD windows, recognizer requests and turn scores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soxr

from offhook.conversation.events import Transcribed, TurnScored
from offhook.models.speech import Recognizer, RecognizerStream, Transcription

WINDOW_SAMPLES = 256  # Silero at 8 kHz
TURN_MODEL_S = 8  # Smart Turn looks at the last eight seconds
TURN_MODEL_HZ = 16_000
FRAME_SILENCE = bytes(320)
Told = Transcribed | TurnScored


class TurnScorer(Protocol):
    """Tells from the sound whether the speaker has finished."""

    def score(self, pcm16k: npt.NDArray[np.float32]) -> float:
        """Probability 0-1; called in a worker thread."""


class Listener:
    """One caller's audio. ``frame`` takes every frame; answers go to ``tell``."""

    def __init__(
        self,
        recognizer: Recognizer,
        turn_model: TurnScorer,
        pool: Executor,
        *,
        language: str,
        rate_hz: int,
        vocabulary: tuple[str, ...],
        tell: Callable[[Told], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._tell, self._now_ms, self._rate_hz = tell, now_ms, rate_hz
        self._turn_model, self._pool = turn_model, pool
        self._stream: RecognizerStream = recognizer.open(
            language=language, rate_hz=rate_hz, vocabulary=vocabulary, on_transcription=self._transcribed
        )
        self._tail = bytearray()
        self._window = bytearray()
        self._samples = 0
        self._scoring: set[asyncio.Task[None]] = set()
        self.recognized_ms = 0

    def frame(self, heard: bytes | None) -> list[tuple[int, npt.NDArray[np.float32]]]:
        """Take 20 ms (None = silence); the VAD windows it completed, each with the audio time of its end."""
        pcm = heard or FRAME_SILENCE
        self._stream.feed(pcm)
        self._keep_tail(pcm)
        self._window += pcm
        windows = []
        while len(self._window) >= WINDOW_SAMPLES * 2:
            block = np.frombuffer(bytes(self._window[: WINDOW_SAMPLES * 2]), "<i2")
            del self._window[: WINDOW_SAMPLES * 2]
            self._samples += WINDOW_SAMPLES
            windows.append((self._samples * 1000 // self._rate_hz, block.astype(np.float32) / np.float32(32768)))
        return windows

    def transcribe(self, request: int, start_ms: int, end_ms: int, prompt: str | None) -> None:
        """Ask for the text of a span."""
        self.recognized_ms += end_ms - start_ms
        per_ms = self._rate_hz // 1000
        self._stream.request(request, start_ms * per_ms, end_ms * per_ms, prompt)

    def drop(self, request: int) -> None:
        """Forget a request."""
        self._stream.cancel(request)

    def score(self, request: int, start_ms: int) -> None:
        """Ask the turn model about the audio since ``start_ms``, eight seconds at most, in a thread."""
        age_samples = (self._now_ms() - start_ms) * self._rate_hz // 1000
        pcm = bytes(self._tail[-max(2, age_samples * 2) :])
        task = asyncio.create_task(self._score(request, pcm), name=f"score-{request}")
        self._scoring.add(task)
        task.add_done_callback(self._scoring.discard)

    async def close(self) -> None:
        """Stop listening."""
        for task in tuple(self._scoring):
            task.cancel()
        await self._stream.close()

    async def _score(self, request: int, pcm: bytes) -> None:
        score = await asyncio.get_running_loop().run_in_executor(self._pool, self._score_now, pcm)
        self._tell(TurnScored(self._now_ms(), request, score))

    def _score_now(self, pcm: bytes) -> float:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        return self._turn_model.score(soxr.resample(samples, self._rate_hz, TURN_MODEL_HZ))

    def _transcribed(self, answer: Transcription) -> None:
        self._tell(
            Transcribed(
                self._now_ms(),
                answer.request_id,
                answer.text,
                answer.confidence,
                tuple((word.text, word.start_ms, word.end_ms) for word in answer.words),
                failed=answer.error is not None,
            )
        )

    def _keep_tail(self, pcm: bytes) -> None:
        self._tail += pcm
        limit = TURN_MODEL_S * self._rate_hz * 2
        # Trimmed a second at a time: a trim each frame would move 128 kB fifty times a second.
        if len(self._tail) > limit + self._rate_hz * 2:
            del self._tail[:-limit]
