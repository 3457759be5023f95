"""The real models, and speech that goes through a phone line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.audio.g711 import ulaw_decode, ulaw_encode
from offhook.models.speech import RecognizerStream, Transcription, VoiceChoice
from offhook.models.stt.local import LocalRecognizer
from offhook.models.tts.local import LocalSynthesizer

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Where `make test` has fetched the models to."""
    return Path(os.environ.get("OFFHOOK_MODELS_DIR", CHECKOUT / ".models")).expanduser()


# Loading takes seconds: once a module, on the module's loop.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recognizer(models_dir: Path) -> AsyncIterator[LocalRecognizer]:
    recognizer = LocalRecognizer(models_dir)
    await recognizer.start()
    yield recognizer
    await recognizer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def synthesizer(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalSynthesizer]:
    synthesizer = LocalSynthesizer(models_dir, tmp_path_factory.mktemp("speech"))
    await synthesizer.start()
    yield synthesizer
    await synthesizer.close()


Say = Callable[[str, str], Awaitable[bytes]]


@pytest.fixture
def say(synthesizer: LocalSynthesizer) -> Say:
    """A sentence as it arrives from a phone: µ-law at 8 kHz, decoded."""

    async def render(text: str, language: str) -> bytes:
        pcm = b"".join([piece async for piece in synthesizer.speak(text, VoiceChoice(None, language), 8000)])
        return ulaw_decode(ulaw_encode(pcm))

    return render


class Ear:
    """A recognizer stream and its answers."""

    def __init__(self, recognizer: LocalRecognizer, language: str, vocabulary: tuple[str, ...] = ()) -> None:
        self._answers: asyncio.Queue[Transcription] = asyncio.Queue()
        self.fed = 0
        self.stream: RecognizerStream = recognizer.open(
            language=language, rate_hz=8000, vocabulary=vocabulary, on_transcription=self._answers.put_nowait
        )

    def feed(self, pcm: bytes) -> tuple[int, int]:
        """Feed in frames of 20 ms; the span of it."""
        start = self.fed
        for at in range(0, len(pcm), 320):
            self.stream.feed(pcm[at : at + 320])
        self.fed += len(pcm) // 2
        return start, self.fed

    async def answer(self) -> Transcription:
        return await asyncio.wait_for(self._answers.get(), 30)

    async def hear(self, pcm: bytes, prompt: str | None = None) -> Transcription:
        self.stream.request(1, *self.feed(pcm), prompt)
        return await self.answer()


@pytest.fixture
def ear(recognizer: LocalRecognizer) -> Callable[..., Ear]:
    """Opens a stream: ``ear(language, vocabulary)``."""
    return partial(Ear, recognizer)
