"""The one thread that writes calls: events and records of many calls in one transaction, in order, durably."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection, insert

from offhook.errors import CapacityError, NotFoundError, OffhookError
from offhook.record.events import CallCreated, CallEvent
from offhook.record.fold import CallRecord
from offhook.store.audit import entry_values
from offhook.store.database import Database, clashed, sqlstate, unavailable
from offhook.store.erasure import Erasure, erase
from offhook.store.events import Counters, are_stored, change, counters, store_events
from offhook.store.ids import now_us
from offhook.store.tables import audit_log

log = structlog.get_logger(__name__)

# How long a group gathers. Confirmation must come within 50 ms; what remains is for the transaction and its sync.
GATHER_S = 0.02
MAX_BACKLOG = 100_000  # events kept while the database is away: about a kilobyte each, some 100 MB
RETRY_FIRST_S, RETRY_MOST_S = 0.1, 5.0
# Tries of a group that meets what other processes write at the same time; each try knows what they have written.
MOST_CLASHES = 5
COUNTERS_KEPT = 2_000  # more calls than one process carries; one forgotten is read again

Change = Callable[[CallRecord], Sequence[CallEvent]]
OnCommit = Callable[[frozenset[str]], None]
_Done = asyncio.Future[Any]


@dataclass(slots=True)
class _Append:
    """Events of one call, and the latest record they lead to."""

    call_id: str
    record: CallRecord
    worker_id: str | None
    events: list[CallEvent] = field(default_factory=list)
    waiters: list[_Done] = field(default_factory=list)
    tried_after: int | None = None

    def write(self, connection: Connection, known: dict[str, Counters]) -> None:
        """Store the events in the group's transaction, unless an attempt before this one did it unseen."""
        before = known.get(self.call_id) or counters(connection, self.call_id)
        if self.tried_after is not None and are_stored(connection, self.call_id, self.tried_after, self.events):
            known[self.call_id] = before
            return
        if not before.stored and not isinstance(self.events[0], CallCreated):
            raise NotFoundError(f"call {self.call_id} was deleted")
        self.tried_after = before.sequence
        _, known[self.call_id] = store_events(connection, self.record, self.events, before, self.worker_id)


@dataclass(slots=True)
class _Amend:
    """A change to a stored call, decided inside the transaction."""

    call_id: str
    organization_id: str
    decide: Change
    waiters: list[_Done]
    events: tuple[()] = ()
    record: CallRecord | None = None
    tried_after: int = 0
    decided: Sequence[CallEvent] = ()

    def write(self, connection: Connection, known: dict[str, Counters]) -> None:
        """Read, decide and store in the group's transaction. Raises NotFoundError and what ``decide`` raises."""
        record, before = change(connection, self.call_id, self.organization_id)
        if not (self.decided and are_stored(connection, self.call_id, self.tried_after, self.decided)):
            self.decided, self.tried_after = self.decide(record), before.sequence
            for event in self.decided:
                record.apply(event)
            if self.decided:
                record, before = store_events(connection, record, self.decided, before)
        self.record, known[self.call_id] = record, before


@dataclass(slots=True)
class _Note:
    """An entry of the audit log, in the transaction of the change that was handed in before it."""

    call_id: str
    values: dict[str, Any]
    waiters: list[_Done]
    events: tuple[()] = ()

    def write(self, connection: Connection, _known: dict[str, Counters]) -> None:
        """Store the entry."""
        connection.execute(insert(audit_log), self.values)


@dataclass(slots=True)
class _Erase:
    """The end of a stored call, in order with what else is written of it."""

    call_id: str
    wanted: Erasure
    waiters: list[_Done]
    events: tuple[()] = ()

    def write(self, connection: Connection, known: dict[str, Counters]) -> None:
        """Delete it. Raises NotFoundError, and ConflictError while it runs."""
        erase(connection, self.wanted)
        known.pop(self.call_id, None)


_Job = _Append | _Amend | _Note | _Erase


