"""One answered call: carries the conversation's commands out, and feeds it what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from offhook.audio.beep import BeepDetector
from offhook.calls.answering import Answering
from offhook.calls.audio_clock import AudioClock, Clocks
from offhook.calls.deeds import Links
from offhook.calls.journal import Journal
from offhook.calls.listener import Listener
from offhook.calls.speaker import Speaker
from offhook.calls.voice_hub import VoiceJudge
from offhook.conversation import events as talk
from offhook.conversation.session import Conversation
from offhook.lines.line import Frame, Line
from offhook.record.events import (
    CallEvent,
    Flagged,
    KeyPressed,
    SpokenWord,
    TranscriptAdded,
    TurnMeasured,
    VariablesResolved,
)
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.recordings import TapeWriter

log = structlog.get_logger(__name__)

LATE_DRAIN_S = 0.2  # the far end's jitter buffer still holds the last word when our last packet left
_PARTIES = {
    talk.EndedBy.AGENT: "agent",
    talk.EndedBy.VOICEMAIL: "agent",
    talk.EndedBy.PROVIDER: "provider",
}
EXTRACT_LIMIT_S = 10.0  # variables are worth waiting for, but a call must end


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session works with; made by the call manager for one call."""

    line: Line
    journal: Journal
    conversation: Conversation
    notice: str | None
    greeting: str | None
    tape: TapeWriter | None
    hub: VoiceJudge
    clocks: Clocks
    make_listener: Callable[[Callable[[Any], None], Callable[[], int]], Listener]
    make_speaker: Callable[[Callable[[Any], None], Callable[[], int]], Speaker]
    make_answering: Callable[..., Answering]


