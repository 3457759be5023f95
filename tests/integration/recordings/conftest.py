"""Sound to record, and recordings in a folder of their own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.files import folder_files
from offhook.recordings import Recordings, TapeWriter

RATE_HZ = 8000
FRAME = 160


@pytest.fixture
async def recordings(tmp_path: Path) -> AsyncIterator[Recordings]:
    made = Recordings(tmp_path, folder_files(tmp_path / "recordings"), "secret", "http://phone.example:8000/")
    yield made
    await made.close()


@pytest.fixture(scope="session")
def play() -> Callable[[TapeWriter, NDArray[np.int16]], None]:
    """Put stereo samples (n, 2) on a tape, frame by frame; silent frames as None."""

    def put(tape: TapeWriter, both: NDArray[np.int16]) -> None:
        for index in range(len(both) // FRAME):
            heard, said = both[index * FRAME : (index + 1) * FRAME].T
            tape.append(index, heard.tobytes() if heard.any() else None, said.tobytes() if said.any() else None)

    return put


@pytest.fixture(scope="session")
def chirps() -> NDArray[np.int16]:
    """Six seconds (n, 2): a chirp of the caller at 0.5, 2.5, 4.5 s + 137 samples, of the agent at 1.5 and 3.5 s."""
    both = np.zeros((6 * RATE_HZ, 2))
    t = np.arange(1600) / RATE_HZ
    chirp = 9000 * np.hanning(1600) * np.sin(2 * np.pi * (400 * t + 5250 * t * t))
    for n, at_s in enumerate((0.5, 1.5, 2.5, 3.5, 4.5)):
        start = int(at_s * RATE_HZ) + 137
        both[start : start + 1600, n % 2] += chirp
    return both.astype(np.int16)
