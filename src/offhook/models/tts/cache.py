"""Clauses already rendered, in memory and on disk, so that a greeting costs nothing the second time.

Only what is asked for twice, or prepared on purpose, is written to disk: what was said once may hold a caller's name.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import astuple, dataclass
from pathlib import Path

_VERSION = "3"  # of what turns words into sound here; a change makes all that is kept stale
_MEMORY_BYTES = 64 << 20  # 70 minutes at 8 kHz
_DISK_BYTES = 256 << 20
_SUFFIX = ".s16le"


@dataclass(frozen=True, slots=True)
class ClauseKey:
    """What the sound depends on."""

    text: str
    voice: str
    language: str
    speed: float
    rate_hz: int

    @property
    def digest(self) -> str:
        """Its name on disk."""
        return hashlib.sha256(repr((_VERSION, *astuple(self))).encode()).hexdigest()


class ClauseCache:
    """Least recently used goes first. Thread-safe, since disk work is done off the loop."""

    def __init__(self, folder: Path | None, memory_bytes: int = _MEMORY_BYTES, disk_bytes: int = _DISK_BYTES) -> None:
        self._folder, self._memory_bytes, self._disk_bytes = folder, memory_bytes, disk_bytes
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def remembered(self, key: ClauseKey) -> bytes | None:
        """The clause's audio if it is in memory."""
        with self._lock:
            pcm = self._memory.get(key.digest)
            if pcm is not None:
                self._memory.move_to_end(key.digest)
            return pcm

    def stored(self, key: ClauseKey) -> bytes | None:
        """The clause's audio if it is on disk; then it is in memory too. Blocks for the disk."""
        path = self._path(key)
        if path is None or not path.is_file():
            return None
        pcm = path.read_bytes()
        os.utime(path)
        self.remember(key, pcm)
        return pcm

    def remember(self, key: ClauseKey, pcm: bytes) -> None:
        """Keep it in memory."""
        with self._lock:
            self._size += len(pcm) - len(self._memory.pop(key.digest, b""))
            self._memory[key.digest] = pcm
            while self._size > self._memory_bytes:
                self._size -= len(self._memory.popitem(last=False)[1])

    def store(self, key: ClauseKey, pcm: bytes) -> None:
        """Keep it on disk. Blocks for the disk."""
        path = self._path(key)
        if path is None or path.exists():
            return
        draft = path.with_suffix(f".{os.getpid()}.draft")
        draft.write_bytes(pcm)
        draft.replace(path)
        self._make_room()

    def _path(self, key: ClauseKey) -> Path | None:
        return None if self._folder is None else self._folder / f"{key.digest}{_SUFFIX}"

    def _make_room(self) -> None:
        assert self._folder is not None  # noqa: S101 - store has checked
        found = [(path, path.stat()) for path in self._folder.glob(f"*{_SUFFIX}")]
        total = sum(status.st_size for _, status in found)
        for path, status in sorted(found, key=lambda entry: entry[1].st_mtime):
            if total <= self._disk_bytes:
                return
            path.unlink(missing_ok=True)
            total -= status.st_size
