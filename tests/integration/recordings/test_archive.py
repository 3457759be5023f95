"""From frames to stored files, and recovery of what a crash left."""

import asyncio
import io
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from offhook.errors import StorageError
from offhook.files import folder_files
from offhook.recordings import Recordings, TapeWriter
from offhook.recordings.tape import TapeHead

STARTED = 1_700_000_000.0  # November 2023


def delay(reference: np.ndarray, heard: np.ndarray) -> int:
    """By how many samples ``heard`` comes later than ``reference``, by cross-correlation."""
    size = 1 << (2 * max(len(reference), len(heard)) - 1).bit_length()
    spectrum = np.fft.rfft(heard.astype(float), size) * np.conj(np.fft.rfft(reference.astype(float), size))
    peak = int(np.argmax(np.fft.irfft(spectrum)))
    return peak if peak < size // 2 else peak - size


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def sound(recordings: Recordings, key: str) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(await recordings.store.read(key)), dtype="int16", always_2d=True)
    assert rate == 8000
    return samples


async def test_both_files_are_aligned_to_the_sample(recordings, play, chirps):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    stored = await recordings.finish(tape)
    assert stored.mixed == "call-1/mixed.ogg"
    assert stored.channels == "call-1/channels.ogg"
    assert stored.duration_ms == 6000

    channels = await sound(recordings, stored.channels)
    assert channels.shape == chirps.shape
    assert [delay(chirps[:, side], channels[:, side]) for side in (0, 1)] == [0, 0]
    # each chirp by itself: no drift, and the first is as exact as the last
    for n, start in enumerate((4137, 12137, 20137, 28137, 36137)):
        span = slice(start - 400, start + 2000)
        assert delay(chirps[span, n % 2], channels[span, n % 2]) == 0
        loud_here, loud_there = np.abs(channels[span].astype(int)).max(axis=0)[[n % 2, 1 - n % 2]]
        assert loud_here > 20 * loud_there, "a party is heard on the other's side"

    mixed = await sound(recordings, stored.mixed)
    assert mixed.shape == (len(chirps), 1)
    assert delay(chirps.sum(axis=1), mixed[:, 0]) == 0


async def test_the_waveform_is_stored_beside_the_sound(recordings, play, chirps):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    stored = await recordings.finish(tape)
    peaks = json.loads(await recordings.store.read(stored.peaks))
    assert peaks["duration_ms"] == 6000
    assert [len(channel) for channel in peaks["channels"]] == [120, 120]
    loud = [[n / 20 for n, peak in enumerate(channel) if peak > 0.2] for channel in peaks["channels"]]
    assert 0.5 <= loud[0][0] < 0.7
    assert 1.5 <= loud[1][0] < 1.7


async def test_the_tape_goes_once_stored_and_the_receipt_once_acknowledged(recordings, play, chirps, tmp_path):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    await recordings.finish(tape)
    assert names(tape.folder) == ["head.json", "stored.json"]
    await recordings.acknowledge("call-1")
    assert names(tmp_path / "tapes") == []


async def test_a_call_without_sound_has_no_recording(recordings, tmp_path):
    assert await recordings.finish(recordings.open_tape("call-1", "org-1", 8000, STARTED)) is None
    assert names(tmp_path / "tapes") == []


async def test_whether_a_tape_becomes_a_recording_is_known_before(recordings, play, chirps, tmp_path):
    assert not recordings.has_sound("call-0")
    tapes = [
        TapeWriter(tmp_path / "tapes" / name, TapeHead(name, "org-1", 8000, STARTED)) for name in ("call-1", "call-2")
    ]
    play(tapes[1], chirps)
    for tape in tapes:
        tape.close()
    assert (recordings.has_sound("call-1"), recordings.has_sound("call-2")) == (False, True)
    # A folder from before the first write has no head, and none will come; a head that is torn may be mended.
    (tmp_path / "tapes/call-3").mkdir()
    assert not recordings.has_sound("call-3")
    (tmp_path / "tapes/call-3/head.json").write_text("{")
    assert recordings.has_sound("call-3")

    async def accept(stored):
        assert stored.call_id == "call-2"
        assert recordings.has_sound("call-2")
        return True

    await recordings.recover(accept)
    assert not recordings.has_sound("call-2")


async def test_recovery_finishes_what_a_crash_left(recordings, play, chirps, tmp_path):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    await asyncio.to_thread(tape.flush)
    await asyncio.wrap_future(recordings._deck.eject(tape))
    os.truncate(tape.folder / "said.s16", 2 * 8000 * 4 + 3)

    after_restart = Recordings(tmp_path, folder_files(tmp_path / "recordings"), "secret", "")
    told = []

    async def on_done(stored):
        told.append(stored)
        return True

    assert await after_restart.recover(on_done) == 0
    assert told[0].call_id == "call-1"
    channels = await sound(after_restart, told[0].channels)
    assert len(channels) == 6 * 8000
    assert delay(chirps[:, 0], channels[:, 0]) == 0
    assert await after_restart.recover(on_done) == 0
    assert len(told) == 1
    assert names(tmp_path / "tapes") == []
    await after_restart.close()


