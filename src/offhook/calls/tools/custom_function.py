"""Custom functions over HTTP: what the agent's configuration describes is sent, and its answer read."""

from __future__ import annotations

import asyncio

import httpx2

from offhook.agents.functions import HttpRequest, ToolOutcome, failure, read_answer
from offhook.agents.tools import CustomFunctionTool

MAX_ANSWER_BYTES = 1_000_000  # more is no answer for a phone call, and must not fill the memory


class HttpFunctions:
    """A ToolExecutor; its connections stay warm between calls. Redirects are not followed: they could lead anywhere."""

    def __init__(self) -> None:
        self._client = httpx2.AsyncClient(follow_redirects=False)

    async def run(self, tool: CustomFunctionTool, request: HttpRequest) -> ToolOutcome:
        """Send a request and read its answer, within the tool's time limit; whatever goes wrong is a failed outcome."""
        try:
            async with asyncio.timeout(tool.timeout_seconds):
                status, text = await self._send(request, tool.timeout_seconds)
        except TimeoutError:
            return failure(f"no answer within {tool.timeout_seconds:g} s")
        except httpx2.InvalidURL as error:
            return failure(f"the address can't be used: {error}")
        except httpx2.HTTPError as error:
            return failure(f"the server can't be reached: {type(error).__name__}")
        if text is None:
            return failure(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        return read_answer(tool, status, text)

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _send(self, request: HttpRequest, timeout_s: float) -> tuple[int, str | None]:
        """Status and text of the answer; no text when it is too large."""
        sent = self._client.build_request(
            request.method,
            request.url,
            headers=list(request.headers),
            params=list(request.query) or None,
            json=request.body if request.method != "GET" and request.body is not None else None,
            timeout=timeout_s,
        )
        answer = await self._client.send(sent, stream=True)
        try:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    return answer.status_code, None
            return answer.status_code, body.decode("utf-8", errors="replace")
        finally:
            await answer.aclose()
