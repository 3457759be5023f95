"""A server that speaks chat completions over HTTP, strict about what it is sent, and as bad as a test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

_FIELDS = {
    "model": str,
    "messages": list,
    "stream": bool,
    "stream_options": dict,
    "max_tokens": int,
    "temperature": float,
    "tools": list,
    "response_format": dict,
}


@dataclass
class ChatServer:
    """``reply`` is a list of chunks (dicts), raw bytes, seconds to wait, or None to hang up."""

    reply: list[Any] = field(default_factory=list)
    status: int = 200
    knows_schemas: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    left_early: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[Any] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.current_task())
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left_early.set()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.headers.append(headers)
        self.requests.append(body)
        self.complaints += list(_complaints(head[0], headers, body))
        if "response_format" in body and not self.knows_schemas:
            await self._send(writer, 400, {"error": {"message": "response_format: unknown"}})
        elif self.complaints:
            await self._send(writer, 400, {"error": {"message": self.complaints[0]}})
        elif self.status != 200:
            await self._send(writer, self.status, {"error": {"message": f"status {self.status}"}})
        else:
            await self._stream(reader, writer)

    async def _send(self, writer: asyncio.StreamWriter, status: int, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n".encode()
        )
        writer.write(b"Connection: close\r\n\r\n" + body)
        await writer.drain()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.create_task(reader.read(1))
        gone.add_done_callback(lambda task: task.cancelled() or self.left_early.set())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for step in self.reply:
            if step is None:
                gone.cancel()
                return
            if isinstance(step, int | float):
                await asyncio.wait({gone}, timeout=step)
                continue
            writer.write(step if isinstance(step, bytes) else b"data: " + json.dumps(step).encode() + b"\n\n")
            await writer.drain()
        gone.cancel()
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()


def _complaints(line: str, headers: dict[str, str], body: dict[str, Any]) -> list[str]:
    found = [] if line == "POST /v1/chat/completions HTTP/1.1" else [f"wrong request line {line}"]
    if not headers.get("authorization", "").startswith("Bearer "):
        found.append("no key")
    found += [f"unknown field {name}" for name in body if name not in _FIELDS]
    found += [
        f"wrong type of {name}" for name, kind in _FIELDS.items() if name in body and not isinstance(body[name], kind)
    ]
    if not body.get("model") or body.get("stream") is not True or not body.get("messages"):
        found.append("model, messages and stream are required")
    return found + _wrong_messages(body.get("messages", [])) + _wrong_tools(body.get("tools", []))


def _wrong_messages(messages: list[dict[str, Any]]) -> list[str]:
    """The rules real servers have: a tool's answer follows the message that called it."""
    found, open_calls = [], set()
    for message in messages:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                found.append(f"answer to no call: {message.get('tool_call_id')}")
            open_calls.discard(message.get("tool_call_id"))
            continue
        if open_calls:
            found.append(f"calls without an answer: {open_calls}")
        open_calls = {call["id"] for call in message.get("tool_calls", [])}
        if message["content"] is None and not open_calls:
            found.append("a message without content")
    return found


def _wrong_tools(tools: list[dict[str, Any]]) -> list[str]:
    bad = [tool for tool in tools if tool["type"] != "function" or tool["function"]["parameters"]["type"] != "object"]
    return [f"wrong tool {tool}" for tool in bad]


@pytest.fixture
async def chat_server() -> AsyncIterator[ChatServer]:
    chat = ChatServer()
    server = await asyncio.start_server(chat.serve, "127.0.0.1", 0)
    chat.port = server.sockets[0].getsockname()[1]
    async with server:
        yield chat
        for task in chat.tasks:
            task.cancel()
        await asyncio.gather(*chat.tasks, return_exceptions=True)
