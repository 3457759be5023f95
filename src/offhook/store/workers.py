"""Processes that carry calls, their heartbeats, and the calls of those that died."""

from __future__ import annotations

import os
import socket
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from offhook.record.lifecycle import FINAL, Status
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import call_events, calls, workers

_LIVE = [status.value for status in Status if status not in FINAL]
FORGOTTEN_AFTER_US = 24 * 3600 * 1_000_000  # a dead worker's row is of use to nobody who looks a day later


class Orphan(NamedTuple):
    """An unfinished call that nobody carries. ``last_us``: its last event, the end as far as anybody knows."""

    call_id: str
    organization_id: str
    last_us: int


class Workers:
    """Workers of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, node_id: str | None) -> str:
        """A new worker; its id. ``node_id``: of the data directory that is this process's alone."""
        worker_id = new_id()
        with self._database.write() as connection:
            connection.execute(insert(workers), _row(worker_id, node_id))
        return worker_id

    def beat(self, worker_id: str, node_id: str | None) -> None:
        """Say that a worker lives."""
        with self._database.write() as connection:
            mine = update(workers).where(workers.c.id == worker_id).values(heartbeat_us=now_us())
            if connection.execute(mine).rowcount == 0:  # it was away so long that it was forgotten
                connection.execute(insert(workers), _row(worker_id, node_id))
            old = workers.c.heartbeat_us < now_us() - FORGOTTEN_AFTER_US
            connection.execute(delete(workers).where(old))

    def remove(self, worker_id: str) -> None:
        """A worker ends in order; what it may have left is anybody's."""
        with self._database.write() as connection:
            connection.execute(delete(workers).where(workers.c.id == worker_id))

    def orphans_of_node(self, node_id: str, worker_id: str) -> list[Orphan]:
        """Unfinished calls of those who held the data directory before ``worker_id`` does: they are dead."""
        return self._orphans(and_(workers.c.node_id == node_id, workers.c.id != worker_id))

    def orphans(self, dead_after_s: float) -> list[Orphan]:
        """Unfinished calls of workers without a heartbeat for so long, or without a worker."""
        dead = workers.c.heartbeat_us < now_us() - round(dead_after_s * 1e6)
        return self._orphans(or_(workers.c.id.is_(None), dead))

    def _orphans(self, condition: ColumnElement[bool]) -> list[Orphan]:
        last = (
            select(call_events.c.at_us)
            .where(call_events.c.call_id == calls.c.id)
            .order_by(call_events.c.sequence.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(calls.c.id, calls.c.organization_id, last)
            .outerjoin(workers, workers.c.id == calls.c.worker_id)
            .where(calls.c.status.in_(_LIVE), condition)
        )
        with self._database.read() as connection:
            return [Orphan(*row) for row in connection.execute(query)]


def _row(worker_id: str, node_id: str | None) -> dict[str, object]:
    now = now_us()
    return {
        "id": worker_id,
        "node_id": node_id,
        "host": socket.gethostname()[:255],
        "pid": os.getpid(),
        "started_us": now,
        "heartbeat_us": now,
    }
