"""The queue of finished calls that still have work to be done: written with a call's end, gone when all is told."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from offhook.record.fold import CallRecord
from offhook.store.database import Database
from offhook.store.ids import now_us
from offhook.store.leases import Lease, Queue
from offhook.store.tables import post_call_jobs

# Renewed while a model answers; so long does a call lie still whose worker died.
LEASE_S = 60.0
_QUEUE = Queue(post_call_jobs, lease_s=LEASE_S)


def enqueue(connection: Connection, record: CallRecord) -> None:
    """Put a call into the queue, in the transaction that ends it; once."""
    there = select(post_call_jobs.c.id).where(post_call_jobs.c.id == record.call_id)
    if connection.execute(there).first() is None:
        row = {"id": record.call_id, "organization_id": record.created.organization_id, "due_us": now_us()}
        connection.execute(insert(post_call_jobs), row)


class PostCallJobs:
    """Claims calls under a lease, several processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, limit: int) -> list[Lease]:
        """Up to so many calls that are due; nothing is locked when there are none."""
        with self._database.read() as connection:
            if not _QUEUE.has_due(connection):
                return []
        with self._database.write() as connection:
            return _QUEUE.claim(connection, limit=limit)

    def renew(self, lease: Lease) -> bool:
        """Keep a call; False when another process has it."""
        with self._database.write() as connection:
            return _QUEUE.renew(connection, lease)

    def again(self, lease: Lease, delay_s: float) -> bool:
        """Give a call back, due after a while."""
        with self._database.write() as connection:
            return _QUEUE.again(connection, lease, now_us() + round(delay_s * 1e6))

    def done(self, lease: Lease) -> None:
        """All is told: the call leaves the queue, whoever has it."""
        with self._database.write() as connection:
            connection.execute(delete(post_call_jobs).where(post_call_jobs.c.id == lease.id))
