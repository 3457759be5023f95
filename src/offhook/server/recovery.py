"""After a crash: every tape that was left becomes its call's recording."""

from __future__ import annotations

import asyncio
import time

import structlog
from sqlalchemy import select

from offhook.record.events import Recorded
from offhook.recordings import Recordings, StoredRecording
from offhook.store.database import Database
from offhook.store.erasure import is_erased
from offhook.store.tables import calls
from offhook.store.writer import CallWriter

log = structlog.get_logger(__name__)


class Recovery:
    """What a start does for the calls of a process that died."""

    def __init__(self, database: Database, writer: CallWriter, recordings: Recordings) -> None:
        self._database, self._writer, self._recordings = database, writer, recordings

    async def keep_recordings(self) -> None:
        """For ever: encode and store the tapes that were left, and tell their calls."""
        await self._recordings.keep_storing(self._note_recording)

    async def _note_recording(self, stored: StoredRecording) -> bool:
        organization_id = await asyncio.to_thread(self._organization, stored.call_id)
        if organization_id is None:
            if await asyncio.to_thread(self._is_erased, stored.call_id):
                return False
            log.warning("recording_without_call", call_id=stored.call_id)
            return True
        recorded = Recorded(
            at=time.time(), mixed=stored.mixed, channels=stored.channels, duration_ms=stored.duration_ms
        )
        # It may have been told before a crash that came ahead of the acknowledgement.
        await self._writer.amend(stored.call_id, organization_id, lambda record: [] if record.recording else [recorded])
        return True

    def _is_erased(self, call_id: str) -> bool:
        with self._database.read() as connection:
            return is_erased(connection, call_id)

    def _organization(self, call_id: str) -> str | None:
        with self._database.read() as connection:
            return connection.execute(select(calls.c.organization_id).where(calls.c.id == call_id)).scalar()
