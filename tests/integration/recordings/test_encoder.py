"""The encoding process comes when there is work, goes when there is none, and never hangs the server."""

import asyncio
import os

import pytest

from offhook.errors import StorageError
from offhook.recordings import encoder as encoder_module
from offhook.recordings.encoder import Encoder
from offhook.recordings.tape import TapeHead, TapeWriter


@pytest.fixture
async def encoder():
    made = Encoder()
    yield made
    await made.close()


@pytest.fixture
def tape(tmp_path, play, chirps):
    writer = TapeWriter(tmp_path / "call", TapeHead("call", "org", 8000, 0.0))
    play(writer, chirps)
    writer.close()
    return writer.folder


async def test_it_is_one_nice_process_for_many_tapes(encoder, tape):
    assert encoder._process is None
    await encoder.encode(tape, 6.0)
    first = encoder._process.pid
    assert os.getpriority(os.PRIO_PROCESS, first) > 0
    await encoder.encode(tape, 6.0)
    assert encoder._process.pid == first


async def test_it_ends_when_it_was_idle(encoder, tape, monkeypatch):
    monkeypatch.setattr(encoder_module, "IDLE_S", 0.01)
    await encoder.encode(tape, 6.0)
    process = encoder._process
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert await encoder.encode(tape, 6.0) == 6000


async def test_it_leaves_nothing_half_written(encoder, tape):
    await encoder.encode(tape, 6.0)
    names = sorted(path.name for path in tape.iterdir())
    assert names == ["channels.ogg", "head.json", "heard.s16", "mixed.ogg", "peaks.json", "said.s16"]


async def test_a_tape_that_takes_too_long_is_an_error_and_the_next_one_is_not(encoder, tape, monkeypatch):
    monkeypatch.setattr(encoder_module, "PATIENCE_BASE_S", 0.0)
    with pytest.raises(StorageError, match="did not finish in time"):
        await encoder.encode(tape, 0.0)
    monkeypatch.undo()
    assert await encoder.encode(tape, 6.0) == 6000


async def test_a_tape_that_cannot_be_encoded_is_an_error_and_the_next_one_is_not(encoder, tape, tmp_path):
    with pytest.raises(StorageError, match="not a readable tape"):
        await encoder.encode(tmp_path, 1.0)
    assert await encoder.encode(tape, 6.0) == 6000


async def test_a_cancelled_tape_stops_the_work(encoder, tape):
    work = asyncio.create_task(encoder.encode(tape, 6.0))
    while encoder._process is None:
        await asyncio.sleep(0)
    process = encoder._process
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert process.returncode is not None
    assert (tape / "heard.s16").exists()
