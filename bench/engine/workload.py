"""One workload for every engine: a closed-loop caller, providers of fixed delays, and what is measured of them.

Nothing here imports an engine, so that each peer runs it in a venv of its own. Audio is 8 kHz s16le mono in 20 ms
frames. A caller speaks, waits for the agent, lets it finish every other time and interrupts it after a second the
other times. Recognition is final as soon as the caller was silent for VAD_STOP_S; the model's first token takes
100 ms, each further one 10 ms; each piece of speech takes 50 ms and then comes at four times real time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path

import numpy as np
import uvloop

RATE_HZ, FRAME_SAMPLES = 8000, 160
FRAME_BYTES = FRAME_SAMPLES * 2
VAD_START_S = VAD_STOP_S = 0.2
VAD_CONFIDENCE = 0.7
FIRST_TOKEN_S, TOKEN_S = 0.100, 0.010
FIRST_AUDIO_S, AUDIO_FRAME_S = 0.050, 0.005
HEARD = "I would like an appointment."
SENTENCES = ("Sure, I can help with that.", "The next free slot is on Tuesday at three in the afternoon.")
SENTENCE_S = (1.2, 1.8)
TOKENS = [piece for sentence in SENTENCES for piece in (f"{word} " for word in sentence.split())]
PHASES = 4  # a quarter of the calls each 5 ms, as packets of independent callers come
WARM_S = 4.0
TIMEOUT_S = 6.0
_LETTERS_PER_S = sum(map(len, SENTENCES)) / sum(SENTENCE_S)
# What no engine can be faster than: the pause, the first sentence's tokens and the voice's first audio.
IDEAL_S = VAD_STOP_S + FIRST_TOKEN_S + (len(SENTENCES[0].split()) - 1) * TOKEN_S + FIRST_AUDIO_S


class Caller:
    """``next_frame`` is what it says in 20 ms; ``heard`` is told of each frame of the agent's voice."""

    def __init__(self, number: int, utterances: list[list[bytes]], hush: list[bytes]) -> None:
        self._utterances, self._hush = utterances, hush
        self._count, self._turn, self._spoken = number, number % 2, number
        self.state, self._gap = "gap", 30 + number * 7 % 40
        self._line: list[bytes] = []
        self._at = 0
        self._ended_s = self._barged_s = self._first_s = self._last_s = 0.0
        self.measuring = False
        self.fed = self.timeouts = 0
        self.latencies_s: list[float] = []
        self.stops_s: list[float] = []
        self.spacings_s: list[float] = []

    def next_frame(self) -> bytes:
        now_s, self.fed = time.perf_counter(), self.fed + 1
        if self.state == "speak":
            return self._next_spoken(now_s)
        self._count += 1
        if self.state == "gap":
            self._gap -= 1
            if self._gap <= 0:
                self._speak(0.0)
        elif self.state == "await":
            self._await(now_s)
        elif self._turn % 2 and now_s - self._first_s > 1.0:
            self._speak(now_s)
        elif now_s - self._last_s > 0.5:
            self.state, self._gap = "gap", 30
        return self._hush[self._count % len(self._hush)]

    def heard(self) -> None:
        now_s = time.perf_counter()
        if self.measuring and self.state == "listen" and now_s - self._last_s < 0.5:
            self.spacings_s.append(now_s - self._last_s)
        self._last_s = now_s
        if self.state == "await" and not self._first_s:
            self._first_s = now_s

    def _speak(self, barged_s: float) -> None:
        self._line, self._at, self.state = self._utterances[self._spoken % len(self._utterances)], 0, "speak"
        self._barged_s = barged_s

    def _next_spoken(self, now_s: float) -> bytes:
        frame, self._at = self._line[self._at], self._at + 1
        if self._at == len(self._line):
            if self._barged_s and self.measuring:
                self.stops_s.append(max(0.0, self._last_s - self._barged_s))
            self.state, self._ended_s, self._first_s, self._barged_s = "await", now_s, 0.0, 0.0
            self._spoken += 1
        return frame

    def _await(self, now_s: float) -> None:
        if self._first_s:
            if self.measuring:
                self.latencies_s.append(self._first_s - self._ended_s)
            self.state, self._turn = "listen", self._turn + 1
        elif now_s - self._ended_s > TIMEOUT_S:
            self.timeouts += 1
            self.state, self._gap = "gap", 30


