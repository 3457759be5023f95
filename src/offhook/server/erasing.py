"""The work behind deletion: files of deleted calls are removed, and calls past their agent's days are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from offhook.errors import ConflictError, NotFoundError, OffhookError
from offhook.recordings import Recordings, file_keys
from offhook.store.database import Database
from offhook.store.erasure import TOMBSTONES, files_gone, forget_words, note_files
from offhook.store.expiry import Expiry
from offhook.store.ids import now_us
from offhook.store.leases import Lease
from offhook.store.retention import DAY_US, Retention
from offhook.store.writer import CallWriter

log = structlog.get_logger(__name__)

LOOK_S = 2.0  # files of a deleted call are gone a moment later
BATCH = 20
# A tape that is being stored is free in seconds; a store that is away is asked every five minutes.
RETRY_FIRST_S, RETRY_MOST_S = 2, 300
SWEEP_S = 3600.0  # days are counted to the hour
FIRST_SWEEP_S = 30.0  # a start has better things to do


class Eraser:
    """Removes the files of deleted calls. What a crash cut short goes on with the next start, here or elsewhere."""

    def __init__(self, database: Database, recordings: Recordings) -> None:
        self._database, self._recordings = database, recordings

    async def run(self) -> None:
        """Work for ever."""
        while True:
            worked = False
            try:
                while await self.work():
                    worked = True
                if worked:
                    await self.forget_words()
            except SQLAlchemyError as error:
                log.warning("erasing_waits_for_database", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def work(self) -> bool:
        """Take what is due; False when there was nothing."""
        leases = await asyncio.to_thread(self._claim)
        for lease in leases:
            await self._erase(lease)
        return bool(leases)

    async def forget_words(self) -> None:
        """Rid the search index of what deleted calls have said."""
        first = True
        while await asyncio.to_thread(self._forget, first):
            first = False

    def _forget(self, first: bool) -> bool:
        with self._database.write() as connection:
            return forget_words(connection, first=first)

    async def _erase(self, lease: Lease) -> None:
        try:
            files = await self._remove(lease)
        except (OffhookError, OSError) as error:
            pause_s = min(RETRY_FIRST_S * 2 ** min(lease.attempt, 10), RETRY_MOST_S)
            log.warning("files_not_deleted", call_id=lease.id, error=str(error), retry_in_s=pause_s)
            await asyncio.to_thread(self._again, lease, now_us() + pause_s * 1_000_000)
            return
        if files is not None:
            await asyncio.to_thread(self._finish, lease, files)
            log.info("files_deleted", call_id=lease.id, files=len(files))

    async def _remove(self, lease: Lease) -> list[dict[str, Any]] | None:
        """Remove a call's tape and files; what they were, or None when another worker is at it."""
        await self._recordings.discard(lease.id)
        known = {each["key"]: each for each in lease.row["files"]}
        files = []
        for key in file_keys(lease.id, known):
            # Described by an earlier try, which may have removed it since.
            found = known[key] if "sha256" in known.get(key, {}) else await self._recordings.describe(key)
            if found is not None:
                files.append(found)
        if not await asyncio.to_thread(self._note, lease, files):
            return None
        for each in files:
            await self._recordings.destroy(each["key"])
        return files

    def _claim(self) -> list[Lease]:
        with self._database.read() as connection:
            if not TOMBSTONES.has_due(connection):
                return []
        with self._database.write() as connection:
            return TOMBSTONES.claim(connection, limit=BATCH)

    def _note(self, lease: Lease, files: list[dict[str, Any]]) -> bool:
        with self._database.write() as connection:
            return note_files(connection, lease, files)

    def _again(self, lease: Lease, due_us: int) -> None:
        with self._database.write() as connection:
            TOMBSTONES.again(connection, lease, due_us)

    def _finish(self, lease: Lease, files: list[dict[str, Any]]) -> None:
        with self._database.write() as connection:
            files_gone(connection, lease, files)


class Retainer:
    """Deletes calls that are older than their agent keeps them, and what consumers were told ``event_days`` ago."""

    def __init__(
        self, database: Database, writer: CallWriter, now: Callable[[], int] = now_us, *, event_days: int = 30
    ) -> None:
        self._retention, self._writer, self._now = Retention(database), writer, now
        self._expiry, self._event_days = Expiry(database), event_days

    async def run(self) -> None:
        """Sweep every hour, for ever."""
        await asyncio.sleep(FIRST_SWEEP_S)
        while True:
            try:
                await self.sweep()
                await self.expire()
            except (OffhookError, SQLAlchemyError) as error:
                log.warning("retention_failed", error=str(error), again_in_s=SWEEP_S)
            await asyncio.sleep(SWEEP_S)

    async def expire(self) -> int:
        """Delete events and settled deliveries past their days; how many rows."""
        before_us = self._now() - self._event_days * DAY_US
        deliveries = await asyncio.to_thread(self._expiry.deliveries, before_us)
        events = await asyncio.to_thread(self._expiry.events, before_us)
        if deliveries or events:
            log.info("events_expired", events=events, deliveries=deliveries, days=self._event_days)
        return deliveries + events

    async def sweep(self) -> int:
        """Delete what is past its days; how many calls."""
        deleted = 0
        while expired := await asyncio.to_thread(self._retention.expired, self._now(), BATCH):
            # A batch is one transaction of the writer's, between those of calls that live.
            erasures = [
                self._writer.erase(call_id, owner, actor="retention", reason="retention") for owner, call_id in expired
            ]
            results = await asyncio.gather(*erasures, return_exceptions=True)
            failed = [result for result in results if isinstance(result, BaseException)]
            others = [error for error in failed if not isinstance(error, NotFoundError | ConflictError)]
            if others or len(failed) == len(results):
                raise (others or failed)[0]
            deleted += len(results) - len(failed)
        if deleted:
            log.info("retention_deleted", calls=deleted)
        return deleted
