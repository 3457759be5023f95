"""The hot read: a key and a call by prepared SQL.

On SQLite it runs on the loop itself: a point read takes microseconds, a hop to a thread costs more than the query
(23,000 requests a CPU-second against 8,900 through a thread and a thousand through an ORM session, measured).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from offhook.store.calls import StoredCall
from offhook.store.database import Database

# The writer never locks readers out in WAL mode; only a recovery after a crash does, for a moment. The loop, which has
# packets to look after, waits no longer than one of them lasts; then the client is told to ask again.
_WAIT_S = 0.02
_KEY_SQL = """SELECT k.id, k.organization_id, k.scopes, k.expires_us, o.limits FROM api_keys k
              JOIN organizations o ON o.id = k.organization_id WHERE k.digest = ? AND k.revoked_us IS NULL"""
# A blob comes as bytes, ready to send; a text would be decoded only to be encoded again.
_CALL_SQL = """SELECT id, CAST(document AS BLOB), secure_recording_url, recorded FROM calls
               WHERE id = ? AND organization_id = ?"""


class LiveKey(NamedTuple):
    """A key that is not revoked; ``scopes`` as stored. Whether it expired is for the reader to see.

    ``limits`` are those of its organization.
    """

    id: str
    organization_id: str
    scopes: frozenset[str]
    expires_us: int | None
    limits: Mapping[str, Any]


class CallReads(Protocol):
    """What the hot route asks of the store; nothing is cached, so nothing is stale."""

    async def key(self, digest: str) -> LiveKey | None:
        """The key of that digest unless it was revoked."""

    async def call(self, organization_id: str, call_id: str) -> StoredCall | None:
        """A call of that organization."""

    def close(self) -> None:
        """Close connections."""


class Meanings:
    """What stored JSON texts mean. The same few come again and again, and what a text means never changes."""

    def __init__(self) -> None:
        self._scopes: dict[str, frozenset[str]] = {}
        self._limits: dict[str, Mapping[str, Any]] = {}

    def scopes(self, text: str) -> frozenset[str]:
        """A key's scopes."""
        scopes = self._scopes.get(text)
        if scopes is None:
            scopes = self._scopes[text] = frozenset(json.loads(text))
        return scopes

    def limits(self, text: str) -> Mapping[str, Any]:
        """An organization's limits."""
        limits = self._limits.get(text)
        if limits is None:
            limits = self._limits[text] = json.loads(text)
        return limits


def open_reads(database: Database) -> CallReads:
    """The quickest way to read this database."""
    if database.is_sqlite:
        return SqliteReads(Path(database.url.database or ""))
    from offhook.store.hot_postgresql import PostgresReads  # noqa: PLC0415 - its driver is there on PostgreSQL only

    return PostgresReads(database.url)


class SqliteReads:
    """Reads on the caller's own thread, on one connection that can only read."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro",
            uri=True,
            timeout=_WAIT_S,
            isolation_level=None,
            # Used by one thread at a time: the loop's, which need not be the one that opens it.
            check_same_thread=False,
        )
        self._execute = self._connection.execute
        self._meanings = Meanings()

    async def key(self, digest: str) -> LiveKey | None:
        """The key of that digest unless it was revoked."""
        row = self._execute(_KEY_SQL, (digest,)).fetchone()
        if row is None:
            return None
        return LiveKey(row[0], row[1], self._meanings.scopes(row[2]), row[3], self._meanings.limits(row[4]))

    async def call(self, organization_id: str, call_id: str) -> StoredCall | None:
        """A call of that organization."""
        row = self._execute(_CALL_SQL, (call_id, organization_id)).fetchone()
        return None if row is None else StoredCall._make(row)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
