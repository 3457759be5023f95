"""A server that tools ask, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Server:
    """Answers every request with ``answer`` (raw HTTP); None: never."""

    port: int = 0
    answer: bytes | None = b""
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    def json(self, data: Any, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
        self.bodies.append(await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b"")
        if self.answer is not None:
            writer.write(self.answer)
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    listening = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield told
        for writer in told.open:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
