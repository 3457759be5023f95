"""A store of files: put, find, read, delete, and a URL that a bucket itself answers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from offhook.errors import ConfigurationError, NotFoundError, StorageError, StorageSetupError

CHUNK_BYTES = 256 * 1024  # about a minute of speech; what a seeking browser throws away
PARTS_AT_ONCE = 4  # of 5 MiB each, when a large file goes to a bucket
EXPIRES_S: Final = 3600  # the API's contract for secure recording URLs
Reading: TypeAlias = Literal["GET", "HEAD"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What the store knows of a file."""

    key: str
    size: int
    etag: str
    modified_at: datetime


class FileStore:
    """Files by key. Raises NotFoundError for a key that isn't there, StorageError when the store fails.

    A StorageSetupError among them says that it refuses, and what to do.

    ``location`` tells people where the files are.
    """

    def __init__(self, store: LocalStore | S3Store, location: str) -> None:
        self._store, self.location = store, location
        self._folder = Path(location) if isinstance(store, LocalStore) else None
        self._probe_key = f"probe/{uuid.uuid4()}"

    def path(self, key: str) -> Path | None:
        """The file of a key, where files are in a folder of this machine."""
        return None if self._folder is None else self._folder / key

    def url(self, key: str, method: Reading = "GET") -> str | None:
        """A URL that the bucket answers to ``method`` for an hour (AWS SigV4, signed in the query).

        None where files are in a folder of this machine. Asks nobody: about 10 µs.
        """
        if isinstance(self._store, LocalStore):
            return None
        try:
            return obstore.sign(self._store, method, key, timedelta(seconds=EXPIRES_S))
        except BaseError as error:
            raise StorageError(f"{self.location}: no URL could be signed: {reason(error)}") from error

    async def put(self, key: str, source: Path | bytes, media_type: str | None = None) -> None:
        """Store a file; readers see all of it or nothing. A bucket also keeps the media type."""
        kept = None if media_type is None or self._folder is not None else {"Content-Type": media_type}
        try:
            await obstore.put_async(self._store, key, source, attributes=kept, max_concurrency=PARTS_AT_ONCE)
        except (BaseError, OSError) as error:
            raise self._failed(f"{key} could not be stored", error) from error

    async def delete(self, key: str) -> None:
        """Remove a file; one that isn't there is as good as removed."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise self._failed(f"{key} could not be removed", error) from error

    async def find(self, key: str) -> StoredFile:
        """Look a file up."""
        try:
            meta = await obstore.head_async(self._store, key)
        except (FileNotFoundError, ValueError) as error:
            raise NotFoundError(f"no file {key}") from error
        except (BaseError, OSError) as error:
            raise self._failed(f"{key} could not be read", error) from error
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
            raise NotFoundError(f"no file {key}") from error
        except (BaseError, OSError) as error:
            raise self._failed(f"{key} could not be read", error) from error

    async def read(self, key: str) -> bytes:
        """Read a whole file."""
        found = await self.find(key)
        return b"".join([chunk async for chunk in self.stream(key, 0, found.size)])

    async def probe(self) -> None:
        """Store, read back and remove a small file.

        Raises StorageSetupError when nobody but the operator can mend it, StorageError when it may pass.
        """
        await self.put(self._probe_key, b"offhook")
        try:
            same = await self.read(self._probe_key) == b"offhook"
        except NotFoundError as error:
            raise StorageError(f"{self.location}: a file just stored is not there") from error
        await self.delete(self._probe_key)
        if not same:
            raise StorageError(f"{self.location}: reads back other bytes than were stored")

    def _failed(self, what: str, error: Exception) -> StorageError:
        """The error as ours: one the operator must mend tells how."""
        if self._folder is None and isinstance(error, FileNotFoundError):
            remedy = "there is no such bucket; make it, or mend OFFHOOK_STORAGE_URL"
        elif isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
            remedy = (
                "the store refuses the key; mend AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let that key "
                "put, get and delete there"
            )
        else:
            return StorageError(f"{self.location}: {what}: {reason(error)}")
        return StorageSetupError(f"{self.location}: {what}: {remedy}")


def folder_files(folder: Path) -> FileStore:
    """Files in a folder, which is made where it isn't there. Raises ConfigurationError when it can't be."""
    try:
        return FileStore(LocalStore(folder, mkdir=True), str(folder))
    except OSError as error:
        raise ConfigurationError(f"{folder}: no folder for files could be made: {error}") from error


def reason(error: Exception) -> str:
    """The sentence of a store's error, without its report for developers."""
    return str(error).partition("\n\nDebug source")[0].strip()
