"""Idempotency keys: one key acts on the world once, also across a crash.

Before a request acts, the id of what it will make is stored with its key. Whoever comes with the key later looks
whether that thing is there: then the request acted, else it did not. For that to be true whatever crashes when, the
thing must be stored before it acts on the world, and storing it twice must fail.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update

from offhook.errors import ConflictError
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import idempotency_keys

KEPT_US = 24 * 3600 * 1_000_000  # the contract: a key is remembered for 24 hours
_RUNNING = "The first request with this Idempotency-Key is still running"


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first request with the key was answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Reserved:
    """The key is taken for this request, with the id of what it will make.

    ``resumed``: an earlier request took it and never finished; what it was to make may be there.
    """

    object_id: str
    resumed: bool


class IdempotencyKeys:
    """Keys of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Requests of this process that are at work. One of another process that is at work is seen by what it stored.
        self._running: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def begin(self, organization_id: str, key: str, digest: str) -> FirstAnswer | Reserved:
        """Take a key for a request with this digest of its body, or give the first answer again.

        Raises ConflictError for another body, and while the first request runs. Every ``Reserved`` must come to its
        ``finish``, ``release`` or ``leave``.
        """
        with self._lock:
            with self._database.write() as connection:
                found = self._look(connection, organization_id, key, digest)
            if isinstance(found, Reserved):
                self._running.add((organization_id, key))
            return found

    def _look(self, connection: Connection, organization_id: str, key: str, digest: str) -> FirstAnswer | Reserved:
        old = idempotency_keys.c.created_us < now_us() - KEPT_US
        connection.execute(delete(idempotency_keys).where(old))
        values = {"organization_id": organization_id, "key": key, "digest": digest, "object_id": new_id()}
        if self._database.insert_if_new(connection, idempotency_keys, {**values, "created_us": now_us()}):
            return Reserved(values["object_id"], resumed=False)
        row = connection.execute(select(idempotency_keys).where(*_mine(organization_id, key))).first()
        # No row: the first request was being refused just now.
        if row is None:
            raise ConflictError(_RUNNING)
        if row.digest != digest:
            raise ConflictError("Idempotency-Key was used with another body; use a new key")
        if row.status is not None:
            return FirstAnswer(row.status, row.body.encode())
        # Without an id it was taken by an older version, which acted before it stored: nobody knows whether it did.
        if row.object_id is None or (organization_id, key) in self._running:
            raise ConflictError(_RUNNING)
        return Reserved(row.object_id, resumed=True)

    def finish(self, organization_id: str, key: str, answer: FirstAnswer) -> None:
        """Keep the answer for those who ask again."""
        values = {"status": answer.status, "body": answer.body.decode()}
        try:
            with self._database.write() as connection:
                connection.execute(update(idempotency_keys).where(*_mine(organization_id, key)), values)
        finally:
            self.leave(organization_id, key)

    def release(self, organization_id: str, key: str) -> None:
        """Give a key back that did not act, so that it can be tried again."""
        try:
            with self._database.write() as connection:
                connection.execute(delete(idempotency_keys).where(*_mine(organization_id, key)))
        finally:
            self.leave(organization_id, key)

    def leave(self, organization_id: str, key: str) -> None:
        """The request ended in the middle: the next one with the key looks what came of it."""
        self._running.discard((organization_id, key))


def _mine(organization_id: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return idempotency_keys.c.organization_id == organization_id, idempotency_keys.c.key == key
