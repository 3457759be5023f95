"""The agent's voice on the line: clauses to audio, played, paused, resumed and cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from offhook.conversation.events import AudioMade, AudioSent
from offhook.errors import ProviderError
from offhook.lines.line import Line, Sent
from offhook.models.speech import Synthesizer, VoiceChoice

log = structlog.get_logger(__name__)

FRAMES_PER_S = 50


@dataclass(slots=True)
class _Utterance:
    """``pcm`` keeps all audio made, so that a paused voice can go on where it stopped."""

    number: int
    clauses: asyncio.Queue[tuple[int, str] | None] = field(default_factory=asyncio.Queue)
    pcm: bytearray = field(default_factory=bytearray)
    complete: bool = False
    paused: bool = False
    track: int = 0
    base_samples: int = 0
    sent_samples: int = 0
    task: asyncio.Task[None] | None = None


class Speaker:
    """One utterance at a time; ``tell`` gets AudioMade and AudioSent."""

    def __init__(
        self,
        line: Line,
        synthesizer: Synthesizer,
        voice: VoiceChoice,
        tell: Callable[[AudioMade | AudioSent], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._line, self._synthesizer, self._voice = line, synthesizer, voice
        self._tell, self._now_ms = tell, now_ms
        self._current: _Utterance | None = None
        self._tracks = 0
        self.characters = 0

    def speak(self, utterance: int, clause: int, text: str) -> None:
        """Add a clause; a new utterance ends the one before."""
        current = self._current
        if current is None or current.number != utterance:
            self.cut()
            current = self._current = _Utterance(utterance)
            self._new_track(current)
            current.task = asyncio.create_task(self._make(current), name=f"speak-{utterance}")
        current.clauses.put_nowait((clause, text))

    def close(self, utterance: int) -> None:
        """No further clause comes."""
        if self._current is not None and self._current.number == utterance:
            self._current.clauses.put_nowait(None)

    def pause(self, utterance: int) -> None:
        """Stop sending at once; making audio goes on."""
        current = self._current
        if current is not None and current.number == utterance:
            current.paused = True
            self._line.clear()

    def resume(self, utterance: int) -> None:
        """Play on from the first sample that was not sent."""
        current = self._current
        if current is None or current.number != utterance or not current.paused:
            return
        current.paused = False
        self._new_track(current)
        self._line.play(current.track, bytes(current.pcm[current.sent_samples * 2 :]))
        if current.complete:
            self._line.flush(current.track)

    def cut(self) -> None:
        """Drop the present utterance: nothing more of it is made or sent."""
        current, self._current = self._current, None
        if current is None:
            return
        self._line.clear()
        if current.task is not None:
            current.task.cancel()

    def sent(self, sent: Sent, at_ms: int) -> None:
        """The line sent a frame of a track."""
        current = self._current
        if current is None or sent.utterance != current.track:
            return
        current.sent_samples = min(current.base_samples + sent.samples, len(current.pcm) // 2)
        self._tell(AudioSent(at_ms, current.number, self._ms(current.sent_samples)))

    def _new_track(self, current: _Utterance) -> None:
        # A track is what the line counts by: resuming starts another, so that late counts of the first stay apart.
        self._tracks += 1
        current.track, current.base_samples = self._tracks, current.sent_samples

    async def _make(self, current: _Utterance) -> None:
        while (entry := await current.clauses.get()) is not None:
            clause, text = entry
            failed = False
            try:
                await self._make_clause(current, clause, text)
            except ProviderError as error:
                failed = True
                log.warning("voice_failed", text=text, error=str(error))
            padded_ms = self._pad(current) if current.clauses.empty() else 0
            self._tell(AudioMade(self._now_ms(), current.number, clause, padded_ms, last=True, failed=failed))
        current.complete = True
        if not current.paused:
            self._line.flush(current.track)

    async def _make_clause(self, current: _Utterance, clause: int, text: str) -> None:
        self.characters += len(text)
        async for pcm in self._synthesizer.speak(text, self._voice, self._line.rate_hz):
            before_ms = self._ms(len(current.pcm) // 2)
            current.pcm += pcm
            if not current.paused:
                self._line.play(current.track, pcm)
            made_ms = self._ms(len(current.pcm) // 2) - before_ms
            self._tell(AudioMade(self._now_ms(), current.number, clause, made_ms))

    def _pad(self, current: _Utterance) -> int:
        """Fill the last frame up with silence: the line keeps what is no whole one, and the next clause may be long
        in coming. Milliseconds added.
        """
        before_ms = self._ms(len(current.pcm) // 2)
        silence = bytes(-len(current.pcm) % (self._line.rate_hz // FRAMES_PER_S * 2))
        current.pcm += silence
        if silence and not current.paused:
            self._line.play(current.track, silence)
        return self._ms(len(current.pcm) // 2) - before_ms

    def _ms(self, samples: int) -> int:
        return samples * 1000 // self._line.rate_hz
