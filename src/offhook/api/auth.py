"""Who asks: an API key, looked up anew for every request, so that a revoked one is refused at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from fastapi import Request
from sqlalchemy.exc import DBAPIError

from offhook.api.envelope import ApiError
from offhook.store.hot import CallReads
from offhook.store.ids import now_us
from offhook.store.keys import ApiKeys, Scope, digest

log = structlog.get_logger(__name__)

CALLER = "offhook.caller"  # where the ASGI scope has the caller
_NO_KEY = "An API key is needed: header X-Api-Key (under /api/v0: Authorization: Bearer KEY)"
# A time of last use is for people who tidy up: minutes are exact enough, and a write a request would be dear.
_NOTE_EVERY_S = 30.0


class Caller(NamedTuple):
    """The key that a request came with."""

    key_id: str
    organization_id: str
    scopes: frozenset[str]
    limits: Mapping[str, Any]

    def must(self, scope: Scope) -> None:
        """Raise the 403 that names the missing scope."""
        if scope.value not in self.scopes and Scope.ADMIN.value not in self.scopes:
            raise ApiError(403, "permission_error", f"This key lacks the scope {scope.value}")


class Authenticator:
    """Finds the caller of a key."""

    def __init__(self, reads: CallReads, keys: ApiKeys) -> None:
        self._reads, self._keys = reads, keys
        self._used_us: dict[str, int] = {}
        self._known: set[str] = set()  # digests of keys that were good once: at most as many as there are keys
        self._noted_at = time.monotonic()
        self._noting: asyncio.Task[None] | None = None

    async def caller(self, secret: bytes | None) -> Caller:
        """Who has this key. Raises the 401 that says what is wrong with it."""
        if not secret:
            raise ApiError(401, "authentication_error", _NO_KEY)
        hashed = digest(secret)
        key = await self._reads.key(hashed)
        if key is None:
            raise ApiError(401, "authentication_error", "This API key is unknown or was revoked")
        now = now_us()
        if key.expires_us is not None and key.expires_us <= now:
            raise ApiError(401, "authentication_error", "This API key has expired")
        self._used_us[key.id] = now
        self._known.add(hashed)
        if self._noting is None and time.monotonic() - self._noted_at > _NOTE_EVERY_S:
            self._noting = asyncio.create_task(self._note())
        return Caller(key.id, key.organization_id, key.scopes, key.limits)

    def knows(self, secret: bytes | None) -> bool:
        """Whether this key let somebody in since the start; it may have ended since."""
        return secret is not None and digest(secret) in self._known

    async def close(self) -> None:
        """Write down the last uses."""
        if self._noting is not None:
            await self._noting
        await self._note()

    async def _note(self) -> None:
        used, self._used_us = self._used_us, {}
        try:
            if used:
                await asyncio.to_thread(self._keys.touch, used)
        except DBAPIError as error:
            log.warning("key_use_not_noted", error=str(error))
        finally:
            self._noted_at = time.monotonic()
            self._noting = None


def requires(scope: Scope) -> object:
    """A dependency that lets keys with this scope in and gives their Caller."""

    def check(request: Request) -> Caller:
        caller: Caller = request.scope[CALLER]
        caller.must(scope)
        return caller

    return check
