"""The worlds in which scenarios are played in virtual time: in text alone, or with real sound and the local models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from offhook.agents.config import AgentConfig
from offhook.agents.model import LanguageModel, ModelEvent, ModelRequest
from offhook.agents.providers import Llm
from offhook.audio.turn_model import TurnModel
from offhook.audio.vad import BatchedVad
from offhook.calls.voice_hub import VoiceHub
from offhook.models.llm.rules import RulesModel
from offhook.models.speech import Recognizer, RecognizerStream, Synthesizer, Transcription, VoiceChoice
from offhook.server.providers import SPEECH_CACHE, ModelShelf
from offhook.settings import load_settings
from offhook.testing.scenarios.caller import Caller
from offhook.testing.scenarios.observed import Observed
from offhook.testing.scenarios.schema import Scenario, Timing
from offhook.testing.scenarios.sounds import render_lines
from offhook.testing.scenarios.stage import Senses, play_virtually
from offhook.testing.scenarios.text_world import Inline, TextHearing, TextVoice
from offhook.testing.virtual_time import VirtualLoop

_END = object()


class TextWorld:
    """No sound at all: milliseconds a scenario."""

    def __init__(self) -> None:
        self._models = _Models()

    async def start(self) -> None:
        """Nothing to load."""

    async def play(self, scenario: Scenario, config: AgentConfig) -> tuple[Observed, Caller]:
        """Hold the scenario's call to its end."""
        return await play_virtually(scenario, config, self)

    async def senses(self, scenario: Scenario, language: str, observed: Observed) -> Senses:  # noqa: ARG002 - every world's
        """Ears that know the script, a voice of silence."""
        hearing = TextHearing(scenario, observed)
        return Senses(hearing, TextVoice(scenario.timing), hearing, Inline(), hearing)

    def model_for(self, choice: Llm) -> LanguageModel:
        """The language model an agent names."""
        return self._models.model_for(choice)

    async def close(self) -> None:
        """Close what models were used."""
        await self._models.close()


class AudioWorld:
    """Real sound: voice detector, turn model, the local recognizer and voice. ``start`` loads them, once for all calls.

    Virtual time stands still while they work; then their answers come after the time that the scenario gives them.
    """

    def __init__(self) -> None:
        # Imported here: the text world does without them.
        from offhook.models.stt.local import LocalRecognizer  # noqa: PLC0415
        from offhook.models.tts.local import LocalSynthesizer  # noqa: PLC0415

        models_dir = load_settings().models_dir.expanduser()
        self._recognizer: Recognizer = LocalRecognizer(models_dir)
        self._synthesizer: Synthesizer = LocalSynthesizer(models_dir, models_dir / SPEECH_CACHE)
        self._models = _Models()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="turn-model")
        self._turn_model: TurnModel
        self._hub: VoiceHub

    async def start(self) -> None:
        """Load the models. Raises ModelFilesError, ProviderError."""
        with _real_work():
            self._turn_model, vad, _, _ = await asyncio.gather(
                asyncio.to_thread(TurnModel), asyncio.to_thread(BatchedVad),
                self._recognizer.start(), self._synthesizer.start(),
            )  # fmt: skip
        self._hub = VoiceHub(vad)

    async def play(self, scenario: Scenario, config: AgentConfig) -> tuple[Observed, Caller]:
        """Hold the scenario's call to its end."""
        return await play_virtually(scenario, config, self)

    async def senses(self, scenario: Scenario, language: str, observed: Observed) -> Senses:  # noqa: ARG002 - every world's
        """The models of this machine, and the caller's lines spoken beforehand."""
        with _real_work():
            render = await render_lines(scenario, language, self._synthesizer)
        return Senses(
            _WaitedFor(self._recognizer, scenario.timing), _HeldVoice(self._synthesizer, scenario.timing),
            self._turn_model, self._pool, self._hub, render, lambda: self._hub.frames(()),
        )  # fmt: skip

    def model_for(self, choice: Llm) -> LanguageModel:
        """The language model an agent names."""
        return self._models.model_for(choice)

    async def close(self) -> None:
        """End the models' processes."""
        with _real_work():
            await self._models.close()
            await asyncio.gather(self._recognizer.close(), self._synthesizer.close())
        self._pool.shutdown()


