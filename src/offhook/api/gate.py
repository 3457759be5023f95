"""Whom ``/v1`` lets in: a live key, within its limits."""

from __future__ import annotations

import math
import time

from starlette.types import Scope

from offhook.api.auth import CALLER, Authenticator
from offhook.api.envelope import ApiError
from offhook.api.limits import Buckets, Quota, RateLimits, network_of
from offhook.store.audit import ACTOR, KEY_ACTOR

QUOTA = "offhook.quota"  # where the ASGI scope has what the answer's RateLimit headers tell


class Gate:
    """``enter`` notes in the scope who asks and what is left to them. Raises the 401 or 429 of who may not."""

    def __init__(self, authenticator: Authenticator, limits: RateLimits) -> None:
        self._authenticator, self._limits = authenticator, limits
        self._requests, self._failures = Buckets(), Buckets()

    async def enter(self, scope: Scope, secret: bytes | None) -> None:
        """Let a request in."""
        now_s = time.monotonic()
        if self._failures:
            self._check_address(scope, secret, now_s)
        try:
            caller = await self._authenticator.caller(secret)
        except Exception:
            # Also when the database is away: the answer tells a limit all the same.
            self._note_failure(scope, now_s)
            raise
        key_limit, organization_limit = self._limits.for_organization(caller.limits)
        quota = scope[QUOTA] = self._requests.take_both(
            (caller.key_id, key_limit), (caller.organization_id, organization_limit), now_s
        )
        if quota.wait_s > 0:
            raise _too_many(quota, "requests")
        scope[CALLER] = caller
        ACTOR.set(KEY_ACTOR + caller.key_id)

    def _check_address(self, scope: Scope, secret: bytes | None, now_s: float) -> None:
        quota = self._failures.look(_address(scope), self._limits.failures, now_s)
        # Not looked up at all. A key that was good before passes: others at its address must not shut it out.
        if quota.wait_s > 0 and not self._authenticator.knows(secret):
            scope[QUOTA] = quota
            raise _too_many(quota, "requests without a valid key from this address")

    def _note_failure(self, scope: Scope, now_s: float) -> None:
        scope[QUOTA] = self._failures.take(_address(scope), self._limits.failures, now_s)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return network_of(client[0]) if client else "unknown"


def _too_many(quota: Quota, what: str) -> ApiError:
    wait_s = max(1, math.ceil(quota.wait_s))
    return ApiError(
        429,
        "rate_limited",
        f"Too many {what}: the limit is {quota.limit} a minute; try again in {wait_s} s",
        headers={"Retry-After": str(wait_s)},
    )