class CallWriter:
    """Writes what happens in calls. ``append`` and ``amend`` are called on the loop and never block it.

    Order holds per call. While the database fails, the group is tried again with growing pauses, loudly; past
    ``MAX_BACKLOG`` events new ones are refused. ``healthy`` tells whether new calls should be taken. ``worker_id`` is
    written into new calls: who carries them. ``on_commit`` are called on the writer's thread with the ids of calls
    that have new events for consumers.
    """

    def __init__(self, database: Database, *, gather_s: float = GATHER_S, worker_id: str | None = None) -> None:
        self._database, self._gather_s, self._worker_id = database, gather_s, worker_id
        self.on_commit: list[OnCommit] = []
        self._jobs: deque[_Job] = deque()
        self._group: tuple[_Job, ...] = ()
        self._open: dict[str, _Append] = {}
        self._backlog = 0
        self._failing = False
        self._closing = False
        self._wake = threading.Condition()
        self._pause = threading.Event()
        self._counters: dict[str, Counters] = {}
        self._thread = threading.Thread(target=self._run, name="call-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Events not yet in the database."""
        return self._backlog

    @property
    def healthy(self) -> bool:
        """The last group was written, and there is room for many more."""
        return not self._failing and self._backlog < MAX_BACKLOG // 2

    def append(self, call_id: str, events: Sequence[CallEvent], record: CallRecord) -> asyncio.Future[None]:
        """Store events that ``record`` has applied; the future is done when they are durable.

        It fails with CapacityError when the backlog is full, and with the database's error when the events can
        never be stored.
        """
        waiter = _waiter()
        with self._wake:
            if self._closing or self._backlog + len(events) > MAX_BACKLOG:
                self._refuse(waiter, call_id, len(events))
                return waiter
            job = self._open.get(call_id)
            if job is None:
                job = self._open[call_id] = _Append(call_id, record, self._worker_id)
                self._jobs.append(job)
            # The record goes on changing on the loop while the thread writes this one.
            job.record = record.snapshot()
            job.events.extend(events)
            job.waiters.append(waiter)
            self._backlog += len(events)
            self._wake.notify()
        return waiter

    def amend(self, call_id: str, organization_id: str, decide: Change) -> asyncio.Future[CallRecord]:
        """Change a stored call atomically: ``decide`` sees its record in the transaction and gives the events.

        The future has the changed record. It fails with NotFoundError, or with what ``decide`` raised. ``decide``
        runs on the writer's thread, and again when the database had to be asked twice.
        """
        waiter = _waiter()
        with self._wake:
            if self._closing:
                self._refuse(waiter, call_id, 0)
                return waiter
            self._jobs.append(_Amend(call_id, organization_id, decide, [waiter]))
            self._open.pop(call_id, None)  # what is appended from here on comes after this change
            self._wake.notify()
        return waiter

    def note(self, organization_id: str, action: str, call_id: str, **detail: Any) -> asyncio.Future[None]:  # noqa: ANN401 - JSON
        """Write an act on a call of whoever acts now into the audit log, together with the change before it."""
        waiter = _waiter()
        with self._wake:
            if self._closing:
                self._refuse(waiter, call_id, 0)
                return waiter
            self._jobs.append(_Note(call_id, entry_values(organization_id, action, call_id, detail), [waiter]))
            self._wake.notify()
        return waiter

    def erase(self, call_id: str, organization_id: str, *, actor: str, reason: str) -> asyncio.Future[None]:
        """Delete a stored call (``store/erasure.py``). The future fails with NotFoundError or ConflictError."""
        waiter = _waiter()
        wanted = Erasure(
            organization_id=organization_id, call_id=call_id, actor=actor, reason=reason, at_us=now_us()
        )  # fmt: skip
        with self._wake:
            if self._closing:
                self._refuse(waiter, call_id, 0)
                return waiter
            self._jobs.append(_Erase(call_id, wanted, [waiter]))
            self._open.pop(call_id, None)
            self._wake.notify()
        return waiter

    async def flush(self) -> None:
        """Return when everything handed in so far was written or given up."""
        with self._wake:
            waiters = [waiter for job in self._jobs for waiter in job.waiters]
            waiters += [waiter for job in self._group for waiter in job.waiters]
        if waiters:
            await asyncio.wait(waiters)

    async def close(self, limit_s: float = 10.0) -> None:
        """Write what is left and end the thread; after ``limit_s`` give up on a database that is away."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._thread.join, limit_s)
        if self._thread.is_alive():
            log.error("events_lost_at_close", events=self._backlog)
            self._pause.set()

    def _refuse(self, waiter: _Done, call_id: str, events: int) -> None:
        reason = "the store is closed" if self._closing else f"{self._backlog} events wait for the database"
        log.error("events_refused", call_id=call_id, events=events, reason=reason)
        waiter.set_exception(CapacityError(reason))

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while (group := self._gather()) is not None:
            self._write_until_done(group)

    def _gather(self) -> tuple[_Job, ...] | None:
        with self._wake:
            while not self._jobs:
                if self._closing:
                    return None
                self._wake.wait()
        if not self._closing:
            time.sleep(self._gather_s)
        with self._wake:
            self._group = tuple(self._jobs)
            self._jobs.clear()
            self._open.clear()
        return self._group

    def _write_until_done(self, group: tuple[_Job, ...]) -> None:
        pause_s, clashes = RETRY_FIRST_S, 0
        while True:
            try:
                self._write(group)
            except Exception as error:  # noqa: BLE001 - whatever the driver raises, no event may be dropped unseen
                # Somebody else may have changed these calls; or it was done, and the connection broke before we knew.
                for job in group:
                    self._counters.pop(job.call_id, None)
                if clashed(error) and clashes < MOST_CLASHES:
                    clashes += 1
                    continue
                if not _passing(error):
                    self._write_one_by_one(group, error)
                    return
                self._failing = True
                log.error(  # noqa: TRY400 - the same trace every few seconds would tell nothing more
                    "database_write_failed", error=str(error), backlog=self._backlog, retry_in_s=pause_s
                )
                if self._pause.wait(pause_s):
                    self._settle(group, error)
                    return
                pause_s = min(pause_s * 2, RETRY_MOST_S)
            else:
                self._settle(group, None)
                return

    def _write(self, group: tuple[_Job, ...]) -> None:
        known = self._counters.copy()
        with self._database.write() as connection:
            for job in sorted(group, key=_place):
                job.write(connection, known)
        told = frozenset(job.call_id for job in group if self._told(job.call_id, known))
        while len(known) > COUNTERS_KEPT:
            del known[next(iter(known))]
        self._counters = known
        for listener in self.on_commit if told else ():
            listener(told)
        if self._failing:
            log.warning("database_write_recovered", backlog=self._backlog)
            self._failing = False

    def _told(self, call_id: str, known: dict[str, Counters]) -> bool:
        """Whether a transaction wrote something for consumers; when it can't be known, yes."""
        before, after = self._counters.get(call_id), known.get(call_id)
        return after is not None and (before is None or after.public_sequence > before.public_sequence)

    def _write_one_by_one(self, group: tuple[_Job, ...], error: Exception) -> None:
        """One job of the group can't be stored: find it, and store the others."""
        if len(group) == 1:
            if not isinstance(error, OffhookError):
                log.error("call_not_stored", call_id=group[0].call_id, error=repr(error))
            self._settle(group, error)
            return
        for job in group:
            self._write_until_done((job,))

    def _settle(self, group: tuple[_Job, ...], error: Exception | None) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[tuple[_Done, CallRecord | None]]] = {}
        with self._wake:
            for job in group:
                self._backlog -= len(job.events)
                result = job.record if isinstance(job, _Amend) else None
                for waiter in job.waiters:
                    loops.setdefault(waiter.get_loop(), []).append((waiter, result))
            self._group = tuple(job for job in self._group if job not in group)
        for loop, results in loops.items():
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_tell, results, error)


def _place(job: _Job) -> str:
    """Calls in one order everywhere: those that two transactions hold are then never waited for crosswise.

    New ones nobody else can hold; they go first, in the order in which they began, which their list shows.
    """
    return "" if job.events and isinstance(job.events[0], CallCreated) else job.call_id


def _waiter() -> _Done:
    waiter: _Done = asyncio.get_running_loop().create_future()
    # A failure was logged here; a caller who doesn't wait for durability need not fetch it.
    waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
    return waiter


def _tell(results: list[tuple[_Done, CallRecord | None]], error: Exception | None) -> None:
    for waiter, result in results:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(result)
        else:
            waiter.set_exception(error)


def _passing(error: Exception) -> bool:
    """Whether trying again may help: the database is locked, full, restarting or unreachable, or lacks a table.

    What is wrong with the schema is not the calls' fault: they are kept until somebody has mended it.
    """
    return unavailable(error) or sqlstate(error).startswith("42")
