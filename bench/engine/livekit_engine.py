"""The workload on livekit-agents, in its venv: memory audio, its Silero plugin, its session; no turn model."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time

import workload as work
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.voice import io
from livekit.plugins import silero

logging.basicConfig(level="ERROR")


class InstantRecognizer(stt.STT):
    def __init__(self):
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self._stream = None

    async def _recognize_impl(self, *args, **kwargs):
        raise stt.APIError("streams only")

    def stream(self, *, language=NOT_GIVEN, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        self._stream = RecognizerStream(stt=self, conn_options=conn_options)
        return self._stream

    def finish(self):
        if self._stream:
            said = stt.SpeechData(language="en", text=work.HEARD, confidence=1.0)
            self._stream._event_ch.send_nowait(
                stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said])
            )


class RecognizerStream(stt.RecognizeStream):
    async def _run(self):
        async for _ in self._input_ch:
            pass


class FixedModel(llm.LLM):
    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
        return ModelStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class ModelStream(llm.LLMStream):
    async def _run(self):
        async for token in work.paced(work.TOKENS, work.FIRST_TOKEN_S, work.TOKEN_S):
            self._event_ch.send_nowait(llm.ChatChunk(id="r", delta=llm.ChoiceDelta(role="assistant", content=token)))


class FixedVoice(tts.TTS):
    def __init__(self):
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=work.RATE_HZ, num_channels=1)

    def synthesize(self, text, *, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        return VoiceStream(tts=self, input_text=text, conn_options=conn_options)


class VoiceStream(tts.ChunkedStream):
    async def _run(self, emitter):
        emitter.initialize(
            request_id="r", sample_rate=work.RATE_HZ, num_channels=1, mime_type="audio/pcm", frame_size_ms=20
        )
        text = self.input_text.strip()
        async for frame in work.paced(work.voice_frames(text), work.FIRST_AUDIO_S, work.AUDIO_FRAME_S):
            emitter.push(frame)
        emitter.flush()


class MemoryInput(io.AudioInput):
    def __init__(self):
        super().__init__(label="memory")
        self.frames = asyncio.Queue()

    async def __anext__(self):
        return await self.frames.get()


class MemoryOutput(io.AudioOutput):
    """Plays 20 ms every 20 ms, as a room's track does."""

    def __init__(self, caller):
        super().__init__(label="memory", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=work.RATE_HZ)
        self._caller, self._buffer, self._more = caller, bytearray(), asyncio.Event()
        self._flushed, self._pushed_s, self._played_s = False, 0.0, 0.0
        self._pacer = None

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        if self._pacer is None:
            self._pacer = asyncio.create_task(self._pace())
        if not self._pushed_s:
            self.on_playback_started(created_at=time.time())
        self._pushed_s += frame.duration
        self._buffer += bytes(frame.data)
        self._more.set()

    def flush(self):
        super().flush()
        if self._pushed_s:
            self._flushed = True
            self._more.set()

    def clear_buffer(self):
        self._buffer.clear()
        if self._pushed_s:
            self._finish(self._played_s, interrupted=True)

    def _finish(self, position_s, *, interrupted):
        self._pushed_s = self._played_s = 0.0
        self._flushed = False
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)

    async def _pace(self):
        due_s = 0.0
        while True:
            if len(self._buffer) >= work.FRAME_BYTES or (self._flushed and self._buffer):
                now_s = time.perf_counter()
                due_s = now_s if due_s < now_s - 0.1 else due_s
                if due_s > now_s:
                    await asyncio.sleep(due_s - now_s)
                if self._buffer:
                    size = min(work.FRAME_BYTES, len(self._buffer))
                    del self._buffer[:size]
                    self._caller.heard()
                    self._played_s += size / 2 / work.RATE_HZ
                    due_s += 0.02
            elif self._flushed:
                self._finish(self._pushed_s, interrupted=False)
            else:
                self._more.clear()
                await self._more.wait()


async def build(caller, vad):
    recognizer = InstantRecognizer()
    session = AgentSession(
        stt=recognizer, vad=vad, llm=FixedModel(), tts=FixedVoice(),
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"mode": "fixed", "min_delay": 0.0, "max_delay": 0.0},
            "interruption": {
                "mode": "vad", "min_duration": work.VAD_START_S, "resume_false_interruption": False,
                "false_interruption_timeout": None,
            },
            "preemptive_generation": {"enabled": False},
        },
        aec_warmup_duration=None, user_away_timeout=None,
    )  # fmt: skip
    source = MemoryInput()
    session.input.audio, session.output.audio = source, MemoryOutput(caller)

    def changed(event):
        if event.old_state == "speaking" and event.new_state == "listening":
            recognizer.finish()

    session.on("user_state_changed", changed)
    await session.start(Agent(instructions="You are a receptionist."), record=False)
    return session, source


async def main():
    given = work.arguments()
    callers = work.load_callers(given.calls, given.utterances)
    vad = silero.VAD.load(
        min_speech_duration=0.05, min_silence_duration=work.VAD_STOP_S, activation_threshold=work.VAD_CONFIDENCE,
        deactivation_threshold=work.VAD_CONFIDENCE, sample_rate=work.RATE_HZ,
    )  # fmt: skip
    built = [await build(caller, vad) for caller in callers]
    await asyncio.sleep(1.0)

    def phase(number):
        for caller, (_, source) in list(zip(callers, built, strict=True))[number :: work.PHASES]:
            source.frames.put_nowait(rtc.AudioFrame(caller.next_frame(), work.RATE_HZ, 1, work.FRAME_SAMPLES))

    ticking = asyncio.create_task(work.tick(phase))
    await work.measure(callers, given.seconds)
    ticking.cancel()
    sys.stdout.flush()
    os._exit(0)


work.run(main)
