"""A receiver of webhooks for tests: it keeps what came, and answers as the test decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reception:
    """One request: its headers (names in lower case), its body, and that body read as JSON."""

    headers: Mapping[str, str]
    body: bytes
    event: Mapping[str, Any]


# What to answer: a status, or a status with more headers (a redirect) or a body. It may wait, or never return.
Answer = int | tuple[int, Mapping[str, str], bytes]
Decide = Callable[[Reception], Awaitable[Answer]]


async def accept(_: Reception) -> Answer:
    """The behaviour of a receiver that is well."""
    return 204


class WebhookReceiver:
    """An HTTP server on loopback. ``async with`` it; ``received`` has every request in the order it came."""

    def __init__(self, decide: Decide = accept, *, tls: ssl.SSLContext | None = None) -> None:
        self.decide = decide
        self.received: list[Reception] = []
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Its address by number."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # A client that leaves in the middle is a client that gave up waiting.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            while await self._answer_one(reader, writer):
                pass
        writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        reception = Reception(headers, body, json.loads(body))
        self.received.append(reception)
        answer = await self.decide(reception)
        status, more, text = (answer, {}, b"") if isinstance(answer, int) else answer
        lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in more.items())]
        if "content-length" not in {name.lower() for name in more} and status != 204:
            lines.append(f"content-length: {len(text)}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + text)
        await writer.drain()
        return True
