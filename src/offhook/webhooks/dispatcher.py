"""Delivery: every event at least once, in order within a call, calls independent of each other.

A call's lane is leased, its events are sent one after the other, and each outcome is durable before the next event
goes. A process that dies leaves a lease that runs out; the event that was under way is sent again, by whoever claims
the call then. Any number of processes may do this on one database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from offhook.record.webhooks import POST_CALL
from offhook.store.database import Database
from offhook.store.deliveries import DeliveryStatus, Result, note
from offhook.store.group import GroupCommit
from offhook.store.ids import now_us
from offhook.store.lanes import Lanes
from offhook.store.leases import Lease
from offhook.store.webhooks import Endpoints, stop
from offhook.webhooks.bodies import Bodies
from offhook.webhooks.schedule import Schedule
from offhook.webhooks.sender import Outcome, Sender
from offhook.webhooks.turn import Pass, Turn, next_turn

log = structlog.get_logger(__name__)

# Requests under way in a process. A receiver that hangs keeps its agent's share for the whole limit, not the others'.
MAX_AT_ONCE = 256
MAX_PER_AGENT = 64
LOOK_AT = 1000  # calls read to choose from: some agents' may be above their share
CLOSE_LIMIT_S = 3.0  # requests under way at the end get this long, then their calls are left to the next start


class Dispatcher:
    """Sends what the outbox has. ``wake`` it when there is more; ``close`` leaves nothing half-done."""

    def __init__(
        self, database: Database, endpoints: Endpoints, bodies: Bodies, sender: Sender, schedule: Schedule
    ) -> None:
        self._database, self._endpoints, self._bodies, self._sender = database, endpoints, bodies, sender
        self._schedule = schedule
        self._lanes = Lanes(lease_s=schedule.lease_s)
        self._commits = GroupCommit(database)
        self._woken = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], Lease] = {}
        self._under_way: Counter[str] = Counter()
        self._closing = False
        self._runner: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what is there."""
        self._runner = asyncio.create_task(self._run(), name="webhooks")

    def wake(self) -> None:
        """Look for events now. To be called on the loop."""
        self._woken.set()

    async def close(self) -> None:
        """Take nothing more, let requests finish for a moment, and give back what didn't."""
        self._closing = True
        self._woken.set()
        if self._runner is not None:
            # Not cancelled: a claim under way would stay behind, and nobody would have it.
            await asyncio.wait([self._runner])
        left = dict(self._tasks)
        if left:
            await asyncio.wait(left, timeout=CLOSE_LIMIT_S)
        given_back = [(task, lease) for task, lease in left.items() if not task.done()]
        for task, _ in given_back:
            task.cancel()
        if given_back:
            await asyncio.wait([task for task, _ in given_back])
        for _, lease in given_back:
            await self._commits.run(lease.id, partial(self._give_back, lease=lease))
        await self._commits.close()

    # ------------------------------------------------------------------ choosing calls

    async def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            try:
                claimed = await self._claim_some()
            except DBAPIError as error:
                log.warning("webhooks_wait_for_database", error=str(error))
                claimed = False
            if not (claimed or self._closing):
                try:
                    await asyncio.wait_for(self._woken.wait(), self._schedule.poll_s)
                except TimeoutError:
                    continue

    async def _claim_some(self) -> bool:
        free = MAX_AT_ONCE - len(self._tasks)
        if free <= 0:
            return False
        ours = frozenset(lease.id for lease in self._tasks.values())
        leases = await asyncio.to_thread(self._claim, free, Counter(self._under_way), ours)
        for lease in leases:
            self._under_way[lease.row["agent_id"]] += 1
            task = asyncio.create_task(self._drive(lease), name=f"webhooks-{lease.id}")
            self._tasks[task] = lease
            task.add_done_callback(self._driven)
        return bool(leases)

    def _claim(self, free: int, under_way: Counter[str], ours: frozenset[str]) -> list[Lease]:
        """``ours`` are left out: when this machine stood still, a lease may have run out under a request."""
        full = [agent_id for agent_id, count in under_way.items() if count >= MAX_PER_AGENT]
        with self._database.read() as connection:
            waiting = self._lanes.waiting(connection, without_agents=full, limit=LOOK_AT)
        chosen: list[str] = []
        for call in waiting:
            if call.call_id not in ours and len(chosen) < free and under_way[call.agent_id] < MAX_PER_AGENT:
                under_way[call.agent_id] += 1
                chosen.append(call.call_id)
        if not chosen:
            return []
        with self._database.write() as connection:
            return self._lanes.claim(connection, self._lanes.table.c.id.in_(chosen), limit=len(chosen))

    def _driven(self, task: asyncio.Task[None]) -> None:
        lease = self._tasks.pop(task)
        agent_id = lease.row["agent_id"]
        self._under_way[agent_id] -= 1
        if self._under_way[agent_id] <= 0:
            del self._under_way[agent_id]
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its lease runs out, and it is tried again.
            log.error("webhooks_of_call_failed", call_id=lease.id, error=repr(error))

    # ------------------------------------------------------------------ one call

    async def _drive(self, lease: Lease) -> None:
        while await self._step(lease):
            if self._closing:
                await self._commits.run(lease.id, partial(self._give_back, lease=lease))
                return

    async def _step(self, lease: Lease) -> bool:
        """Do what comes next in a call; whether there is more, and the call is still ours."""
        turn = await asyncio.to_thread(self._read, lease)
        if turn is None:
            await self._commits.run(lease.id, partial(self._lanes.finish, lease=lease))
            return False
        if isinstance(turn, Pass):
            return bool(
                await self._commits.run(lease.id, partial(self._lanes.settle, lease=lease, sequence=turn.sequence))
            )
        if turn.endpoint is None:
            owner = (turn.event.organization_id, turn.event.agent_id, turn.url)
            await self._commits.run(lease.id, lambda connection: self._endpoints.ensure(connection, *owner))
            return True
        if turn.endpoint.stopped_us is not None:
            return await self._commits.run(lease.id, partial(self._skip, lease=lease, turn=turn))
        outcome = await self._send(turn)
        return await self._commits.run(lease.id, partial(self._conclude, lease=lease, turn=turn, outcome=outcome))

    def _read(self, lease: Lease) -> Turn | Pass | None:
        with self._database.read() as connection:
            return next_turn(connection, self._endpoints, lease)

    async def _send(self, turn: Turn) -> Outcome:
        if turn.secrets is None:
            return Outcome(now_us() / 1e6, 0, error="the endpoint's secret can't be opened: see OFFHOOK_SECRET_KEY")
        body = turn.event.body
        if turn.event.type == POST_CALL:
            (body,) = await asyncio.to_thread(self._bodies.complete, [turn.event])
        return await self._sender.send(turn.url, turn.event.event_id, body, turn.secrets)

    # ------------------------------------------------------------------ what is written

    def _conclude(self, connection: Connection, *, lease: Lease, turn: Turn, outcome: Outcome) -> bool:
        """Write an attempt down, and what follows from it; whether the call goes on."""
        failures = turn.failures + 1
        delay_s = None if outcome.delivered or outcome.gone else self._schedule.delay_s(failures)
        if delay_s is not None:
            due_us = now_us() + round(delay_s * 1e6)
            held = self._lanes.again(connection, lease, due_us, failures=failures)
            if held:
                note(connection, result_of(turn, outcome, DeliveryStatus.RETRYING, due_us))
            return False
        more = self._lanes.settle(connection, lease, turn.sequence)
        if more is None:
            log.warning("webhook_lease_lost", call_id=lease.id, delivered=outcome.delivered)
            return False
        status = DeliveryStatus.DELIVERED if outcome.delivered else DeliveryStatus.FAILED
        note(connection, result_of(turn, outcome, status, None))
        if outcome.gone and turn.endpoint is not None:
            stop(connection, turn.endpoint.id, "the receiver answered 410 Gone")
            log.warning("webhook_endpoint_stopped", agent_id=turn.endpoint.agent_id, url=turn.url)
        return more

    def _skip(self, connection: Connection, *, lease: Lease, turn: Turn) -> bool:
        more = self._lanes.settle(connection, lease, turn.sequence)
        if more is not None:
            outcome = Outcome(now_us() / 1e6, 0, error="the endpoint is stopped; enable it, then resend")
            note(connection, result_of(turn, outcome, DeliveryStatus.SKIPPED, None, attempted=False))
        return bool(more)

    def _give_back(self, connection: Connection, *, lease: Lease) -> bool:
        return self._lanes.again(connection, lease, now_us())


def result_of(
    turn: Turn,
    outcome: Outcome,
    status: DeliveryStatus,
    next_us: int | None,
    *,
    attempted: bool = True,
    resend: bool = False,
) -> Result:
    """An outcome as the log keeps it."""
    return Result(
        event=turn.event,
        endpoint_id=turn.endpoint.id if turn.endpoint else "",
        url=turn.url,
        status=status,
        at_us=round(outcome.at * 1e6),
        attempted=attempted,
        resend=resend,
        response_code=outcome.response_code,
        latency_ms=outcome.latency_ms if attempted else None,
        error=outcome.error,
        next_attempt_us=next_us,
    )