class CallSession:
    """From the answer to the end. ``wish`` is told when the call wants to end by itself (agent, silence, time)."""

    def __init__(self, parts: Parts, wish: Callable[[EndReason, Status], object]) -> None:
        self._line, self._journal, self._tape, self._hub = parts.line, parts.journal, parts.tape, parts.hub
        self._conversation, self._wish = parts.conversation, wish
        self._started = talk.Started(0, parts.greeting, parts.notice)
        self.clock, self._wall = AudioClock(parts.clocks), parts.clocks.wall
        self._slot = self._hub.open_slot()
        # Items of the conversation are numbered by it from 1; those of tools take even higher numbers here.
        self._tool_items = 1_000_000
        self.listener = parts.make_listener(self._tell, self.clock.now_ms)
        self.speaker = parts.make_speaker(self._tell, self.clock.now_ms)
        self._beep: BeepDetector | None = None
        self.answering = parts.make_answering(
            links=Links(self._line, self._tell, self.clock.now_ms, self._await_beep),
            record=self._record,
            next_item=self._next_tool_item,
            wall=self._wall,
            press_keys=self._press_keys,
            transferred=self._transferred,
        )
        self._frames = 0
        self._base: int | None = None
        self._closed = False
        self._doers: dict[type, Callable[[Any], None]] = {
            talk.Transcribe: lambda c: self.listener.transcribe(c.request, c.start_ms, c.end_ms, self._prompt()),
            talk.DropTranscription: lambda c: self.listener.drop(c.request),
            talk.ScoreTurn: lambda c: self.listener.score(c.request, c.start_ms),
            talk.Ask: lambda c: self.answering.ask(c.utterance, c.text),
            talk.DropAnswer: self._drop,
            talk.Adopt: lambda c: self.answering.adopt(c.utterance, c.text),
            talk.Act: lambda c: self.answering.act(c.utterance),
            talk.Speak: lambda c: self.speaker.speak(c.utterance, c.clause, c.text),
            talk.Close: lambda c: self.speaker.close(c.utterance),
            talk.Pause: lambda c: self.speaker.pause(c.utterance),
            talk.Resume: lambda c: self.speaker.resume(c.utterance),
            talk.Turn: self._note_turn,
            talk.Measured: lambda c: self._record(TurnMeasured(at=self._wall(), turn=c.turn, stages_ms=c.stages_ms)),
            talk.Ignored: lambda c: log.debug("sound_ignored", start_ms=c.start_ms, reason=c.reason),
            talk.HangUp: self._wish_to_end,
        }

    @property
    def seconds(self) -> float:
        """Length of the call's audio so far."""
        return self._frames * 0.02

    def frame(self, frame: Frame) -> None:
        """Take what passed on the line in one tick."""
        if self._closed:
            return
        if self._base is None:
            # Frames of early media came before the answer: the call's time begins with it.
            self._base = frame.index
        index = frame.index - self._base
        end_ms = self.clock.frame(index)
        self._frames = index + 1
        if self._tape is not None:
            self._tape.append(index, frame.heard, frame.said)
        if index == 0:
            self._tell(self._started)
        if frame.sent is not None:
            # A frame's packet leaves at its beginning.
            self.speaker.sent(frame.sent, end_ms - 20)
        if frame.digit is not None:
            self._record(KeyPressed(at=self.clock.wall(end_ms), digit=frame.digit, direction="inbound"))
            self._tell(talk.Key(end_ms, frame.digit))
        if self._beep is not None and self._beep.feed(frame.heard or bytes(self._line.rate_hz // 50 * 2)):
            self._beep = None
            self._tell(talk.Beeped(end_ms))
        for at_ms, window in self.listener.frame(frame.heard):
            self._hub.submit(self._slot, window, partial(self._judged, at_ms))

    async def close(self, *, drain: bool) -> None:
        """Stop talking and listening; all that was said is in the journal when this returns."""
        if self._closed:
            return
        if drain:
            await asyncio.sleep(LATE_DRAIN_S)
        self._closed = True
        self._do(self._conversation.close(self.clock.now_ms()))
        self.speaker.cut()
        self._hub.close_slot(self._slot)
        self.answering.close()
        await self.listener.close()

    async def resolve(self) -> None:
        """Look for variables a last time; the line is gone by then, for nobody should hold it to a silence."""
        try:
            await asyncio.wait_for(self.answering.extract(), EXTRACT_LIMIT_S)
        except TimeoutError:
            log.warning("extraction_timed_out", limit_s=EXTRACT_LIMIT_S)
            detail = f"no values within {EXTRACT_LIMIT_S:g} s"
            self._record(Flagged(at=self._wall(), code="extraction_timed_out", detail=detail))
        self._record(VariablesResolved(at=self._wall()))

    # ------------------------------------------------------------------ told and done

    def _tell(self, event: talk.Event) -> None:
        if not self._closed:
            self._do(self._conversation.handle(event))

    def _judged(self, at_ms: int, probability: float) -> None:
        self._tell(talk.Voiced(at_ms, probability))

    def _do(self, commands: list[talk.Command]) -> None:
        for command in commands:
            self._doers[type(command)](command)

    def _drop(self, command: talk.DropAnswer) -> None:
        self.speaker.cut()
        self.answering.drop(command.utterance, command.heard)

    def _wish_to_end(self, command: talk.HangUp) -> None:
        self._wish(
            EndReason(EndCode(command.reason.value), _PARTIES.get(command.reason, "platform"), command.detail),
            Status.COMPLETED,
        )

    def _transferred(self, destination: str) -> None:
        self._wish(EndReason(EndCode.TRANSFERRED, "agent", f"to {destination}"), Status.REDIRECTION_COMPLETED)

    def _await_beep(self) -> None:
        self._beep = BeepDetector(self._line.rate_hz)

    def _prompt(self) -> str | None:
        return self.answering.dialogue.recognition_prompt()

    def _record(self, event: CallEvent) -> None:
        self._journal.add(event)

    def _press_keys(self, digits: str) -> None:
        self._line.send_dtmf(digits)
        for digit in digits.replace("w", ""):
            self._record(KeyPressed(at=self._wall(), digit=digit, direction="outbound"))

    def _next_tool_item(self) -> int:
        self._tool_items += 1
        return self._tool_items

    def _note_turn(self, turn: talk.Turn) -> None:
        self._record(
            TranscriptAdded(
                at=self.clock.wall(turn.start_ms),
                end_at=self.clock.wall(turn.end_ms),
                item_id=turn.item,
                role=turn.role,
                content=turn.content,
                turn=turn.turn,
                state=self.answering.dialogue.state_name if turn.role == "agent" else None,
                interrupted=turn.interrupted,
                generated=turn.generated,
                words=tuple(SpokenWord(text, start_ms, end_ms) for text, start_ms, end_ms in turn.words),
                turn_end_reason=turn.reason,
                confidence=turn.confidence,
                final=turn.final,
            )
        )
