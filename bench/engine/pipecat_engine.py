"""The workload on pipecat-ai, in its venv: memory transports, its Silero, its aggregators; no RTVI, no turn model."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from loguru import logger

logger.remove()

import workload as work  # noqa: E402
from pipecat.audio.vad.silero import SileroVADAnalyzer  # noqa: E402
from pipecat.audio.vad.vad_analyzer import VADParams  # noqa: E402
from pipecat.frames.frames import (  # noqa: E402
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.worker import PipelineParams, PipelineWorker  # noqa: E402
from pipecat.processors.aggregators.llm_context import LLMContext  # noqa: E402
from pipecat.processors.aggregators.llm_response_universal import (  # noqa: E402
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.llm_service import LLMService  # noqa: E402
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings  # noqa: E402
from pipecat.services.stt_service import STTService  # noqa: E402
from pipecat.services.tts_service import TTSService  # noqa: E402
from pipecat.transports.base_input import BaseInputTransport  # noqa: E402
from pipecat.transports.base_output import BaseOutputTransport  # noqa: E402
from pipecat.transports.base_transport import TransportParams  # noqa: E402
from pipecat.turns.user_start import VADUserTurnStartStrategy  # noqa: E402
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy  # noqa: E402
from pipecat.turns.user_turn_strategies import UserTurnStrategies  # noqa: E402
from pipecat.workers.runner import WorkerRunner  # noqa: E402

LLM_SETTINGS = LLMSettings(
    model="fixed", system_instruction=None, temperature=None, max_tokens=None, top_p=None, top_k=None,
    frequency_penalty=None, presence_penalty=None, seed=None, filter_incomplete_user_turns=False,
    user_turn_completion_config=None, use_provider_thinking_default=False,
)  # fmt: skip


class MemoryInput(BaseInputTransport):
    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)


class MemoryOutput(BaseOutputTransport):
    """Takes 20 ms every 20 ms, as a socket's pacing does."""

    def __init__(self, params, caller):
        super().__init__(params)
        self._caller, self._due_s = caller, 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._due_s = 0.0

    async def write_audio_frame(self, frame):
        self._caller.heard()
        now_s = time.monotonic()
        self._due_s = max(now_s, self._due_s) + 0.02
        await asyncio.sleep(self._due_s - now_s)
        return True


class InstantRecognizer(STTService):
    def __init__(self):
        super().__init__(
            ttfs_p99_latency=0.2, settings=STTSettings(model="fixed", language=None), audio_passthrough=True
        )

    async def run_stt(self, audio):
        yield None

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            await self.push_frame(TranscriptionFrame(work.HEARD, "u", "2026-01-01T00:00:00Z", finalized=True))


class FixedModel(LLMService):
    def __init__(self):
        super().__init__(settings=LLM_SETTINGS)

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        async for token in work.paced(work.TOKENS, work.FIRST_TOKEN_S, work.TOKEN_S):
            await self.push_frame(LLMTextFrame(token))
        await self.push_frame(LLMFullResponseEndFrame())


class FixedVoice(TTSService):
    def __init__(self):
        super().__init__(
            push_start_frame=True, push_stop_frames=True, stop_frame_timeout_s=0.5, sample_rate=work.RATE_HZ,
            settings=TTSSettings(model="fixed", voice="v", language=None),
        )  # fmt: skip

    async def run_tts(self, text, context_id):
        async for frame in work.paced(work.voice_frames(text.strip()), work.FIRST_AUDIO_S, work.AUDIO_FRAME_S):
            yield TTSAudioRawFrame(audio=frame, sample_rate=work.RATE_HZ, num_channels=1, context_id=context_id)


def build(caller):
    params = TransportParams(
        audio_in_enabled=True, audio_out_enabled=True, audio_in_sample_rate=work.RATE_HZ,
        audio_out_sample_rate=work.RATE_HZ, audio_out_10ms_chunks=2, audio_out_end_silence_secs=0,
    )  # fmt: skip
    source = MemoryInput(params)
    vad = VADParams(
        confidence=work.VAD_CONFIDENCE, start_secs=work.VAD_START_S, stop_secs=work.VAD_STOP_S, min_volume=0.0
    )
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
    )
    context = LLMContext([{"role": "system", "content": "You are a receptionist."}])
    pair = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(params=vad), user_turn_strategies=strategies
        ),
    )
    pipeline = Pipeline(
        [source, InstantRecognizer(), pair.user(), FixedModel(), FixedVoice(), MemoryOutput(params, caller),
         pair.assistant()]
    )  # fmt: skip
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=work.RATE_HZ, audio_out_sample_rate=work.RATE_HZ),
        idle_timeout_secs=None, enable_rtvi=False, enable_turn_tracking=False,
    )  # fmt: skip
    return source, worker


async def main():
    given = work.arguments()
    callers = work.load_callers(given.calls, given.utterances)
    built = [build(caller) for caller in callers]
    running = []
    for _, worker in built:
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running.append(asyncio.create_task(runner.run()))
    await asyncio.sleep(1.0 + given.calls * 0.05)

    async def phase(number):
        for caller, (source, _) in list(zip(callers, built, strict=True))[number :: work.PHASES]:
            audio = InputAudioRawFrame(audio=caller.next_frame(), sample_rate=work.RATE_HZ, num_channels=1)
            await source.push_audio_frame(audio)

    ticking = asyncio.create_task(work.tick(phase))
    await work.measure(callers, given.seconds)
    ticking.cancel()
    sys.stdout.flush()
    os._exit(0)


work.run(main)
