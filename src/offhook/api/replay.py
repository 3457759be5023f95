"""``Idempotency-Key``: a request that acts on the world does so once, however often it comes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from offhook.api.envelope import RawResponse
from offhook.errors import OffhookError
from offhook.store.idempotency import FirstAnswer, IdempotencyKeys

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and body within 24 h give the first answer again.",
    ),
]


async def once(
    keys: IdempotencyKeys, organization_id: str, key: str | None, body: str, act: Callable[[], Awaitable[Response]]
) -> Response:
    """Act, or answer as the first time. Raises ConflictError, and what ``act`` raises.

    A refusal (OffhookError) did not act: its key may be tried again. After any other failure it is not known
    whether it acted, so the key stays taken.
    """
    if key is None:
        return await act()
    digest = hashlib.sha256(body.encode()).hexdigest()
    first = await asyncio.to_thread(keys.begin, organization_id, key, digest)
    if first is not None:
        return RawResponse(first.body, status_code=first.status, headers={"Idempotency-Replayed": "true"})
    try:
        response = await act()
    except OffhookError:
        await asyncio.to_thread(keys.release, organization_id, key)
        raise
    answer = FirstAnswer(response.status_code, bytes(response.body))
    await asyncio.to_thread(keys.finish, organization_id, key, answer)
    return response
