"""``Idempotency-Key``: a request that acts on the world does so once, however often it comes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from offhook.api.envelope import ApiError, RawResponse
from offhook.errors import ConflictError, OffhookError
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


@dataclass(frozen=True, slots=True)
class Request:
    """A request that acts: by whom, with which key, and what it asks (``what`` tells one route from another)."""

    organization_id: str
    key: str | None
    what: str
    body: str

    @property
    def digest(self) -> str:
        """Equal for equal requests."""
        return hashlib.sha256(f"{self.what}\n{self.body}".encode()).hexdigest()


# Acts, giving what it makes the id it is handed (None: any). It stores that before it acts on the world.
Act = Callable[[str | None], Awaitable[Response]]
# The answer for what is stored under that id; None when nothing is.
Find = Callable[[str], Awaitable[Response | None]]


async def once(keys: IdempotencyKeys, request: Request, act: Act, find: Find) -> Response:
    """Act, or answer as the first time. Raises ConflictError, and what ``act`` raises.

    A refusal (OffhookError, ApiError) did not act: its key may be tried again. After any other failure, and after a
    crash, what is stored tells whether it acted.
    """
    owner, key = request.organization_id, request.key
    if key is None:
        return await act(None)
    begun = await asyncio.to_thread(keys.begin, owner, key, request.digest)
    if isinstance(begun, FirstAnswer):
        return _replayed(begun)
    try:
        found = await find(begun.object_id) if begun.resumed else None
        response = found or await _act(act, find, begun.object_id)
    except (OffhookError, ApiError):
        await asyncio.to_thread(keys.release, owner, key)
        raise
    except BaseException:
        keys.leave(owner, key)
        raise
    answer = FirstAnswer(response.status_code, bytes(response.body))
    await asyncio.to_thread(keys.finish, owner, key, answer)
    return _replayed(answer) if found is not None else response


async def _act(act: Act, find: Find, object_id: str) -> Response:
    try:
        return await act(object_id)
    except ConflictError:
        # Another process, which was thought dead, may have stored it first: then that one has acted.
        found = await find(object_id)
        if found is None:
            raise
        return found


def _replayed(answer: FirstAnswer) -> Response:
    return RawResponse(answer.body, status_code=answer.status, headers={"Idempotency-Replayed": "true"})
