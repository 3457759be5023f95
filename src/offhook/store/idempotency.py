"""Idempotency keys: one key acts on the world once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, update

from offhook.errors import ConflictError
from offhook.store.database import Database
from offhook.store.ids import now_us
from offhook.store.tables import idempotency_keys

KEPT_US = 24 * 3600 * 1_000_000  # the contract: a key is remembered for 24 hours


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first request with the key was answered."""

    status: int
    body: bytes


class IdempotencyKeys:
    """Keys of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, organization_id: str, key: str, digest: str) -> FirstAnswer | None:
        """Take a key for a request with this digest of its body, or give the first answer again.

        Raises ConflictError for another body, and while the first request runs. One that was cut off by a crash
        counts as running: whether it acted is not known, and a key never acts twice.
        """
        mine = (idempotency_keys.c.organization_id == organization_id, idempotency_keys.c.key == key)
        with self._database.write() as connection:
            old = idempotency_keys.c.created_us < now_us() - KEPT_US
            connection.execute(delete(idempotency_keys).where(old))
            values = {"organization_id": organization_id, "key": key, "digest": digest, "created_us": now_us()}
            if self._database.insert_if_new(connection, idempotency_keys, values):
                return None
            row = connection.execute(select(idempotency_keys).where(*mine)).first()
        # No row: the first request was being refused just now.
        if row is None:
            raise ConflictError("The first request with this Idempotency-Key is still running")
        if row.digest != digest:
            raise ConflictError("Idempotency-Key was used with another body; use a new key")
        if row.status is None:
            raise ConflictError("The first request with this Idempotency-Key is still running")
        return FirstAnswer(row.status, row.body.encode())

    def finish(self, organization_id: str, key: str, answer: FirstAnswer) -> None:
        """Keep the answer for those who ask again."""
        with self._database.write() as connection:
            connection.execute(
                update(idempotency_keys).where(
                    idempotency_keys.c.organization_id == organization_id, idempotency_keys.c.key == key
                ),
                {"status": answer.status, "body": answer.body.decode()},
            )

    def release(self, organization_id: str, key: str) -> None:
        """Give a key back that did not act, so that it can be tried again."""
        with self._database.write() as connection:
            connection.execute(
                delete(idempotency_keys).where(
                    idempotency_keys.c.organization_id == organization_id, idempotency_keys.c.key == key
                )
            )
