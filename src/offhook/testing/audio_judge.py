"""Judge a call from its recording alone: who spoke when, how fast the agent answered, how fast it stopped.

Works on the stereo recording (left = caller, right = agent) by energy: 10 ms blocks above a threshold are voice, holes
shorter than a breath are closed. Nothing of what the server says about itself is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

BLOCK_MS = 10
THRESHOLD_DB = -42.0  # below full scale; speech on phones is at -30 to -15, line noise under -50
HOLE_MS = 250  # pauses inside a sentence are shorter than this
SHORTEST_MS = 60  # clicks are shorter

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Talk:
    """One stretch of a party's voice, in ms from the start of the recording."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """``responses_ms``: caller's end → agent's start. ``barge_ins_ms``: caller's start over the agent → its stop."""

    caller: tuple[Talk, ...]
    agent: tuple[Talk, ...]
    responses_ms: tuple[int, ...]
    barge_ins_ms: tuple[int, ...]


def read_stereo(path: Path) -> tuple[Samples, int]:
    """The recording as float32 (n, 2) and its rate. Raises OSError when it can't be read."""
    samples, rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    return samples, int(rate_hz)


def talks(samples: Samples, rate_hz: int, hole_ms: int = HOLE_MS) -> tuple[Talk, ...]:
    """Stretches of voice in one channel."""
    block = rate_hz * BLOCK_MS // 1000
    count = len(samples) // block
    if count == 0:
        return ()
    power = np.mean(np.square(samples[: count * block].reshape(count, block)), axis=1)
    voiced = np.flatnonzero(10 * np.log10(power + 1e-12) > THRESHOLD_DB)
    found: list[Talk] = []
    for index in voiced.tolist():
        start_ms, end_ms = index * BLOCK_MS, (index + 1) * BLOCK_MS
        if found and start_ms - found[-1].end_ms <= hole_ms:
            found[-1] = Talk(found[-1].start_ms, end_ms)
        else:
            found.append(Talk(start_ms, end_ms))
    return tuple(talk for talk in found if talk.end_ms - talk.start_ms >= SHORTEST_MS)


def judge(samples: Samples, rate_hz: int, *, turn_pause_ms: int = 700) -> Judgement:
    """Judge a stereo recording; the caller's pauses up to ``turn_pause_ms`` belong to one turn."""
    caller = talks(samples[:, 0], rate_hz, turn_pause_ms)
    agent = talks(samples[:, 1], rate_hz)
    responses = []
    for number, turn in enumerate(caller):
        until = caller[number + 1].start_ms if number + 1 < len(caller) else None
        answer = next((talk for talk in agent if talk.start_ms >= turn.end_ms), None)
        if answer is not None and (until is None or answer.start_ms < until):
            responses.append(answer.start_ms - turn.end_ms)
    barge_ins = []
    for turn in caller:
        over = next((talk for talk in agent if talk.start_ms < turn.start_ms < talk.end_ms), None)
        if over is not None:
            barge_ins.append(over.end_ms - turn.start_ms)
    return Judgement(caller, agent, tuple(responses), tuple(barge_ins))
