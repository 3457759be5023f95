"""Frames of all calls to their sessions, and one VAD batch for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from offhook.audio.vad import BatchedVad
from offhook.lines.line import Frame

Window = npt.NDArray[np.float32]
Waiting = tuple[int, Window, Callable[[float], None]]


# Few calls are judged in every 5 ms slot of the media engine. Of many, windows gather for four slots: in a batch of
# forty a window costs a third (33 against 115 µs), and 15 ms are small against what a turn or a barge-in takes.
FEW_CALLS = 8
SLOTS = 4


class HasOwner(Protocol):
    """A media leg: its owner is the line that takes the frames."""

    owner: object


class VoiceJudge(Protocol):
    """Tells voice from other sound, for many calls at once."""

    def open_slot(self) -> int:
        """Room for one more call."""

    def close_slot(self, slot: int) -> None:
        """The call is over."""

    def submit(self, slot: int, window: Window, answer: Callable[[float], None]) -> None:
        """Have a window judged; ``answer`` gets the probability that it holds a voice."""


class VoiceHub:
    """``frames`` is what the media engine calls once a slot; sessions hand in their windows while it runs."""

    def __init__(self, vad: BatchedVad) -> None:
        self._vad = vad
        self._waiting: list[Waiting] = []
        self._open = 0
        self._slot_count = 0

    def open_slot(self) -> int:
        """Room for one more call in the VAD's state."""
        self._open += 1
        return self._vad.alloc()

    def close_slot(self, slot: int) -> None:
        """Free it; windows of it still waiting are dropped."""
        self._waiting = [entry for entry in self._waiting if entry[0] != slot]
        self._open -= 1
        self._vad.free(slot)

    def submit(self, slot: int, window: Window, answer: Callable[[float], None]) -> None:
        """Have a window judged in the batch of this slot of time."""
        self._waiting.append((slot, window, answer))

    def frames(self, batch: Sequence[tuple[HasOwner, Frame]]) -> None:
        """Hand out frames, then judge the windows they completed, all calls at once."""
        for leg, frame in batch:
            take = getattr(leg.owner, "on_frame", None)
            if take is not None:
                take(frame)
        self._slot_count += 1
        if self._open <= FEW_CALLS or self._slot_count % SLOTS == 0:
            self._judge()

    def _judge(self) -> None:
        while self._waiting:
            # A slow loop may bring two windows of one call; its state needs them one after the other.
            round_, rest, seen = list[Waiting](), list[Waiting](), set[int]()
            for entry in self._waiting:
                (rest if entry[0] in seen else round_).append(entry)
                seen.add(entry[0])
            self._waiting = rest
            judged = self._vad.run([slot for slot, _, _ in round_], np.stack([window for _, window, _ in round_]))
            for (_, _, answer), probability in zip(round_, judged, strict=True):
                answer(float(probability))
