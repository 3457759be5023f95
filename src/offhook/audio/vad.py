"""Voice activity: Silero v6 at its native 8 kHz, one model for all calls of the process, run on many at once.

Each listened-to party has a *slot* that holds the model's recurrent state and its last 32 samples.
Alone a window costs 72 µs, from 32 windows a batch on 21 µs each; the probabilities are the same.
Not thread-safe: one thread (the loop's) calls it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

Floats = npt.NDArray[np.float32]

RATE_HZ = 8000
WINDOW_SAMPLES = 256  # 32 ms, the only window the 8 kHz model was trained on
_CONTEXT_SAMPLES = 32  # the end of the window before, put in front of each window
_STATE_SIZE = 128  # of each of the recurrent layer's two vectors
_MODEL = Path(__file__).parent / "data" / "silero_vad.onnx"
_FIRST_SLOTS = 16  # a small server's calls; doubled when used up


class BatchedVad:
    """Speech probability of 32-ms windows for any number of parties, in one model run."""

    def __init__(self, model: Path = _MODEL) -> None:
        self._session = load_session(model)
        self._rate = np.array(RATE_HZ, np.int64)
        self._state: Floats = np.zeros((2, _FIRST_SLOTS, _STATE_SIZE), np.float32)
        self._context: Floats = np.zeros((_FIRST_SLOTS, _CONTEXT_SAMPLES), np.float32)
        self._free = list(range(_FIRST_SLOTS - 1, -1, -1))

    def alloc(self) -> int:
        """Take a slot for one party; its state is that of silence before the first word."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.reset(slot)
        return slot

    def free(self, slot: int) -> None:
        """Give a slot back; raises ValueError when it is not taken."""
        if not 0 <= slot < len(self._context) or slot in self._free:
            raise ValueError(f"slot {slot} is not taken")
        self._free.append(slot)

    def reset(self, slot: int) -> None:
        """Forget what the slot heard."""
        self._state[:, slot] = 0
        self._context[slot] = 0

    def run(self, slots: list[int], windows: Floats) -> Floats:
        """Hear one window of each slot: ``windows`` is float32 (B, 256) in [-1, 1]; returns B probabilities 0–1.

        A slot may stand in ``slots`` once only, since a window needs the state its predecessor left.
        """
        if windows.shape != (len(slots), WINDOW_SAMPLES):
            raise ValueError(f"windows must be ({len(slots)}, {WINDOW_SAMPLES}), not {windows.shape}")
        if not slots:
            return np.empty(0, np.float32)
        fed = np.concatenate((self._context[slots], windows), axis=1, dtype=np.float32)
        inputs = {"input": fed, "state": self._state[:, slots], "sr": self._rate}
        probabilities, state = self._session.run(None, inputs)
        self._state[:, slots] = state
        self._context[slots] = fed[:, -_CONTEXT_SAMPLES:]
        return np.asarray(probabilities, np.float32)[:, 0]

    def _grow(self) -> None:
        size = len(self._context)
        self._state = np.concatenate((self._state, np.zeros_like(self._state)), axis=1)
        self._context = np.concatenate((self._context, np.zeros_like(self._context)))
        self._free = list(range(2 * size - 1, size - 1, -1))


def load_session(model: Path) -> ort.InferenceSession:
    """Load an ONNX model to run on the calling thread alone: a pool's spinning threads would fight over the cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # An arena keeps the most that any run ever needed, 13 MB of it for the turn model, and makes no run faster.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def has_voice(vad: BatchedVad, samples: Floats, least_ms: int, threshold: float = 0.5) -> bool:
    """Whether float32 audio at 8 kHz holds at least ``least_ms`` of voice; stops looking as soon as it does."""
    slot = vad.alloc()
    try:
        wanted = least_ms * RATE_HZ / 1000
        for start in range(0, len(samples) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
            if vad.run([slot], samples[None, start : start + WINDOW_SAMPLES])[0] > threshold:
                wanted -= WINDOW_SAMPLES
            if wanted <= 0:
                return True
        return False
    finally:
        vad.free(slot)
