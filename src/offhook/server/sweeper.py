"""The sweeper: a call whose process died gets its final event within a minute, and exactly one.

Every process beats; every process looks for calls whose worker has stopped to. Who closes one decides inside the
transaction that locks the call: whoever comes second finds it closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable

import structlog
from sqlalchemy.exc import DBAPIError

from offhook.errors import NotFoundError
from offhook.record.cost import PriceList, Usage, cost_lines
from offhook.record.events import CallEvent, Costed, Flagged, NotRecorded, StatusChanged
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
    """``sweep_own`` at the start, then ``run``; ``worker_id`` is this process.

    ``prices_of`` an organization, ``has_sound`` of a call on this data directory; both touch the database or the disk.
    """

    def __init__(
        self,
        workers: Workers,
        writer: CallWriter,
        worker_id: str,
        node_id: str | None,
        *,
        prices_of: Callable[[str], PriceList],
        has_sound: Callable[[str], bool],
    ) -> None:
        self._workers, self._writer = workers, writer
        self._worker_id, self._node_id = worker_id, node_id
        self._prices_of, self._has_sound = prices_of, has_sound
        self._beating_since: float | None = None
        self._last_beat = float("-inf")

    async def sweep_own(self) -> int:
        """Close what earlier processes on this data directory left; how many calls."""
        if self._node_id is None:
            return 0
        found = await asyncio.to_thread(self._workers.orphans_of_node, self._node_id, self._worker_id)
        # Their tapes are here, or nowhere. Those of another directory come when its server is back.
        silent = await asyncio.to_thread(lambda: {each.call_id for each in found if not self._has_sound(each.call_id)})
        return await self._close(found, silent)

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

    async def _close(self, orphans: Iterable[Orphan], silent: Collection[str] = ()) -> int:
        closed = 0
        for orphan in orphans:
            try:
                prices = await asyncio.to_thread(self._prices_of, orphan.organization_id)
                decide = _ending(orphan.last_us / 1e6, prices, silent=orphan.call_id in silent)
                record = await self._writer.amend(orphan.call_id, orphan.organization_id, decide)
            except NotFoundError:
                continue  # deleted meanwhile
            closed += 1
            log.warning("orphan_closed", call_id=orphan.call_id, status=record.status.value)
        return closed


def _ending(at: float, prices: PriceList, *, silent: bool) -> Callable[[CallRecord], list[CallEvent]]:
    """Ends a call where its last event was, for what came after it is not known; a call that has an end keeps it."""
    reason = EndReason(EndCode.PLATFORM_FAILURE, "platform", "the server stopped during the call")

    def decide(record: CallRecord) -> list[CallEvent]:
        if record.status in FINAL:
            return []
        events: list[CallEvent] = []
        if record.start_at is not None:
            events += _account(record, at, record.start_at, prices)
            if silent and not (record.recording or record.not_recorded):
                events.append(NotRecorded(at=at, reason="the server stopped before any sound was kept"))
        return [*events, StatusChanged(at=at, status=Status.FAILED, end_reason=reason)]

    return decide


def _account(record: CallRecord, at: float, start_at: float, prices: PriceList) -> list[CallEvent]:
    """What is known of an answered call's cost: its minutes. What models took was counted in the process that died."""
    if record.cost_lines is not None:
        return []
    seconds = max(0.0, at - start_at)
    lines = cost_lines(Usage(telephony_s=seconds, platform_s=seconds), prices)
    detail = "the server stopped during the call: only its minutes are counted"
    return [Costed(at=at, lines=tuple(lines)), Flagged(at=at, code="cost_incomplete", detail=detail)]
