"""One request to a receiver, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

import httpx2

from offhook.errors import OffhookError
from offhook.webhooks.signing import signed_headers

MAX_READ_BYTES = 64 * 1024  # of an answer nobody asked for; past it the connection is given up
MAX_SHOWN = 200  # characters of an answer that stand in the log: enough for an error's first line
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request came to. ``error`` None: the receiver has the event."""

    at: float
    latency_ms: int
    response_code: int | None = None
    error: str | None = None

    @property
    def delivered(self) -> bool:
        """Any 2xx."""
        return self.error is None

    @property
    def gone(self) -> bool:
        """The receiver asks for no more events."""
        return self.response_code == GONE


class Sender:
    """Sends events. ``transport`` decides which addresses may be reached; ``limit_s`` bounds a whole request."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, limit_s: float) -> None:
        self._client = httpx2.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(limit_s)
        )
        self._limit_s = limit_s
        self._common = {
            "content-type": "application/json",
            "user-agent": f"Offhook/{version('offhook')} (webhooks)",
            # The answer is hardly read: it need not be packed, and nothing is unpacked here.
            "accept-encoding": "identity",
        }

    async def send(self, url: str, event_id: str, body: str, secrets: Iterable[str]) -> Outcome:
        """POST an event; whatever goes wrong is an outcome."""
        at, begun = time.time(), time.monotonic()
        code: int | None = None
        error: str | None = None
        try:
            headers = {**self._common, **signed_headers(event_id, body, secrets, at)}
            async with asyncio.timeout(self._limit_s):
                code, text = await self._post(url, headers, body)
            if not 200 <= code < 300:
                error = f"the receiver answered {code}" + (f": {text}" if text else "")
        except (TimeoutError, httpx2.TimeoutException):
            error = f"no answer within {self._limit_s:g} s"
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as fault:
            error = f"the URL can't be used: {fault}"
        except httpx2.HTTPError as fault:
            error = f"{type(fault).__name__}: {fault}"
        except OffhookError as fault:
            error = str(fault)
        return Outcome(at, round((time.monotonic() - begun) * 1000), code, error)

    async def _post(self, url: str, headers: dict[str, str], body: str) -> tuple[int, str]:
        request = self._client.build_request("POST", url, headers=headers, content=body.encode())
        answer = await self._client.send(request, stream=True)
        read = bytearray()
        try:
            async for chunk in answer.aiter_raw():
                read += chunk
                if len(read) > MAX_READ_BYTES:
                    break
        finally:
            await answer.aclose()
        return answer.status_code, _shown(bytes(read))

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()


def _shown(read: bytes) -> str:
    """The beginning of an answer as one line of printable text."""
    text = read[: MAX_SHOWN * 4].decode("utf-8", "replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_SHOWN]
