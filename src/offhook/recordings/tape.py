"""The tape of a call: both parties' raw samples in two plain files, written while the call lives.

A tape is a folder: ``head.json`` (whose call, sample rate, start), ``heard.s16`` and ``said.s16`` (s16le mono).
A frame stands at the position of its index, so that both files are aligned to the sample whatever was lost, and
whatever part of them is there after a crash can be read.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from offhook.errors import StorageError

HEAD: Final = "head.json"
HEARD: Final = "heard.s16"
SAID: Final = "said.s16"
SAMPLE_BYTES: Final = 2
FRAMES_PER_SECOND: Final = 50  # a frame is 20 ms (lines.line.Frame)


class TapeHead(msgspec.Struct, frozen=True):
    """Whose tape it is. ``started_at`` is the Unix time (s) of sample 0."""

    call_id: str
    organization_id: str
    rate_hz: int
    started_at: float

    @property
    def frame_samples(self) -> int:
        """Samples of one party in a frame of 20 ms."""
        return self.rate_hz // FRAMES_PER_SECOND


class TapeWriter:
    """Takes the frames of one call. ``append`` only remembers; the deck's thread calls ``flush`` and ``close``.

    A disk error costs the frames it hits, never the call: it is kept in ``fault`` and later frames are tried again.
    """

    def __init__(self, folder: Path, head: TapeHead) -> None:
        self.folder, self.head = folder, head
        self.fault: str | None = None
        self._frame_bytes = head.frame_samples * SAMPLE_BYTES
        self._silence = bytes(self._frame_bytes)
        # deque: append on the loop and popleft on the deck's thread need no lock.
        self._pending: deque[tuple[int, bytes | None, bytes | None]] = deque()
        self._files: tuple[int, int] | None = None
        self._lock: int | None = None

    @property
    def call_id(self) -> str:
        """The call this tape belongs to."""
        return self.head.call_id

    def append(self, index: int, heard: bytes | None, said: bytes | None) -> None:
        """Put down frame ``index`` (20 ms, s16le; None is silence). Costs under a microsecond, touches no disk."""
        self._pending.append((index, heard, said))

    def flush(self) -> None:
        """Write what was appended; called by one thread at a time."""
        try:
            files = self._files or self._open()
            while self._pending:
                self._write(files, *self._take_run())
        except OSError as error:
            self.fault = f"{error.strerror or error} ({self.folder})"

    def close(self) -> None:
        """Write the rest and let go of the files; the tape can then be encoded."""
        self.flush()
        for descriptor in (*(self._files or ()), *(() if self._lock is None else (self._lock,))):
            os.close(descriptor)
        self._files = self._lock = None

    def _open(self) -> tuple[int, int]:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{HEAD}"
        draft.write_bytes(msgspec.json.encode(self.head))
        self._lock = _lock(draft)  # before it is seen: the lock goes with the file
        draft.replace(self.folder / HEAD)
        flags = os.O_WRONLY | os.O_CREAT
        self._files = os.open(self.folder / HEARD, flags, 0o600), os.open(self.folder / SAID, flags, 0o600)
        return self._files

    def _take_run(self) -> tuple[int, list[bytes], list[bytes]]:
        """Take frames that follow each other: the first one's index, then what was heard and what was said."""
        first = self._pending[0][0]
        heard_run: list[bytes] = []
        said_run: list[bytes] = []
        while self._pending and self._pending[0][0] == first + len(heard_run):
            _, heard, said = self._pending.popleft()
            heard_run.append(self._fit(heard))
            said_run.append(self._fit(said))
        return first, heard_run, said_run

    def _fit(self, pcm: bytes | None) -> bytes:
        if pcm is None:
            return self._silence
        return pcm if len(pcm) == self._frame_bytes else pcm[: self._frame_bytes].ljust(self._frame_bytes, b"\0")

    def _write(self, files: tuple[int, int], first: int, heard_run: list[bytes], said_run: list[bytes]) -> None:
        offset = first * self._frame_bytes
        for descriptor, run in zip(files, (heard_run, said_run), strict=True):
            _write_all(descriptor, b"".join(run), offset)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def lock_tape(folder: Path) -> int | None:
    """Take a tape: a descriptor to close when done; None while a call in progress has it, or it has no head (yet).

    The system gives the lock back when its process dies, however it dies.
    """
    head = folder / HEAD
    return _lock(head) if head.exists() else None


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class TapeReader:
    """Reads a tape back, whole or torn by a crash: what one party's file lacks is silence."""

    def __init__(self, folder: Path) -> None:
        try:
            self.head = msgspec.json.decode((folder / HEAD).read_bytes(), type=TapeHead)
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(f"{folder}: not a readable tape: {error}") from error
        self._sides = tuple(_map_samples(folder / name) for name in (HEARD, SAID))

    @property
    def samples(self) -> int:
        """Length of the call in samples."""
        return max(side.size for side in self._sides)

    @property
    def duration_ms(self) -> int:
        """Length of the call in ms."""
        return round(self.samples * 1000 / self.head.rate_hz)

    def read(self, start: int = 0, count: int | None = None) -> NDArray[np.int16]:
        """Samples ``start … start+count`` as int16 (n, 2): left the caller, right the agent."""
        end = self.samples if count is None else min(start + count, self.samples)
        both = np.zeros((max(0, end - start), 2), np.int16)
        for column, side in enumerate(self._sides):
            part = side[start:end]
            both[: part.size, column] = part
        return both


def _map_samples(path: Path) -> NDArray[np.int16]:
    size = path.stat().st_size // SAMPLE_BYTES if path.exists() else 0
    if size == 0:
        return np.zeros(0, "<i2")
    return np.memmap(path, "<i2", "r", shape=(size,))
