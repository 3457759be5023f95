"""Reading the outbox: what consumers were told, in an order that never changes behind a reader's back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, tuple_, update

from offhook.errors import NotFoundError
from offhook.record.lifecycle import FINAL
from offhook.record.webhooks import POST_CALL
from offhook.store.database import Database
from offhook.store.tables import calls, outbox, post_call_jobs
from offhook.store.transactions import Ceiling, Horizon

_CURSOR = re.compile(r"(\d{1,19})\.(\d{1,19})")
_FINAL_NAMES = frozenset(status.value for status in FINAL)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, oldest first; ``cursor`` is where to go on, also when there was nothing (yet)."""

    events: Sequence[Row[Any]]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class CallSoFar:
    """What a call has told since, up to ``last_sequence``. ``told``: it will tell no more; ``ended``: the call is over,
    and its `event_post_call` may still come."""

    events: Sequence[Row[Any]]
    last_sequence: int
    ended: bool
    told: bool


class Outbox:
    """The outbox of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, organization_id: str, after: str | None, *, limit: int) -> EventPage:
        """Events after a cursor or after the event of that id; from the first one without. Raises NotFoundError.

        An event that is written later is always found after the cursor: while a transaction is open that may still
        write an earlier one, what came after it is not shown.
        """
        place = tuple_(outbox.c.xid, outbox.c.id)
        query = select(outbox).where(outbox.c.organization_id == organization_id, outbox.c.xid < Horizon())
        with self._database.read() as connection:
            if after is not None:
                match = _CURSOR.fullmatch(after)
                if match:
                    start = (int(match[1]), int(match[2]))
                else:
                    event = and_(outbox.c.event_id == after, outbox.c.organization_id == organization_id)
                    row = connection.execute(select(outbox.c.xid, outbox.c.id).where(event)).first()
                    if row is None:
                        raise NotFoundError(f"after: no event {after}; give next_cursor, or nothing to begin anew")
                    start = (row.xid, row.id)
                query = query.where(place > start)
            rows = connection.execute(query.order_by(outbox.c.xid, outbox.c.id).limit(limit)).all()
        cursor = f"{rows[-1].xid}.{rows[-1].id}" if rows else after
        return EventPage(rows, cursor)

    def settle_in(self) -> bool:
        """Make rows of another cluster (a dump that was restored) readable: whether there were any.

        Their transaction numbers mean nothing here, and might lie above those that this cluster gives for years.
        """
        newest = select(outbox.c.xid >= Ceiling()).order_by(outbox.c.id.desc()).limit(1)
        with self._database.read() as connection:
            foreign = bool(connection.execute(newest).scalar())
        if foreign:
            with self._database.write() as connection:
                connection.execute(update(outbox).where(outbox.c.xid >= Ceiling()).values(xid=0))
        return foreign

    def of_call(self, organization_id: str, call_id: str, last_event_id: str | None) -> CallSoFar:
        """A call's events after the one named; all of them when it isn't one of its own. Raises NotFoundError."""
        mine = (calls.c.id == call_id, calls.c.organization_id == organization_id)
        with self._database.read() as connection:
            status = connection.execute(select(calls.c.status).where(*mine)).scalar()
            if status is None:
                raise NotFoundError(f"No call {call_id}")
            # Asked before the events are read: what is written in between is among those, or comes later.
            ended = status in _FINAL_NAMES
            told = ended and not self._has_more(connection, call_id)
            first = 0
            if last_event_id is not None:
                last = and_(outbox.c.event_id == last_event_id, outbox.c.call_id == call_id)
                first = connection.execute(select(outbox.c.sequence).where(last)).scalar() or 0
            query = select(outbox).where(outbox.c.call_id == call_id, outbox.c.sequence > first)
            events = connection.execute(query.order_by(outbox.c.sequence)).all()
        return CallSoFar(events, events[-1].sequence if events else first, ended, told)

    def _has_more(self, connection: Connection, call_id: str) -> bool:
        """Whether a call that ended is still to be told of as a whole; its place in the queue lasts a little longer."""
        whole = select(outbox.c.id).where(outbox.c.call_id == call_id, outbox.c.type == POST_CALL)
        queued = select(post_call_jobs.c.id).where(post_call_jobs.c.id == call_id)
        return connection.execute(queued).first() is not None and connection.execute(whole).first() is None

    def of_calls(self, seen: Mapping[str, int]) -> Sequence[Row[Any]]:
        """What several calls have told since: call → the number of the last event that is known. One query."""
        newer = [and_(outbox.c.call_id == call_id, outbox.c.sequence > number) for call_id, number in seen.items()]
        with self._database.read() as connection:
            return connection.execute(select(outbox).where(or_(*newer)).order_by(outbox.c.id)).all()