def load_callers(count: int, path: Path) -> list[Caller]:
    """Callers that speak the utterances of an .npz file over a faint hiss, as every phone line has."""
    random = np.random.default_rng(1)

    def noisy(samples: np.ndarray) -> bytes:
        hissed = samples.astype(np.int32) + random.integers(-12, 13, len(samples))
        return np.clip(hissed, -32768, 32767).astype("<i2").tobytes()

    with np.load(path) as file:
        utterances = [_frames(noisy(file[name])) for name in sorted(file)]
    hush = [noisy(np.zeros(FRAME_SAMPLES, np.int16)) for _ in range(50)]
    return [Caller(number, utterances, hush) for number in range(count)]


@cache
def voice_frames(text: str) -> list[bytes]:
    """A hum as long as the text takes to say."""
    count = max(1, round(len(text) / _LETTERS_PER_S * RATE_HZ / FRAME_SAMPLES))
    hum = 6000 * np.sin(2 * np.pi * 220 * np.arange(count * FRAME_SAMPLES) / RATE_HZ)
    return _frames(hum.astype("<i2").tobytes())


async def paced(pieces: list[bytes] | list[str], first_s: float, every_s: float) -> AsyncIterator[bytes | str]:
    """The pieces on a provider's schedule."""
    await asyncio.sleep(first_s)
    start_s = time.perf_counter()
    for number, piece in enumerate(pieces):
        ahead_s = start_s + number * every_s - time.perf_counter()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        yield piece


async def tick(phase: Callable[[int], Awaitable[None] | None]) -> None:
    """Call ``phase(0 … PHASES-1)`` in turn, each once in 20 ms, as media arrives."""
    start_s, number, step_s = time.perf_counter(), 0, 0.02 / PHASES
    while True:
        waiting = phase(number % PHASES)
        if waiting is not None:
            await waiting
        number += 1
        ahead_s = start_s + number * step_s - time.perf_counter()
        await asyncio.sleep(max(0.0, ahead_s))
        if ahead_s < -0.5:  # hopelessly late: skip, and let the count of frames fed tell of it
            start_s -= ahead_s


async def measure(callers: list[Caller], seconds: float, more: Callable[[], dict[str, object]] = dict) -> None:
    """Let the calls settle, measure, and print the figures as one JSON line."""
    await asyncio.sleep(WARM_S)
    for caller in callers:
        caller.measuring = True
    fed, cpu_s, start_s = sum(c.fed for c in callers), _cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    wall_s = time.perf_counter() - start_s
    latencies = [value - IDEAL_S for caller in callers for value in caller.latencies_s]
    result = {
        "calls": len(callers),
        "cpu_ms_per_call_s": (_cpu_s() - cpu_s) * 1000 / (len(callers) * wall_s),
        "over_ideal_ms": percentiles(latencies),
        "stop_ms": percentiles([value for caller in callers for value in caller.stops_s]),
        "spacing_ms": percentiles([value for caller in callers for value in caller.spacings_s]),
        "turns": len(latencies),
        "timeouts": sum(caller.timeouts for caller in callers),
        "fed": (sum(c.fed for c in callers) - fed) / (len(callers) * wall_s * 50),
        "rss_mb": _rss_mb(),
    }
    print(json.dumps({**result, **more()}), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("calls", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("utterances", type=Path)
    return parser.parse_args()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """On uvloop, for every engine alike."""
    uvloop.run(main())


def _frames(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def percentiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None, "p99": None}
    p50, p95, p99 = (float(v) * 1000 for v in np.percentile(values, [50, 95, 99]))
    return {"p50": p50, "p95": p95, "p99": p99}


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
