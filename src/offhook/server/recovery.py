"""After a crash: every call that was cut off gets its end, every tape its recording."""

from __future__ import annotations

import asyncio
import time

import structlog
from sqlalchemy import select

from offhook.record.events import Recorded, StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL, EndCode, EndReason, Status
from offhook.recordings import Recordings, StoredRecording
from offhook.store.database import Database
from offhook.store.tables import call_events, calls
from offhook.store.writer import CallWriter

log = structlog.get_logger(__name__)


class Recovery:
    """What a start does for the calls of a process that died."""

    def __init__(self, database: Database, writer: CallWriter, recordings: Recordings) -> None:
        self._database, self._writer, self._recordings = database, writer, recordings

    async def close_orphans(self) -> int:
        """Give each unfinished call its final status (failed, platform_failure); how many there were.

        Its end is the last moment of which it has an event: what came after is not known.
        """
        orphans = await asyncio.to_thread(self._unfinished)
        reason = EndReason(EndCode.PLATFORM_FAILURE, "platform", "the server stopped during the call")
        for call_id, organization_id, last_at in orphans:

            def close(record: CallRecord, at: float = last_at) -> list[StatusChanged]:
                if record.status in FINAL:
                    return []
                return [StatusChanged(at=at, status=Status.FAILED, end_reason=reason)]

            await self._writer.amend(call_id, organization_id, close)
            log.warning("orphan_closed", call_id=call_id)
        return len(orphans)

    async def keep_recordings(self) -> None:
        """For ever: encode and store the tapes that were left, and tell their calls."""
        await self._recordings.keep_storing(self._note_recording)

    async def _note_recording(self, stored: StoredRecording) -> bool:
        organization_id = await asyncio.to_thread(self._organization, stored.call_id)
        if organization_id is None:
            log.warning("recording_without_call", call_id=stored.call_id)
            return True
        recorded = Recorded(
            at=time.time(), mixed=stored.mixed, channels=stored.channels, duration_ms=stored.duration_ms
        )
        # It may have been told before a crash that came ahead of the acknowledgement.
        await self._writer.amend(stored.call_id, organization_id, lambda record: [] if record.recording else [recorded])
        return True

    def _unfinished(self) -> list[tuple[str, str, float]]:
        live = [status.value for status in Status if status not in FINAL]
        unfinished = select(calls.c.id, calls.c.organization_id).where(calls.c.status.in_(live))
        found = []
        with self._database.read() as connection:
            for call_id, organization_id in connection.execute(unfinished).all():
                events = select(call_events.c.at_us).where(call_events.c.call_id == call_id)
                last_us = connection.execute(events.order_by(call_events.c.sequence.desc()).limit(1)).scalar_one()
                found.append((call_id, organization_id, last_us / 1e6))
        return found

    def _organization(self, call_id: str) -> str | None:
        with self._database.read() as connection:
            return connection.execute(select(calls.c.organization_id).where(calls.c.id == call_id)).scalar()
