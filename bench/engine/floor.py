"""The workload with no engine: callers, clock, and providers that are asked when the caller stops and cancelled when it
starts again, with nothing in between. What this costs is the harness's, and no engine's.
"""

from __future__ import annotations

import asyncio

import workload as work


class Nothing:
    """Knows without listening when the caller has finished, and plays what the providers give."""

    def __init__(self, caller: work.Caller) -> None:
        self._caller, self._answer, self._waiting = caller, None, 0

    def tick(self) -> None:
        self._caller.next_frame()
        state = self._caller.state
        if state == "await" and self._answer is None:
            self._answer = asyncio.create_task(self._say())
        elif state == "speak" and self._answer is not None:
            self._answer.cancel()
            self._answer, self._waiting = None, 0
        elif state == "gap":
            self._answer = None
        if self._waiting:
            self._waiting -= 1
            self._caller.heard()

    async def _say(self) -> None:
        await asyncio.sleep(work.VAD_STOP_S)
        async for _ in work.paced(work.TOKENS, work.FIRST_TOKEN_S, work.TOKEN_S):
            pass
        for sentence in work.SENTENCES:
            async for _ in work.paced(work.voice_frames(sentence), work.FIRST_AUDIO_S, work.AUDIO_FRAME_S):
                self._waiting += 1


async def main() -> None:
    given = work.arguments()
    callers = work.load_callers(given.calls, given.utterances)
    engines = [Nothing(caller) for caller in callers]

    def phase(number: int) -> None:
        for engine in engines[number :: work.PHASES]:
            engine.tick()

    ticking = asyncio.create_task(work.tick(phase))
    await work.measure(callers, given.seconds)
    ticking.cancel()


work.run(main)
