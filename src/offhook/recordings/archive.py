"""A call's recording from its first frame to its URL: tape, encoding, store, and another try where one failed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from offhook.errors import NotFoundError, OffhookError, StorageError
from offhook.files import FileStore
from offhook.recordings.deck import TapeDeck
from offhook.recordings.encoder import Encoder
from offhook.recordings.files import CHANNELS, MIXED, OUTPUTS, PEAKS, StoredRecording, recording_key
from offhook.recordings.links import Linker
from offhook.recordings.serve import Lookup, RecordingPages, send
from offhook.recordings.tape import HEAD, HEARD, SAID, TapeHead, TapeReader, TapeWriter, lock_tape
from offhook.recordings.watch import StorageWatch

RECEIPT = "stored.json"
# A store that is away for a moment costs a moment; one that is away for a night is asked every two minutes.
RETRY_FIRST_S, RETRY_MOST_S = 2.0, 120.0
log = structlog.get_logger(__name__)

OnStored = Callable[[StoredRecording], Awaitable[bool]]


class Recordings:
    """All recordings of a server. ``public_url`` may be set later, when the port is known."""

    def __init__(self, data_dir: Path, store: FileStore, secret_key: str, public_url: str) -> None:
        self.public_url = public_url
        self.store = store
        self.watch = StorageWatch(store)
        self._tapes = data_dir / "tapes"
        self._deck, self._encoder, self._linker = TapeDeck(), Encoder(), Linker(secret_key)
        self._finishing: set[str] = set()
        self._left = asyncio.Event()

    def open_tape(self, call_id: str, organization_id: str, rate_hz: int, started_at: float) -> TapeWriter:
        """Begin to record a call; ``started_at`` is the Unix time (s) of its first sample. Touches no disk."""
        tape = TapeWriter(self._tapes / call_id, TapeHead(call_id, organization_id, rate_hz, started_at))
        self._deck.insert(tape)
        return tape

    async def finish(self, tape: TapeWriter) -> StoredRecording | None:
        """End a tape, encode and store it; None when there is nothing on it.

        Once the record has the answer, ``acknowledge`` it; until then ``recover`` tells it again.
        Raises StorageError; the tape is kept for ``keep_storing`` then.
        """
        self._finishing.add(tape.call_id)
        try:
            await asyncio.wrap_future(self._deck.eject(tape))
            stored = await self._keep(tape.folder) if tape.folder.exists() else None
        except BaseException:
            self._leave(tape.call_id)
            raise
        if stored is None:
            self._finishing.discard(tape.call_id)
        return stored

    async def acknowledge(self, call_id: str) -> None:
        """The record knows where the recording is: forget that it had to be told."""
        await asyncio.to_thread(_remove_folder, self._tapes / call_id)
        self._finishing.discard(call_id)

    async def keep_storing(self, on_stored: OnStored) -> None:
        """For ever: store what a crash or a failing store left behind, with growing pauses while it goes on failing."""
        pause_s = RETRY_FIRST_S
        while True:
            self._left.clear()
            failed = await self.recover(on_stored)
            pause_s = min(pause_s * 2, RETRY_MOST_S) if failed else RETRY_FIRST_S
            if not failed:
                await self._left.wait()
            await asyncio.sleep(pause_s)

    async def recover(self, on_stored: OnStored) -> int:
        """Store the tapes that were left, and tell each; answers how many still could not be stored.

        ``on_stored`` answers whether the record has it; where the call was deleted meanwhile its files are removed.
        Tapes of calls in progress, of this process or another one, are left alone; one that fails is logged and kept.
        """
        failed = 0
        for folder in sorted(self._tapes.glob("*/")):
            if folder.name in self._finishing:
                continue
            try:
                await self._recover(folder, on_stored)
            except (OffhookError, OSError) as error:
                log.warning("recording_not_recovered", tape=str(folder), error=str(error))
                failed += 1
        return failed

    def has_sound(self, call_id: str) -> bool:
        """Whether a call's tape is in this data directory and becomes a recording; touches the disk."""
        folder = self._tapes / call_id
        if (folder / RECEIPT).exists():
            return True
        try:
            return TapeReader(folder).samples > 0
        except StorageError:
            # Without a head nobody will ever read it; a broken one may still be mended.
            return (folder / HEAD).exists()

    async def discard(self, call_id: str) -> None:
        """Destroy a call's tape. Raises StorageError while it is being written, encoded or stored: try again soon."""
        folder = self._tapes / call_id
        if not folder.exists():
            return
        lock = lock_tape(folder)
        if lock is None and (folder / HEAD).exists():
            raise StorageError(f"{folder}: in use")
        try:
            await asyncio.to_thread(_remove_folder, folder)
        finally:
            if lock is not None:
                os.close(lock)

    async def describe(self, key: str) -> dict[str, Any] | None:
        """What a stored file is: ``key``, ``size`` in bytes, ``sha256``; None where there is none."""
        digest, size = hashlib.sha256(), 0
        try:
            found = await self.store.find(key)
            async for chunk in self.store.stream(key, 0, found.size):
                digest.update(chunk)
                size += len(chunk)
        except NotFoundError:
            return None
        return {"key": key, "size": size, "sha256": digest.hexdigest()}

    async def destroy(self, key: str) -> None:
        """Remove a stored file and see that it is gone. Raises StorageError when it isn't."""
        await self.store.delete(key)
        try:
            await self.store.find(key)
        except NotFoundError:
            return
        raise StorageError(f"{key} was removed and is still there")

    def mixed_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the file with both parties mixed: signed for GET for an hour, or stable and open to all."""
        return self._url(call_id, MIXED, secure=secure)

    def channels_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the file with a channel for each party, in the same way."""
        return self._url(call_id, CHANNELS, secure=secure)

    def routes(self, lookup: Lookup) -> list[Route]:
        """Routes that serve those URLs; ``lookup(call_id)`` answers what the call's record says."""
        return RecordingPages(self.store, self._linker, lookup).routes()

    async def send(self, request: Request, call_id: str, key: str, *, wav: bool) -> Response:
        """Answer who may have it with the sound of a call, in whole or the part that is asked for."""
        return await send(self.store, request, call_id, key, wav=wav)

    async def close(self) -> None:
        """Let go of tapes and processes; what isn't stored by now is by the next start."""
        await asyncio.to_thread(self._deck.close)
        await self._encoder.close()

    def _url(self, call_id: str, name: str, *, secure: bool) -> str:
        if secure and (signed := self.store.url(recording_key(call_id, name))) is not None:
            return signed
        path = f"/recordings/{call_id}/{name}"
        return self.public_url.rstrip("/") + (self._linker.signed(path, time.time()) if secure else path)

    def _leave(self, call_id: str) -> None:
        """Have ``keep_storing`` look after a tape from here on."""
        self._finishing.discard(call_id)
        self._left.set()

    async def _recover(self, folder: Path, on_stored: OnStored) -> None:
        stored = await self._keep(folder)
        if stored is None:
            return
        if not await on_stored(stored):
            for key in (stored.mixed, stored.channels, stored.peaks):
                await self.store.delete(key)
        await self.acknowledge(stored.call_id)

    async def _keep(self, folder: Path) -> StoredRecording | None:
        """Encode and store a closed tape once; None while a call in progress has it, or when it is empty."""
        lock = lock_tape(folder)
        if lock is None:
            return None
        try:
            receipt = folder / RECEIPT
            if receipt.exists():
                return msgspec.json.decode(receipt.read_bytes(), type=StoredRecording)
            stored = await self._store(folder)
            await asyncio.to_thread(_settle, folder, stored)
            return stored
        finally:
            os.close(lock)

    async def _store(self, folder: Path) -> StoredRecording | None:
        tape = TapeReader(folder)
        call_id, duration_ms = tape.head.call_id, tape.duration_ms
        if tape.samples == 0:
            return None
        # An earlier try that failed at the store has encoded it.
        if not all((folder / name).exists() for name in OUTPUTS):
            await self._encoder.encode(folder, duration_ms / 1000)
        keys = {name: recording_key(call_id, name) for name in OUTPUTS}
        for name, key in keys.items():
            await self.store.put(key, folder / name, OUTPUTS[name])
        return StoredRecording(call_id, keys[MIXED], keys[CHANNELS], keys[PEAKS], duration_ms)


def _settle(folder: Path, stored: StoredRecording | None) -> None:
    """The store confirmed: leave the receipt in place of the sound; leave nothing of an empty tape."""
    if stored is None:
        _remove_folder(folder)
        return
    draft = folder / f".{RECEIPT}"
    draft.write_bytes(msgspec.json.encode(stored))
    draft.replace(folder / RECEIPT)
    for name in (*OUTPUTS, HEARD, SAID):
        (folder / name).unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    if not folder.exists():
        return
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    folder.rmdir()
