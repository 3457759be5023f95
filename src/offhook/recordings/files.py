"""Where finished recordings are kept: an object store, a folder by default."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from offhook.errors import ConfigurationError, NotFoundError, StorageError

MIXED: Final = "mixed.ogg"  # both parties, mono
CHANNELS: Final = "channels.ogg"  # left the caller, right the agent
PEAKS: Final = "peaks.json"  # for drawing the waveform
OUTPUTS: Final = (MIXED, CHANNELS, PEAKS)
CHUNK_BYTES = 256 * 1024  # about a minute of speech; what a seeking browser throws away


class StoredRecording(msgspec.Struct, frozen=True):
    """A call's recording as stored; ``mixed``, ``channels`` and ``peaks`` are keys of the store."""

    call_id: str
    mixed: str
    channels: str
    peaks: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What the store knows of a file."""

    key: str
    size: int
    etag: str
    modified_at: datetime


def recording_key(organization_id: str, call_id: str, started_at: float, name: str) -> str:
    """Key of a call's file: ``{organization}/{yyyy}/{mm}/{call}/{name}``, by the month (UTC) in which it started."""
    month = datetime.fromtimestamp(started_at, UTC)
    return f"{organization_id}/{month:%Y}/{month:%m}/{call_id}/{name}"


class RecordingStore:
    """Files by key. Raises NotFoundError for a key that isn't there, StorageError when the store fails."""

    def __init__(self, data_dir: Path, storage_url: str | None = None) -> None:
        self._folder = _local_folder(data_dir, storage_url)
        self._store = LocalStore(self._folder, mkdir=True)

    @property
    def location(self) -> str:
        """Where the files are, for people."""
        return str(self._folder)

    def path(self, key: str) -> Path:
        """The file of a key, where files are in a folder of this machine."""
        return self._folder / key

    async def put(self, key: str, path: Path) -> None:
        """Store a file; readers see all of it or nothing."""
        try:
            await obstore.put_async(self._store, key, path)
        except (BaseError, OSError) as error:
            raise StorageError(f"{self.location}: {key} could not be stored: {error}") from error

    async def delete(self, key: str) -> None:
        """Remove a file; one that isn't there is as good as removed."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StorageError(f"{self.location}: {key} could not be removed: {error}") from error

    async def find(self, key: str) -> StoredFile:
        """Look a file up."""
        try:
            meta = await obstore.head_async(self._store, key)
        except (FileNotFoundError, ValueError) as error:
            raise NotFoundError(f"no recording {key}") from error
        except (BaseError, OSError) as error:
            raise StorageError(f"{self.location}: {key} could not be read: {error}") from error
        return StoredFile(key, meta["size"], meta["e_tag"] or "", meta["last_modified"])

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Read the bytes ``start … end-1`` in chunks."""
        if end <= start:
            return
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise NotFoundError(f"no recording {key}") from error
        except (BaseError, OSError) as error:
            raise StorageError(f"{self.location}: {key} could not be read: {error}") from error

    async def read(self, key: str) -> bytes:
        """Read a whole file."""
        found = await self.find(key)
        return b"".join([chunk async for chunk in self.stream(key, 0, found.size)])


def _local_folder(data_dir: Path, storage_url: str | None) -> Path:
    if storage_url is None:
        return data_dir.absolute() / "recordings"
    parts = urlsplit(storage_url)
    if parts.scheme != "file":
        raise ConfigurationError(
            f"OFFHOOK_STORAGE_URL: {storage_url!r} is not supported; use file:///FOLDER, or leave it away"
        )
    return Path(unquote(parts.path))
