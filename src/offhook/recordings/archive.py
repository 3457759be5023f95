"""A call's recording from its first frame to its URL: tape, encoding, store, and recovery after a crash."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog
from starlette.routing import Route

from offhook.errors import OffhookError, StorageError
from offhook.files import FileStore
from offhook.recordings.deck import TapeDeck
from offhook.recordings.encoder import Encoder
from offhook.recordings.files import CHANNELS, MIXED, OUTPUTS, PEAKS, StoredRecording, recording_key
from offhook.recordings.links import Linker
from offhook.recordings.serve import Lookup, RecordingPages
from offhook.recordings.tape import HEARD, SAID, TapeHead, TapeReader, TapeWriter, lock_tape

RECEIPT = "stored.json"
log = structlog.get_logger(__name__)


class Recordings:
    """All recordings of a server. ``public_url`` may be set later, when the port is known."""

    def __init__(self, data_dir: Path, store: FileStore, secret_key: str, public_url: str) -> None:
        self.public_url = public_url
        self.store = store
        self._tapes = data_dir / "tapes"
        self._deck, self._encoder, self._linker = TapeDeck(), Encoder(), Linker(secret_key)

    def open_tape(self, call_id: str, organization_id: str, rate_hz: int, started_at: float) -> TapeWriter:
        """Begin to record a call; ``started_at`` is the Unix time (s) of its first sample. Touches no disk."""
        tape = TapeWriter(self._tapes / call_id, TapeHead(call_id, organization_id, rate_hz, started_at))
        self._deck.insert(tape)
        return tape

    async def finish(self, tape: TapeWriter) -> StoredRecording | None:
        """End a tape, encode and store it; None when there is nothing on it.

        Once the record has the answer, ``acknowledge`` it; until then ``recover`` tells it again.
        Raises StorageError; the tape is kept for ``recover`` then.
        """
        await asyncio.wrap_future(self._deck.eject(tape))
        if not tape.folder.exists():
            if tape.fault is not None:
                raise StorageError(f"the recording could not be written: {tape.fault}")
            return None
        return await self._keep(tape.folder)

    async def acknowledge(self, call_id: str) -> None:
        """The record knows where the recording is: forget that it had to be told."""
        await asyncio.to_thread(_remove_folder, self._tapes / call_id)

    async def recover(self, on_done: Callable[[StoredRecording], Awaitable[None]]) -> int:
        """Store the tapes that a crash or a failing store left behind, tell each, and answer how many there were.

        Tapes of calls in progress, of this process or another one, are left alone; one that fails is logged and kept.
        """
        told = 0
        for folder in sorted(self._tapes.glob("*/")):
            try:
                stored = await self._keep(folder)
                if stored is None:
                    continue
                await on_done(stored)
                await self.acknowledge(stored.call_id)
                told += 1
            except (OffhookError, OSError) as error:
                log.exception("recording_not_recovered", tape=str(folder), error=str(error))
        return told

    def mixed_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the file with both parties mixed: signed for GET for an hour, or stable and open to all."""
        return self._url(f"/recordings/{call_id}/{MIXED}", secure=secure)

    def channels_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the file with a channel for each party, in the same way."""
        return self._url(f"/recordings/{call_id}/{CHANNELS}", secure=secure)

    def routes(self, lookup: Lookup) -> list[Route]:
        """Routes that serve those URLs; ``lookup(call_id)`` answers what the call's record says."""
        return RecordingPages(self.store, self._linker, lookup).routes()

    async def close(self) -> None:
        """Let go of tapes and processes; what isn't stored by now is by the next start's ``recover``."""
        await asyncio.to_thread(self._deck.close)
        await self._encoder.close()

    def _url(self, path: str, *, secure: bool) -> str:
        return self.public_url.rstrip("/") + (self._linker.signed(path, time.time()) if secure else path)

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
        head, tape_s = tape.head, tape.duration_ms / 1000
        if tape.samples == 0:
            return None
        duration_ms = await self._encoder.encode(folder, tape_s)
        keys = {name: recording_key(head.organization_id, head.call_id, head.started_at, name) for name in OUTPUTS}
        for name, key in keys.items():
            await self.store.put(key, folder / name, OUTPUTS[name])
        return StoredRecording(head.call_id, keys[MIXED], keys[CHANNELS], keys[PEAKS], duration_ms)


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
