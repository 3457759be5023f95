"""What a recognizer and a voice must do; every provider of ``stt/`` and ``tts/`` has this shape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word; times count from the first sample of the span."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Transcription:
    """The recognizer's answer to one request.

    ``text`` is empty when nothing was said. ``confidence`` is 0–1 where the provider gives one.
    ``error`` is set instead of text when the provider failed.
    """

    request_id: int
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    error: str | None = None


class RecognizerStream(Protocol):
    """One caller's speech. Calls are cheap and never block; answers come to ``on_transcription`` on the loop."""

    def feed(self, pcm: bytes) -> None:
        """Hand over the next audio (s16le mono at the stream's rate): every frame of the call, without gaps."""

    def request(self, request_id: int, start_sample: int, end_sample: int, prompt: str | None) -> None:
        """Ask for the final text of a span of what was fed; ``prompt`` biases it (expected words, names)."""

    def cancel(self, request_id: int) -> None:
        """Forget a request: its answer won't come."""

    async def close(self) -> None:
        """Free everything the stream holds."""


class Recognizer(Protocol):
    """A speech recognizer, shared by all calls of the process."""

    async def start(self) -> None:
        """Load and warm up. Raises ModelFilesError or ProviderError."""

    def open(
        self,
        *,
        language: str,
        rate_hz: int,
        vocabulary: tuple[str, ...],
        on_transcription: Callable[[Transcription], None],
    ) -> RecognizerStream:
        """Begin to listen to one caller."""

    async def close(self) -> None:
        """End processes and connections."""


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """Which voice speaks: the provider's name for it, its language, its speed (1.0 = natural)."""

    name: str | None
    language: str
    speed: float = 1.0


class Synthesizer(Protocol):
    """A text-to-speech provider, shared by all calls of the process."""

    async def start(self) -> None:
        """Load and warm up. Raises ModelFilesError or ProviderError."""

    def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:
        """Speak one clause: s16le mono chunks at ``rate_hz``, the first as early as it is there.

        Closing the iterator (``aclose``) cancels the work. Raises ProviderError.
        """

    async def prepare(self, texts: Iterable[str], voice: VoiceChoice, rate_hz: int) -> None:
        """Get fixed clauses ready while nobody waits, where the provider can keep them. Raises ProviderError."""

    async def close(self) -> None:
        """End processes and connections."""