def _real_work() -> AbstractContextManager[None]:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("scenarios are played on a VirtualLoop")
    return loop.real_work()


class _WaitedFor:
    """A recognizer whose answers take the scenario's time, however long they really took."""

    def __init__(self, recognizer: Recognizer, timing: Timing) -> None:
        self._recognizer, self._timing = recognizer, timing

    async def start(self) -> None:
        """Started before."""

    async def close(self) -> None:
        """Closed later."""

    def open(
        self,
        *,
        language: str,
        rate_hz: int,
        vocabulary: tuple[str, ...],
        on_transcription: Callable[[Transcription], None],
    ) -> _WaitedStream:
        """Begin to listen to one caller."""
        return _WaitedStream(
            lambda answer: self._recognizer.open(
                language=language, rate_hz=rate_hz, vocabulary=vocabulary, on_transcription=answer
            ),
            self._timing.recognizer_ms / 1000,
            on_transcription,
        )


class _WaitedStream:
    """Stops the clock from a request to its answer, and hands the answer over ``delay_s`` later."""

    def __init__(
        self,
        open_stream: Callable[[Callable[[Transcription], None]], RecognizerStream],
        delay_s: float,
        answer: Callable[[Transcription], None],
    ) -> None:
        self._stream = open_stream(self._understood)
        self._delay_s, self._answer = delay_s, answer
        self._working: dict[int, AbstractContextManager[None]] = {}
        self._late: dict[int, asyncio.TimerHandle] = {}

    def feed(self, pcm: bytes) -> None:
        """The next sound."""
        self._stream.feed(pcm)

    def request(self, request_id: int, start_sample: int, end_sample: int, prompt: str | None) -> None:
        """Ask for a span's text."""
        work = self._working[request_id] = _real_work()
        work.__enter__()
        self._stream.request(request_id, start_sample, end_sample, prompt)

    def cancel(self, request_id: int) -> None:
        """Forget a request."""
        self._stream.cancel(request_id)
        self._worked(request_id)
        if handle := self._late.pop(request_id, None):
            handle.cancel()

    async def close(self) -> None:
        """Forget all."""
        for request_id in (*self._working, *self._late):
            self.cancel(request_id)
        await self._stream.close()

    def _understood(self, answer: Transcription) -> None:
        self._worked(answer.request_id)
        loop = asyncio.get_running_loop()
        self._late[answer.request_id] = loop.call_later(self._delay_s, self._hand_over, answer)

    def _hand_over(self, answer: Transcription) -> None:
        self._late.pop(answer.request_id, None)
        self._answer(answer)

    def _worked(self, request_id: int) -> None:
        if work := self._working.pop(request_id, None):
            work.__exit__(None, None, None)


class _HeldVoice:
    """A voice whose clauses begin after the scenario's time, however long they really took."""

    def __init__(self, synthesizer: Synthesizer, timing: Timing) -> None:
        self._synthesizer, self._timing = synthesizer, timing

    async def start(self) -> None:
        """Started before."""

    async def prepare(self, texts: Iterable[str], voice: VoiceChoice, rate_hz: int) -> None:
        """Nothing: it is kept where it is made."""

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:
        """The clause's sound."""
        await asyncio.sleep(self._timing.voice_ms / 1000)
        async for pcm in _held(self._synthesizer.speak(text, voice, rate_hz)):
            yield pcm

    async def close(self) -> None:
        """Closed later."""


async def _held(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """What comes of a stream; no virtual time passes while it is waited for."""
    try:
        while True:
            with _real_work():
                each = await anext(stream, _END)
            if each is _END:
                return
            yield each
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


class _Models:
    """Language models by configuration; virtual time stands still while one that is not ours thinks."""

    def __init__(self) -> None:
        self._rules = RulesModel()
        self._shelf: ModelShelf | None = None

    def model_for(self, choice: Llm) -> LanguageModel:
        if choice.provider == "rules":
            return self._rules
        self._shelf = self._shelf or ModelShelf(load_settings())
        return _HeldModel(self._shelf.model_for(choice))

    async def close(self) -> None:
        if self._shelf is not None:
            await self._shelf.close()


class _HeldModel:
    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        return _held(self._model.stream(request))

    async def close(self) -> None:
        """The shelf closes it."""
