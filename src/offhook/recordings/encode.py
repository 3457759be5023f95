"""Makes the files people hear of a tape: Ogg Opus mixed and per party, and the peaks of the waveform.

``python -m offhook.recordings.encode`` is the background process that does it, nicely: one JSON job a line on stdin
(``{"tape": FOLDER}``), one JSON answer a line on stdout (``{"duration_ms": 61240}`` or ``{"error": "…"}``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from offhook.errors import StorageError
from offhook.recordings.files import CHANNELS, MIXED, OUTPUTS, PEAKS
from offhook.recordings.tape import TapeReader

BLOCK_S = 10  # bounds memory: two hours of tape are 230 MB
PEAKS_PER_SECOND = 20  # a screen shows about 2000 of them; an hour is 72,000
# One core is shared with calls in progress: encoding waits for them.
NICENESS = 15


def encode_tape(folder: Path) -> int:
    """Write the outputs into the tape's folder, each whole or not at all; answers the duration in ms.

    Opus's own delay is taken out by the encoder's pre-skip: sample n of the file is sample n of the tape.
    """
    tape = TapeReader(folder)
    rate_hz = tape.head.rate_hz
    peaks = PeakMeter(rate_hz // PEAKS_PER_SECOND)
    drafts = {name: folder / f".{name}.{os.getpid()}" for name in OUTPUTS}
    try:
        with ExitStack() as files:
            mixed = files.enter_context(_opus(drafts[MIXED], rate_hz, 1))
            channels = files.enter_context(_opus(drafts[CHANNELS], rate_hz, 2))
            for block in _blocks(tape):
                channels.write(block)
                mixed.write(mix(block))
                peaks.add(block)
        for name in (MIXED, CHANNELS):
            # A full disk at the last page is not an error of the library's.
            if soundfile.info(drafts[name]).frames != tape.samples:
                raise StorageError(f"{name} was not written whole; is the disk full?")
        drafts[PEAKS].write_bytes(peaks.document(tape.duration_ms))
        for name, draft in drafts.items():
            draft.replace(folder / name)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return tape.duration_ms


def mix(both: NDArray[np.int16]) -> NDArray[np.int16]:
    """Both parties (n, 2) as one (n,), held at full scale where they are loud together."""
    louder = both.sum(axis=1, dtype=np.int32)
    mixed: NDArray[np.int16] = louder.clip(-32768, 32767).astype(np.int16)
    return mixed


class PeakMeter:
    """Largest magnitude of each party (0–1, two decimals) per stretch of ``samples``."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._columns: tuple[list[float], list[float]] = ([], [])

    def add(self, both: NDArray[np.int16]) -> None:
        """Take the next block (n, 2); every block but the last is a multiple of ``samples``."""
        missing = -len(both) % self._samples
        loudness = np.pad(np.abs(both.astype(np.int32)), ((0, missing), (0, 0)))
        peaks = loudness.reshape(-1, self._samples, 2).max(axis=1) / 32768
        for column, values in enumerate(self._columns):
            values.extend(round(float(peak), 2) for peak in peaks[:, column])

    def document(self, duration_ms: int) -> bytes:
        """The JSON that a waveform is drawn from."""
        return msgspec.json.encode(
            {"duration_ms": duration_ms, "peaks_per_second": PEAKS_PER_SECOND, "channels": self._columns}
        )


def _opus(path: Path, rate_hz: int, channels: int) -> soundfile.SoundFile:
    return soundfile.SoundFile(path, "w", rate_hz, channels, format="OGG", subtype="OPUS")


def _blocks(tape: TapeReader) -> Iterator[NDArray[np.int16]]:
    size = BLOCK_S * tape.head.rate_hz
    for start in range(0, tape.samples, size):
        yield tape.read(start, size)


def answer(line: str) -> dict[str, object]:
    """Do one job; a failure is an answer, so that one bad tape doesn't end the process."""
    try:
        return {"duration_ms": encode_tape(Path(json.loads(line)["tape"]))}
    except Exception as error:  # noqa: BLE001 - told to the parent, which logs it and keeps the tape
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Work until the parent closes stdin or is gone."""
    os.nice(NICENESS)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
