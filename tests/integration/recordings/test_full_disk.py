"""A disk that is full costs the sound that it hits, and nothing else.

Full is a limit on the size of files, which the system answers as it does a full disk: with an error, or half a write.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from offhook.errors import StorageError
from offhook.recordings.encode import encode_tape

STARTED = 1_700_000_000.0


@contextlib.contextmanager
def no_file_over(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def noise():
    """Two seconds (n, 2) that compress badly."""
    return np.random.default_rng(1).integers(-9000, 9000, (16_000, 2)).astype(np.int16)


async def test_a_tape_that_meets_a_full_disk_keeps_what_came_before_and_after(recordings, play, chirps):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps[: 2 * 8000])
    await asyncio.to_thread(tape.flush)
    with no_file_over(33_000):
        for index in range(100, 200):
            tape.append(index, b"\1\2" * 160, None)
        await asyncio.to_thread(tape.flush)
    assert "File too large" in tape.fault
    for index in range(200, 250):
        tape.append(index, b"\1\2" * 160, None)
    stored = await recordings.finish(tape)
    assert stored.duration_ms == 5000


async def test_a_call_none_of_whose_sound_could_be_written_has_no_recording(recordings, tmp_path):
    (tmp_path / "tapes").write_text("no folder")
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    tape.append(0, b"\1\2" * 160, None)
    assert await recordings.finish(tape) is None
    assert str(tmp_path / "tapes") in tape.fault


@pytest.mark.parametrize("missing", [1, 60, 700, 3000])
async def test_a_file_that_is_not_whole_is_never_taken_for_a_recording(recordings, play, noise, missing):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, noise)
    await asyncio.wrap_future(recordings._deck.eject(tape))
    encode_tape(tape.folder)
    size = (tape.folder / "channels.ogg").stat().st_size
    for path in tape.folder.glob("*.ogg"):
        path.unlink()
    with no_file_over(size - missing), pytest.raises((StorageError, soundfile.LibsndfileError)):
        encode_tape(tape.folder)
    assert list(tape.folder.glob("*.ogg*")) == list(tape.folder.glob(".*ogg*")) == []
    assert (await recordings.finish(tape)).duration_ms == 2000
