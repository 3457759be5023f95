"""The recognizer on this machine: Whisper base in a process of its own, shared by all calls."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from offhook.errors import ProviderError
from offhook.models.local.jobs import SpanJob, SpanText
from offhook.models.local.process import LocalProcess, Reply
from offhook.models.speech import Transcription

# Audio kept of each call: the longest span asked for and what comes while it is asked.
KEPT_S = 40
_decoder = msgspec.msgpack.Decoder(SpanText)


class LocalRecognizer:
    """Implements ``Recognizer``. One process, a job thread for every two cores (the rest is the calls')."""

    def __init__(self, models_dir: Path, threads: int | None = None) -> None:
        count = threads or max(1, (os.cpu_count() or 1) // 2)
        arguments = (str(models_dir.expanduser()), str(count))
        self._process = LocalProcess("recognizer", "offhook.models.local.recognizer", arguments)

    async def start(self) -> None:
        """Load the model. Raises ModelFilesError or ProviderError; starting twice is harmless."""
        await self._process.start()

    @property
    def pid(self) -> int | None:
        """Of the model's process."""
        return self._process.pid

    def open(
        self,
        *,
        language: str,
        rate_hz: int,
        vocabulary: tuple[str, ...],
        on_transcription: Callable[[Transcription], None],
    ) -> LocalStream:
        """Begin to listen to one caller; ``language`` is the agent's (``fr-FR``), its region is not used."""
        return LocalStream(self._process, language, rate_hz, vocabulary, on_transcription)

    async def close(self) -> None:
        """End the process; requests still running are answered with an error."""
        await self._process.close()


class LocalStream:
    """Implements ``RecognizerStream``: keeps the last ``KEPT_S`` seconds, sends the span asked for."""

    def __init__(
        self,
        process: LocalProcess,
        language: str,
        rate_hz: int,
        vocabulary: tuple[str, ...],
        on_transcription: Callable[[Transcription], None],
    ) -> None:
        self._process, self._language, self._rate_hz = process, language, rate_hz
        self._vocabulary, self._on_transcription = vocabulary, on_transcription
        self._kept = bytearray()
        self._kept_from = 0  # sample that the kept audio begins with
        self._jobs: dict[int, int] = {}  # by request
        self._refusals = itertools.count(-1, -1)  # stand for jobs that were never taken

    def feed(self, pcm: bytes) -> None:
        """Keep the next audio."""
        self._kept += pcm
        limit = KEPT_S * self._rate_hz * 2
        # A second at a time: moving it all fifty times a second would cost more than the memory.
        if len(self._kept) > limit + self._rate_hz * 2:
            dropped = len(self._kept) - limit
            del self._kept[:dropped]
            self._kept_from += dropped // 2

    def request(self, request_id: int, start_sample: int, end_sample: int, prompt: str | None) -> None:
        """Ask for the text of a span; what is no longer kept of it counts as silence."""
        start, end = (max(0, sample - self._kept_from) * 2 for sample in (start_sample, end_sample))
        pcm = bytes(self._kept[start:end])
        job = SpanJob(pcm, self._rate_hz, self._language, prompt, self._vocabulary)
        answer = partial(self._answered, request_id)
        try:
            self._jobs[request_id] = self._process.submit(job, answer)
        except ProviderError as error:
            self._jobs[request_id] = next(self._refusals)
            self._process.later(answer, Reply(error=str(error)))

    def cancel(self, request_id: int) -> None:
        """Forget a request."""
        job = self._jobs.pop(request_id, None)
        if job is not None:
            self._process.cancel(job)

    async def close(self) -> None:
        """Forget all requests and the audio."""
        for request_id in tuple(self._jobs):
            self.cancel(request_id)
        self._kept.clear()

    def _answered(self, request_id: int, reply: Reply) -> None:
        if request_id not in self._jobs:
            return
        if reply.error is not None:
            del self._jobs[request_id]
            self._on_transcription(Transcription(request_id, "", error=reply.error))
        elif reply.value is not None:
            del self._jobs[request_id]
            heard = _decoder.decode(reply.value)
            self._on_transcription(Transcription(request_id, heard.text, heard.confidence))
