"""The bytes of an answer: a stored file as it is, or decoded to WAV on the way."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from offhook.errors import NotFoundError
from offhook.files import FileStore, StoredFile
from offhook.recordings.wav import WavView


class Content(Protocol):
    """Bytes that can be read from anywhere, once; ``close`` when they weren't read to the end."""

    @property
    def size(self) -> int:
        """Bytes of all of it."""

    def stream(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes ``start … end-1``."""

    def close(self) -> None:
        """Let go of what is open."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as the store has it."""

    store: FileStore
    file: StoredFile

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.file.size

    def stream(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes ``start … end-1``."""
        return self.store.stream(self.file.key, start, end)

    def close(self) -> None:
        """Nothing is open."""


async def open_wav(store: FileStore, key: str) -> WavView:
    """A stored file as WAV. What lies in a bucket is fetched to a temporary file, since decoding starts anywhere."""
    path = store.path(key)
    if path is not None:
        return await asyncio.to_thread(_open_file, path)
    found = await store.find(key)
    spool = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        async for chunk in store.stream(key, 0, found.size):
            await asyncio.to_thread(spool.write, chunk)
        spool.seek(0)
        return await asyncio.to_thread(WavView, spool)
    except BaseException:
        spool.close()
        raise


def _open_file(path: Path) -> WavView:
    try:
        return WavView(path.open("rb"))
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path.name}") from error
