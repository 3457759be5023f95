"""HTTP for agents' tools: guarded addresses, bounded answers, and a sentence for whatever goes wrong."""

from __future__ import annotations

import asyncio

import httpx2

from offhook.agents.functions import HttpRequest
from offhook.egress.guard import Guard, GuardedTransport
from offhook.errors import ToolError

MAX_ANSWER_BYTES = 1_000_000  # more is no answer for a phone call, and must not fill the memory
# Addresses of clouds' metadata services inside networks that are private otherwise; 169.254.169.254 and others like it
# are link-local, which no guard lets through.
METADATA = ("fd00:ec2::254/128", "fd20:ce::254/128")


def tool_guard(allow: tuple[str, ...]) -> Guard:
    """The guard for tools: the public internet and the operator's networks, never a cloud's metadata."""
    return Guard(allow, deny=METADATA, setting="OFFHOOK_TOOL_ALLOW")


class ToolHttp:
    """Sends requests of custom functions and call contexts; connections stay warm between calls.

    Redirects are not followed: they could lead anywhere, with the agent's credentials.
    """

    def __init__(self, guard: Guard, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        # Unpacked answers would be counted only after a small one has become a large one.
        headers = {"Accept-Encoding": "identity"}
        self._client = httpx2.AsyncClient(
            transport=transport or GuardedTransport(guard), headers=headers, follow_redirects=False
        )

    async def send(self, request: HttpRequest, limit_s: float) -> tuple[int, str]:
        """Status and text of the answer. Raises ToolError with what went wrong, ForbiddenAddressError."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._send(request, limit_s)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise ToolError(f"no answer within {limit_s:g} s") from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise ToolError(f"the address can't be used: {error}") from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ToolError(f"the server can't be reached: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _send(self, request: HttpRequest, limit_s: float) -> tuple[int, str]:
        sent = self._client.build_request(
            request.method,
            request.url,
            headers=list(request.headers),
            params=list(request.query) or None,
            json=request.body if request.method != "GET" and request.body is not None else None,
            timeout=limit_s,
        )
        answer = await self._client.send(sent, stream=True)
        try:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise ToolError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
            return answer.status_code, body.decode("utf-8", errors="replace")
        finally:
            await answer.aclose()
