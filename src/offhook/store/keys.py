"""API keys: shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update

from offhook.errors import NotFoundError
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import api_keys

_MARK = "ok_live_"
# 32 characters of base64url: 192 random bits, far beyond guessing.
_RANDOM_BYTES = 24
_PREFIX_CHARS = len(_MARK) + 4


class Scope(StrEnum):
    """What a key may do; ``admin`` may do everything."""

    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: its prefix, never the key."""

    id: str
    organization_id: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    last_used_us: int | None = None


def digest(key: bytes) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key).hexdigest()


class ApiKeys:
    """Keys of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        organization_id: str,
        name: str,
        *,
        scopes: tuple[Scope, ...] = (Scope.ADMIN,),
        expires_us: int | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; the second part is the key itself, which nobody can read again."""
        secret = _MARK + secrets.token_urlsafe(_RANDOM_BYTES)
        key = ApiKey(new_id(), organization_id, name, secret[:_PREFIX_CHARS], scopes, now_us(), expires_us)
        with self._database.write() as connection:
            connection.execute(
                insert(api_keys),
                {
                    "id": key.id,
                    "organization_id": organization_id,
                    "name": name,
                    "prefix": key.prefix,
                    "digest": digest(secret.encode()),
                    "scopes": [scope.value for scope in scopes],
                    "created_us": key.created_us,
                    "expires_us": expires_us,
                },
            )
            granted = [scope.value for scope in scopes]
            audit.note(
                connection, organization_id, "api_key.created", key.id, name=name, prefix=key.prefix, scopes=granted
            )
        return key, secret

    def all(self, organization_id: str) -> list[ApiKey]:
        """The organization's keys, newest first, revoked ones too."""
        query = select(api_keys).where(api_keys.c.organization_id == organization_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(api_keys.c.created_us.desc(), api_keys.c.id)).all()
        return [_key(row) for row in rows]

    def revoke(self, organization_id: str, key_id: str) -> ApiKey:
        """End a key at once; again changes nothing. Raises NotFoundError."""
        mine = (api_keys.c.id == key_id, api_keys.c.organization_id == organization_id)
        with self._database.write() as connection:
            live = update(api_keys).where(*mine, api_keys.c.revoked_us.is_(None))
            if connection.execute(live, {"revoked_us": now_us()}).rowcount:
                audit.note(connection, organization_id, "api_key.revoked", key_id)
            row = connection.execute(select(api_keys).where(*mine)).first()
        if row is None:
            raise NotFoundError(f"no API key {key_id}")
        return _key(row)

    def touch(self, uses_us: Mapping[str, int]) -> None:
        """Note when keys (by id) were last used."""
        with self._database.write() as connection:
            for key_id, used_us in uses_us.items():
                connection.execute(update(api_keys).where(api_keys.c.id == key_id), {"last_used_us": used_us})


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id,
        row.organization_id,
        row.name,
        row.prefix,
        tuple(Scope(scope) for scope in row.scopes),
        row.created_us,
        row.expires_us,
        row.revoked_us,
        row.last_used_us,
    )
