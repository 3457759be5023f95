"""A tape keeps both parties aligned to the sample, whatever is lost."""

import os
import signal
import subprocess
import sys
from concurrent.futures import wait

import numpy as np
import pytest

from offhook.errors import StorageError
from offhook.recordings.deck import TapeDeck
from offhook.recordings.tape import HEARD, SAID, TapeHead, TapeReader, TapeWriter, lock_tape

HEAD = TapeHead("call", "org", 8000, 1_700_000_000.5)


def frame(value: int) -> bytes:
    return np.full(160, value, "<i2").tobytes()


@pytest.fixture
def tape(tmp_path):
    return TapeWriter(tmp_path / "call", HEAD)


def test_a_tape_reads_back_as_it_was_written(tape):
    for index in range(25):
        tape.append(index, frame(index + 1), frame(-index - 1))
    tape.close()
    reader = TapeReader(tape.folder)
    assert reader.head == HEAD
    assert (reader.samples, reader.duration_ms) == (4000, 500)
    expected = np.repeat(np.arange(1, 26), 160)
    np.testing.assert_array_equal(reader.read(), np.stack([expected, -expected], axis=1))


def test_silence_and_gaps_keep_their_place(tape):
    tape.append(0, None, frame(1))
    tape.append(1, frame(2), None)
    tape.append(7, frame(3), frame(4))  # 2 to 6 never came
    tape.flush()
    tape.append(9, None, None)  # silent to the end, but it lasted
    tape.close()
    both = TapeReader(tape.folder).read()
    assert len(both) == 1600
    assert both[::160].tolist() == [[0, 1], [2, 0], *[[0, 0]] * 5, [3, 4], [0, 0], [0, 0]]


def test_any_part_can_be_read(tape):
    for index in range(10):
        tape.append(index, frame(index), None)
    tape.close()
    reader = TapeReader(tape.folder)
    assert reader.read(1590, 100)[:, 0].tolist() == [9] * 10
    assert reader.read(159, 2)[:, 0].tolist() == [0, 1]
    assert len(reader.read(5000, 10)) == 0


def test_a_frame_of_a_wrong_size_costs_only_itself(tape):
    tape.append(0, b"\1\0" * 200, None)
    tape.append(1, b"\2\0" * 10, None)
    tape.append(2, frame(3), None)
    tape.close()
    heard = TapeReader(tape.folder).read()[:, 0]
    assert heard[159:171].tolist() == [1, *[2] * 10, 0]
    assert heard[320] == 3


def test_a_torn_tape_reads_to_its_tear(tape):
    for index in range(10):
        tape.append(index, frame(1), frame(2))
    tape.close()
    os.truncate(tape.folder / HEARD, 2 * 500 + 1)  # in the middle of a sample
    os.truncate(tape.folder / SAID, 2 * 700)
    both = TapeReader(tape.folder).read()
    assert len(both) == 700
    assert both[:, 0].sum() == 500
    assert both[:, 1].sum() == 2 * 700


def test_a_tape_with_one_party_is_read(tape):
    tape.append(0, frame(5), frame(6))
    tape.close()
    (tape.folder / SAID).unlink()
    assert TapeReader(tape.folder).read()[0].tolist() == [5, 0]


def test_what_is_no_tape_is_said_to_be_none(tmp_path):
    with pytest.raises(StorageError, match="not a readable tape"):
        TapeReader(tmp_path)


def test_a_tape_in_use_cannot_be_taken(tape):
    tape.append(0, frame(1), None)
    tape.flush()
    assert lock_tape(tape.folder) is None
    tape.close()
    taken = lock_tape(tape.folder)
    assert taken is not None
    os.close(taken)


def test_a_disk_error_costs_frames_but_not_the_call(tmp_path, tape):
    (tmp_path / "call").write_text("a file where the folder should be")
    tape.append(0, frame(1), None)
    tape.flush()
    assert "call" in tape.fault
    (tmp_path / "call").unlink()
    tape.append(1, frame(2), None)
    tape.close()
    assert TapeReader(tape.folder).read()[-1, 0] == 2


def test_the_deck_writes_many_tapes_without_being_asked(tmp_path):
    deck = TapeDeck()
    tapes = [TapeWriter(tmp_path / str(n), HEAD) for n in range(20)]
    for n, tape in enumerate(tapes):
        deck.insert(tape)
        tape.append(0, frame(n), None)
    done = wait([deck.eject(tape) for tape in tapes[:10]], timeout=10)
    assert not done.not_done
    deck.close()
    assert [TapeReader(tape.folder).read()[0, 0] for tape in tapes] == list(range(20))


def test_ejecting_twice_is_harmless(tmp_path):
    deck = TapeDeck()
    tape = TapeWriter(tmp_path / "a", HEAD)
    deck.insert(tape)
    deck.eject(tape).result(10)
    deck.eject(tape).result(10)
    deck.close()


WRITER = """
import sys, time
from pathlib import Path
from offhook.recordings.deck import TapeDeck
from offhook.recordings.tape import TapeHead, TapeWriter
deck, tape = TapeDeck(), TapeWriter(Path(sys.argv[1]), TapeHead("call", "org", 8000, 0.0))
deck.insert(tape)
began = time.monotonic()
for index in range(10_000):
    tape.append(index, b"\\1\\0" * 160, b"\\2\\0" * 160)
    print(index, flush=True)
    time.sleep(max(0, began + index * 0.02 - time.monotonic()))
"""


def test_kill_9_loses_less_than_the_last_second(tmp_path):
    folder = tmp_path / "call"
    with subprocess.Popen([sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE, text=True) as writer:
        last = -1
        while last < 100:  # two seconds of call
            last = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            last = int(line)
    both = TapeReader(folder).read()
    assert len(both) >= (last + 1 - 50) * 160
    assert (both == [1, 2]).all()
    taken = lock_tape(folder)  # the dead process holds nothing
    assert taken is not None
    os.close(taken)
