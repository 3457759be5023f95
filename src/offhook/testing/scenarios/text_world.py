"""Ears and a voice without sound: the caller is understood after a while, what the agent says takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import numpy.typing as npt

from offhook.models.speech import Transcription, VoiceChoice
from offhook.testing.scenarios.observed import Observed, Sound
from offhook.testing.scenarios.schema import CallerLine, Scenario, Timing

WINDOW_MS = 32
VOICE, NO_VOICE = 0.95, 0.02  # what the detector says of clear speech, and of a quiet line
SAMPLES_A_MS = 8
QUIET: Sound = Sound(-1, 0, 0)


class TextHearing:
    """What a call of the scenario hears: a recognizer, a voice detector and a turn model that know the script."""

    def __init__(self, scenario: Scenario, observed: Observed) -> None:
        self._lines, self._timing, self._observed = scenario.caller, scenario.timing, observed
        self._windows = 0

    # ------------------------------------------------------------------ the voice detector

    def open_slot(self) -> int:
        """A call begins."""
        self._windows = 0
        return 0

    def close_slot(self, slot: int) -> None:
        """It is over."""

    def submit(self, slot: int, window: npt.NDArray[np.float32], answer: Callable[[float], None]) -> None:  # noqa: ARG002 - nobody looks at the sound
        """Windows come one after the other, so their number is their time."""
        middle_ms = self._windows * WINDOW_MS + WINDOW_MS // 2
        self._windows += 1
        sounds = self._observed.sounds
        sound = sounds[-1] if sounds else QUIET
        answer(VOICE if sound.voiced and sound.start_ms <= middle_ms < sound.end_ms else NO_VOICE)

    # ------------------------------------------------------------------ the turn model

    def score(self, pcm16k: npt.NDArray[np.float32]) -> float:  # noqa: ARG002 - as above
        """How finished the last line sounds."""
        line = self._line(self._observed.sounds[-1]) if self._observed.sounds else None
        return line.sounds_finished if line is not None else VOICE

    # ------------------------------------------------------------------ the recognizer

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def open(self, *, on_transcription: Callable[[Transcription], None], **_: Any) -> TextStream:  # noqa: ANN401 - language and rate don't matter to text
        """Begin to listen."""
        return TextStream(self.understand, self._timing.recognizer_ms / 1000, on_transcription)

    def understand(self, request: int, start_ms: int, end_ms: int) -> Transcription:
        """The words whose middle lies in a span."""
        found = [
            (sound, word)
            for sound in self._observed.sounds
            for at_ms, word in sound.words
            if start_ms <= at_ms < end_ms
        ]
        if any((line := self._line(sound)) is not None and line.not_recognized for sound, _ in found):
            return Transcription(request, "", error="the scenario says that this is not recognized")
        return Transcription(request, " ".join(word for _, word in found), confidence=0.9)

    def _line(self, sound: Sound) -> CallerLine | None:
        return self._lines[sound.line] if 0 <= sound.line < len(self._lines) else None


class TextStream:
    """One caller's words, each answer after the recognizer's time."""

    def __init__(
        self,
        understand: Callable[[int, int, int], Transcription],
        delay_s: float,
        answer: Callable[[Transcription], None],
    ) -> None:
        self._understand, self._delay_s, self._answer = understand, delay_s, answer
        self._waiting: dict[int, asyncio.TimerHandle] = {}

    def feed(self, pcm: bytes) -> None:
        """Sound is not looked at."""

    def request(self, request_id: int, start_sample: int, end_sample: int, prompt: str | None) -> None:  # noqa: ARG002 - the protocol's
        """The words of a span, after the delay."""
        span = (start_sample // SAMPLES_A_MS, end_sample // SAMPLES_A_MS)
        loop = asyncio.get_running_loop()
        self._waiting[request_id] = loop.call_later(self._delay_s, self._done, request_id, *span)

    def cancel(self, request_id: int) -> None:
        """Forget a request."""
        if handle := self._waiting.pop(request_id, None):
            handle.cancel()

    async def close(self) -> None:
        """Forget all."""
        for request_id in tuple(self._waiting):
            self.cancel(request_id)

    def _done(self, request_id: int, start_ms: int, end_ms: int) -> None:
        self._waiting.pop(request_id, None)
        self._answer(self._understand(request_id, start_ms, end_ms))


class TextVoice:
    """Silence as long as speech of the text would be, its first byte after the voice's time."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    async def start(self) -> None:
        """Nothing to load."""

    async def prepare(self, texts: Iterable[str], voice: VoiceChoice, rate_hz: int) -> None:
        """Nothing to keep."""

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:  # noqa: ARG002 - the protocol's
        """The clause in one piece."""
        await asyncio.sleep(self._timing.voice_ms / 1000)
        yield bytes(2 * (max(3, len(text)) * rate_hz // self._timing.letters_per_s))

    async def close(self) -> None:
        """Nothing to free."""


class Inline(Executor):
    """Runs what it is given at once: nothing in text mode takes long enough for a thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as in the base
        """Done when it returns."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever waits for the result gets it
            future.set_exception(error)
        return future
