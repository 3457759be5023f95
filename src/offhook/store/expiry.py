"""What consumers were told goes after its days: the log of deliveries that are settled, and the outbox behind it.

Calls keep their record; what is left to be sent, and what failed and may be sent again, stays with its call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from offhook.store.database import Database
from offhook.store.deliveries import DeliveryStatus
from offhook.store.tables import organizations, outbox, webhook_attempts, webhook_deliveries, webhook_lanes

# Deleted in one transaction: half a megabyte or so, and no writer of calls waits noticeably for it.
BATCH = 500
_SETTLED = (DeliveryStatus.DELIVERED, DeliveryStatus.SKIPPED)
_OWED = (DeliveryStatus.FAILED, DeliveryStatus.RETRYING)


class Expiry:
    """Deletes what is older than a time; several processes may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deliveries(self, before_us: int) -> int:
        """Delete settled deliveries that were begun before then, with their attempts; how many."""
        with self._database.read() as connection:
            owners = connection.execute(select(organizations.c.id)).scalars().all()
        gone = 0
        for owner in owners:
            for status in _SETTLED:
                while batch := self._old_deliveries(owner, status, before_us):
                    with self._database.write() as connection:
                        attempts = webhook_attempts.c.delivery_id.in_(batch)
                        connection.execute(delete(webhook_attempts).where(attempts))
                        connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.id.in_(batch)))
                    gone += len(batch)
        return gone

    def events(self, before_us: int) -> int:
        """Delete events that happened before then and are not owed to anybody; how many.

        Rows are read in the order in which they were written, which is that of time but for moments: the reading ends
        where they get younger, and passes once over the few that stay.
        """
        gone, after = 0, 0
        while batch := self._next_events(after):
            after = batch[-1].id
            old = [row.id for row in batch if row.at_us < before_us]
            if not old:
                break
            with self._database.write() as connection:
                gone += connection.execute(delete(outbox).where(outbox.c.id.in_(old), *_unowed())).rowcount
                _forget_lanes(connection, {row.call_id for row in batch})
        return gone

    def _old_deliveries(self, owner: str, status: DeliveryStatus, before_us: int) -> Sequence[str]:
        table = webhook_deliveries.c
        old = (table.organization_id == owner, table.status == status.value, table.position < before_us)
        query = select(table.id).where(*old).order_by(table.position).limit(BATCH)
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def _next_events(self, after: int) -> Sequence[Any]:  # rows with id, at_us, call_id
        query = select(outbox.c.id, outbox.c.at_us, outbox.c.call_id).where(outbox.c.id > after)
        with self._database.read() as connection:
            return connection.execute(query.order_by(outbox.c.id).limit(BATCH)).all()


def _unowed() -> tuple[ColumnElement[bool], ...]:
    """The event's call has nothing left to send, and the event itself needn't be sent again."""
    waiting = exists().where(webhook_lanes.c.id == outbox.c.call_id, webhook_lanes.c.due_us.is_not(None))
    owed = exists().where(
        webhook_deliveries.c.event_id == outbox.c.event_id,
        webhook_deliveries.c.status.in_([status.value for status in _OWED]),
    )
    return ~waiting, ~owed


def _forget_lanes(connection: Connection, call_ids: set[str]) -> None:
    """A call all of whose events are gone has nothing more to tell; should it, after all, its lane begins anew."""
    idle = (webhook_lanes.c.id.in_(call_ids), webhook_lanes.c.due_us.is_(None))
    left = exists().where(outbox.c.call_id == webhook_lanes.c.id)
    connection.execute(delete(webhook_lanes).where(*idle, ~left))
