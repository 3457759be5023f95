"""The voice on this machine: Kokoro-82M in a process of its own, shared by all calls, behind a cache of clauses."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import msgspec

from offhook.errors import ProviderError
from offhook.models.local.jobs import ClauseAudio, ClauseJob
from offhook.models.local.process import LocalProcess, Reply
from offhook.models.speech import VoiceChoice
from offhook.models.tts.cache import ClauseCache, ClauseKey
from offhook.models.tts.voices import resolve

_decoder = msgspec.msgpack.Decoder(ClauseAudio)
_NOW, _WHEN_IDLE = 0, 10  # priorities: a caller waits for the one, nobody for the other


class LocalSynthesizer:
    """Implements ``Synthesizer``. One process, a job thread for every two cores (the rest is the calls')."""

    def __init__(self, models_dir: Path, cache_dir: Path | None, threads: int | None = None) -> None:
        count = threads or max(1, (os.cpu_count() or 1) // 2)
        arguments = (str(models_dir.expanduser()), str(count))
        self._process = LocalProcess("voice", "offhook.models.local.voice", arguments)
        self._cache = ClauseCache(cache_dir.expanduser() if cache_dir else None)

    async def start(self) -> None:
        """Load the model. Raises ModelFilesError or ProviderError; starting twice is harmless."""
        if shutil.which("espeak-ng") is None:
            raise ProviderError("the local voice needs the program espeak-ng: run `apt-get install espeak-ng`")
        await self._process.start()

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:
        """Speak one clause: s16le mono chunks at ``rate_hz``. Raises ProviderError; ``aclose`` cancels."""
        key = _key(text, voice, rate_hz)
        if not key.text:
            return
        known = self._cache.remembered(key)
        if known is not None:
            await asyncio.to_thread(self._cache.store, key, known)
            yield known
            return
        stored = await asyncio.to_thread(self._cache.stored, key)
        if stored is not None:
            yield stored
            return
        made = bytearray()
        async for pcm in self._render(key, _NOW):
            made += pcm
            yield pcm
        self._cache.remember(key, bytes(made))

    async def prepare(self, texts: Iterable[str], voice: VoiceChoice, rate_hz: int) -> None:
        """Render fixed phrases (greetings, fillers) when nobody waits, and keep them on disk. Raises ProviderError."""
        for text in texts:
            key = _key(text, voice, rate_hz)
            if not key.text or await asyncio.to_thread(self._cache.stored, key) is not None:
                continue
            pcm = b"".join([piece async for piece in self._render(key, _WHEN_IDLE)])
            self._cache.remember(key, pcm)
            await asyncio.to_thread(self._cache.store, key, pcm)

    async def close(self) -> None:
        """End the process; clauses being spoken fail."""
        await self._process.close()

    async def _render(self, key: ClauseKey, priority: int) -> AsyncIterator[bytes]:
        replies: asyncio.Queue[Reply] = asyncio.Queue()
        job = ClauseJob(key.text, key.voice, key.language, key.speed, key.rate_hz)
        job_id = self._process.submit(job, replies.put_nowait, priority)
        try:
            while not (reply := await replies.get()).last:
                if reply.error is not None:
                    raise ProviderError(reply.error)
                if reply.value is not None:
                    yield _decoder.decode(reply.value).pcm
        finally:
            self._process.cancel(job_id)


def _key(text: str, voice: VoiceChoice, rate_hz: int) -> ClauseKey:
    name, language = resolve(voice)
    return ClauseKey(" ".join(text.split()), name, language, voice.speed, rate_hz)
