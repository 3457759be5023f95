"""The workload on Offhook: real sessions, conversation, runner, VAD and play queue; no network, tape or database.

The peers have none of those three here either. A call's line is ticked by the workload's clock, as the media thread
ticks it on the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import workload as work

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue
from offhook.agents.model import ModelEvent, ModelRequest, TextDelta
from offhook.agents.runner import AgentRunner
from offhook.audio.turn_model import TurnModel
from offhook.audio.vad import BatchedVad
from offhook.calls.answering import Answering
from offhook.calls.audio_clock import Clocks
from offhook.calls.journal import Journal
from offhook.calls.listener import Listener
from offhook.calls.live import conversation_config
from offhook.calls.session import CallSession, Parts
from offhook.calls.speaker import Speaker
from offhook.calls.voice_hub import VoiceHub
from offhook.conversation.session import Conversation
from offhook.lines.line import Frame, LineFacts, MediaStats
from offhook.lines.media.codec import Codec
from offhook.lines.media.play_queue import PlayQueue
from offhook.models.speech import Transcription, VoiceChoice
from offhook.record.events import CallCreated
from offhook.record.fold import CallRecord
from offhook.server.memory import give_back

CONFIG = AgentConfig.model_validate(
    {
        "name": "bench",
        "base_prompt": "You are a receptionist.",
        "states": [{"name": "talk", "prompt": "Help the caller."}],
        "initial_state_name": "talk",
        "turn_detection": {"mode": "silence", "min_delay_ms": round(work.VAD_STOP_S * 1000)},
        "presence_check_idle_threshold": 120,
        "max_call_duration": 7200,
    }
)


class MemoryLine:
    """A line of one caller, ticked by the workload."""

    rate_hz = work.RATE_HZ

    def __init__(self, caller: work.Caller) -> None:
        self._caller, self._queue, self._index = caller, PlayQueue(), 0
        self.facts = LineFacts("+33111111111", "+33123456789", "bench", "memory", "PCMU")
        self.on_event: Callable[[Any], None] = lambda _: None
        self.on_frame: Callable[[Frame], None] = lambda _: None
        self.owner = self

    def tick(self) -> Frame:
        taken, said, sent = self._queue.take(Codec.PCMU), None, None
        if taken is not None:
            _, said, sent = taken
            self._caller.heard()
        frame = Frame(self._index, self._caller.next_frame(), said, sent)
        self._index += 1
        return frame

    def play(self, utterance: int, pcm: bytes) -> None:
        self._queue.play(utterance, pcm, Codec.PCMU)

    def flush(self, utterance: int) -> None:
        self._queue.flush(utterance)

    def clear(self) -> None:
        self._queue = PlayQueue()

    @property
    def stats(self) -> MediaStats:
        return MediaStats()


class FixedModel:
    """Streams the two sentences."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        async for token in work.paced(work.TOKENS, work.FIRST_TOKEN_S, work.TOKEN_S):
            yield TextDelta(str(token))

    async def close(self) -> None:
        """Nothing to close."""


class FixedVoice:
    """Hums the text on the workload's schedule."""

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:
        async for frame in work.paced(work.voice_frames(text), work.FIRST_AUDIO_S, work.AUDIO_FRAME_S):
            yield bytes(frame)


class InstantRecognizer:
    """Has the text as soon as it is asked for."""

    def open(self, *, on_transcription: Callable[[Transcription], None], **_: object) -> InstantRecognizer:
        stream = InstantRecognizer()
        stream.answer = on_transcription
        return stream

    answer: Callable[[Transcription], None]

    def feed(self, pcm: bytes) -> None:
        """Audio is not looked at."""

    def request(self, request_id: int, *_: object) -> None:
        asyncio.get_running_loop().call_soon(self.answer, Transcription(request_id, work.HEARD, confidence=1.0))

    def cancel(self, request_id: int) -> None:
        """The answer has been given."""


class NoStore:
    """Takes events and keeps none."""

    def append(self, *_: object) -> asyncio.Future[None]:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


def own_shares_s(journals: list[Journal]) -> list[float]:
    """The engine's own share of each turn's response, as every call's record has it."""
    turns = [stages for journal in journals for stages in journal.record.turns.values()]
    return [share / 1000 for stages in turns if (share := stages.get("engine")) is not None]


def open_session(line: MemoryLine, hub: VoiceHub, turn_model: TurnModel, pool: ThreadPoolExecutor) -> Journal:
    created = CallCreated(at=0.0, call_id="bench", organization_id="bench", agent_id="bench")
    runner = AgentRunner(FixedModel())
    journal = Journal(CallRecord.create(created), NoStore())
    parts = Parts(
        line=line,
        journal=journal,
        conversation=Conversation(conversation_config(CONFIG)),
        notice=None,
        greeting=None,
        tape=None,
        hub=hub,
        clocks=Clocks(),
        make_listener=lambda tell, now_ms: Listener(
            InstantRecognizer(), turn_model, pool,
            language="en", rate_hz=work.RATE_HZ, vocabulary=(), tell=tell, now_ms=now_ms,
        ),
        make_speaker=lambda tell, now_ms: Speaker(line, FixedVoice(), VoiceChoice(None, "en"), tell, now_ms),
        make_answering=lambda **links: Answering(runner, Dialogue.start(CONFIG), **links),
    )  # fmt: skip
    session = CallSession(parts, lambda *_: None)
    line.on_frame = session.frame
    return journal


async def main() -> None:
    given = work.arguments()
    callers = work.load_callers(given.calls, given.utterances)
    hub, pool, turn_model = VoiceHub(BatchedVad()), ThreadPoolExecutor(1), TurnModel()
    lines = [MemoryLine(caller) for caller in callers]
    journals = [open_session(line, hub, turn_model, pool) for line in lines]

    give_back()  # as a server does when it has started

    def phase(number: int) -> None:
        hub.frames([(line, line.tick()) for line in lines[number :: work.PHASES]])

    ticking = asyncio.create_task(work.tick(phase))
    await work.measure(callers, given.seconds, lambda: {"engine_ms": work.percentiles(own_shares_s(journals))})
    ticking.cancel()


work.run(main)
