"""A caller with a voice and ears: dials over SIP, hears the agent by the recognizer, answers from a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from offhook.audio.vad import BatchedVad
from offhook.calls.voice_hub import HasOwner, VoiceHub
from offhook.conversation.turns import SpeechTracker
from offhook.errors import LineError
from offhook.lines.line import Answered, Ended, Frame, Line, LineEvent
from offhook.models.speech import Recognizer, RecognizerStream, Synthesizer, Transcription, VoiceChoice
from offhook.testing.script import CallerScript, Prompter

REPLY_PAUSE_MS = 900  # people wait about this long before they are sure that it is their turn
REPEAT_PAUSE_MS = 5000  # and this long before they say again what got no answer
PREROLL_MS = 300
RATE_HZ = 8000
WINDOW_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was heard of the agent, what was said to it, and how long its answer took from our last sample."""

    heard: str
    said: str | None
    response_ms: int | None


@dataclass(slots=True)
class _Ears:
    tracker: SpeechTracker = field(default_factory=SpeechTracker)
    window: bytearray = field(default_factory=bytearray)
    samples: int = 0
    asked: bool = False
    understood: str | None = None


class SimulatedCaller:
    """One call from one script. Lines are rendered before dialling, so that answers come as fast as a person's."""

    def __init__(
        self,
        recognizer: Recognizer,
        synthesizer: Synthesizer,
        script: CallerScript,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._recognizer, self._synthesizer, self._script = recognizer, synthesizer, script
        self._on_exchange = on_exchange
        self._prompter = Prompter(script)
        self._hub = VoiceHub(BatchedVad())
        self._ears = _Ears()
        self._rendered: dict[str, bytes] = {}
        self._line: Line | None = None
        self._stream: RecognizerStream | None = None
        self._slot = self._hub.open_slot()
        self._utterance = 0
        self._requests = 0
        self._said_end_ms: int | None = None
        self._response_ms: int | None = None
        self._ended: asyncio.Future[Ended] | None = None
        self.exchanges: list[Exchange] = []

    @property
    def finished(self) -> bool:
        """Whether every line of the script was said."""
        return self._prompter.finished

    def frames(self, batch: Sequence[tuple[HasOwner, Frame]]) -> None:
        """The media engine's consumer."""
        self._hub.frames(batch)

    async def prepare(self) -> None:
        """Give voice to every line."""
        voice = VoiceChoice(self._script.voice, self._script.language)
        await self._synthesizer.prepare([line.say for line in self._script.lines], voice, RATE_HZ)
        for line in self._script.lines:
            parts = [pcm async for pcm in self._synthesizer.speak(line.say, voice, RATE_HZ)]
            self._rendered[line.say] = b"".join(parts)

    async def call(self, dial: Callable[[], Line], limit_s: float = 180.0) -> Ended:
        """Dial, talk until the line ends (or ``limit_s``), and return how it ended. Raises LineError on no end."""
        self._ended = asyncio.get_running_loop().create_future()
        self._stream = self._recognizer.open(
            language=self._script.language, rate_hz=RATE_HZ, vocabulary=(), on_transcription=self._heard
        )
        line = self._line = dial()
        line.on_event, line.on_frame = self._on_event, self._on_frame
        try:
            return await asyncio.wait_for(asyncio.shield(self._ended), limit_s)
        except TimeoutError as error:
            await line.hang_up()
            raise LineError(f"the call did not end within {limit_s:.0f} s") from error
        finally:
            await self._stream.close()

    def _on_event(self, event: LineEvent) -> None:
        if isinstance(event, Answered):
            self._ears = _Ears()
        elif isinstance(event, Ended) and self._ended is not None and not self._ended.done():
            self._ended.set_result(event)

    def _on_frame(self, frame: Frame) -> None:
        if self._stream is None:
            return
        pcm = frame.heard or bytes(320)
        self._stream.feed(pcm)
        if frame.sent is not None and frame.sent.utterance == self._utterance:
            self._said_end_ms = (frame.index + 1) * 20
        ears = self._ears
        ears.window += pcm
        while len(ears.window) >= WINDOW_SAMPLES * 2:
            block = np.frombuffer(bytes(ears.window[: WINDOW_SAMPLES * 2]), "<i2").astype(np.float32) / np.float32(
                32768
            )
            del ears.window[: WINDOW_SAMPLES * 2]
            ears.samples += WINDOW_SAMPLES
            at_ms = ears.samples * 1000 // RATE_HZ
            self._hub.submit(self._slot, block, partial(self._listen, at_ms))

    def _listen(self, at_ms: int, probability: float) -> None:
        ears = self._ears
        if ears.tracker.feed(at_ms, probability, confirm_ms=96) and self._said_end_ms is not None:
            span = ears.tracker.span
            if span is not None and self._response_ms is None:
                self._response_ms = max(0, span.start_ms - self._said_end_ms)
        span = ears.tracker.span
        if span is None or ears.asked or self._stream is None:
            return
        if span.silence_ms(at_ms) < REPLY_PAUSE_MS:
            ears.understood = None
            return
        if ears.understood is not None:
            if span.silence_ms(at_ms) >= REPEAT_PAUSE_MS:
                self._reply(ears.understood, waited=True)
            return
        ears.asked = True
        self._requests += 1
        start_ms = max(0, span.start_ms - PREROLL_MS, at_ms - 27_000)
        self._stream.request(self._requests, start_ms * 8, at_ms * 8, None)

    def _heard(self, answer: Transcription) -> None:
        ears = self._ears
        ears.asked = False
        span = ears.tracker.span
        if span is not None and span.silence_ms(ears.samples * 1000 // RATE_HZ) < REPLY_PAUSE_MS:
            return  # the agent went on while we were understanding: wait for the rest
        ears.understood = answer.text
        self._reply(answer.text, waited=False)

    def _reply(self, heard: str, *, waited: bool) -> None:
        said = self._prompter.next(heard, waited=waited)
        if said is None and not waited and not self._prompter.finished:
            return  # nothing in the script answers these words: the agent may have more to say
        self._ears.tracker.end()
        self._ears.understood = None
        exchange = Exchange(heard, said, self._response_ms)
        self.exchanges.append(exchange)
        if self._on_exchange is not None:
            self._on_exchange(exchange)
        if said is not None and self._line is not None:
            self._utterance += 1
            self._said_end_ms = self._response_ms = None
            self._line.play(self._utterance, self._rendered[said])
            self._line.flush(self._utterance)