async def test_recovery_tells_again_what_was_stored_but_not_acknowledged(recordings, play, chirps, tmp_path):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    stored = await recordings.finish(tape)
    told = []

    async def on_done(again):
        told.append(again)
        return True

    await recordings.recover(on_done)
    assert told == [], "who finished it tells of it"
    after_restart = Recordings(tmp_path, recordings.store, "secret", "")
    await after_restart.recover(on_done)
    assert told == [stored]


async def test_recovery_leaves_calls_in_progress_alone(recordings, play, chirps):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    await asyncio.to_thread(tape.flush)

    async def on_done(stored):
        raise AssertionError(stored)

    assert await recordings.recover(on_done) == 0
    assert (await recordings.finish(tape)).duration_ms == 6000


async def test_a_bad_tape_does_not_keep_others_from_recovery(recordings, play, chirps, tmp_path):
    for name in ("bad", "good"):
        tape = recordings.open_tape(name, "org-1", 8000, STARTED)
        play(tape, chirps)
        await asyncio.wrap_future(recordings._deck.eject(tape))
    (tmp_path / "tapes/bad/head.json").write_text('{"call_id": ')
    told = []

    async def on_done(stored):
        told.append(stored.call_id)
        return True

    assert await recordings.recover(on_done) == 1
    assert told == ["good"]
    assert (tmp_path / "tapes/bad/heard.s16").exists()


async def test_a_failing_store_keeps_the_tape_for_later(recordings, play, chirps, tmp_path):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    shutil.rmtree(tmp_path / "recordings")
    (tmp_path / "recordings").write_text("no folder any more")
    with pytest.raises(StorageError):
        await recordings.finish(tape)
    assert (tape.folder / "heard.s16").stat().st_size == 6 * 16000

    (tmp_path / "recordings").unlink()
    (tmp_path / "recordings").mkdir()
    told = []

    async def on_done(stored):
        told.append(stored.duration_ms)
        return True

    assert await recordings.recover(on_done) == 0
    assert told == [6000]


async def test_a_failed_recording_is_tried_again_by_itself(recordings, play, chirps, tmp_path, monkeypatch):
    monkeypatch.setattr("offhook.recordings.archive.RETRY_FIRST_S", 0.01)
    told = asyncio.get_running_loop().create_future()

    async def on_done(stored):
        told.set_result(stored)
        return True

    keeping = asyncio.create_task(recordings.keep_storing(on_done))
    put, tries = recordings.store.put, []

    async def fails_twice(key, *rest):
        tries.append(key)
        if len(tries) < 3:
            raise StorageError("away")
        await put(key, *rest)

    monkeypatch.setattr(recordings.store, "put", fails_twice)
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    with pytest.raises(StorageError):
        await recordings.finish(tape)
    assert (await asyncio.wait_for(told, 20)).duration_ms == 6000
    while tape.folder.exists():
        await asyncio.sleep(0)
    keeping.cancel()


async def test_files_of_a_call_that_was_deleted_meanwhile_go(recordings, play, chirps, tmp_path):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    await asyncio.wrap_future(recordings._deck.eject(tape))

    async def deleted(stored):
        return False

    assert await recordings.recover(deleted) == 0
    assert [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()] == []
    assert names(tmp_path / "tapes") == []


async def test_a_tape_is_discarded_unless_it_is_in_use(recordings, play, chirps, tmp_path):
    tape = recordings.open_tape("call-1", "org-1", 8000, STARTED)
    play(tape, chirps)
    await asyncio.to_thread(tape.flush)
    with pytest.raises(StorageError, match="in use"):
        await recordings.discard("call-1")
    await asyncio.wrap_future(recordings._deck.eject(tape))
    await recordings.discard("call-1")
    await recordings.discard("call-1")
    assert names(tmp_path / "tapes") == []
    assert await recordings.finish(tape) is None


async def test_an_encoder_that_dies_is_replaced_and_the_tape_kept(recordings, play, chirps):
    tapes = [recordings.open_tape(f"call-{n}", "org-1", 8000, STARTED) for n in range(2)]
    for tape in tapes:
        play(tape, chirps)
    await recordings.finish(tapes[0])
    process = recordings._encoder._process
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert (await recordings.finish(tapes[1])).duration_ms == 6000


async def test_calls_that_end_together_are_all_stored(recordings, play, chirps):
    tapes = [recordings.open_tape(f"call-{n}", "org-1", 8000, STARTED) for n in range(6)]
    for tape in tapes:
        play(tape, chirps[: 8000 * 2])
    stored = await asyncio.gather(*(recordings.finish(tape) for tape in tapes))
    assert [one.call_id for one in stored] == [f"call-{n}" for n in range(6)]
    assert {one.duration_ms for one in stored} == {2000}
