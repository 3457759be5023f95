"""Live events: everybody who listens to a call hears its events, from one tail of the outbox for the whole process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from offhook.record.lifecycle import FINAL
from offhook.record.webhooks import POST_CALL
from offhook.store.database import Database
from offhook.store.outbox import Outbox

log = structlog.get_logger(__name__)

# Commits of this process are told at once; what another process wrote is seen by looking.
LOOK_EVERY_S = 1.0
MAX_BEHIND = 1000  # events a listener may lag before it is let go; it comes back with Last-Event-ID
MAX_CALLS_A_QUERY = 200
IDLE_S = 15.0  # proxies close what is silent for 30 to 60 s
# So long after a call's end its `event_post_call` is waited for: a language model that fails is tried for 13 minutes.
POST_CALL_LIMIT_S = 1200.0
_FINAL_NAMES = frozenset(status.value for status in FINAL)
_STATUS = "event_call_status_updated"

_Event = Row[Any]
_Queue = asyncio.Queue[_Event | None]


@dataclass(slots=True)
class _Followed:
    """A call somebody listens to. ``seen``: the tail has told everything up to here; None: nobody has read it yet."""

    seen: int | None = None
    listeners: set[_Queue] = field(default_factory=set)


class LiveEvents:
    """``listen`` to a call; ``committed`` is for the writer, on its thread; ``close`` ends all listening."""

    def __init__(self, database: Database) -> None:
        self._outbox = Outbox(database)
        self._calls: dict[str, _Followed] = {}
        self._touched: set[str] = set()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._tail: asyncio.Task[None] | None = None
        self._closing = False

    def committed(self, call_ids: frozenset[str]) -> None:
        """These calls have new events."""
        # Look-ups only: the loop may change the table at this moment.
        if any(call_id in self._calls for call_id in call_ids):
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._note, call_ids)

    async def listen(
        self, organization_id: str, call_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[_Event | None]:
        """A call's events from the one named on, those to come as they come; over after the last, its post-call event.

        None comes when nothing has happened for a while. Raises NotFoundError.
        """
        queue: _Queue = asyncio.Queue(MAX_BEHIND)
        # First in line, then the look back: so nothing falls between.
        followed = self._calls.setdefault(call_id, _Followed())
        followed.listeners.add(queue)
        try:
            past = await asyncio.to_thread(self._outbox.of_call, organization_id, call_id, last_event_id)
            if followed.seen is None:
                followed.seen = past.last_sequence
            for event in past.events:
                yield event
            if not (past.told or any(is_last(event) for event in past.events)):
                ended = past.ended or any(is_final(event) for event in past.events)
                async for news in self._news(queue, past.last_sequence, ended=ended):
                    yield news
        finally:
            self._leave(call_id, queue)

    async def has_told(self, organization_id: str, call_id: str, last_event_id: str) -> bool:
        """Whether nothing comes after the event named. Raises NotFoundError."""
        past = await asyncio.to_thread(self._outbox.of_call, organization_id, call_id, last_event_id)
        return past.told and not past.events

    async def close(self) -> None:
        """End all listening."""
        self._closing = True
        for followed in self._calls.values():
            for queue in followed.listeners:
                _end(queue)
        self._wake.set()
        if self._tail is not None:
            await asyncio.wait([self._tail])

    async def _news(self, queue: _Queue, last: int, *, ended: bool) -> AsyncIterator[_Event | None]:
        if self._tail is None or self._tail.done():
            self._tail = asyncio.create_task(self._run(), name="live-events")
        until = self._loop.time() + POST_CALL_LIMIT_S if ended else None
        told = False
        while not (told or self._closing or (until is not None and self._loop.time() >= until)):
            try:
                event = await asyncio.wait_for(queue.get(), IDLE_S)
            except TimeoutError:
                yield None
                continue
            if event is None:
                return
            if event.sequence > last:
                last, told = event.sequence, is_last(event)
                if is_final(event):
                    until = self._loop.time() + POST_CALL_LIMIT_S
                yield event

    def _leave(self, call_id: str, queue: _Queue) -> None:
        followed = self._calls.get(call_id)
        if followed is not None:
            followed.listeners.discard(queue)
            if not followed.listeners:
                del self._calls[call_id]

    def _note(self, call_ids: frozenset[str]) -> None:
        self._touched |= call_ids & self._calls.keys()
        self._wake.set()

    # ------------------------------------------------------------------ the tail

    async def _run(self) -> None:
        while self._calls and not self._closing:
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY_S)
            except TimeoutError:
                self._touched |= self._calls.keys()
            self._wake.clear()
            touched, self._touched = list(self._touched), set()
            for first in range(0, len(touched), MAX_CALLS_A_QUERY):
                await self._look(touched[first : first + MAX_CALLS_A_QUERY])

    async def _look(self, call_ids: list[str]) -> None:
        calls = {call_id: self._calls[call_id] for call_id in call_ids if call_id in self._calls}
        seen = {call_id: each.seen for call_id, each in calls.items() if each.seen is not None}
        if not seen:
            return
        try:
            events = await asyncio.to_thread(self._outbox.of_calls, seen)
        except DBAPIError as error:
            log.warning("live_events_wait_for_database", error=str(error))
            return
        for event in events:
            followed = calls[event.call_id]
            followed.seen = event.sequence
            for queue in followed.listeners:
                if queue.qsize() >= MAX_BEHIND - 1:
                    _end(queue)
                else:
                    queue.put_nowait(event)


def is_final(event: _Event) -> bool:
    """Whether it is the final status of its call."""
    return event.type == _STATUS and msgspec.json.decode(event.body)["status"] in _FINAL_NAMES


def is_last(event: _Event) -> bool:
    """Whether its call tells nothing after it."""
    return bool(event.type == POST_CALL)


def _end(queue: _Queue) -> None:
    with suppress(asyncio.QueueFull):
        queue.put_nowait(None)
