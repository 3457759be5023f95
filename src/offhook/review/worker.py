"""Takes finished calls out of the queue, reviews them, and tells of each when everything about it is known.

Every step is an event of the call, so a process that dies leaves nothing half done: whoever gets the call next sees in
its record what is there, and goes on. ``event_post_call`` is written in the same transaction as the mark that it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from offhook.agents.model import LanguageModel
from offhook.agents.providers import Llm
from offhook.errors import NotFoundError, OffhookError
from offhook.record.cost import PriceList, joined, review_lines
from offhook.record.events import CallEvent, Costed, Flagged, PostCall, Reviewed
from offhook.record.fold import CallRecord
from offhook.review.case import Case, Cases
from offhook.review.reviewer import NOTHING_SPENT, Findings, Reviewer
from offhook.store.database import Database
from offhook.store.leases import Lease
from offhook.store.post_call import LEASE_S, PostCallJobs
from offhook.store.writer import CallWriter

log = structlog.get_logger(__name__)

POLL_S = 1.0
AT_ONCE = 4  # requests to a language model under way; calls that live go before
# Pauses between attempts to reach a language model. Then the call goes out without: a consumer waits for its event.
RETRY_S = (5.0, 30.0, 120.0, 600.0)
# Encoding an hour's call takes a minute; a recording that is not there by then is told of as missing.
RECORDING_LIMIT_S = 600.0


class ReviewWorker:
    """``start`` it and ``close`` it; several processes may, each call is one's at a time."""

    def __init__(
        self,
        database: Database,
        writer: CallWriter,
        model_for: Callable[[Llm], LanguageModel],
        *,
        poll_s: float = POLL_S,
        retry_s: tuple[float, ...] = RETRY_S,
        recording_limit_s: float = RECORDING_LIMIT_S,
    ) -> None:
        self._jobs, self._cases, self._writer = PostCallJobs(database), Cases(database), writer
        self._reviewer = Reviewer(model_for)
        self._poll_s, self._retry_s, self._recording_limit_s = poll_s, retry_s, recording_limit_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Review calls as they end, from now on."""
        self._task = asyncio.create_task(self._run(), name="post-call")

    async def close(self) -> None:
        """Give back the calls that are being worked on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        working: set[asyncio.Task[None]] = set()
        try:
            while True:
                for lease in await self._claim(AT_ONCE - len(working)):
                    working.add(asyncio.create_task(self._work(lease), name=f"review-{lease.id}"))
                if working:
                    _, working = await asyncio.wait(working, timeout=self._poll_s, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(self._poll_s)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def run_once(self) -> int:
        """Work on every call that is due now, and answer how many there were."""
        leases = await self._claim(AT_ONCE)
        await asyncio.gather(*(self._work(lease) for lease in leases))
        return len(leases)

    async def _claim(self, limit: int) -> list[Lease]:
        if limit < 1:
            return []
        try:
            return await asyncio.to_thread(self._jobs.claim, limit)
        except Exception as error:  # noqa: BLE001 - the database is away, in any driver's words; it is asked again
            log.warning("post_call_queue_unreachable", error=str(error))
            return []

    # ------------------------------------------------------------------ one call

    async def _work(self, lease: Lease) -> None:
        keeper = asyncio.create_task(self._keep(lease), name=f"keep-{lease.id}")
        try:
            await self._advance(lease)
        except asyncio.CancelledError:
            # The server stops: the next one need not wait for the lease to run out.
            await asyncio.shield(asyncio.to_thread(self._jobs.again, lease, 0.0))
            raise
        except OffhookError as error:
            log.warning("post_call_step_failed", call_id=lease.id, error=str(error))
            await self._again(lease, self._pause_s(lease.attempt))
        except Exception:
            log.exception("post_call_broke", call_id=lease.id)
            await self._again(lease, self._pause_s(lease.attempt))
        finally:
            keeper.cancel()

    async def _advance(self, lease: Lease) -> None:
        """Do what can be done for a call now: review it, then tell of it."""
        record = await asyncio.to_thread(self._cases.record, lease.id)
        if record is not None and not record.reviewed:
            case = await asyncio.to_thread(self._cases.load, record)
            if not await self._review(case, lease):
                await self._again(lease, self._pause_s(lease.attempt))
                return
            record = await asyncio.to_thread(self._cases.record, lease.id)
        if record is not None and not record.told:
            wait_s = await self._recording_wait_s(record)
            if wait_s > 0:
                await self._again(lease, wait_s)
                return
            await self._tell(record)
        await asyncio.to_thread(self._jobs.done, lease)

    async def _review(self, case: Case, lease: Lease) -> bool:
        record = case.record

        async def store(findings: Findings) -> None:
            await self._amend(record, lambda now: _events(now, findings, case.prices))

        last = lease.attempt > len(self._retry_s)
        return await self._reviewer.review(case, store, last=last)

    async def _tell(self, record: CallRecord) -> None:
        await self._amend(record, lambda now: [] if now.told else [PostCall(at=time.time())])
        log.info("post_call_told", call_id=record.call_id)

    async def _amend(self, record: CallRecord, decide: Callable[[CallRecord], list[CallEvent]]) -> None:
        # A call that was deleted meanwhile has nothing to be told of.
        with contextlib.suppress(NotFoundError):
            await self._writer.amend(record.call_id, record.created.organization_id, decide)

    async def _recording_wait_s(self, record: CallRecord) -> float:
        """How long until it is worth looking for the recording again; 0 when it is there, or known not to come."""
        if record.recording or record.not_recorded or record.start_at is None or record.end_at is None:
            return 0.0
        age_s = time.time() - record.end_at
        if age_s >= self._recording_limit_s:
            log.warning("post_call_without_recording", call_id=record.call_id, waited_s=round(age_s))
            return 0.0
        # Most recordings come within a second or two; a long one need not be asked for every second.
        return min(max(age_s / 4, self._poll_s / 2), 15.0)

    def _pause_s(self, attempt: int) -> float:
        return self._retry_s[min(attempt, len(self._retry_s)) - 1] if self._retry_s else self._poll_s

    async def _again(self, lease: Lease, delay_s: float) -> None:
        await asyncio.to_thread(self._jobs.again, lease, delay_s)

    async def _keep(self, lease: Lease) -> None:
        """Renew the lease while its call is worked on."""
        while True:
            await asyncio.sleep(LEASE_S / 3)
            if not await asyncio.to_thread(self._jobs.renew, lease):
                log.warning("post_call_lease_lost", call_id=lease.id)
                return


def _events(record: CallRecord, findings: Findings, prices: PriceList) -> list[CallEvent]:
    """What a step of the review adds to the call, decided on its record as it is stored.

    The cost of the call is told anew with every step that cost something, so that it is the sum of its lines always.
    """
    now = time.time()
    events: list[CallEvent] = []
    if not record.reviewed and (findings.answers or findings.summary is not None or findings.done):
        events.append(Reviewed(at=now, answers=findings.answers, summary=findings.summary, done=findings.done))
        events += [Flagged(at=now, code=code, detail=detail) for code, detail in findings.flags]
    spent = findings.usage
    if spent != NOTHING_SPENT:
        more = review_lines(spent.input_tokens, spent.output_tokens, prices)
        events.append(Costed(at=now, lines=joined(record.cost_lines or (), more)))
    return events
