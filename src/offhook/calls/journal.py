"""What happens in a call, folded into its record and made durable, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from offhook.record.events import CallEvent
from offhook.record.fold import CallRecord

Watcher = Callable[[str, CallEvent], None]


class RecordWriter(Protocol):
    """Makes what happens in calls durable, in order; ``healthy`` tells whether new calls should be taken."""

    @property
    def healthy(self) -> bool:
        """Whether it keeps up."""

    def append(self, call_id: str, events: Sequence[CallEvent], record: CallRecord) -> asyncio.Future[None]:
        """Keep events that ``record`` has applied; the future is done when they are durable."""

    def note(self, organization_id: str, action: str, call_id: str, **detail: Any) -> asyncio.Future[None]:  # noqa: ANN401 - JSON
        """Write an act on a call into the audit log."""


class Journal:
    """The one way in which a call changes: ``add`` an event, and it is in the record, the database and the stream."""

    def __init__(self, record: CallRecord, writer: RecordWriter, watchers: tuple[Watcher, ...] = ()) -> None:
        self.record = record
        self._writer = writer
        self._watchers = watchers
        self._last: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Store the call's first event, which made the record."""
        self._store((self.record.created,))

    def add(self, *events: CallEvent) -> None:
        """Apply and store events; raises ConflictError for a step the life cycle doesn't allow."""
        for event in events:
            self.record.apply(event)
        self._store(events)

    async def durable(self) -> None:
        """Return when everything added so far is in the database."""
        if self._last is not None:
            await self._last

    def _store(self, events: Sequence[CallEvent]) -> None:
        self._last = self._writer.append(self.record.call_id, list(events), self.record)
        for watcher in self._watchers:
            for event in events:
                watcher(self.record.call_id, event)
