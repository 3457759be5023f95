"""The sweeper: a call whose process died gets its final event within a minute, and exactly one.

Every process beats; every process looks for calls whose worker has stopped to. Who closes one decides inside the
transaction that locks the call: whoever comes second finds it closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog
from sqlalchemy.exc import DBAPIError

from offhook.errors import NotFoundError
from offhook.record.events import StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import FINAL, EndCode, EndReason, Status
from offhook.store.workers import Orphan, Workers
from offhook.store.writer import CallWriter

log = structlog.get_logger(__name__)

BEAT_S = 10.0
# Three beats may be missed: a machine that stands still for a while, or clocks that differ by seconds, end no call.
# With the look every ten seconds, an orphan is closed 20 to 40 s after its worker's death.
DEAD_AFTER_S = 30.0


class Sweeper:
    """``sweep_own`` at the start, then ``run``; ``worker_id`` is this process."""

    def __init__(self, workers: Workers, writer: CallWriter, worker_id: str, node_id: str | None) -> None:
        self._workers, self._writer = workers, writer
        self._worker_id, self._node_id = worker_id, node_id
        self._beating_since: float | None = None
        self._last_beat = float("-inf")

    async def sweep_own(self) -> int:
        """Close what earlier processes on this data directory left; how many calls."""
        if self._node_id is None:
            return 0
        found = await asyncio.to_thread(self._workers.orphans_of_node, self._node_id, self._worker_id)
        return await self._close(found)

    async def run(self) -> None:
        """Beat and sweep until cancelled."""
        while True:
            try:
                await self.once()
            except DBAPIError as error:
                log.warning("heartbeat_failed", error=str(error))
            await asyncio.sleep(BEAT_S)

    async def once(self) -> int:
        """One heartbeat and one look; how many calls were closed."""
        await asyncio.to_thread(self._workers.beat, self._worker_id, self._node_id)
        now = time.monotonic()
        if self._beating_since is None or now - self._last_beat > DEAD_AFTER_S:
            # The database was away, or this machine: the others could not beat either, and get the time to.
            self._beating_since = now
        self._last_beat = now
        if now - self._beating_since < DEAD_AFTER_S - BEAT_S:
            return 0
        return await self._close(await asyncio.to_thread(self._workers.orphans, DEAD_AFTER_S))

    async def _close(self, orphans: Iterable[Orphan]) -> int:
        closed = 0
        for orphan in orphans:
            try:
                record = await self._writer.amend(orphan.call_id, orphan.organization_id, _ending(orphan.last_us / 1e6))
            except NotFoundError:
                continue  # deleted meanwhile
            closed += 1
            log.warning("orphan_closed", call_id=orphan.call_id, status=record.status.value)
        return closed


def _ending(at: float) -> Callable[[CallRecord], list[StatusChanged]]:
    """Ends a call where its last event was, for what came after it is not known; a call that has an end keeps it."""
    reason = EndReason(EndCode.PLATFORM_FAILURE, "platform", "the server stopped during the call")

    def decide(record: CallRecord) -> list[StatusChanged]:
        if record.status in FINAL:
            return []
        return [StatusChanged(at=at, status=Status.FAILED, end_reason=reason)]

    return decide
